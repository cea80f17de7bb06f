package detections_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
)

// TestCache: with a cache, loading gives what it gives without one, whatever changed
// in between: rules, lists, identities that collide and do not any more.
func TestCache(t *testing.T) {
	second := `id: other.rule
aliases: [good.rule]
title: Another
status: stable
severity: low
class: api_activity
when: api.operation == "x" && !(actor.user.name in lists.admins)
tests:
  - {name: fires, source: aws.cloudtrail, raw: "{}", alerts: [{}]}
  - {name: silent, source: aws.cloudtrail, raw: "{}", alerts: []}
`
	files := tree(map[string]string{"good/rule.yaml": goodRule})
	put := func(name, text string) { files[name] = &fstest.MapFile{Data: []byte(text)} }
	cache := detections.NewCache()
	for i, change := range []func(){
		func() {},
		func() { put("other/rule.yaml", second) },                                        // the alias is a rule's id
		func() { delete(files, "good/rule.yaml") },                                       // and is free again
		func() { put("lists/admins.yaml", "type: cidrs\nvalues: [192.0.2.0/24]\n") },     // another list
		func() { delete(files, "lists/admins.yaml") },                                    // none: refused
		func() { put("lists/admins.yaml", "type: strings\nvalues: [x]\n") },              // well again
		func() { put("other/rule.yaml", second+"  - {name: third, bad: x, alerts: 0}") }, // a broken rule
		func() { put("other/rule.yaml", second) },
	} {
		change()
		cached, cachedErr := detections.LoadFS(files, detections.LoadOptions{Name: "rules", Sources: testSources, Cache: cache})
		fresh, freshErr := load(files)
		if (cachedErr == nil) != (freshErr == nil) || cachedErr != nil && cachedErr.Error() != freshErr.Error() {
			t.Fatalf("change %d: with a cache %v, without %v", i, cachedErr, freshErr)
		}
		if cachedErr == nil {
			if diff := cmp.Diff(fresh.Manifest().JSON(), cached.Manifest().JSON()); diff != "" {
				t.Errorf("change %d: %s", i, diff)
			}
		}
	}
}

// TestRulesInLinkedDirectories: a ConfigMap's directories are links.
func TestRulesInLinkedDirectories(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("..2026/weir-rules.yaml", "format: 1\n")
	write("..2026/good/rule.yaml", goodRule)
	write("..2026/lists/admins.yaml", "type: strings\nvalues: []\n")
	for name, to := range map[string]string{"..data": "..2026", "weir-rules.yaml": "..data/weir-rules.yaml", "good": "..data/good", "lists": "..data/lists"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	rs, err := detections.Load(dir, detections.LoadOptions{Sources: testSources})
	if err != nil {
		t.Fatal(err)
	}
	if len(rs.Rules()) != 1 || rs.Rules()[0].ID != "good.rule" {
		t.Errorf("rules %v", rs.Rules())
	}
}
