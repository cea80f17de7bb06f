package detections_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// normalize is a mapper of a small record: {"id","op","user","account","at"}; a
// text is an operation.
func normalize(rec *event.Record, ev *ocsf.Event) error {
	var r struct{ ID, Op, User, Account, At string }
	if rec.Source == "gateway.nginx" {
		r.ID, r.Op, r.At = string(rec.Value), string(rec.Value), "2026-01-01T00:00:00Z"
	} else if err := json.Unmarshal(rec.Value, &r); err != nil {
		return err
	}
	if r.Op == "" {
		return errors.New("no operation")
	}
	at, err := time.Parse(time.RFC3339, r.At)
	if err != nil {
		return err
	}
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDOther)
	ev.SetTime(at.UnixMilli())
	ev.Metadata.SetUID(r.ID)
	ev.API.SetOperation(r.Op)
	if r.User != "" {
		ev.Actor.User.SetName(r.User)
	}
	if r.Account != "" {
		ev.Cloud.Account.SetUID(r.Account)
	}
	ev.SetRawData(string(rec.Value))
	return nil
}

const stopRecord = `{"id":"1","op":"StopLogging","user":"carol","account":"111122223333","at":"2026-01-01T00:00:00Z"}`

// ruleWith is a rule with tests; block is its threshold or alert.
func ruleWith(block, tests string) string {
	return `id: a.rule
title: A rule
status: experimental
severity: high
class: api_activity
when: api.operation in ["StopLogging", "GET /"]
` + block + "\ntests:\n" + tests
}

func runTests(t *testing.T, rule string, fixtures map[string]string) *detections.Report {
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
	return rs.RunTests(fsys, normalize, detections.TestOptions{})
}

const (
	alertBlock     = `alert: {title: "{api.operation} by {actor.user.name}", group_by: [cloud.account.uid]}`
	thresholdBlock = `threshold: {count: 3, within: 1m, by: [actor.user.name]}`
)

func TestRunTestsPass(t *testing.T) {
	fixtures := map[string]string{
		"a/stop.json":           stopRecord,
		"testdata/many.ndjson":  stopRecord + "\n" + strings.Replace(stopRecord, `"1"`, `"2"`, 1) + "\n",
		"testdata/array.json":   "[" + stopRecord + "," + strings.Replace(stopRecord, "Stop", "Start", 1) + "]",
		"testdata/access.log":   "GET /\nGET /x\n",
		"testdata/a/stop2.json": strings.Replace(stopRecord, `"1"`, `"9"`, 1),
	}
	for name, rule := range map[string]string{
		"stateless": ruleWith(alertBlock, `
  - {name: beside, source: aws.cloudtrail, input: stop.json, alerts: [{title: StopLogging by carol, severity: high, group: {cloud.account.uid: "111122223333"}}]}
  - {name: ndjson, source: aws.cloudtrail, input: many.ndjson, alerts: [{title: StopLogging by carol}, {}]}
  - {name: array, source: aws.cloudtrail, input: array.json, alerts: [{}]}
  - {name: lines, source: gateway.nginx, input: access.log, alerts: [{title: GET / by -}]}
  - {name: raw text, source: gateway.nginx, raw: GET /x, alerts: []}
  - {name: patch, source: aws.cloudtrail, input: stop.json, set: {op: Other, user: null}, alerts: []}
  - {name: patch away, source: aws.cloudtrail, input: stop.json, set: {user: null}, alerts: [{title: StopLogging by -}]}
  - {name: again, source: aws.cloudtrail, input: stop.json, repeat: 2, alerts: [{}, {}]}
`),
		"threshold": ruleWith(thresholdBlock, `
  - {name: enough, source: aws.cloudtrail, input: stop.json, repeat: 3, every: 10s, alerts: [{group: {actor.user.name: carol}}]}
  - {name: too slow, source: aws.cloudtrail, input: stop.json, repeat: 9, every: 30s, alerts: []}
  - name: at
    source: aws.cloudtrail
    events:
      - {input: stop.json, repeat: 2}
      - {input: a/stop2.json, at: 59s}
    alerts: [{}]
  - name: at the window's end
    source: aws.cloudtrail
    events:
      - {input: stop.json, repeat: 2}
      - {input: a/stop2.json, at: 1m}
    alerts: []
  - name: out of order
    source: aws.cloudtrail
    events:
      - {input: stop.json, at: 30s}
      - {input: stop.json, at: 1s, repeat: 2}
    alerts: [{}]
  - name: another group
    source: aws.cloudtrail
    events:
      - {input: stop.json, repeat: 2}
      - {input: stop.json, set: {user: dave}, repeat: 2}
    alerts: []
`),
	} {
		t.Run(name, func(t *testing.T) {
			report := runTests(t, rule, fixtures)
			for _, r := range report.Results {
				for _, f := range r.Failures {
					t.Errorf("%s: %s", r.Test, f)
				}
			}
			if report.Failed() != 0 || len(report.Results) < 6 {
				t.Errorf("%d of %d failed", report.Failed(), len(report.Results))
			}
		})
	}
}

