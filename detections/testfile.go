package detections

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/internal/yamlpos"
)

// maxRepeat bounds `repeat` of a test.
const maxRepeat = 10_000

// tests reads the tests of a rule. There must be one that expects an alert and one
// that expects none.
func (r *reader) tests(m *yamlpos.Mapping) {
	all := m.Require("tests")
	firing, silent := false, false
	names := map[string]bool{}
	for _, n := range all.List() {
		t := r.test(n)
		if t.Name != "" && names[t.Name] {
			n.Problemf("another test is called %q, too", t.Name)
		}
		names[t.Name] = true
		if unread := !t.alerts.IsList() && !t.alerts.IsInt() || t.Count < 0; unread { // which is said; it may be either
			firing, silent = true, true
		}
		firing = firing || t.wantsAlerts()
		silent = silent || !t.wantsAlerts()
		r.rule.Tests = append(r.rule.Tests, t)
	}
	if !all.IsList() {
		return
	}
	if !firing {
		all.Problemf("no test expects an alert; add one with `alerts: [{title: ...}]`")
	}
	if !silent {
		all.Problemf("no test expects silence; add one with `alerts: []`")
	}
}

// hintOrAll is what a word probably means, else all that it may be.
func hintOrAll(word string, all []string) string {
	if hint := suggest.Hint(word, all); hint != "" {
		return hint
	}
	for _, name := range all { // cloudtrail for aws.cloudtrail
		if word != "" && strings.HasSuffix(name, "."+word) {
			return "; did you mean \"" + name + "\"?"
		}
	}
	return "; there are " + strings.Join(all, ", ")
}

func (r *reader) test(n yamlpos.Node) Test {
	m := n.Mapping()
	t := Test{Name: m.Require("name").Str(), node: n}
	t.Source = r.testSource(m.Require("source"))
	if events := m.Get("events"); events.Exists() {
		for _, key := range []string{"input", "raw", "set", "repeat", "every"} {
			m.Get(key)
			m.Key(key).Problemf("%s belongs into an element of events", key)
		}
		for _, e := range events.List() {
			em := e.Mapping()
			t.Events = append(t.Events, r.testEvent(em, true))
			em.Done()
		}
		if events.IsList() && len(t.Events) == 0 {
			events.Problemf("empty; a test gives at least one event")
		}
	} else {
		t.Events = []TestEvent{r.testEvent(m, false)}
	}
	t.Lists = r.testLists(m.Get("lists"))
	t.Seen = r.seen(m.Get("seen"))
	r.wantAlerts(&t, m.Require("alerts"))
	m.Done()
	return t
}

// testSource reads the name of a source of this build.
func (r *reader) testSource(n yamlpos.Node) string {
	name := n.Str()
	if name != "" && len(r.sources) > 0 && !slices.Contains(r.sources, name) {
		n.Problemf("unknown source %q%s", name, hintOrAll(name, r.sources))
	}
	return name
}

// wantAlerts reads the alerts that a test expects: a list, or their number.
func (r *reader) wantAlerts(t *Test, n yamlpos.Node) {
	t.alerts = n
	if n.IsInt() {
		if t.Count = int(n.Int()); t.Count < 0 || t.Count > maxRepeat {
			n.Problemf("want a number from 0 to %d, or a list of alerts", maxRepeat)
		}
		return
	}
	if n.IsNull() {
		n.Problemf("write `[]` for no alert, or list them: `[{title: ...}]`")
		return
	}
	t.Alerts = []WantAlert{}
	if n.IsScalar() {
		n.Problemf("want a list of alerts, or their number, got %q", n.Text())
		return
	}
	for _, a := range n.List() {
		t.Alerts = append(t.Alerts, r.wantAlert(a))
	}
}

// testLists reads the lists that a test has in place of those of the rules
// directory.
func (r *reader) testLists(n yamlpos.Node) map[string]*expr.List {
	if !n.Exists() {
		return nil
	}
	lists := map[string]*expr.List{}
	for _, member := range n.Mapping().Members() {
		of := r.compiler.List(member.Name)
		if of == nil {
			member.Key.Problemf("unknown list %s%s", member.Name, suggest.Hint(member.Name, r.compiler.Lists()))
			continue
		}
		lists[member.Name] = listOf(of, member.Value.List())
	}
	return lists
}

