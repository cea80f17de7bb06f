package detections

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Update writes into the rule files below dir what the failed tests of a report
// gave: of alerts what the tests assert, of bodies the files. Comments and layout
// stay. It returns the files that it has written, below dir.
func (r *Report) Update(dir string) ([]string, error) {
	edits := map[string][]yamlpos.Edit{}
	docs := map[string]*yamlpos.Document{}
	var written []string
	for i := range r.Results {
		t := &r.Results[i]
		if len(t.Failures) == 0 || t.broken {
			continue
		}
		for _, b := range t.bodies {
			file := filepath.Join(dir, filepath.FromSlash(b.file))
			if old, err := os.ReadFile(file); err == nil && sameBody(old, b.text) {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return written, fmt.Errorf("write a body: %w", err)
			}
			if err := os.WriteFile(file, append(b.text, '\n'), 0o644); err != nil {
				return written, fmt.Errorf("write a body: %w", err)
			}
			written, t.Updated = append(written, b.file), true
		}
		if made := t.edits(); len(made) > 0 {
			t.Updated = true
			edits[t.rule.File] = append(edits[t.rule.File], made...)
			docs[t.rule.File] = t.test.node.Document()
		}
	}
	for file, made := range edits {
		text := docs[file].Apply(made)
		if err := writeInPlace(filepath.Join(dir, filepath.FromSlash(file)), text); err != nil {
			return written, err
		}
		written = append(written, file)
	}
	slices.Sort(written)
	return slices.Compact(written), nil
}

// writeInPlace replaces a file whole: a reader sees the old content or the new one.
func writeInPlace(file string, text []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	temporary := file + ".weir~"
	if err := os.WriteFile(temporary, text, mode); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// edits is how the test's expected alerts become those that it gave.
func (t *TestResult) edits() []yamlpos.Edit {
	if t.test.Alerts == nil || len(t.test.Alerts) != len(t.got) {
		return t.recount()
	}
	var edits []yamlpos.Edit
	run := testRun{start: t.start}
	pairs, left := run.pair(t.test.Alerts, t.got)
	for i, w := range t.test.Alerts {
		if pairs[i] == nil {
			edits = append(edits, t.correct(w, left[0])...)
			left = left[1:]
		}
	}
	return edits
}

// correct makes a wanted alert that of an actual one, value by value.
func (t *TestResult) correct(w WantAlert, a *ocsf.Event) (edits []yamlpos.Edit) {
	set := func(n yamlpos.Node, want, got string) {
		if n.Exists() && want != got {
			edits = append(edits, n.Replace(yamlText(got)))
		}
	}
	m := w.node.Mapping()
	set(m.Get("title"), w.Title, a.FindingInfo.Title())
	set(m.Get("severity"), w.Severity, severityName(a.SeverityID()))
	group, context := weirValues(a, "group"), weirValues(a, "context")
	for _, member := range m.Get("group").Mapping().Members() {
		set(member.Value, w.Group[member.Name], group[member.Name])
	}
	for _, member := range m.Get("context").Mapping().Members() {
		set(member.Value, w.Context[member.Name], context[member.Name])
	}
	if w.Window != nil {
		start, end := w.Window.like(a.StartTime(), t.start), w.Window.like(a.EndTime(), t.start)
		both := m.Get("window").List()
		if start != w.Window.Start {
			edits = append(edits, both[0].Replace(start.text()))
		}
		if end != w.Window.End {
			edits = append(edits, both[1].Replace(end.text()))
		}
	}
	if w.Events > 0 && w.Events != int(a.Count()) {
		edits = append(edits, m.Get("events").Replace(fmt.Sprint(a.Count())))
	}
	return edits
}

// recount writes the whole value of alerts anew, for their number differs.
func (t *TestResult) recount() []yamlpos.Edit {
	if t.test.Alerts == nil {
		if t.test.Count == len(t.got) {
			return nil
		}
		return []yamlpos.Edit{t.test.alerts.Replace(fmt.Sprint(len(t.got)))}
	}
	if t.test.alerts.IsBlock() && len(t.got) > 0 {
		return t.resize()
	}
	var all []string
	for _, a := range t.got {
		all = append(all, "{"+strings.Join(wantedFields(a), ", ")+"}")
	}
	return []yamlpos.Edit{t.test.alerts.Replace("[" + strings.Join(all, ", ") + "]")}
}

// resize removes elements of a block list that nothing answers to, and adds what is
// missing.
func (t *TestResult) resize() (edits []yamlpos.Edit) {
	run := testRun{start: t.start}
	pairs, left := run.pair(t.test.Alerts, t.got)
	for i, w := range t.test.Alerts {
		switch {
		case pairs[i] != nil:
		case len(left) > 0:
			edits = append(edits, t.correct(w, left[0])...)
			left = left[1:]
		default:
			edits = append(edits, w.node.Remove())
		}
	}
	for _, a := range left {
		edits = append(edits, t.test.alerts.Append(wantedFields(a)))
	}
	return edits
}

// wantedFields is what a new element of alerts asserts.
func wantedFields(a *ocsf.Event) []string {
	return []string{"title: " + yamlText(a.FindingInfo.Title()), "severity: " + severityName(a.SeverityID())}
}

// plainText is what YAML takes for this very text without quotes, also within
// brackets.
var plainText = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./@-]*( [A-Za-z0-9_./@-]+)*$`)

// yamlText is a text as a YAML scalar.
func yamlText(s string) string {
	if plainText.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	text, _ := json.Marshal(s) // a string; YAML reads JSON's escapes
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))
}
