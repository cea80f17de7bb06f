package detections_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/schemas/ocsf"
)

// record is a raw record of the small mapper.
func record(id, at string) string {
	return `{"id":"` + id + `","op":"StopLogging","user":"carol","account":"1","at":"2026-01-01T` + at + `Z"}`
}

// render is a destination that is sent the title.
func render(destination string, alert *ocsf.Event) ([]byte, error) {
	return []byte(`{"to":"` + destination + `","title":"` + alert.FindingInfo.Title() + `"}`), nil
}

func runWith(t *testing.T, rule string, fixtures map[string]string, o detections.TestOptions) *detections.Report {
	t.Helper()
	files := map[string]string{"a/rule.yaml": rule}
	for name, text := range fixtures {
		files[name] = text
	}
	fsys := tree(files)
	rs, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return rs.RunTests(fsys, normalize, o)
}

// TestAsserts: each thing that a test can assert, when it holds.
func TestAsserts(t *testing.T) {
	rule := strings.Replace(ruleWith(thresholdBlock, `
  - {name: number, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 10s, alerts: 1}
  - {name: none, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 1m, alerts: 0}
  - {name: window, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 10s, alerts: [{window: [+0s, +20s], events: 3}]}
  - {name: times, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 10s, alerts: [{window: [2026-01-01T00:00:00Z, 2026-01-01T00:00:20Z]}]}
  - {name: own list, source: aws.cloudtrail, input: stop.json, repeat: 3, lists: {admins: [carol]}, alerts: []}
  - {name: empty list, source: aws.cloudtrail, input: stop.json, set: {user: alice}, repeat: 3, lists: {admins: []}, alerts: [{group: {actor.user.name: alice}}]}
  - {name: body, source: aws.cloudtrail, input: stop.json, repeat: 3, alerts: [{body: {destination: slack, equals: body.json}}]}
  - name: before
    source: aws.cloudtrail
    events:
      - {input: stop.json}
      - {input: stop.json, at: -20s}
      - {input: stop.json, at: +30s}
    alerts: [{window: [-20s, +30s]}]
`), `api.operation in ["StopLogging", "GET /"]`, `api.operation == "StopLogging" && !(actor.user.name in lists.admins)`, 1)
	report := runWith(t, rule, map[string]string{"a/stop.json": record("1", "00:00:00"), "a/body.json": `{"to":"slack","title":"A rule"}` + "\n"},
		detections.TestOptions{Render: render, Permute: 5})
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Test, f)
		}
	}
	if len(report.Results) != 8 {
		t.Errorf("%d results", len(report.Results))
	}
}

// TestSeen: what a test lets first_seen know.
func TestSeen(t *testing.T) {
	rule := ruleWith(`first_seen: {of: api.operation, by: [actor.user.name, cloud.account.uid], for: 30d, learn: 7d}`, `
  - {name: new group, source: aws.cloudtrail, input: stop.json, alerts: 0}
  - {name: new value, source: aws.cloudtrail, input: stop.json, seen: [{by: {actor.user.name: carol, cloud.account.uid: 1}, values: [GetCallerIdentity]}], alerts: 1}
  - {name: known, source: aws.cloudtrail, input: stop.json, seen: [{by: {actor.user.name: carol, cloud.account.uid: "1"}, values: [Other, StopLogging]}], alerts: 0}
  - {name: another's, source: aws.cloudtrail, input: stop.json, seen: [{by: {actor.user.name: dave, cloud.account.uid: 1}, values: [StopLogging]}, {by: {actor.user.name: carol, cloud.account.uid: 1}, values: [x]}], alerts: 1}
`)
	report := runWith(t, rule, map[string]string{"a/stop.json": record("1", "00:00:00")}, detections.TestOptions{Permute: 2})
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Test, f)
		}
	}
}

// TestAssertsPair: an element of alerts that says little does not take the alert that
// another, which says more, is about.
func TestAssertsPair(t *testing.T) {
	rule := ruleWith(alertBlock, `
  - name: both
    source: aws.cloudtrail
    events: [{input: stop.json}, {input: stop.json, set: {user: dave}}]
    alerts: [{severity: high}, {title: StopLogging by carol}]
  - {name: silent, source: aws.cloudtrail, input: stop.json, set: {op: Other}, alerts: []}
`)
	for _, r := range runWith(t, rule, map[string]string{"a/stop.json": record("1", "00:00:00")}, detections.TestOptions{}).Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Test, f)
		}
	}
}

