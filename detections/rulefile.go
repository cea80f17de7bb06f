package detections

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/ocsf"
)

// reader reads one rule file.
type reader struct {
	doc      *yamlpos.Document
	compiler *expr.Compiler
	sources  []string
	rule     *Rule
	classes  []*ocsf.Class // of the rule's conditions
}

// readRule reads a rule; what is wrong with it is in the document's problems.
func readRule(doc *yamlpos.Document, file string, compiler *expr.Compiler, sources []string) *Rule {
	root := doc.Root()
	r := &reader{doc: doc, compiler: compiler, sources: sources, rule: &Rule{ID: pathID(file), File: file, node: root}}
	if root.Exists() {
		m := root.Mapping()
		r.identity(m)
		r.about(m)
		r.conditions(m)
		r.threshold(m.Get("threshold"))
		r.alert(m)
		r.tests(m)
		m.Done()
		r.version()
	}
	return r.rule
}

// identity reads what a rule is called.
func (r *reader) identity(m *yamlpos.Mapping) {
	id := m.Require("id")
	switch text := id.Str(); {
	case text == "":
	case text != r.rule.ID:
		id.Problemf("the id follows from the path: %s", r.rule.ID)
	case !idPattern.MatchString(text):
		id.Problemf("an id consists of lower-case letters, digits and _; rename the file")
	}
	for _, alias := range m.Get("aliases").List() {
		text := alias.Str()
		if text != "" && !idPattern.MatchString(text) {
			alias.Problemf("%q is no rule id", text)
		}
		r.rule.Aliases = append(r.rule.Aliases, text)
	}
}

// about reads what a rule says to people.
func (r *reader) about(m *yamlpos.Mapping) {
	rule := r.rule
	rule.Title = m.Require("title").Str()
	rule.Status = Status(m.Require("status").OneOf(string(StatusExperimental), string(StatusTest), string(StatusStable), string(StatusDeprecated)))
	rule.Severity = severityID(m.Require("severity").OneOf(severityNames[1:]...))
	rule.Description = m.Get("description").Str()
	rule.FalsePositives = m.Get("false_positives").Strings()
	rule.Tags = m.Get("tags").Strings()
	for _, n := range m.Get("attack").List() {
		id := n.Str()
		if problem := checkTechnique(id); id != "" && problem != "" {
			n.Problemf("%s", problem)
		}
		rule.Attack = append(rule.Attack, id)
	}
	for _, n := range m.Get("references").List() {
		text := n.Str()
		if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			n.Problemf("want a URL, as https://example.com/page")
		}
		rule.References = append(rule.References, text)
	}
}

// notYet are the blocks of the format that this version refuses.
var notYet = []string{"sequence", "absence", "first_seen"}

// conditions reads class and when, or any.
func (r *reader) conditions(m *yamlpos.Mapping) {
	later := false
	for _, key := range notYet {
		if m.Get(key).Exists() {
			m.Key(key).Problemf("not supported by this version yet: %s; it has conditions and threshold.count", key)
			later = true
		}
	}
	several := m.Get("any")
	switch {
	case several.Exists():
		for _, key := range []string{"class", "when"} {
			m.Get(key)
			m.Key(key).Problemf("a rule has class and when, or any, not both")
		}
		r.several(several)
	case later && !m.Get("class").Exists(): // its steps have the conditions
	default:
		r.condition(m.Require("class"), m.Require("when"))
	}
}

func (r *reader) several(several yamlpos.Node) {
	seen := map[string]bool{}
	pairs := several.List()
	if several.IsList() && len(pairs) == 0 {
		several.Problemf("empty; list pairs of class and when")
	}
	for _, pair := range pairs {
		m := pair.Mapping()
		class := m.Require("class")
		if name := class.Text(); name != "" && seen[name] {
			class.Problemf("%s is listed twice; join its conditions with ||", name)
		} else {
			seen[name] = true
		}
		r.condition(class, m.Require("when"))
		m.Done()
	}
}

// condition reads one class and compiles its condition.
func (r *reader) condition(class, when yamlpos.Node) {
	c := r.class(class)
	text := when.Str()
	if c == nil || text == "" {
		if c != nil && when.IsEmptyText() {
			when.Problemf("empty; write a condition, or `true` for every event of the class")
		}
		return
	}
	e := r.compile(when, strings.TrimRight(text, " \n"), 0, c, expr.Condition)
	r.classes = append(r.classes, c)
	r.rule.Conditions = append(r.rule.Conditions, Condition{Class: c.UID, When: strings.TrimSpace(text), program: e})
}

// class finds the class of a condition.
func (r *reader) class(n yamlpos.Node) *ocsf.Class {
	name := n.Str()
	if name == "" {
		return nil
	}
	c := ocsf.ClassByName(name)
	if c == nil {
		names := make([]string, len(ocsf.Classes))
		for i := range ocsf.Classes {
			names[i] = ocsf.Classes[i].Name
		}
		n.Problemf("unknown class %q%s (there are %s)", name, suggest.Hint(name, names), strings.Join(names, ", "))
	}
	return c
}

