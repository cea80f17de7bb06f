package detections_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
)

var update = flag.Bool("update", false, "rewrite the wanted outputs")

// tree is a rules directory in memory.
func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{
		"weir-rules.yaml":    {Data: []byte("format: 1\n")},
		"lists/admins.yaml":  {Data: []byte("type: strings\nvalues: [alice, bob]\n")},
		"lists/offices.yaml": {Data: []byte("type: cidrs\nvalues: [192.0.2.0/24]\n")},
	}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// goodRule is a rule that loads.
const goodRule = `id: good.rule
title: Logging disabled
status: stable
severity: high
class: api_activity
when: api.operation == "StopLogging" && !(actor.user.name in lists.admins)
alert: {title: "{api.operation} by {actor.user.name}", group_by: [cloud.account.uid], suppress: 1h}
tests:
  - {name: fires, source: aws.cloudtrail, raw: "{}", alerts: [{severity: high}]}
  - {name: silent, source: aws.cloudtrail, raw: "{}", alerts: []}
`

var testSources = []string{"aws.cloudtrail", "gateway.nginx"}

func load(fsys fs.FS) (*detections.RuleSet, error) {
	return detections.LoadFS(fsys, detections.LoadOptions{Name: "rules", Sources: testSources})
}

// TestProblems loads every broken rule of testdata/bad and compares what its
// author would read.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = load(tree(map[string]string{"bad/" + name + ".yaml": string(text), "good/rule.yaml": goodRule}))
			var problems detections.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("loads: %v", err)
			}
			got := problems.Text() + "\n"
			wanted := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(wanted, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wanted)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAllProblemsAtOnce: one broken file hides nothing of another.
