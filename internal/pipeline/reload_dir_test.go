package pipeline

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/detections"
)

// dirReload is a reloader of a directory, without Kafka, whose log is kept.
func dirReload(t *testing.T, dir string) (*reloader, *lockedLog) {
	t.Helper()
	load := func() (*detections.RuleSet, error) { return detections.Load(dir, detections.LoadOptions{}) }
	rules, err := load()
	if err != nil {
		t.Fatal(err)
	}
	log, stats := &lockedLog{}, NewStats()
	r := &reloader{Reload: Reload{Dir: dir, Load: load}, now: newRulesNow(rules), log: slog.New(slog.NewTextHandler(log, nil)),
		telemetry: stats.Telemetry, notes: &detectNotes{health: &stats.Telemetry.Health}}
	stats.Telemetry.Health.Expect(string(RoleDetect))
	return r, log
}

func putRule(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReloadRefuses: whatever is wrong with the directory, the rules before go on, the
// reason is in log and readiness, and what mends it is taken.
func TestReloadRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, dir string)
		why   string
	}{
		"a mistake":    {func(t *testing.T, dir string) { putRule(t, dir, "each.yaml", reloadRule("A")+"nonsense: 1\n") }, "nonsense"},
		"half a file":  {func(t *testing.T, dir string) { putRule(t, dir, "each.yaml", reloadRule("A")[:60]) }, "each.yaml"},
		"not UTF-8":    {func(t *testing.T, dir string) { putRule(t, dir, "each.yaml", "id: \xff\xfe\n") }, "each.yaml"},
		"no root":      {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "weir-rules.yaml")) }, "weir-rules.yaml"},
		"no directory": {remove, "does not exist"},
		"over budget":  {func(t *testing.T, dir string) { putRule(t, dir, "weir-rules.yaml", "format: 1\nmax_cost: 1\n") }, "max_cost"},
		"no list": {func(t *testing.T, dir string) {
			putRule(t, dir, "each.yaml", strings.Replace(reloadRule("A"), `== "A"`, "in lists.admins", 1))
		}, "lists.admins"},
		"broken list":          {func(t *testing.T, dir string) { putRule(t, dir, "lists/admins.yaml", "type: [") }, "admins.yaml"},
		"a file, no directory": {func(t *testing.T, dir string) { remove(t, dir); putRule(t, filepath.Dir(dir), filepath.Base(dir), "x") }, "directory"},
		"a link to nowhere": {func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, "each.yaml"))
			if err := os.Symlink("gone.yaml", filepath.Join(dir, "each.yaml")); err != nil {
				t.Fatal(err)
			}
		}, "each.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "rules")
			whole := func() {
				remove(t, dir)
				putRule(t, dir, "weir-rules.yaml", "format: 1\n")
				putRule(t, dir, "each.yaml", reloadRule("StopLogging"))
			}
			whole()
			r, log := dirReload(t, dir)
			before := r.now.set.Load()
			tt.spoil(t, dir)
			r.load()
			if r.now.set.Load() != before {
				t.Error("the rules are others")
			}
			if note := noteOf(&r.telemetry.Health); !strings.Contains(note, "refused") || !strings.Contains(note, tt.why) {
				t.Errorf("the note is %q", note)
			}
			if !strings.Contains(log.String(), "are refused") {
				t.Errorf("the log is %s", log)
			}
			whole()
			putRule(t, dir, "each.yaml", reloadRule("DeleteTrail"))
			r.load()
			if r.now.set.Load() == before || noteOf(&r.telemetry.Health) != "" {
				t.Errorf("what is mended is not taken: %s", log)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// TestReloadConfigMap: Kubernetes shows a ConfigMap's files as links into a directory
// that is swapped as a whole.
func TestReloadConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(name, operation string) {
		putRule(t, filepath.Join(dir, name), "weir-rules.yaml", "format: 1\n")
		putRule(t, filepath.Join(dir, name), "each.yaml", reloadRule(operation))
	}
	link := func(to, name string) {
		t.Helper()
		err := os.Symlink(to, filepath.Join(dir, "..new"))
		if err == nil {
			err = os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	version("..2026_11_18", "StopLogging")
	version("..2026_11_19", "DeleteTrail")
	link("..2026_11_18", "..data")
	link("..data/weir-rules.yaml", "weir-rules.yaml")
	link("..data/each.yaml", "each.yaml")
	r, log := dirReload(t, dir)
	before := r.now.set.Load()
	if n := len(before.Rules()); n != 1 {
		t.Fatalf("%d rules", n)
	}
	link("..2026_11_19", "..data")
	r.load()
	if now := r.now.set.Load(); now == before || len(now.Rules()) != 1 {
		t.Errorf("the swap is not taken: %s", log)
	}
}
