package detections

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// NormalizeFunc makes an event of a raw record, as detect does.
type NormalizeFunc func(rec *event.Record, ev *ocsf.Event) error

// RenderFunc is what a destination is sent for an alert, byte for byte.
type RenderFunc func(destination string, alert *ocsf.Event) ([]byte, error)

// TestOptions configure RunTests.
type TestOptions struct {
	// Rules are the ids of the rules to test, or beginnings of ids that end with a
	// dot; empty for all.
	Rules []string
	// Wants selects tests of those rules; nil for all.
	Wants func(rule, test string) bool
	// Permute is in how many random orders of arrival each timeline is given again;
	// all must give the same alerts. Seed makes the orders.
	Permute int
	Seed    uint64
	// Render is for tests that expect a body; nil refuses them.
	Render RenderFunc
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
	// Took is how long the test ran.
	Took time.Duration
	// Updated tells that Report.Update has written what came.
	Updated bool

	rule   *Rule
	test   *Test
	got    []*ocsf.Event // the alerts
	bodies []gotBody
	start  int64
	broken bool // it did not come as far as alerts
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
			if t := &r.Tests[i]; opts.Wants == nil || opts.Wants(r.ID, t.Name) {
				run := &testRun{rules: rs, rule: r, fixtures: fixtures, normalize: normalize, opts: opts, uids: map[string]int{}}
				report.Results = append(report.Results, run.result(t))
			}
		}
	}
	return report
}

// testRun is one test under way.
type testRun struct {
	rules     *RuleSet
	rule      *Rule
	fixtures  fs.FS
	normalize NormalizeFunc
	opts      TestOptions
	given     []givenEvent
	start     int64 // time of the first event, as its record says
	started   bool
	uids      map[string]int // how often each was given
	out       *testOutcome
	bodies    []gotBody
	failures  []string
}

// givenEvent is an event of a test, with what it came from.
type givenEvent struct {
	event *ocsf.Event
	name  string // "cloudtrail/stop.json", "record 3 of logs.ndjson"
}

// testOutcome is what a rule makes of events in some order.
type testOutcome struct {
	alerts, rollups []*ocsf.Event
	health          RuleHealth
	matched         map[*ocsf.Event]bool // whose condition held
	groups          map[string]int       // how many signals each has
}

func (r *testRun) failf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *testRun) result(t *Test) TestResult {
	began := time.Now()
	broken := !r.test(t)
	line, col := t.node.Pos()
	res := TestResult{Rule: r.rule.ID, Test: t.Name, File: t.node.Document().Name(), Line: line, Col: col,
		Failures: r.failures, Took: time.Since(began), rule: r.rule, test: t, start: r.start, bodies: r.bodies, broken: broken}
	if r.out != nil {
		res.got = r.out.alerts
	}
	return res
}

// test runs a test; false if it did not come as far as alerts.
func (r *testRun) test(t *Test) bool {
	for i := range t.Events {
		if err := r.give(t.Source, &t.Events[i]); err != nil {
			line, col := t.Events[i].node.Pos()
			r.failf("%d:%d: %v", line, col, err)
			return false
		}
	}
	rule, err := r.ruleOf(t)
	if err == nil {
		r.out, err = r.evaluate(rule, t, r.given)
	}
	if err != nil {
		r.failf("%v", err)
		return false
	}
	if h := r.out.health; h.Errors > 0 {
		r.failf("the condition could not be evaluated: %s", h.LastError)
	}
	before := len(r.failures)
	r.compare(t)
	r.compareBodies(t)
	if len(r.failures) > before {
		if n := int(r.out.health.Ungrouped); n > 0 {
			r.failf("%s matched but lacked an attribute of `by` (%s), and so joined no group", plural(n, "event"), strings.Join(r.groupNames(), ", "))
		}
		r.explain(rule, t)
	}
	return r.permute(rule, t)
}

