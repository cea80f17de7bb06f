package detections

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/ocsf"
)

// maxContext bounds the attributes that an alert shows by `context`.
const maxContext = 16

// alert reads what a rule says when it has a hit.
func (r *reader) alert(m *yamlpos.Mapping) {
	alert := m.Get("alert").Mapping()
	r.title(alert.Get("title"))
	if by := alert.Get("group_by"); by.Exists() {
		switch {
		case r.rule.Threshold != nil:
			by.Problemf("a rule with a threshold groups by threshold.by")
		case r.rule.Block() != BlockNone:
			by.Problemf("a rule with %s groups by the `by` of it", r.rule.Block())
		default:
			r.groups(by, 0, len(r.rule.Conditions))
		}
	}
	r.rule.Alert.Suppress = window(alert.Get("suppress"))
	if context := alert.Get("context"); context.Exists() {
		r.context(context)
	}
	alert.Done()
}

// jinja is what other templates have for a value.
var jinja = regexp.MustCompile(`\{\{ *[a-z_]+(\.[a-z_]+)* *\}\}`)

// title compiles the title for every condition that a hit can be of.
func (r *reader) title(n yamlpos.Node) {
	text := n.Str()
	spans := []span{{text: r.rule.Title}}
	if n.Exists() {
		var problem string
		var at int
		if spans, problem, at = splitTemplate(text); problem != "" {
			line, col, _ := n.Place(1, at)
			r.doc.Report(line, col, n.Path(), "%s", problem)
			return
		}
	} else {
		text = r.rule.Title
	}
	for _, at := range jinja.FindAllStringIndex(text, -1) {
		line, col, _ := n.Place(1, utf8.RuneCountInString(text[:at[0]]))
		r.doc.Warn(line, col, n.Path(), "{{ and }} are braces of the text; write one of each for the value: {%s}", strings.Trim(text[at[0]:at[1]], "{} "))
	}
	r.rule.Alert.Title = text
	for i, class := range r.classes {
		c := &r.rule.Conditions[i]
		if !r.rule.canHit(c) {
			continue
		}
		c.title = &template{}
		for _, s := range spans {
			if !s.isExpr {
				c.title.parts = append(c.title.parts, part{text: s.text})
			} else if e := r.compile(n, s.text, s.offset, class, expr.Scalar); e != nil {
				c.title.parts = append(c.title.parts, part{expr: e})
			}
		}
	}
}

// severity reads a word, or compiles an expression that gives one.
func (r *reader) severity(n yamlpos.Node) {
	text := n.Text()
	if !r.isExpression(text) {
		r.rule.Severity = severityID(n.OneOf(severityNames[1:]...))
		return
	}
	r.rule.SeverityExpr = text
	for i, class := range r.classes {
		c := &r.rule.Conditions[i]
		if !r.rule.canHit(c) {
			continue
		}
		if c.severity = r.compile(n, text, 0, class, expr.Scalar); c.severity == nil {
			continue
		}
		r.severityWords(n, c.severity)
		switch t := c.severity.Type; {
		case t.Kind() == types.StringKind, t.Kind() == types.IntKind, isJSON(t):
		default:
			n.Problemf("a severity is one of %s, or a number; this is of type %s", strings.Join(severityNames[1:], ", "), typeName(t))
		}
	}
}

// severityWords holds the literals that an expression gives against the words: what
// is none alerts as high.
func (r *reader) severityWords(n yamlpos.Node, e *expr.Expr) {
	for _, o := range e.Outcomes {
		switch v := o.Value.(type) {
		case types.String:
			if word := string(v); severityID(strings.ToLower(word)) == ocsf.SeverityIDUnknown {
				line, col, _ := n.Place(o.Line, o.Col)
				r.doc.Report(line, col, n.Path(), "%q is no severity%s", word, hintOrAll(word, severityNames[1:]))
			}
		case types.Int:
			if v < ocsf.SeverityIDInformational || v > ocsf.SeverityIDFatal {
				line, col, _ := n.Place(o.Line, o.Col)
				r.doc.Report(line, col, n.Path(), "%d is no severity; it is a number from 1 to %d, or one of %s", int64(v), ocsf.SeverityIDFatal, strings.Join(severityNames[1:], ", "))
			}
		}
	}
}

