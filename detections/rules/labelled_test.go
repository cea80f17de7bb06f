package rules_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// labelledFiles are the files of the corpus that rules are held against, and the
// source of their records.
var labelledFiles = map[string]string{
	"panther_cloudtrail.ndjson":     "aws.cloudtrail",
	"stratus_cloudtrail.ndjson":     "aws.cloudtrail",
	"panther_azure_activity.ndjson": "azure.activity",
	"panther_azure_entra.ndjson":    "azure.entra",
	"panther_k8s_audit.ndjson":      "kubernetes.audit",
}

// labelledCase is one line of the corpus.
type labelledCase struct {
	ID       string            `json:"rule_id"`
	Name     string            `json:"test_name"`
	Expected bool              `json:"expected"`
	Event    json.RawMessage   `json:"event"`
	Events   []json.RawMessage `json:"events"`

	source string
}

// labelledExceptions are the cases in which a rule decides otherwise on purpose,
// by rule, id and name, and why.
var labelledExceptions = map[string]string{
	"aws.cloudtrail.console_sign_in_without_mfa AWS.Console.LoginWithoutMFA No MFA Login - New User":                             "who is new is in a cache of the original",
	"azure.activity.storage_keys_listed Azure.MonitorActivity.StorageAccount.KeysListed Case Insensitive Match":                  "the record tells neither who nor from where",
	"azure.activity.storage_opened Azure.MonitorActivity.StorageAccount.PublicNetworkAccessEnabled Different Operation":          "opening a container is this rule, too: it has both ids",
	"identity.password_spraying AWS.CloudTrail.PasswordSpraying Failed Console Login":                                            "the record has no address to group by",
	"identity.password_spraying AWS.CloudTrail.PasswordSpraying Failed Console Login - Root User":                                "the record has no address to group by",
	"kubernetes.audit.cluster_admin_bound Kubernetes.ClusterRoleBinding.Privileged RoleBinding (not ClusterRoleBinding)":         "cluster-admin in a namespace owns that namespace",
	"kubernetes.audit.cluster_admin_bound Kubernetes.ClusterRoleBinding.Privileged System principal creating binding (excluded)": "stolen tokens are those of system principals",
	"kubernetes.audit.node_proxy_granted Kubernetes.Role.NodeProxyPermissions Updating existing role (not creating)":             "a changed role allows as much as a new one",
	"kubernetes.audit.privileged_pod Kubernetes.Pod.Privileged.Created Run-As-Root Pod Created":                                  "root in a container is no way to the node by itself",
	"kubernetes.audit.privileged_pod Kubernetes.Pod.Privileged.Created Pod with runAsUser=0 (root)":                              "root in a container is no way to the node by itself",
	"kubernetes.audit.privileged_pod Kubernetes.Pod.Privileged.Created Privileged Pod in System Namespace (Excluded)":            "kube-system is where intruders hide",
	"kubernetes.audit.privileged_pod Kubernetes.Pod.Host.IPC System Namespace with HostIPC (Excluded)":                           "kube-system is where intruders hide",
	"kubernetes.audit.privileged_pod Kubernetes.Pod.HostPath.Volume System Namespace Pod (Excluded)":                             "kube-system is where intruders hide",
}

// TestLabelled holds the rules against the labelled examples of the ids in their
// `related`: an event that should alert must be one that the rule counts, and no
// other may. What a rule counts up to is its own: the corpus labels single events.
func TestLabelled(t *testing.T) {
	dir := corpus.Dir(t, "labelled")
	cases := map[string][]labelledCase{}
	for file, source := range labelledFiles {
		readLabelled(t, filepath.Join(dir, file), source, cases)
	}
	set := load(t)
	mappers := rawlog.NewMappers(sources.Builtin(), nil)
	engine := set.NewEngine()
	ids, run, used := 0, 0, map[string]bool{}
	for _, rule := range set.Rules() {
		for _, id := range rule.Related {
			if len(cases[id]) > 0 {
				ids++
			}
			for _, c := range cases[id] {
				run++
				got := c.counts(t, mappers, engine, rule.ID)
				key := rule.ID + " " + id + " " + c.Name
				if labelledExceptions[key] != "" {
					used[key] = got != c.Expected
				} else if got != c.Expected {
					t.Errorf("%s, %s, %q: the rule counts the event: %t, want %t", rule.ID, id, c.Name, got, c.Expected)
				}
			}
		}
	}
	for key := range labelledExceptions {
		if !used[key] {
			t.Errorf("exception %q is none", key)
		}
	}
	t.Logf("%d labelled ids, %d cases, %d exceptions", ids, run, len(labelledExceptions))
}

func readLabelled(t *testing.T, file, source string, cases map[string][]labelledCase) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		c := labelledCase{source: source}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if c.Event != nil {
			c.Events = append(c.Events, c.Event)
		}
		cases[c.ID] = append(cases[c.ID], c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// counts tells whether a rule counts one of the case's events.
func (c *labelledCase) counts(t *testing.T, mappers *rawlog.Mappers, engine *detections.Engine, rule string) (found bool) {
	t.Helper()
	for _, record := range c.Events {
		ev := new(ocsf.Event)
		if err := mappers.Map(&event.Record{Source: c.source, Value: withTime(t, record), Origin: event.Origin{Object: "labelled"}}, ev); err != nil {
			if c.Expected {
				t.Errorf("%s %q: %v", c.ID, c.Name, err)
			}
			continue
		}
		engine.Evaluate(ev, func(s *detections.Signal) { found = found || s.Rule == rule })
	}
	return found
}

// withTime gives a record that was abridged to have no time one, for a record
// without any is a dead letter.
func withTime(t *testing.T, record []byte) []byte {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		t.Fatal(err)
	}
	names := []string{"time", "eventTime", "requestReceivedTimestamp"}
	for name := range fields {
		if slices.Contains(names, name) || strings.HasSuffix(strings.ToLower(name), "timestamp") {
			return record
		}
	}
	for _, name := range names {
		fields[name] = json.RawMessage(`"2026-10-06T09:14:02Z"`)
	}
	out, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
