package deploy

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/telemetry"
)

// object is what the tests read of a Kubernetes object.
type object struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Spec struct {
		Selector any
		Ports    []struct{ Port int }
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
	}
}

type pod struct {
	TerminationGracePeriodSeconds int          `yaml:"terminationGracePeriodSeconds"`
	AutomountServiceAccountToken  *bool        `yaml:"automountServiceAccountToken"`
	SecurityContext               security     `yaml:"securityContext"`
	Containers                    []container  `yaml:"containers"`
	Volumes                       []namedThing `yaml:"volumes"`
}

type security struct {
	RunAsNonRoot             bool  `yaml:"runAsNonRoot"`
	RunAsUser                int   `yaml:"runAsUser"`
	AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
	Capabilities             struct{ Drop []string }
}

type container struct {
	Args      []string
	Env       []namedThing
	Ports     []port
	Resources struct{ Requests, Limits map[string]string }

	LivenessProbe   probe        `yaml:"livenessProbe"`
	ReadinessProbe  probe        `yaml:"readinessProbe"`
	SecurityContext security     `yaml:"securityContext"`
	VolumeMounts    []namedThing `yaml:"volumeMounts"`
}

type port struct {
	Name          string
	ContainerPort int `yaml:"containerPort"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

type namedThing struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

// objects are all of the base, as kustomization.yaml lists them.
func objects(t *testing.T) []object {
	t.Helper()
	var k struct {
		Resources          []string
		ConfigMapGenerator []struct {
			Name  string
			Files []string
		} `yaml:"configMapGenerator"`
	}
	parse(t, read(t, "kustomize/kustomization.yaml"), &k)
	if len(k.ConfigMapGenerator) != 1 || !slices.Equal(k.ConfigMapGenerator[0].Files, []string{"weir.yaml"}) {
		t.Errorf("want one ConfigMap of weir.yaml, got %v", k.ConfigMapGenerator)
	}
	files, err := filepath.Glob("kustomize/*.yaml")
	if err != nil || len(files) != len(k.Resources)+2 {
		t.Errorf("%d files, %d of them resources (%v): is one not listed?", len(files), len(k.Resources), err)
	}
	var all []object
	for _, name := range k.Resources {
		for _, doc := range bytes.Split(read(t, filepath.Join("kustomize", name)), []byte("\n---\n")) {
			var o object
			parse(t, doc, &o)
			all = append(all, o)
		}
	}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t *testing.T, data []byte, to any) {
	t.Helper()
	if err := yaml.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

// workloads are the StatefulSets by role.
func workloads(t *testing.T) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, o := range objects(t) {
		if o.Kind == "StatefulSet" {
			all[o.Metadata.Labels["app.kubernetes.io/component"]] = o
		}
	}
	if len(all) != len(pipeline.Roles) {
		t.Fatalf("%d workloads, want one for each of %v", len(all), pipeline.Roles)
	}
	return all
}

// configuration parses the base's weir.yaml as a pod would: with the Secret's
// files, here in a directory of the test, and the pod's environment.
func configuration(t *testing.T) *config.Config {
	t.Helper()
	secret := t.TempDir()
	for _, name := range []string{"password", "ca.crt"} {
		if err := os.WriteFile(filepath.Join(secret, name), []byte("of a test"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.ReplaceAll(string(read(t, "kustomize/weir.yaml")), "/etc/weir-kafka", secret)
	var names []string
	for _, s := range sources.Builtin().All() {
		names = append(names, s.Name)
	}
	env := map[string]string{"POD_NAME": "weir-detect-0", "KAFKA_USERNAME": "weir"}
	cfg, err := config.Parse("/etc/weir/weir.yaml", []byte(text), config.Options{
		Sources: names, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestWorkloads(t *testing.T) {
	cfg := configuration(t)
	_, listen, err := net.SplitHostPort(cfg.Metrics.Listen)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := strconv.Atoi(listen)
	if err != nil {
		t.Fatal(err)
	}
	all := workloads(t)
	for _, r := range pipeline.Roles {
		role := string(r)
		t.Run(role, func(t *testing.T) {
			p := all[role].Spec.Template.Spec
			if len(p.Containers) != 1 {
				t.Fatalf("%d containers", len(p.Containers))
			}
			c := p.Containers[0]
			want := []string{"run", "--config", "/etc/weir/weir.yaml", "--role", role, "--summary", "none"}
			if !slices.Equal(c.Args, want) {
				t.Errorf("arguments are %q, want %q", c.Args, want)
			}
			if !slices.Equal(c.Ports, []port{{"metrics", metrics}}) {
				t.Errorf("ports are %v, the configuration listens at %s", c.Ports, cfg.Metrics.Listen)
			}
			if get := c.LivenessProbe.HTTPGet; get.Path != telemetry.PathHealth || get.Port != "metrics" {
				t.Errorf("liveness asks %v", get)
			}
			if get := c.ReadinessProbe.HTTPGet; get.Path != telemetry.PathReady+"/"+role || get.Port != "metrics" {
				t.Errorf("readiness asks %v", get)
			}
			if grace := time.Duration(p.TerminationGracePeriodSeconds) * time.Second; grace <= cfg.ShutdownTimeout {
				t.Errorf("killed after %s, but a drain may take %s", grace, cfg.ShutdownTimeout)
			}
			checkSecurity(t, p, c)
			checkMounts(t, role, p, c, cfg)
		})
	}
}

func checkSecurity(t *testing.T, p pod, c container) {
	t.Helper()
	s := c.SecurityContext
	switch {
	case !p.SecurityContext.RunAsNonRoot || p.SecurityContext.RunAsUser != 65532:
		t.Error("runs as root, or as another user than the image's")
	case !s.ReadOnlyRootFilesystem, s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation, !slices.Equal(s.Capabilities.Drop, []string{"ALL"}):
		t.Errorf("the container may more than it needs: %+v", s)
	case p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken:
		t.Error("has a token of the API server that it does not need")
	case c.Resources.Requests["cpu"] == "" || c.Resources.Requests["memory"] == "" || c.Resources.Limits["memory"] == "":
		t.Errorf("resources are %v", c.Resources)
	}
}

// checkMounts checks that what the configuration names is there, and that what the
// configuration's variables need is in the environment.
func checkMounts(t *testing.T, role string, p pod, c container, cfg *config.Config) {
	t.Helper()
	needs := []string{"/etc/weir/weir.yaml", "/etc/weir-kafka/password"}
	switch role {
	case "store":
		needs = append(needs, cfg.Lake.Dir)
	case "collect":
		needs = append(needs, cfg.Collectors[0].File.Path)
	}
	for _, path := range needs {
		if !slices.ContainsFunc(c.VolumeMounts, func(m namedThing) bool { return path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/") }) {
			t.Errorf("nothing is mounted for %s", path)
		}
	}
	for _, m := range c.VolumeMounts {
		if !slices.ContainsFunc(p.Volumes, func(v namedThing) bool { return v.Name == m.Name }) {
			t.Errorf("mounts %s, which is no volume", m.Name)
		}
		if !m.ReadOnly && m.MountPath != cfg.Lake.Dir {
			t.Errorf("may write to %s", m.MountPath)
		}
	}
	for _, name := range []string{"POD_NAME", "KAFKA_USERNAME", "GOMEMLIMIT"} {
		if !slices.ContainsFunc(c.Env, func(e namedThing) bool { return e.Name == name }) {
			t.Errorf("the environment lacks %s", name)
		}
	}
}

// TestSelectors checks that the objects of a role find its pods, and each role has
// a budget for disruptions.
func TestSelectors(t *testing.T) {
	budgets := 0
	for _, o := range objects(t) {
		role := o.Metadata.Labels["app.kubernetes.io/component"]
		labels := map[string]any{"app.kubernetes.io/name": "weir", "app.kubernetes.io/component": role}
		want := fmt.Sprint(map[string]any{"matchLabels": labels})
		switch o.Kind {
		case "PodDisruptionBudget":
			budgets++
			if got := fmt.Sprint(o.Spec.Selector); got != want {
				t.Errorf("budget %s selects %s", o.Metadata.Name, got)
			}
		case "StatefulSet":
			if got := fmt.Sprint(o.Spec.Selector); got != want || o.Metadata.Name != "weir-"+role {
				t.Errorf("%s selects %s", o.Metadata.Name, got)
			}
			if got := o.Spec.Template.Metadata.Labels; got["app.kubernetes.io/component"] != role || got["app.kubernetes.io/name"] != "weir" {
				t.Errorf("pods of %s have labels %v", o.Metadata.Name, got)
			}
		case "Service":
			if len(o.Spec.Ports) != 1 || o.Spec.Ports[0].Port != 9464 {
				t.Errorf("service has ports %v", o.Spec.Ports)
			}
		}
	}
	if budgets != len(pipeline.Roles) {
		t.Errorf("%d budgets for %d roles", budgets, len(pipeline.Roles))
	}
}

// TestKubectlKustomize builds the base with the real thing, where it is installed.
func TestKubectlKustomize(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed here; the other tests read the files themselves")
	}
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", "kustomize").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := bytes.Count(out, []byte("kind: StatefulSet")); n != len(pipeline.Roles) {
		t.Errorf("%d workloads are built", n)
	}
	if bytes.Contains(out, []byte("name: weir\n          name: config")) {
		t.Error("a pod names the ConfigMap without the hash of its content")
	}
}
