package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// Test is one record of a mapping with what becomes of it.
type Test struct {
	Name      string
	Line, Col int

	raw   []byte
	want  []wanted     // of the event
	error event.Reason // or why there is none
}

// Record is the record that the test gives. It is not the caller's.
func (t *Test) Record() []byte { return t.raw }

// wanted is an attribute of an event, with its value as JSON; null for none.
type wanted struct {
	path, value string
	line, col   int
}

// tests reads the tests. One of them at least has an event.
func (l *loader) tests(n yamlpos.Node) {
	names, events := map[string]bool{}, 0
	for _, e := range n.List() {
		m := e.Mapping()
		t := Test{}
		t.Line, t.Col = e.Pos()
		name := m.Require("name")
		if t.Name = name.Str(); names[t.Name] && t.Name != "" {
			name.Problemf("another test is called %q", t.Name)
		}
		names[t.Name] = true
		t.raw = l.input(m)
		ev, refused := m.Get("event"), m.Get("error")
		switch {
		case ev.Exists() == refused.Exists():
			e.Problemf("a test has event, or error")
		case ev.Exists():
			events++
			t.want = wants(ev)
		default:
			t.error = event.Reason(refused.OneOf("syntax", "wrong_source", "missing", "invalid_output"))
		}
		m.Done()
		l.mapping.Tests = append(l.mapping.Tests, t)
	}
	if n.IsList() && events == 0 {
		n.Problemf("no test has an event; give a record and what becomes of it")
	}
}

func wants(n yamlpos.Node) []wanted {
	var all []wanted
	for _, m := range n.Mapping().Members() {
		w := wanted{path: m.Name}
		w.line, w.col = m.Key.Pos()
		var b bytes.Buffer
		out := json.NewEncoder(&b)
		out.SetEscapeHTML(false)
		if err := out.Encode(m.Value.Any()); err != nil {
			m.Value.Problemf("%v", err)
			continue
		}
		w.value = strings.TrimSuffix(b.String(), "\n")
		all = append(all, w)
	}
	return all
}

// maxInput is the greatest size of a test's record.
const maxInput = 1 << 20

// input is the record of a test: in the file, or in one beside it.
func (l *loader) input(m *yamlpos.Mapping) []byte {
	raw, file := m.Get("raw"), m.Get("input")
	switch {
	case raw.Exists() == file.Exists():
		m.Node().Problemf("a test has raw, the record, or input, a file that holds it")
		return nil
	case raw.Exists():
		return []byte(strings.TrimRight(raw.Str(), "\n"))
	}
	name := file.Str()
	if name == "" {
		return nil
	}
	if !filepath.IsLocal(name) {
		file.Problemf("want a path below the mapping's directory")
		return nil
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(l.mapping.File), name))
	switch {
	case err != nil:
		file.Problemf("%v", err)
	case len(data) > maxInput:
		file.Problemf("has %d bytes, the limit is %d", len(data), maxInput)
		return nil
	}
	return bytes.TrimRight(data, "\r\n")
}

// Run runs a test and gives what failed; nil if it passed. An event is also held
// against OCSF.
func (m *Mapping) Run(t *Test) []string {
	rec := event.Record{Source: m.Source, Value: t.raw, Origin: event.Origin{Object: "test:" + t.Name}}
	var ev ocsf.Event
	err := m.New().Map(&rec, &ev)
	var refused *normalize.Error
	switch {
	case errors.As(err, &refused) && t.error == refused.Reason:
		return nil
	case err != nil && t.error != "":
		return []string{fmt.Sprintf("want the error %s, got %v", t.error, err)}
	case err != nil:
		return []string{err.Error()}
	}
	text := ev.AppendJSON(nil)
	if t.error != "" {
		return []string{fmt.Sprintf("want the error %s, got an event:\n%s", t.error, text)}
	}
	return m.compare(t, text)
}

func (m *Mapping) compare(t *Test, text []byte) (failures []string) {
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if err := doc.Parse(text); err != nil {
		return []string{"the event is no JSON: " + err.Error()}
	}
	for _, w := range t.want {
		got := at(doc.Root(), w.path)
		value := got.JSON()
		if !got.Exists() {
			value = "null"
		}
		if !sameJSON(w.value, value) {
			failures = append(failures, fmt.Sprintf("%s: want %s, got %s", w.path, w.value, orAbsent(got)))
		}
	}
	for _, v := range facts.Validate(text) {
		failures = append(failures, "not valid OCSF "+ocsf.Version+": "+v.String())
	}
	if m.recognise != nil && !m.recognises(t.raw) {
		failures = append(failures, "`recognise` does not take the record")
	}
	return failures
}

// recognises tells whether the mapping finds a record without being named.
func (m *Mapping) recognises(raw []byte) bool {
	if m.Lines {
		return m.LineDialect(string(raw)) != ""
	}
	var doc jsondoc.Doc
	return doc.Parse(raw) == nil && m.Dialect(doc.Root()) != ""
}

func orAbsent(v jsondoc.Value) string {
	if !v.Exists() {
		return "nothing"
	}
	return v.JSON()
}

// at is the value at a path with indexes: resources[0].uid. Of unmapped, whose keys may
// have dots, the longest key counts.
func at(v jsondoc.Value, path string) jsondoc.Value {
	if path == "" || !v.Exists() {
		return v
	}
	if rest, ok := strings.CutPrefix(path, "["); ok {
		index, rest, _ := strings.Cut(rest, "]")
		i, err := strconv.Atoi(index)
		if err != nil {
			return jsondoc.Value{}
		}
		return at(v.Index(i), strings.TrimPrefix(rest, "."))
	}
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") {
		if m := v.Get(path[:end]); m.Exists() {
			return at(m, strings.TrimPrefix(path[end:], "."))
		}
	}
	return jsondoc.Value{}
}

// sameJSON compares values without regard to layout and the order of members.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	one, err1 := json.Marshal(x)
	two, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && slices.Equal(one, two)
}