// isExpression tells the source of an expression from a word that is, or should be, a
// severity.
func (r *reader) isExpression(text string) bool {
	isWord := !strings.ContainsFunc(text, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-')
	})
	return text != "" && (!isWord || slices.ContainsFunc(r.classes, func(c *ocsf.Class) bool {
		return slices.ContainsFunc(c.Attributes, func(a ocsf.Attribute) bool { return a.Name == text })
	}))
}

// namedKey is an element of `by`, `group_by` or `context`: an attribute's path, or
// {name, expr}.
type namedKey struct {
	GroupKey
	element, source yamlpos.Node
}

// keys reads such elements.
func (r *reader) keys(n yamlpos.Node) []namedKey {
	var keys []namedKey
	seen := map[string]bool{}
	for _, element := range n.List() {
		k := namedKey{element: element, source: element}
		if element.IsMapping() {
			m := element.Mapping()
			k.Name = m.Require("name").Str()
			k.source = m.Require("expr")
			k.Expr = k.source.Str()
			m.Done()
		} else {
			k.Expr = element.Str()
			k.Name = k.Expr
		}
		if k.Expr == "" || k.Name == "" {
			continue
		}
		if seen[k.Name] {
			element.Problemf("%s is listed twice", k.Name)
		}
		seen[k.Name] = true
		keys = append(keys, k)
	}
	return keys
}

// checkNamed demands a name for what is no attribute.
func (k *namedKey) checkNamed(e *expr.Expr) {
	if e != nil && e.Path == "" && !k.element.IsMapping() {
		k.element.Problemf("not an attribute; give it a name: {name: ..., expr: %s}", quoteJSON(k.Expr))
	}
}

// groups reads `by` or `group_by` of the conditions [from, to). All conditions of a
// rule have as many keys, of the same types.
func (r *reader) groups(n yamlpos.Node, from, to int) {
	alert := &r.rule.Alert
	keys := r.keys(n)
	first := alert.Group == nil
	if !first && n.IsList() && len(keys) != len(alert.Group) {
		n.Problemf("want %d, as the first `by` has: events meet in a group by as many values", len(alert.Group))
		return
	}
	if first {
		alert.Group = make([]GroupKey, 0, len(keys))
		r.types = make([]*types.Type, len(keys))
	}
	for at, k := range keys {
		if first {
			alert.Group = append(alert.Group, k.GroupKey)
		}
		for i := from; i < to; i++ {
			e := r.compile(k.source, k.Expr, 0, r.classes[i], expr.Scalar)
			k.checkNamed(e)
			r.rule.Conditions[i].group = append(r.rule.Conditions[i].group, e)
			r.sameType(k, at, e)
		}
	}
}

// sameType holds the type of a group's value against that of the conditions before.
func (r *reader) sameType(k namedKey, at int, e *expr.Expr) {
	switch {
	case e == nil:
	case r.types[at] == nil || isJSON(r.types[at]):
		r.types[at] = e.Type
	case isJSON(e.Type):
	case e.Type.Kind() != r.types[at].Kind():
		k.source.Problemf("of type %s, but %s before it is of type %s: they never meet in a group", typeName(e.Type), r.rule.Alert.Group[at].Name, typeName(r.types[at]))
	}
}

// context reads what of the hits' events an alert shows. Of rules about several
// classes each attribute is shown of those that have it.
func (r *reader) context(n yamlpos.Node) {
	keys := r.keys(n)
	if len(keys) > maxContext {
		n.Problemf("at most %d, got %d", maxContext, len(keys))
		return
	}
	for _, k := range keys {
		r.rule.Alert.Context = append(r.rule.Alert.Context, k.GroupKey)
		some := false
		for i, class := range r.classes {
			e := r.compiler.Compile(class, k.Expr, expr.Scalar, func(int, int, bool, string) {})
			some = some || e != nil
			k.checkNamed(e)
			r.rule.Conditions[i].context = append(r.rule.Conditions[i].context, e)
		}
		for _, class := range r.classes {
			if !some || k.source.Placeable() != "" {
				r.compile(k.source, k.Expr, 0, class, expr.Scalar) // to report why
				break
			}
		}
	}
}