func (r *testRun) groupNames() []string {
	names := make([]string, len(r.rule.Alert.Group))
	for i, k := range r.rule.Alert.Group {
		names[i] = k.Name
	}
	return names
}

// ruleOf is the rule as the test has it: with lists of its own it is compiled anew.
func (r *testRun) ruleOf(t *Test) (*Rule, error) {
	if len(t.Lists) == 0 {
		return r.rule, nil
	}
	return r.rules.withLists(r.rule, t.Lists)
}

// evaluate gives events to one rule, as the test has it, in their order.
func (r *testRun) evaluate(rule *Rule, t *Test, given []givenEvent) (*testOutcome, error) {
	rs := r.rules
	known, err := t.terms(rule, r.start)
	if err != nil {
		return nil, err
	}
	out := &testOutcome{matched: map[*ocsf.Event]bool{}, groups: map[string]int{}}
	engine := newEngine([]*Rule{rule}, newIndex([]*Rule{rule}), rs.Digest())
	correlator := NewCorrelator(CorrelatorOptions{
		Lookup:       func(string) (*Manifest, error) { return rs.Manifest(), nil },
		Experimental: true,
		Terms:        known,
	})
	take := func(alerts []*ocsf.Event) {
		for _, a := range alerts {
			if IsRollup(a) {
				out.rollups = append(out.rollups, a)
			} else {
				out.alerts = append(out.alerts, a)
			}
		}
	}
	offset, failed := int64(0), error(nil)
	signal := func(s *Signal) {
		if s.Error != "" {
			return // the engine's health says so
		}
		out.groups[s.Group]++
		alerts, err := correlator.Signal(s, offset)
		offset++
		if err != nil {
			failed = err
		}
		take(alerts)
	}
	for i := range given {
		before := engine.Health()[0].Matches
		engine.Evaluate(given[i].event, signal)
		out.matched[given[i].event] = engine.Health()[0].Matches > before
	}
	take(correlator.Finish())
	out.health = engine.Health()[0]
	return out, failed
}

// permute gives the timeline again in other orders: of all the alerts and roll-ups
// must be the same. It is true if it could be tried.
func (r *testRun) permute(rule *Rule, t *Test) bool {
	if len(r.given) < 2 {
		return true
	}
	want := r.out.identities()
	random := rand.New(rand.NewPCG(r.opts.Seed, 0)) //nolint:gosec // to be the same again
	for n := range r.opts.Permute {
		order := random.Perm(len(r.given))
		given := make([]givenEvent, len(order))
		for i, at := range order {
			given[i] = r.given[at]
		}
		out, err := r.evaluate(rule, t, given)
		if err != nil {
			r.failf("%v", err)
			return false
		}
		if got := out.identities(); !slices.Equal(got, want) {
			r.failf("another order of arrival gives other alerts (order %d of seed %d: events %s)\n%s", n+1, r.opts.Seed, orderText(order), lineDiff(want, got))
			return true
		}
	}
	return true
}

// identities is what must not depend on the order of arrival: of alerts the
// identity, of roll-ups all.
func (o *testOutcome) identities() []string {
	var all []string
	for _, a := range o.alerts {
		all = append(all, fmt.Sprintf("alert %s of severity %s%s", a.Metadata.UID(), severityName(a.SeverityID()), describeGroup(groupValues(a))))
	}
	for _, a := range o.rollups {
		all = append(all, "roll-up "+string(a.AppendJSON(nil)))
	}
	slices.Sort(all)
	return all
}

// orderText is an order of arrival, numbers counting from one; of many events the
// first ones.
func orderText(order []int) string {
	const most = 20
	var parts []string
	for i, at := range order {
		if i == most {
			return strings.Join(parts, " ") + " ..."
		}
		parts = append(parts, fmt.Sprint(at+1))
	}
	return strings.Join(parts, " ")
}

// lineDiff is what only one of two sorted lists has.
func lineDiff(want, got []string) string {
	var b strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
