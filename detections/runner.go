package detections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// NormalizeFunc makes an event of a raw record, as detect does.
type NormalizeFunc func(rec *event.Record, ev *ocsf.Event) error

// TestOptions configure RunTests.
type TestOptions struct {
	// Rules are the ids of the rules to test, or beginnings of ids that end with a
	// dot; empty for all.
	Rules []string
}

func (o TestOptions) wants(id string) bool {
	return len(o.Rules) == 0 || slices.ContainsFunc(o.Rules, func(r string) bool {
		return r == id || strings.HasSuffix(r, ".") && strings.HasPrefix(id, r)
	})
}

// Report is the outcome of tests, in the order of rules and files.
type Report struct{ Results []TestResult }

// TestResult is the outcome of one test; it passed if Failures is empty.
type TestResult struct {
	Rule, Test string
	// File, Line and Col are the place of the test.
	File      string
	Line, Col int
	Failures  []string
}

// Failed is the number of tests that did not pass.
func (r *Report) Failed() int {
	n := 0
	for _, t := range r.Results {
		if len(t.Failures) > 0 {
			n++
		}
	}
	return n
}

// RunTests runs the tests that rules carry: every record goes through normalize,
// the engine and the correlator, as it would live. fixtures is the rules
// directory. Rules that would not alert by their status do so in a test.
func (rs *RuleSet) RunTests(fixtures fs.FS, normalize NormalizeFunc, opts TestOptions) *Report {
	report := &Report{}
	for _, r := range rs.rules {
		if !opts.wants(r.ID) {
			continue
		}
		for i := range r.Tests {
			t := &r.Tests[i]
			run := newTestRun(rs, r, fixtures, normalize)
			run.test(t)
			line, col := t.node.Pos()
			report.Results = append(report.Results, TestResult{
				Rule: r.ID, Test: t.Name, File: t.node.Document().Name(), Line: line, Col: col, Failures: run.failures})
		}
	}
	return report
}

// testRun is one test under way.
type testRun struct {
	rule       *Rule
	fixtures   fs.FS
	normalize  NormalizeFunc
	engine     *Engine
	correlator *Correlator
	offset     int64
	start      int64 // time of the first event, as its record says
	started    bool
	uids       map[string]int // how often each was given
	alerts     []*ocsf.Event
	failures   []string
}

func newTestRun(rs *RuleSet, rule *Rule, fixtures fs.FS, normalize NormalizeFunc) *testRun {
	return &testRun{
		rule: rule, fixtures: fixtures, normalize: normalize,
		engine: newEngine([]*Rule{rule}, newIndex([]*Rule{rule}), rs.Digest()),
		correlator: NewCorrelator(CorrelatorOptions{
			Lookup:       func(string) (*Manifest, error) { return rs.Manifest(), nil },
			Experimental: true,
		}),
		uids: map[string]int{},
	}
}

func (r *testRun) failf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *testRun) test(t *Test) {
	for i := range t.Events {
		if err := r.give(t.Source, &t.Events[i]); err != nil {
			line, col := t.Events[i].node.Pos()
			r.failf("%d:%d: %v", line, col, err)
			return
		}
	}
	r.take(r.correlator.Finish())
	for _, h := range r.engine.Health() {
		if h.Errors > 0 {
			r.failf("the condition could not be evaluated: %s", h.LastError)
		}
		if h.Ungrouped > 0 && len(t.Alerts) > 0 {
			r.failf("%d events match but lack an attribute of `by` (%s), so they join no group", h.Ungrouped, strings.Join(r.groupNames(), ", "))
		}
	}
	r.compare(t.Alerts)
}

func (r *testRun) groupNames() []string {
	names := make([]string, len(r.rule.Alert.Group))
	for i, k := range r.rule.Alert.Group {
		names[i] = k.Name
	}
	return names
}

// give feeds an event of a test in, as often as it says.
func (r *testRun) give(source string, e *TestEvent) error {
	records, object := [][]byte{[]byte(e.Raw)}, "test"
	if e.Input != "" {
		var err error
		if records, object, err = fixture(r.fixtures, r.rule, e.Input); err != nil {
			return err
		}
	}
	move := int64(0) // what the times are moved by
	for i := range e.Repeat {
		for position, record := range records {
			ev, err := r.event(source, object, position, record, e.Set)
			if err != nil {
				return err
			}
			if !r.started {
				r.start, r.started = ev.Time(), true
			}
			if i == 0 && position == 0 && e.HasAt {
				move = r.start + e.At.Milliseconds() - ev.Time()
			}
			ev.SetTime(ev.Time() + move + int64(i)*e.Every.Milliseconds())
			if err := r.evaluate(ev); err != nil {
				return err
			}
		}
	}
	return nil
}

// event patches and normalises a record.
func (r *testRun) event(source, object string, position int, record, set []byte) (*ocsf.Event, error) {
	if set != nil {
		var err error
		if record, err = mergePatch(record, set); err != nil {
			return nil, err
		}
	}
	ev := new(ocsf.Event)
	rec := &event.Record{Source: source, Value: record, Origin: event.Origin{Object: "file:" + object, Position: int64(position)}}
	if err := r.normalize(rec, ev); err != nil {
		return nil, fmt.Errorf("normalize record %d of %s: %w%s", position+1, object, err, envelopeAdvice(record))
	}
	return ev, nil
}