// compile compiles an expression that begins at an offset, in characters, of a
// scalar's first line.
func (r *reader) compile(n yamlpos.Node, text string, offset int, class *ocsf.Class, want expr.Want) *expr.Expr {
	if advice := n.Placeable(); advice != "" {
		n.Problemf("%s", advice)
		return nil
	}
	return r.compiler.Compile(class, text, want, func(line, col int, warning bool, message string) {
		if line == 1 {
			col += offset
		}
		fileLine, fileCol, _ := n.Place(line, col)
		if warning {
			r.doc.Warn(fileLine, fileCol, n.Path(), "%s", message)
			return
		}
		r.doc.Report(fileLine, fileCol, n.Path(), "%s", message)
	})
}

// threshold reads the block of that name.
func (r *reader) threshold(n yamlpos.Node) {
	if !n.Exists() {
		return
	}
	m := n.Mapping()
	t := &Threshold{}
	for _, key := range []string{"distinct", "sum", "over"} {
		if m.Get(key).Exists() {
			m.Key(key).Problemf("not supported by this version yet: threshold.%s; threshold.count counts events", key)
		}
	}
	if count := m.Require("count"); count.Exists() {
		t.Count = int(count.Int())
		switch {
		case !count.IsInt(): // reported
		case t.Count < 2:
			count.Problemf("at least 2; every event is one by itself without a threshold")
		case t.Count > maxCount:
			count.Problemf("at most %d", maxCount)
		}
	}
	t.Within = window(m.Require("within"))
	r.groups(m.Require("by"))
	m.Done()
	r.rule.Threshold = t
}

// maxCount bounds the events that a group keeps at least.
const maxCount = 100_000

// alert reads what a rule says when it has a hit.
func (r *reader) alert(m *yamlpos.Mapping) {
	alert := m.Get("alert").Mapping()
	title := alert.Get("title")
	r.rule.Alert.Title = title.Str()
	if !title.Exists() {
		r.rule.Alert.Title = r.rule.Title
		text := &template{parts: []part{{text: r.rule.Title}}}
		for range r.classes {
			r.rule.Alert.titles = append(r.rule.Alert.titles, text)
		}
	} else {
		r.title(title)
	}
	if by := alert.Get("group_by"); by.Exists() {
		if r.rule.Threshold != nil {
			by.Problemf("a rule with a threshold groups by threshold.by")
		} else {
			r.groups(by)
		}
	}
	r.rule.Alert.Suppress = window(alert.Get("suppress"))
	alert.Done()
}

// title compiles the title for every class.
func (r *reader) title(n yamlpos.Node) {
	spans, problem, at := splitTemplate(r.rule.Alert.Title)
	if problem != "" {
		line, col, _ := n.Place(1, at)
		r.doc.Report(line, col, n.Path(), "%s", problem)
		return
	}
	for _, class := range r.classes {
		t := &template{}
		for _, s := range spans {
			if !s.isExpr {
				t.parts = append(t.parts, part{text: s.text})
			} else if e := r.compile(n, s.text, s.offset, class, expr.Scalar); e != nil {
				t.parts = append(t.parts, part{expr: e})
			}
		}
		r.rule.Alert.titles = append(r.rule.Alert.titles, t)
	}
}

// groups reads `by` or `group_by`: attribute paths, or {name, expr}.
func (r *reader) groups(n yamlpos.Node) {
	alert := &r.rule.Alert
	alert.groups = make([][]*expr.Expr, len(r.classes))
	seen := map[string]bool{}
	for _, element := range n.List() {
		source, key := element, GroupKey{}
		if element.IsMapping() {
			m := element.Mapping()
			key.Name = m.Require("name").Str()
			source = m.Require("expr")
			key.Expr = source.Str()
			m.Done()
		} else {
			key.Expr = element.Str()
			key.Name = key.Expr
		}
		if key.Expr == "" || key.Name == "" {
			continue
		}
		if seen[key.Name] {
			element.Problemf("%s is listed twice", key.Name)
		}
		seen[key.Name] = true
		alert.Group = append(alert.Group, key)
		for i, class := range r.classes {
			e := r.compile(source, key.Expr, 0, class, expr.Scalar)
			if e != nil && e.Path == "" && !element.IsMapping() {
				element.Problemf("not an attribute; give it a name: {name: ..., expr: %s}", quoteJSON(key.Expr))
			}
			alert.groups[i] = append(alert.groups[i], e)
		}
	}
}

// version hashes what decides about hits and groups.
func (r *reader) version() {
	type group struct{ Name, Expr string }
	v := struct {
		Conditions []group
		Threshold  *Threshold
		Group      []group
		Suppress   int64
	}{Threshold: r.rule.Threshold, Suppress: r.rule.suppress().Milliseconds()}
	for i, c := range r.rule.Conditions {
		if c.program == nil {
			return // refused
		}
		v.Conditions = append(v.Conditions, group{r.classes[i].Name, c.program.Source})
	}
	for i, k := range r.rule.Alert.Group {
		for _, keys := range r.rule.Alert.groups {
			if i < len(keys) && keys[i] != nil {
				v.Group = append(v.Group, group{k.Name, keys[i].Source})
			}
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode rule: %v", err)) // strings and integers only
	}
	r.rule.Version = hashID(string(text))[:12]
}
