package detections

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// blockRule loads a rule of a class, a condition and more keys.
func blockRule(t *testing.T, keys string) *RuleSet {
	t.Helper()
	rs, err := LoadFS(fstest.MapFS{RootFile: {Data: []byte("format: 1\n")}, "r.yaml": {Data: []byte(`id: r
title: r
status: stable
` + keys + `
tests: [{name: a, source: s, raw: "{}", alerts: [{}]}, {name: b, source: s, raw: "{}", alerts: []}]
`)}}, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func evaluate(rs *RuleSet, ev *ocsf.Event) (signals []*Signal) {
	rs.NewEngine().Evaluate(ev, func(s *Signal) { signals = append(signals, s) })
	return signals
}

// at is a sample event of a time, in seconds.
func at(seconds int64, change func(*ocsf.Event)) *ocsf.Event {
	ev := sampleEvent()
	ev.SetTime(1_700_000_000_000 + 1000*seconds)
	ev.Metadata.SetUID(fmt.Sprintf("event-%d", seconds))
	if change != nil {
		change(ev)
	}
	return ev
}

// correlateAll gives events to a rule set, and returns all findings.
func correlateAll(t *testing.T, rs *RuleSet, events ...*ocsf.Event) (findings []*ocsf.Event) {
	t.Helper()
	c := NewCorrelator(CorrelatorOptions{Lookup: func(string) (*Manifest, error) { return rs.Manifest(), nil }})
	engine := rs.NewEngine()
	offset := int64(0)
	for _, ev := range events {
		engine.Evaluate(ev, func(s *Signal) {
			parsed, _, err := ParseSignal(s.AppendJSON(nil))
			if err != nil {
				t.Fatal(err)
			}
			alerts, err := c.Signal(parsed, offset)
			if err != nil {
				t.Fatal(err)
			}
			offset++
			findings = append(findings, alerts...)
		})
	}
	findings = append(findings, c.Finish()...)
	for _, f := range findings {
		for _, v := range facts.Validate(f.AppendJSON(nil)) {
			t.Errorf("%s: %s", v.Path, v.Message)
		}
	}
	return findings
}

// weirOf is unmapped.weir of a finding.
func weirOf(t *testing.T, ev *ocsf.Event) map[string]any {
	t.Helper()
	var u struct {
		Weir map[string]any `json:"weir"`
	}
	if err := json.Unmarshal([]byte(ev.Unmapped()), &u); err != nil {
		t.Fatal(err)
	}
	return u.Weir
}

func operation(name string) func(*ocsf.Event) {
	return func(ev *ocsf.Event) { ev.API.SetOperation(name) }
}

// TestBlocks takes small timelines through engine and correlator, as they would go.
func TestBlocks(t *testing.T) {
	const stop = "class: api_activity\nwhen: api.operation == \"StopLogging\"\nseverity: low\n"
	region := func(name string) func(*ocsf.Event) {
		return func(ev *ocsf.Event) { ev.Cloud.SetRegion(name) }
	}
	port := func(n int32) func(*ocsf.Event) { return func(ev *ocsf.Event) { ev.SrcEndpoint.SetPort(n) } }
	steps := "severity: low\nsequence:\n  within: 1m\n  ordered: %v\n  steps:\n" +
		"    - {name: stop, class: api_activity, when: api.operation == \"StopLogging\", by: [actor.user.name]}\n" +
		"    - {name: delete, class: api_activity, when: 'api.operation in [\"DeleteTrail\", \"StopLogging\"]', by: [{name: who, expr: actor.user.name}]}\n"
	absence := stop + "absence: {of: {class: api_activity, when: api.operation == \"StartLogging\", by: [actor.user.name]}, within: 1m}"
	firstSeen := stop + "first_seen: {of: cloud.region, by: [actor.user.name], for: 1h, learn: 1m}"
	for _, test := range []struct {
		name, rule string
		events     []*ocsf.Event
		want       []string // uids of the alerts' hits, and of roll-ups the number of hits
	}{
		{"distinct", stop + "threshold: {distinct: cloud.region, count: 2, within: 1m, by: [actor.user.name]}",
			[]*ocsf.Event{at(0, region("a")), at(10, region("a")), at(20, region("b")), at(100, region("c"))}, []string{"event-20"}},
		{"sum", stop + "threshold: {sum: src_endpoint.port - 50, over: 100, within: 1m, by: [actor.user.name]}",
			[]*ocsf.Event{at(0, port(110)), at(10, port(90)), at(11, port(5)), at(20, port(51)), at(100, port(150))}, []string{"event-20"}},
		{"a value that is absent", stop + "threshold: {distinct: cloud.region, count: 2, within: 1m, by: [actor.user.name]}",
			[]*ocsf.Event{at(0, region("a")), at(1, func(ev *ocsf.Event) { ev.Cloud.ClearRegion() })}, nil},
		{"ordered", fmt.Sprintf(steps, true),
			[]*ocsf.Event{at(0, operation("DeleteTrail")), at(5, nil), at(20, operation("DeleteTrail"))}, []string{"event-20"}},
		{"one event is one step", fmt.Sprintf(steps, true), []*ocsf.Event{at(0, nil), at(61, nil)}, nil},
		{"two events of both steps", fmt.Sprintf(steps, true), []*ocsf.Event{at(0, nil), at(59, nil)}, []string{"event-59"}},
		{"unordered", fmt.Sprintf(steps, false), []*ocsf.Event{at(0, operation("DeleteTrail")), at(5, nil)}, []string{"event-5"}},
		{"followed", absence, []*ocsf.Event{at(0, nil), at(59, operation("StartLogging"))}, nil},
		{"not followed in time", absence, []*ocsf.Event{at(0, nil), at(60, operation("StartLogging"))}, []string{"event-0"}},
		{"followed at once", absence, []*ocsf.Event{at(0, operation("StartLogging")), at(0, nil)}, []string{"event-0"}}, // one event cannot follow itself
		{"first seen", firstSeen, []*ocsf.Event{at(0, region("a")), at(30, region("b")), at(60, region("c")), at(61, region("b")), at(62, region("c"))}, []string{"event-60"}},
		{"forgotten", firstSeen, []*ocsf.Event{at(0, region("a")), at(1800, region("a")), at(3600, region("b")), at(5399, region("a")), at(7300, region("b"))}, []string{"event-3600", "event-7300"}},
		{"new again", firstSeen, []*ocsf.Event{at(0, region("a")), at(3600, region("b")), at(3661, region("c"))}, []string{"event-3661"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range correlateAll(t, blockRule(t, test.rule), test.events...) {
				if IsRollup(f) {
					t.Errorf("a roll-up of %v hits", weirOf(t, f)["hits"])
					continue
				}
				last := len(f.FindingInfo.RelatedEvents) - 1
				got = append(got, f.FindingInfo.RelatedEvents[last].UID())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestContextAndSeverity: what a rule says depends on the hits' events.
func TestContextAndSeverity(t *testing.T) {
	rs := blockRule(t, `severity: 'api.operation == "StopLogging" ? "Critical" : string(cloud.region)'
class: api_activity
when: "true"
threshold: {count: 2, within: 1m, by: [actor.user.name]}
alert:
  suppress: 1h
  context: [cloud.region, {name: short, expr: api.operation.size() < 8}, http_request.user_agent]`)
	region := func(name string) func(*ocsf.Event) {
		return func(ev *ocsf.Event) {
			ev.API.SetOperation("Get")
			ev.Cloud.SetRegion(name)
		}
	}
	findings := correlateAll(t, rs, at(0, nil), at(1, nil), at(2, region("2")), at(3, region("LOW")), at(4, region("6")), at(5, region("none")))
	severities := map[int32]string{}
	for _, f := range findings {
		if IsRuleError(f) {
			if text := f.FindingInfo.Desc(); !strings.Contains(text, `severity is "none": want informational`) {
				t.Errorf("description %q", text)
			}
			continue
		}
		text, err := json.Marshal(weirOf(t, f)["context"])
		if err != nil {
			t.Fatal(err)
		}
		severities[f.SeverityID()] += string(text)
	}
	both := `{"cloud.region":["eu-central-1","2","LOW"],"http_request.user_agent":[],"short":[false,true]}`
	want := map[int32]string{
		ocsf.SeverityIDCritical: `{"cloud.region":["eu-central-1"],"http_request.user_agent":[],"short":[false]}` +
			`{"cloud.region":["eu-central-1","2","LOW","6"],"http_request.user_agent":[],"short":[false,true]}`,
		ocsf.SeverityIDLow:  `{"cloud.region":["eu-central-1","2"],"http_request.user_agent":[],"short":[false,true]}` + both,
		ocsf.SeverityIDHigh: `{"cloud.region":["eu-central-1","2","LOW","6","none"],"http_request.user_agent":[],"short":[false,true]}`,
	}
	if diff := cmp.Diff(want, severities); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestRuleErrorsAreFound: at most one finding for each rule and hour, and a match
// beside it if there is one.
func TestRuleErrorsAreFound(t *testing.T) {
	rs := blockRule(t, "severity: low\nclass: api_activity\nwhen: duration(actor.user.name) > duration(\"1s\")")
	findings := correlateAll(t, rs, at(0, nil), at(10, nil), at(3600, nil))
	if len(findings) != 2 || !IsRuleError(findings[0]) || IsRollup(findings[0]) {
		t.Fatalf("%d findings", len(findings))
	}
	f := findings[0]
	if f.FindingInfo.Title() != "Rule r could not be evaluated" || f.SeverityID() != ocsf.SeverityIDMedium || f.FindingInfo.Analytic.UID() != "r" ||
		!strings.Contains(f.FindingInfo.Desc(), "Duration") || f.Metadata.UID() == findings[1].Metadata.UID() {
		t.Errorf("%s", f.AppendJSON(nil))
	}
	title := blockRule(t, "severity: low\nclass: api_activity\nwhen: \"true\"\nalert: {title: 'by {string(duration(actor.user.name))}', context: [{name: x, expr: duration(actor.user.name)}]}")
	findings = correlateAll(t, title, at(0, nil))
	if len(findings) != 2 || !IsRuleError(findings[0]) || findings[1].FindingInfo.Title() != "by -" {
		t.Errorf("%d findings", len(findings))
	}
}

// TestErrorsAreFoundEverywhere: whatever expression of a rule fails, its owner has one
// finding an hour, however many events it fails on, and the counter has each.
func TestErrorsAreFoundEverywhere(t *testing.T) {
	const fails = `string(duration(actor.user.name))`
	for place, rule := range map[string]string{
		"when":       "severity: low\nclass: api_activity\nwhen: " + fails + " == 'x'",
		"group_by":   "severity: low\nclass: api_activity\nwhen: 'true'\nalert: {group_by: [{name: x, expr: " + fails + "}]}",
		"title":      "severity: low\nclass: api_activity\nwhen: 'true'\nalert: {title: 'by {" + fails + "}'}",
		"context":    "severity: low\nclass: api_activity\nwhen: 'true'\nalert: {context: [{name: x, expr: " + fails + "}]}",
		"severity":   "severity: " + fails + "\nclass: api_activity\nwhen: 'true'",
		"by":         "severity: low\nclass: api_activity\nwhen: 'true'\nthreshold: {count: 2, within: 5m, by: [{name: x, expr: " + fails + "}]}",
		"distinct":   "severity: low\nclass: api_activity\nwhen: 'true'\nthreshold: {distinct: " + fails + ", count: 2, within: 5m, by: [api.operation]}",
		"sum":        "severity: low\nclass: api_activity\nwhen: 'true'\nthreshold: {sum: 1 / size(actor.user.full_name), over: 5, within: 5m, by: [api.operation]}",
		"first_seen": "severity: low\nclass: api_activity\nwhen: 'true'\nfirst_seen: {of: " + fails + ", for: 30d, learn: 7d, by: [api.operation]}",
		"sequence": "severity: low\nsequence:\n  within: 5m\n  steps:\n    - {name: a, class: api_activity, when: 'true', by: [{name: x, expr: " + fails + "}]}\n" +
			"    - {name: b, class: api_activity, when: api.operation == 'Zzz', by: [{name: x, expr: actor.user.uid}]}",
		"absence": "severity: low\nclass: api_activity\nwhen: 'true'\nabsence: {within: 5m, by: [{name: x, expr: " + fails + "}], of: {class: api_activity, when: api.operation == 'Zzz', by: [{name: x, expr: actor.user.uid}]}}",
	} {
		t.Run(place, func(t *testing.T) {
			rs := blockRule(t, rule)
			errors := 0
			for _, f := range correlateAll(t, rs, at(0, nil), at(1, nil), at(2, nil), at(3, nil)) {
				if IsRuleError(f) && !IsRollup(f) {
					errors++
				}
			}
			if errors != 1 {
				t.Errorf("%d findings, want 1", errors)
			}
			e, ev := rs.NewEngine(), sampleEvent()
			for range 3 {
				e.Evaluate(ev, func(*Signal) {})
			}
			if h := e.Health()[0]; h.Errors < 3 || h.LastError == "" {
				t.Errorf("health %+v", h)
			}
		})
	}
}

// TestNumbersThatJSONLacks: a log may have NaN where a rule reads a number, and that must
// neither end the process nor keep the alert back.
func TestNumbersThatJSONLacks(t *testing.T) {
	rs := blockRule(t, "severity: low\nclass: api_activity\nwhen: \"true\"\nthreshold: {count: 2, within: 1h, by: [{name: n, expr: double(actor.user.name)}]}\n"+
		"alert: {title: \"{double(actor.user.name)}\", context: [{name: x, expr: double(actor.user.name)}]}")
	for _, number := range []string{"NaN", "Inf", "-inf", "1e300", "-0"} {
		named := func(ev *ocsf.Event) { ev.Actor.User.SetName(number) }
		findings := correlateAll(t, rs, at(0, named), at(1, named))
		if len(findings) != 1 || IsRuleError(findings[0]) {
			t.Fatalf("%s: %d findings", number, len(findings))
		}
		if text := string(findings[0].Unmapped()); !json.Valid([]byte(text)) || !strings.Contains(text, `"x":[`) || strings.Contains(text, `"x":[]`) {
			t.Errorf("%s: %s", number, text)
		}
	}
}

// TestVersionsStay: alerts are identified by the version of their rule, so that of a
// rule that has not changed stays from one weir to the next.
func TestVersionsStay(t *testing.T) {
	for rule, want := range map[string]string{
		"severity: low\nclass: api_activity\nwhen: api.operation == \"StopLogging\"\nalert: {group_by: [actor.user.name], suppress: 1h}":               "cbeded2b4a2e",
		"severity: low\nclass: api_activity\nwhen: api.operation == \"StopLogging\"\nthreshold: {count: 3, within: 5m, by: [src_endpoint.ip]}":         "b27d0444b584",
		"severity: low\nclass: api_activity\nwhen: \"true\"\nthreshold: {distinct: api.operation, count: 3, within: 5m, by: [src_endpoint.ip]}":        "42d4e1c783a5",
		"severity: low\nclass: api_activity\nwhen: \"true\"\nthreshold: {distinct: 'api.operation ', count: 3, within: 5m, by: [src_endpoint.ip]}":     "42d4e1c783a5",
		"severity: high\nclass: api_activity\nwhen: \"true\"\nfirst_seen: {of: cloud.region, for: 30d, learn: 7d, by: [src_endpoint.ip]}":              "00a90a7c780e",
		"severity: high\nclass: api_activity\nwhen: \"true\"\nfirst_seen: {of: cloud.region, for: 720h, learn: 168h, by: [src_endpoint.ip]}\ntags: []": "00a90a7c780e",
	} {
		if got := blockRule(t, rule).rules[0].Version; got != want {
			t.Errorf("version %s, want %s of\n%s", got, want, rule)
		}
	}
}

// TestLimits: what goes beyond them is counted, and a rule without a block alerts
// nevertheless.
func TestLimits(t *testing.T) {
	c := NewCorrelator(CorrelatorOptions{Lookup: lookup, Limits: Limits{Group: 5, Signals: 8, Values: 4, Terms: 6}})
	alerts, offset := 0, int64(0)
	give := func(rule string, time int64, group, value string) {
		s := testSignal(rule, time, fmt.Sprint(offset), group)
		s.Value = value
		events, err := c.Signal(s, offset)
		if err != nil {
			t.Fatal(err)
		}
		offset++
		alerts += len(events)
	}
	for i := range int64(10) {
		give("suppressed", i*10, "a", "")
	}
	if got := c.Stats().Overflows; got != 5 || alerts != 1 {
		t.Errorf("%d overflows and %d alerts, want 5 and 1", got, alerts)
	}
	give("suppressed", 150, "a", "") // another bucket
	for i := range int64(4) {
		give("burst", 200+i, "b", "")
	}
	if groups, signals, _ := c.Size(); groups != 2 || signals != 8 || c.Stats().Overflows != 7 || alerts != 2 {
		t.Errorf("%d groups, %d signals, %+v, %d alerts", groups, signals, c.Stats(), alerts)
	}
	c.Finish()
	if groups, signals, _ := c.Size(); groups != 0 || signals != 0 {
		t.Errorf("%d groups and %d signals are left", groups, signals)
	}
	c = NewCorrelator(CorrelatorOptions{Lookup: lookup, Limits: Limits{Values: 4, Terms: 6}})
	for i := range int64(6) {
		give("first", i, "a", fmt.Sprint(i))
	}
	for i := range int64(5) {
		give("first", i, "b", fmt.Sprint(i))
	}
	c.Finish()
	if _, _, terms := c.Size(); terms > 6 || c.Stats().Forgotten == 0 {
		t.Errorf("%d terms, %+v", terms, c.Stats())
	}
}

func TestParseTerm(t *testing.T) {
	good := Term{Group: digestOf("g"), Value: digestOf("v"), Since: 1, Last: 1_700_000_000_000, For: 5}
	for _, bad := range [][2]string{{"", "x"}, {strings.Repeat("k", 32), "\x02"}, {strings.Repeat("k", 32), "\x01\x02"}, {string(good.Key())[1:], string(good.Encode())}} {
		if term, err := ParseTerm([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%q is read as %+v", bad, term)
		}
	}
	rs := blockRule(t, "severity: low\nclass: api_activity\nwhen: \"true\"\nfirst_seen: {of: cloud.region, by: [actor.user.name], for: 1h}")
	term, err := rs.rules[0].Term([]string{`"alice"`}, `"eu-central-1"`, 1_699_999_000_000, 1_699_999_999_000)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCorrelator(CorrelatorOptions{Lookup: func(string) (*Manifest, error) { return rs.Manifest(), nil }, Terms: []Term{term}})
	for i, s := range evaluate(rs, at(0, nil)) {
		if _, err := c.Signal(s, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Finish(); len(got) != 0 {
		t.Error("a value that was told of is new")
	}
}

// TestRestartWithoutTheOthers: what is given again after a restart may lack events that
// decided with it, since they came earlier and are kept no more.
func TestRestartWithoutTheOthers(t *testing.T) {
	signal := func(rule string, time int64, uid, group string, step int, value string) logRecord {
		s := testSignal(rule, time, uid, group)
		s.Step, s.Value = step, value
		return logRecord{signal: s}
	}
	beat := func(ms int64) logRecord {
		return logRecord{heartbeat: &Heartbeat{Partition: "raw/0", MaxTime: ms, Sent: ms}}
	}
	for _, test := range []struct {
		name   string
		log    []logRecord
		commit int64
		want   int // alerts after it
	}{
		{"the event that follows", []logRecord{
			signal("absent_long", 105, "follows", "a", 1, ""),
			signal("absent_long", 100, "keeps", "z", 0, ""), // its bucket is open to the end
			signal("absent_long", 100, "followed", "a", 0, ""),
			beat(200),
			signal("absent_long", 250, "alone", "a", 0, ""),
			beat(300),
		}, 4, 1},
		{"a value's last time", []logRecord{
			signal("first_long", 200, "last", "a", 0, "v"),
			signal("absent_long", 100, "keeps", "z", 0, ""),
			signal("first_long", 120, "earlier", "a", 0, "v"),
			beat(210),
			signal("first_long", 285, "again", "a", 0, "v"),
			beat(290),
		}, 4, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := test.log[:1:1]
			for range markEvery + 1 { // so that a restart begins behind the first
				log = append(log, beat(50))
			}
			p := newProcess(t, append(log, test.log[1:]...))
			commit := test.commit + markEvery + 1
			p.feed(commit)
			p.commit(commit)
			if p.checkpoint.Needed == 0 {
				t.Fatalf("checkpoint %v: everything is given again", p.checkpoint)
			}
			p.restore()
			if got := len(p.feed(int64(len(p.log)) - commit)); got != test.want {
				t.Errorf("%d alerts, want %d", got, test.want)
			}
		})
	}
}