func TestRunTestsFail(t *testing.T) {
	fixtures := map[string]string{"a/stop.json": stopRecord, "testdata/broken.json": "{", "testdata/empty.log": "\n"}
	report := runTests(t, ruleWith(alertBlock, `
  - {name: other title, source: aws.cloudtrail, input: stop.json, alerts: [{title: StopLogging by alice, severity: low, group: {cloud.account.uid: "1"}}]}
  - {name: unwanted, source: aws.cloudtrail, input: stop.json, alerts: []}
  - {name: silent, source: aws.cloudtrail, input: stop.json, set: {op: Other}, alerts: [{title: x, severity: high}]}
  - {name: no fixture, source: aws.cloudtrail, input: nothing.json, alerts: []}
  - {name: broken, source: aws.cloudtrail, input: broken.json, alerts: []}
  - {name: empty, source: gateway.nginx, input: empty.log, alerts: []}
  - {name: refused, source: aws.cloudtrail, raw: "{}", alerts: []}
  - {name: not json, source: gateway.nginx, raw: GET /, set: {a: 1}, alerts: []}
`), fixtures)
	got := map[string]string{}
	for _, r := range report.Results {
		got[r.Test] = strings.Join(r.Failures, "\n")
		if r.File != "rules/a/rule.yaml" || r.Line < 9 || r.Col != 5 || r.Rule != "a.rule" {
			t.Errorf("place %s:%d:%d of %s", r.File, r.Line, r.Col, r.Rule)
		}
	}
	want := map[string]string{
		"other title": "want title \"StopLogging by alice\"\n got title \"StopLogging by carol\"\nwant severity low\n got severity high\n" +
			"want group cloud.account.uid \"1\"\n got group cloud.account.uid \"111122223333\"",
		"unwanted": `got an alert that no element of alerts wants: "StopLogging by carol" of severity high for cloud.account.uid=111122223333` +
			"\na/stop.json: the condition holds\n> true   api.operation in [\"StopLogging\", \"GET /\"]\n         api.operation is \"StopLogging\"",
		"silent": "want an alert \"x\" of severity high, got none\nno alert at all: the condition held for 0 of 1 event" +
			"\na/stop.json: the condition does not hold\n> false  api.operation in [\"StopLogging\", \"GET /\"]\n         api.operation is \"Other\"",
		"no fixture": "13:5: read fixture: neither a/nothing.json nor testdata/nothing.json exists",
		"broken":     "14:5: read fixture testdata/broken.json: unexpected EOF",
		"empty":      "15:5: read fixture testdata/empty.log: it holds no record",
		"refused":    "16:5: normalize record 1 of test: no operation",
		"not json":   "17:5: patch the record: it is no JSON: invalid character 'G' looking for beginning of value",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if report.Failed() != len(want) {
		t.Errorf("%d failed", report.Failed())
	}
}

func TestRunTestsTellsOfUngroupedEvents(t *testing.T) {
	report := runTests(t, ruleWith(thresholdBlock, `
  - {name: a, source: aws.cloudtrail, input: stop.json, set: {user: null}, repeat: 5, alerts: [{}]}
  - {name: b, source: aws.cloudtrail, input: stop.json, alerts: []}
`), map[string]string{"a/stop.json": stopRecord})
	if got := strings.Join(report.Results[0].Failures, "\n"); !strings.Contains(got, "5 events matched but lacked an attribute of `by` (actor.user.name)") ||
		!strings.Contains(got, "the threshold is 3 in a group") {
		t.Error(got)
	}
}

func TestRunTestsOfSomeRules(t *testing.T) {
	fsys := fstest.MapFS(tree(map[string]string{"good/rule.yaml": goodRule, "a/rule.yaml": ruleWith(alertBlock, `
  - {name: a, source: gateway.nginx, raw: GET /, alerts: [{}]}
  - {name: b, source: gateway.nginx, raw: GET /x, alerts: []}
`)}))
	rs, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rules []string
		want  int
	}{{nil, 4}, {[]string{"a.rule"}, 2}, {[]string{"a."}, 2}, {[]string{"a"}, 0}, {[]string{"a.", "good.rule"}, 4}} {
		if got := len(rs.RunTests(fsys, normalize, detections.TestOptions{Rules: test.rules}).Results); got != test.want {
			t.Errorf("%v: %d tests, want %d", test.rules, got, test.want)
		}
	}
}