// envelopeAdvice is what to do with a record that is a whole log file as the
// source delivers it; fixtures hold the records alone.
func envelopeAdvice(record []byte) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(record, &object) != nil {
		return ""
	}
	for _, key := range []string{"Records", "records", "items"} {
		if bytes.HasPrefix(object[key], []byte("[")) {
			return "; it is a whole log file: give the elements of " + key
		}
	}
	return ""
}

// evaluate gives an event to the rule. One that was given before is another event:
// its uid gets a number.
func (r *testRun) evaluate(ev *ocsf.Event) error {
	uid := ev.Metadata.UID()
	r.uids[uid]++
	if n := r.uids[uid]; n > 1 {
		ev.Metadata.SetUID(fmt.Sprintf("%s#%d", uid, n))
	}
	var failed error
	r.engine.Evaluate(ev, func(s *Signal) {
		alerts, err := r.correlator.Signal(s, r.offset)
		r.offset++
		r.take(alerts)
		if err != nil {
			failed = err
		}
	})
	return failed
}

// take keeps alerts; roll-ups are not what tests are about.
func (r *testRun) take(alerts []*ocsf.Event) {
	for _, a := range alerts {
		if !IsRollup(a) {
			r.alerts = append(r.alerts, a)
		}
	}
}

// compare holds the alerts against the expected ones, whose order does not matter.
func (r *testRun) compare(want []WantAlert) {
	left := slices.Clone(r.alerts)
	for _, w := range want {
		i := slices.IndexFunc(left, func(a *ocsf.Event) bool { return difference(w, a) == "" })
		switch {
		case i >= 0:
			left = slices.Delete(left, i, i+1)
		case len(left) == 1 && len(want) == 1:
			r.failf("%s", difference(w, left[0]))
			left = nil
		default:
			r.failf("want %s, got none", describeWant(w))
		}
	}
	for _, a := range left {
		r.failf("got an alert that no element of alerts wants: %s", describeAlert(a))
	}
	if len(r.alerts) == 0 && len(want) > 0 {
		r.failf("no alert at all: the condition %s; weir normalize shows the events", r.reach())
	}
}

// reach tells how far the events came.
func (r *testRun) reach() string {
	matches, ungrouped := int64(0), int64(0)
	for _, h := range r.engine.Health() {
		matches, ungrouped = matches+h.Matches, ungrouped+h.Ungrouped
	}
	given := 0
	for _, n := range r.uids {
		given += n
	}
	text := fmt.Sprintf("held for %d of %d events", matches, given)
	if r.rule.Threshold != nil {
		text += fmt.Sprintf(", the threshold is %d in a group", r.rule.Threshold.Count)
	}
	return text
}

// difference says how an alert is not as wanted; empty if it is.
func difference(w WantAlert, a *ocsf.Event) string {
	var parts []string
	if title := a.FindingInfo.Title(); w.Title != "" && w.Title != title {
		parts = append(parts, fmt.Sprintf("want title %q\n got title %q", w.Title, title))
	}
	if severity := severityName(a.SeverityID()); w.Severity != "" && w.Severity != severity {
		parts = append(parts, fmt.Sprintf("want severity %s, got %s", w.Severity, severity))
	}
	group := groupValues(a)
	for _, name := range slices.Sorted(maps.Keys(w.Group)) {
		if got := group[name]; got != w.Group[name] {
			parts = append(parts, fmt.Sprintf("want group %s %q, got %q", name, w.Group[name], got))
		}
	}
	return strings.Join(parts, "\n")
}

// groupValues is the group of an alert, as texts.
func groupValues(a *ocsf.Event) map[string]string {
	var unmapped struct {
		Weir struct {
			Group map[string]any `json:"group"`
		} `json:"weir"`
	}
	values := map[string]string{}
	if json.Unmarshal([]byte(a.Unmapped()), &unmapped) != nil {
		return values
	}
	for name, v := range unmapped.Weir.Group {
		if v != nil {
			values[name] = fmt.Sprint(v)
		}
	}
	return values
}

func describeWant(w WantAlert) string {
	text := "an alert"
	if w.Title != "" {
		text += fmt.Sprintf(" %q", w.Title)
	}
	if w.Severity != "" {
		text += " of severity " + w.Severity
	}
	return text + describeGroup(w.Group)
}

func describeAlert(a *ocsf.Event) string {
	return fmt.Sprintf("%q of severity %s", a.FindingInfo.Title(), severityName(a.SeverityID())) + describeGroup(groupValues(a))
}

// describeGroup is " for a=1, b=2", in the order of names; empty for no group.
func describeGroup(group map[string]string) string {
	if len(group) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(group)) {
		parts = append(parts, name+"="+group[name])
	}
	return " for " + strings.Join(parts, ", ")
}