func TestAllProblemsAtOnce(t *testing.T) {
	_, err := load(tree(map[string]string{
		"a/one.yaml":       "id: x\n",
		"b/two.yml":        "",
		"lists/Bad.yaml":   "type: strings\nvalues: []\n",
		"lists/nets.yaml":  "type: cidrs\nignore_case: true\nvalues: [10.0.0.1/8, nowhere, 10.0.0.0/8]\n",
		"lists/twice.yaml": "type: globs\nvalues: [a*, a*]\nkind: x\n",
		"weir-rules.yaml":  "format: 2\nrules: x\n",
		"_draft/x.yaml":    "no rule at all",
		"testdata/y.yaml":  "no rule either",
	}))
	if err == nil {
		t.Fatal("loads")
	}
	for _, want := range []string{
		`rules/a/one.yaml:1:1: severity: missing; add ` + "`severity:`",
		`rules/a/one.yaml:1:5: id: the id follows from the path: a.one`,
		`rules/b/two.yml: rule files end in .yaml; rename it`,
		`rules/lists/Bad.yaml:1:1: a list is called by lower-case letters, digits and _, not "Bad"`,
		`rules/lists/nets.yaml:2:1: ignore_case is for strings and globs`,
		`rules/lists/nets.yaml:3:10: values[0]: "10.0.0.1/8" has bits set beyond its length; the network is 10.0.0.0/8`,
		`rules/lists/nets.yaml:3:22: values[1]: "nowhere" is neither a network nor an address`,
		`rules/lists/twice.yaml:2:14: warning: values[1]: "a*" is in the list twice`,
		`rules/lists/twice.yaml:3:1: unknown key "kind"`,
		`rules/weir-rules.yaml:1:9: format: this version of weir reads format 1`,
		`rules/weir-rules.yaml:2:1: unknown key "rules"`,
	} {
		if !strings.Contains(err.Error()+"\n", want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	for _, unwanted := range []string{"_draft", "testdata/"} {
		if strings.Contains(err.Error(), unwanted) {
			t.Errorf("%s is read as rules", unwanted)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestNoRulesDirectory(t *testing.T) {
	_, err := detections.Load(t.TempDir(), detections.LoadOptions{})
	var problems detections.Problems
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &problems) {
		t.Errorf("error %v", err)
	}
}

func TestFindRoot(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "aws", "deep")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := detections.FindRoot(sub); err == nil {
		t.Error("finds a root where none is")
	}
	if err := os.WriteFile(filepath.Join(dir, detections.RootFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, sub, filepath.Join(sub, "rule.yaml")} {
		if got, err := detections.FindRoot(from); got != dir || err != nil {
			t.Errorf("FindRoot(%s) = %s, %v", from, got, err)
		}
	}
	t.Chdir(sub)
	if got, err := detections.FindRoot("."); err != nil || !sameFile(got, dir) {
		t.Errorf("FindRoot(.) = %s, %v, want %s", got, err, dir)
	}
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// TestVersion: the version follows what decides about hits and groups, and
// nothing else.
func TestVersion(t *testing.T) {
	version := func(text string) (string, string) {
		rs, err := load(tree(map[string]string{"good/rule.yaml": text}))
		if err != nil {
			t.Fatal(err)
		}
		return rs.Rule("good.rule").Version, rs.Digest()
	}
	same, digest := version(goodRule)
	for _, change := range [][2]string{
		{"Logging disabled", "Logging is disabled"}, {"severity: high\n", "severity: low\n"}, {"status: stable", "status: test"},
		{"by {actor.user.name}", "from {src_endpoint.ip}"}, {"name: fires", "name: is found"},
		{`when: api.operation == "StopLogging" &&`, "when: |\n  // who did it?\n  api.operation == 'StopLogging'\n    &&"},
	} {
		v, d := version(strings.ReplaceAll(goodRule, change[0], change[1]))
		if v != same {
			t.Errorf("%q to %q changes the version", change[0], change[1])
		}
		if d == digest {
			t.Errorf("%q to %q does not change the digest", change[0], change[1])
		}
	}
	for _, change := range [][2]string{
		{"StopLogging", "DeleteTrail"}, {"api_activity", "account_change"}, {"1h", "2h"},
		{"[cloud.account.uid]", "[cloud.account.uid, cloud.region]"}, {", suppress: 1h", ""},
		{"[cloud.account.uid]", "[{name: account, expr: cloud.account.uid}]"},
	} {
		if v, _ := version(strings.Replace(goodRule, change[0], change[1], 1)); v == same {
			t.Errorf("%q to %q does not change the version", change[0], change[1])
		}
	}
	withThreshold := strings.Replace(goodRule, "group_by: [cloud.account.uid], ", "", 1) + "threshold: {count: 5, within: 10m, by: [cloud.account.uid]}\n"
	five, _ := version(withThreshold)
	if six, _ := version(strings.Replace(withThreshold, "count: 5", "count: 6", 1)); five == six || five == same {
		t.Error("the threshold does not change the version")
	}
}

func TestDigestFollowsLists(t *testing.T) {
	files := tree(map[string]string{"good/rule.yaml": goodRule})
	before, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	files["lists/admins.yaml"] = &fstest.MapFile{Data: []byte("type: strings\nvalues: [alice]\n")}
	files["testdata/a.json"] = &fstest.MapFile{Data: []byte("{}")}
	after, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	if before.Digest() == after.Digest() || before.Rule("good.rule").Version != after.Rule("good.rule").Version {
		t.Error("a list changes the digest and no version")
	}
}

func TestManifest(t *testing.T) {
	rs, err := load(tree(map[string]string{"good/rule.yaml": goodRule}))
	if err != nil {
		t.Fatal(err)
	}
	m, err := detections.ParseManifest(rs.Manifest().JSON())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rs.Manifest().Rules, m.Rules); diff != "" || m.Digest != rs.Digest() {
		t.Error(diff)
	}
	r := m.Rule("good.rule")
	if r == nil || r.Suppress != 3_600_000 || len(r.Group) != 1 || r.Group[0] != "cloud.account.uid" || r.Severity != 4 {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"", "{}", `{"format":9}`} {
		if _, err := detections.ParseManifest([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestWarnings(t *testing.T) {
	text := strings.Replace(goodRule, "when: ", `when: actor.user.name != "root" && `, 1)
	rs, err := load(tree(map[string]string{"good/rule.yaml": text}))
	if err != nil {
		t.Fatal(err)
	}
	want := "rules/good/rule.yaml:6:23: warning: when: also holds when actor.user.name is absent; " +
		"add `has(actor.user.name) && ...`, or `!has(actor.user.name) || ...` if that is meant"
	if got := rs.Warnings().Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// FuzzLoadRule: whatever a rule file holds, loading ends without a panic, and
// every problem has a place in the file.
func FuzzLoadRule(f *testing.F) {
	f.Add(goodRule)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := load(tree(map[string]string{"good/rule.yaml": text}))
		var problems detections.Problems
		if err == nil || !errors.As(err, &problems) {
			if err != nil {
				t.Fatalf("no problems: %v", err)
			}
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 0 || p.Line > lines+1 || p.Line > 0 && p.Col < 1 || p.Message == "" {
				t.Errorf("no place in %d lines: %v", lines, p)
			}
		}
	})
}

// TestDocumentedRule: the rule that docs/rules.md begins with loads as it stands.
func TestDocumentedRule(t *testing.T) {
	text, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	rule, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example")
	}
	rs, err := load(tree(map[string]string{
		"aws/cloudtrail/logging_disabled.yaml": rule,
		"lists/trail_admins.yaml":              "type: strings\nvalues: []\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if w := rs.Warnings(); len(w) != 0 {
		t.Error(w)
	}
}