// testEvent reads where an event of a test comes from.
func (r *reader) testEvent(m *yamlpos.Mapping, listed bool) TestEvent {
	input, raw := m.Get("input"), m.Get("raw")
	e := TestEvent{Input: input.Str(), Raw: raw.Str(), Repeat: 1, node: m.Node(), input: input}
	switch {
	case input.Exists() && raw.Exists():
		raw.Problemf("an event has input or raw, not both")
	case !input.Exists() && !raw.Exists() && m.Node().IsMapping():
		m.Node().Problemf("missing the event; add `input:` (a fixture file), `raw:` (the record itself) or `events:` (several)")
	case strings.HasPrefix(e.Input, "/") || strings.Contains(e.Input, ".."):
		input.Problemf("a fixture is beside the rule or below testdata; name it from there")
	}
	if set := m.Get("set"); set.Exists() {
		if !set.IsMapping() {
			set.Problemf("want a mapping: a JSON Merge Patch of the record")
		}
		e.Set, _ = json.Marshal(set.Any()) // what Any gives has a JSON form
	}
	if repeat := m.Get("repeat"); repeat.Exists() {
		e.Repeat = int(repeat.Int())
		if repeat.IsInt() && e.Repeat < 1 || e.Repeat > maxRepeat {
			repeat.Problemf("want a number from 1 to %d", maxRepeat)
		}
	}
	e.Every, _ = duration(m.Get("every"))
	if listed {
		e.Source = r.testSource(m.Get("source"))
		e.At, e.HasAt = offset(m.Get("at"))
	}
	return e
}

// wantAlert reads an alert that a test expects.
func (r *reader) wantAlert(n yamlpos.Node) WantAlert {
	m := n.Mapping()
	w := WantAlert{Title: m.Get("title").Str(), node: n}
	if severity := m.Get("severity"); severity.Exists() {
		w.Severity = severity.OneOf(severityNames[1:]...)
	}
	if group := m.Get("group"); group.Exists() {
		w.Group = map[string]string{}
		for _, member := range group.Mapping().Members() {
			if !slices.ContainsFunc(r.rule.Alert.Group, func(k GroupKey) bool { return k.Name == member.Name }) {
				member.Key.Problemf("the rule does not group by %s", member.Name)
			}
			w.Group[member.Name] = member.Value.Text()
		}
	}
	if context := m.Get("context"); context.Exists() {
		w.Context = map[string]string{}
		for _, member := range context.Mapping().Members() {
			if !slices.ContainsFunc(r.rule.Alert.Context, func(k GroupKey) bool { return k.Name == member.Name }) {
				member.Key.Problemf("alert.context does not have %s", member.Name)
			}
			w.Context[member.Name] = wantText(member.Value)
		}
	}
	w.Window = wantWindow(m.Get("window"))
	if events := m.Get("events"); events.Exists() {
		if w.Events = int(events.Int()); w.Events < 1 {
			events.Problemf("want how many events the alert is about, at least 1")
		}
	}
	w.Bodies = wantBodies(m.Get("body"))
	m.Done()
	return w
}

// wantText is a value as alerts hold it: lists and mappings as JSON.
func wantText(n yamlpos.Node) string {
	if !n.IsList() && !n.IsMapping() {
		return n.Text()
	}
	text, _ := json.Marshal(n.Any()) // what Any gives has a JSON form
	return string(text)
}

// wantWindow reads [START, END]: times, or durations since the first event.
func wantWindow(n yamlpos.Node) *WantWindow {
	if !n.Exists() {
		return nil
	}
	both := n.List()
	if len(both) != 2 {
		if n.IsList() {
			n.Problemf("want two: when the first and the last event of the alert happened, as [+0s, +4m]")
		}
		return nil
	}
	w := &WantWindow{wantTime(both[0]), wantTime(both[1])}
	if w.Start.Relative != w.End.Relative {
		n.Problemf("want two times or two durations since the first event")
	}
	return w
}

func wantTime(n yamlpos.Node) WantTime {
	text := n.Text()
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return WantTime{Milli: at.UnixMilli()}
	}
	d, _ := offset(n)
	return WantTime{d.Milliseconds(), true}
}

// wantBodies reads {destination, equals}, or several of it.
func wantBodies(n yamlpos.Node) (bodies []WantBody) {
	if !n.Exists() {
		return nil
	}
	all := []yamlpos.Node{n}
	if n.IsList() {
		all = n.List()
	}
	for _, b := range all {
		m := b.Mapping()
		w := WantBody{Destination: m.Require("destination").Str(), Equals: m.Require("equals").Str()}
		if strings.HasPrefix(w.Equals, "/") || strings.Contains(w.Equals, "..") {
			m.Get("equals").Problemf("want a file beside the rule")
		}
		m.Done()
		bodies = append(bodies, w)
	}
	return bodies
}
