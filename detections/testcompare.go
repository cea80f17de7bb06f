package detections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
)

// compare holds the alerts against the expected ones, whose order does not matter.
func (r *testRun) compare(t *Test) {
	alerts := r.out.alerts
	if t.Count > 0 || t.Alerts == nil {
		if len(alerts) != t.Count {
			r.failf("want %s, got %d%s", plural(t.Count, "alert"), len(alerts), listAlerts(alerts))
		}
		return
	}
	pairs, left := r.pair(t.Alerts, alerts)
	for i, w := range t.Alerts {
		switch {
		case pairs[i] != nil:
		case len(left) == 1 && len(t.Alerts) == 1:
			r.failf("%s", r.difference(w, left[0]))
			left = nil
		default:
			r.failf("want %s, got none", describeWant(w))
		}
	}
	for _, a := range left {
		r.failf("got an alert that no element of alerts wants: %s", describeAlert(a))
	}
	if len(alerts) == 0 && len(t.Alerts) > 0 {
		r.failf("no alert at all: the condition %s", r.reach())
	}
}

// pair gives each wanted alert an actual one that is as it says, no two the same, so
// that as many as possible have one: a want that says little does not take the only
// alert that one which says more would have. left are the alerts that none has.
func (r *testRun) pair(wants []WantAlert, alerts []*ocsf.Event) (pairs, left []*ocsf.Event) {
	has := make([]int, len(alerts)) // the want that an alert is given to, -1 for none
	for i := range has {
		has[i] = -1
	}
	var give func(want int, tried []bool) bool
	give = func(want int, tried []bool) bool {
		for i, a := range alerts {
			if tried[i] || r.difference(wants[want], a) != "" {
				continue
			}
			tried[i] = true
			if has[i] < 0 || give(has[i], tried) {
				has[i] = want
				return true
			}
		}
		return false
	}
	for want := range wants {
		give(want, make([]bool, len(alerts)))
	}
	pairs = make([]*ocsf.Event, len(wants))
	for i, want := range has {
		if want >= 0 {
			pairs[want] = alerts[i]
		} else {
			left = append(left, alerts[i])
		}
	}
	return pairs, left
}