// TestPatchMistakes: a patch that does nothing, or something else than it looks like,
// would let a silent test pass for nothing.
func TestPatchMistakes(t *testing.T) {
	rule := ruleWith(alertBlock, `
  - {name: fires, source: aws.cloudtrail, input: stop.json, alerts: 1}
  - {name: nothing to remove, source: aws.cloudtrail, input: stop.json, set: {opp: null, op: Other}, alerts: 0}
  - {name: a path, source: aws.cloudtrail, input: nested.json, set: {identity.type: Root, op: Other}, alerts: 0}
  - {name: nothing to remove below, source: aws.cloudtrail, input: nested.json, set: {identity: {typo: null}, op: Other}, alerts: 0}
  - {name: a member with a dot, source: aws.cloudtrail, input: nested.json, set: {"labels": {a.b/c: x}, "no.such": 1, op: Other}, alerts: 0}
  - {name: removed, source: aws.cloudtrail, input: nested.json, set: {identity: {type: null}, op: Other}, alerts: 0}
  - {name: removed from one of two, source: aws.cloudtrail, input: two.ndjson, set: {identity: null, op: Other}, alerts: 0}
`)
	got := map[string]string{}
	nested := strings.Replace(record("1", "00:00:00"), "{", `{"identity": {"type": "User"}, "labels": {"a": 1}, `, 1)
	for _, r := range runWith(t, rule, map[string]string{"a/stop.json": record("1", "00:00:00"), "a/nested.json": nested, "a/two.ndjson": record("2", "00:00:01") + "\n" + nested + "\n"}, detections.TestOptions{}).Results {
		got[r.Test] = strings.Join(r.Failures, "\n")
	}
	for test, want := range map[string]string{
		"fires": "", "a member with a dot": "", "removed": "", "removed from one of two": "",
		"nothing to remove":       `set: the record has no opp to remove; did you mean "op"?`,
		"a path":                  `set: "identity.type" is a member of that name, not a path; write {identity: {type: ...}}`,
		"nothing to remove below": `set: the record has no identity.typo to remove; did you mean "type"?`,
	} {
		if !strings.HasSuffix(got[test], want) || want == "" && got[test] != "" {
			t.Errorf("%s: got %q, want %q", test, got[test], want)
		}
	}
}

// TestAssertsFail: and when it does not, with the reason.
func TestAssertsFail(t *testing.T) {
	rule := ruleWith(thresholdBlock, `
  - {name: number, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 10s, alerts: 2}
  - {name: few, source: aws.cloudtrail, input: stop.json, repeat: 2, every: 10s, alerts: 1}
  - {name: window, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 10s, alerts: [{window: [+0s, +1h], events: 4}]}
  - {name: body, source: aws.cloudtrail, input: stop.json, repeat: 3, alerts: [{body: {destination: slack, equals: body.json}}]}
  - {name: no body, source: aws.cloudtrail, input: stop.json, repeat: 3, alerts: [{body: {destination: slack, equals: nothing.json}}]}
  - {name: silent, source: aws.cloudtrail, input: stop.json, alerts: []}
`)
	report := runWith(t, rule, map[string]string{"a/stop.json": record("1", "00:00:00"), "a/body.json": `{"title":"A rule","to":"teams"}`},
		detections.TestOptions{Render: render})
	got := map[string]string{}
	for _, r := range report.Results {
		got[r.Test] = strings.Join(r.Failures, "\n")
	}
	want := map[string]string{
		"number": "want 2 alerts, got 1\n  \"A rule\" of severity high for actor.user.name=carol\nevents by group: \"carol\": 3",
		"few":    "want 1 alert, got 0\nevents by group: \"carol\": 2",
		"window": "want window [+0s, +1h]\n got window [+0s, +20s]\nwant events 4\n got events 3",
		"body": "body of slack is not that of a/body.json\n-   \"title\": \"A rule\",\n-   \"to\": \"teams\"\n" +
			"+   \"to\": \"slack\",\n+   \"title\": \"A rule\"",
		"no body": "body of slack: a/nothing.json does not exist; weir test --update writes it",
		"silent":  "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUpdate rewrites what tests expect, in each way of writing it, and leaves the
// rest of the file as it is.
func TestUpdate(t *testing.T) {
	rule := ruleWith(alertBlock, `
  # the first
  - name: values   # stays
    source: aws.cloudtrail
    input: stop.json
    alerts:
      # before
      - title: StopLogging by alice   # who?
        severity: 'low'
        group: {cloud.account.uid: "2"}
  - {name: brackets, source: aws.cloudtrail, input: stop.json, alerts: [{title: x, severity: high}], set: {user: "a, b"}}
  - {name: none, source: aws.cloudtrail, input: stop.json, alerts: [{}, {title: "]"}], set: {op: Other}}
  - {name: some, source: aws.cloudtrail, input: stop.json, repeat: 2, alerts: []}   # kept
  - name: more
    source: aws.cloudtrail
    input: stop.json
    repeat: 3
    alerts:
      - title: StopLogging by carol   # this one stays
      - {title: StopLogging by dave}

  - name: fewer
    source: aws.cloudtrail
    alerts:
      - {severity: high}

      # gone
      - title: nobody
        severity: high
    input: stop.json
  - name: fewer, none of them as it came
    source: aws.cloudtrail
    input: stop.json
    alerts:
      - title: nobody   # is corrected
        severity: low
      - {title: gone}
  - name: number
    source: aws.cloudtrail
    input: stop.json
    alerts: 7 # many
  - {name: body, source: aws.cloudtrail, input: stop.json, alerts: [{body: {destination: slack, equals: sub/body.json}}]}
  - {name: broken, source: aws.cloudtrail, input: nothing.json, alerts: [{title: kept}]}
`)
	dir := t.TempDir()
	for name, text := range map[string]string{"weir-rules.yaml": "format: 1\n", "a/rule.yaml": rule, "a/stop.json": record("1", "00:00:00")} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func() *detections.Report {
		t.Helper()
		rs, err := detections.Load(dir, detections.LoadOptions{Sources: testSources})
		if err != nil {
			t.Fatal(err)
		}
		return rs.RunTests(os.DirFS(dir), normalize, detections.TestOptions{Render: render})
	}
	written, err := run().Update(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/rule.yaml", "a/sub/body.json"}, written); diff != "" {
		t.Error(diff)
	}
	got, err := os.ReadFile(filepath.Join(dir, "a/rule.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/updated.want", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/updated.want")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	for _, r := range run().Results {
		if (len(r.Failures) > 0) != (r.Test == "broken") {
			t.Errorf("after the update, %s: %v", r.Test, r.Failures)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "a/rule.yaml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}