// reach tells how far the events came.
func (r *testRun) reach() string {
	text := fmt.Sprintf("held for %d of %s", r.out.health.Matches, plural(len(r.given), "event"))
	if t := r.rule.Threshold; t != nil && t.Count > 0 {
		text += fmt.Sprintf(", the threshold is %d in a group", t.Count)
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shownText is a text in quotes, as a rule file would have it.
func shownText(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always has a JSON form
	return strings.TrimSuffix(b.String(), "\n")
}

// difference says how an alert is not as wanted; empty if it is.
func (r *testRun) difference(w WantAlert, a *ocsf.Event) string {
	var parts []string
	differ := func(what, want, got string) {
		if want != got {
			parts = append(parts, fmt.Sprintf("want %s %s\n got %s %s", what, want, what, got))
		}
	}
	if w.Title != "" {
		differ("title", shownText(w.Title), shownText(a.FindingInfo.Title()))
	}
	if w.Severity != "" {
		differ("severity", w.Severity, severityName(a.SeverityID()))
	}
	group, context := groupValues(a), weirValues(a, "context")
	for _, name := range slices.Sorted(maps.Keys(w.Group)) {
		differ("group "+name, shownText(w.Group[name]), shownText(group[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Context)) {
		differ("context "+name, shownText(w.Context[name]), shownText(context[name]))
	}
	if w.Window != nil {
		differ("window", w.Window.text(), (&WantWindow{Start: w.Window.like(a.StartTime(), r.start), End: w.Window.like(a.EndTime(), r.start)}).text())
	}
	if w.Events > 0 {
		differ("events", fmt.Sprint(w.Events), fmt.Sprint(a.Count()))
	}
	return strings.Join(parts, "\n")
}

// WantWindow is when the first and the last event of an alert happened.
type WantWindow struct{ Start, End WantTime }

// WantTime is a time in milliseconds, or if Relative since the first event of the
// test.
type WantTime struct {
	Milli    int64
	Relative bool
}

// like is a time as the test wrote it.
func (w *WantWindow) like(milli, start int64) WantTime {
	if w.Start.Relative {
		return WantTime{milli - start, true}
	}
	return WantTime{milli, false}
}

func (w *WantWindow) text() string {
	return "[" + w.Start.text() + ", " + w.End.text() + "]"
}

func (t WantTime) text() string {
	if t.Relative {
		sign := "+"
		if t.Milli < 0 {
			sign = ""
		}
		d := (time.Duration(t.Milli) * time.Millisecond).String()
		if strings.HasSuffix(d, "m0s") { // 1h0m0s is 1h0m
			d = strings.TrimSuffix(d, "0s")
		}
		if strings.HasSuffix(d, "h0m") {
			d = strings.TrimSuffix(d, "0m")
		}
		return sign + d
	}
	return time.UnixMilli(t.Milli).UTC().Format("2006-01-02T15:04:05.999Z07:00")
}

// weirValues is the group or the context of an alert, as texts.
func weirValues(a *ocsf.Event, key string) map[string]string {
	var unmapped struct {
		Weir map[string]json.RawMessage `json:"weir"`
	}
	values, members := map[string]string{}, map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(string(a.Unmapped())))
	if decoder.Decode(&unmapped) != nil || unmapped.Weir[key] == nil {
		return values
	}
	decoder = json.NewDecoder(bytes.NewReader(unmapped.Weir[key]))
	decoder.UseNumber()
	if decoder.Decode(&members) != nil {
		return values
	}
	for name, v := range members {
		switch v := v.(type) {
		case nil:
		case map[string]any, []any:
			text, _ := json.Marshal(v) // it was JSON
			values[name] = string(text)
		default:
			values[name] = fmt.Sprint(v)
		}
	}
	return values
}

func groupValues(a *ocsf.Event) map[string]string { return weirValues(a, "group") }

func describeWant(w WantAlert) string {
	text := "an alert"
	if w.Title != "" {
		text += fmt.Sprintf(" %q", w.Title)
	}
	if w.Severity != "" {
		text += " of severity " + w.Severity
	}
	if w.Events > 0 {
		text += " of " + plural(w.Events, "event")
	}
	return text + describeGroup(w.Group)
}

func describeAlert(a *ocsf.Event) string {
	return fmt.Sprintf("%q of severity %s", a.FindingInfo.Title(), severityName(a.SeverityID())) + describeGroup(groupValues(a))
}

// listAlerts is the alerts, one a line, of many the first ones.
func listAlerts(alerts []*ocsf.Event) string {
	const most = 5
	var b strings.Builder
	for i, a := range alerts {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(alerts)-most)
			break
		}
		b.WriteString("\n  " + describeAlert(a))
	}
	return b.String()
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

// gotBody is what a destination would be sent, and the file that says what it
// should be.
type gotBody struct {
	file string // below the rules directory
	text []byte
}

// compareBodies holds what destinations would be sent against files.
func (r *testRun) compareBodies(t *Test) {
	pairs, _ := r.pair(t.Alerts, r.out.alerts)
	for i, alert := range pairs {
		if alert == nil {
			continue // compare has said so
		}
		for _, b := range t.Alerts[i].Bodies {
			r.compareBody(b, alert)
		}
	}
}

func (r *testRun) compareBody(b WantBody, alert *ocsf.Event) {
	if r.opts.Render == nil {
		r.failf("body of %s: nothing renders alerts here; run weir test", b.Destination)
		return
	}
	got, err := r.opts.Render(b.Destination, alert)
	if err != nil {
		r.failf("body of %s: %v", b.Destination, err)
		return
	}
	file := path.Join(path.Dir(r.rule.File), b.Equals)
	r.bodies = append(r.bodies, gotBody{file, got})
	want, err := fs.ReadFile(r.fixtures, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.failf("body of %s: %s does not exist; weir test --update writes it", b.Destination, file)
	case err != nil:
		r.failf("body of %s: %v", b.Destination, err)
	case !sameBody(want, got):
		r.failf("body of %s is not that of %s\n%s", b.Destination, file, bodyDiff(want, got))
	}
}

// sameBody compares bodies; the line break that editors put at the end of a file
// does not count.
func sameBody(a, b []byte) bool {
	return bytes.Equal(bytes.TrimSuffix(a, []byte("\n")), bytes.TrimSuffix(b, []byte("\n")))
}

// bodyDiff is the lines in which two bodies differ, of JSON those of its printed
// form.
func bodyDiff(want, got []byte) string {
	const most = 20
	a, b := bodyLines(want), bodyLines(got)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var lines []string
	for _, line := range a {
		lines = append(lines, "- "+line)
	}
	for _, line := range b {
		lines = append(lines, "+ "+line)
	}
	if len(lines) == 0 {
		return "  the same JSON in another layout"
	}
	if len(lines) > most {
		lines = append(lines[:most], "...")
	}
	return strings.Join(lines, "\n")
}

func bodyLines(text []byte) []string {
	var printed bytes.Buffer
	if json.Indent(&printed, text, "", "  ") == nil {
		text = printed.Bytes()
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
