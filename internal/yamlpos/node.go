package yamlpos

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/suggest"
)

// Node is one value of a document with its place. The zero Node is an absent
// one.
type Node struct {
	doc  *Document
	yaml *yaml.Node
	path string
	// at is where to report about an absent but required value: its mapping.
	at *yaml.Node
}

// Exists tells whether the value is in the file. `key:` without a value exists
// and IsNull.
func (n Node) Exists() bool { return n.yaml != nil }

// IsNull tells an explicit null or an empty value.
func (n Node) IsNull() bool { return n.yaml != nil && n.yaml.ShortTag() == "!!null" }

// IsMapping, IsList and IsScalar tell the shape of an existing value.
func (n Node) IsMapping() bool { return n.yaml != nil && n.yaml.Kind == yaml.MappingNode }

// IsList tells whether the value is a sequence.
func (n Node) IsList() bool { return n.yaml != nil && n.yaml.Kind == yaml.SequenceNode }

// IsScalar tells whether the value is a string, number, boolean or null.
func (n Node) IsScalar() bool { return n.yaml != nil && n.yaml.Kind == yaml.ScalarNode }

// IsEmptyText tells a string without content.
func (n Node) IsEmptyText() bool {
	return n.IsScalar() && n.yaml.ShortTag() == "!!str" && n.yaml.Value == ""
}

// IsInt tells whether the value is an integer.
func (n Node) IsInt() bool { return n.IsScalar() && n.yaml.ShortTag() == "!!int" }

// Path is the value's place in the document: "tests[0].alerts".
func (n Node) Path() string { return n.path }

// Pos is the line and column of the value; of the mapping that lacks it, if it
// is absent; zero for the zero Node.
func (n Node) Pos() (line, col int) {
	switch {
	case n.yaml != nil:
		return n.yaml.Line, n.yaml.Column
	case n.at != nil:
		return n.at.Line, n.at.Column
	}
	return 0, 0
}

// Document is the file that the value is in; nil for the zero Node.
func (n Node) Document() *Document { return n.doc }

// Problemf reports a mistake at the value's place.
func (n Node) Problemf(format string, args ...any) {
	if n.doc == nil {
		return
	}
	line, col := n.Pos()
	n.doc.Report(line, col, n.path, format, args...)
	n.widen()
}

// widen makes a whole plain scalar of one line the place of the last problem.
func (n Node) widen() {
	if !n.IsScalar() || n.yaml.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return
	}
	if p := &n.doc.problems[len(n.doc.problems)-1]; strings.HasPrefix(n.doc.from(n.yaml), n.yaml.Value) {
		p.EndCol = p.Col + utf8.RuneCountInString(n.yaml.Value)
	}
}

// Warnf is Problemf for what refuses nothing.
func (n Node) Warnf(format string, args ...any) {
	if n.doc == nil {
		return
	}
	line, col := n.Pos()
	n.doc.Warn(line, col, n.path, format, args...)
	n.widen()
}

// describe names a value's shape for a message.
func (n Node) describe() string {
	switch n.yaml.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.IsNull() {
		return "nothing"
	}
	return strconv.Quote(n.yaml.Value)
}

// is reports unless the value has the wanted YAML kind.
func (n Node) is(kind yaml.Kind, wanted string) bool {
	switch {
	case n.yaml == nil:
		return false
	case n.yaml.Kind == yaml.AliasNode:
		n.anchored()
		return false
	case n.yaml.Style&yaml.TaggedStyle != 0:
		if strings.HasPrefix(n.yaml.Tag, "!!") {
			n.Problemf("tags are not supported; remove %s", n.yaml.Tag)
		} else { // when: !has(x)
			n.Problemf("YAML takes what begins with ! for a tag; put the value in quotes")
		}
		return false
	}
	if n.yaml.Anchor != "" { // what it stands before can be read nevertheless
		n.anchored()
	}
	switch {
	case n.yaml.Kind == kind:
		return true
	case kind == yaml.ScalarNode && n.IsMapping() && n.yaml.Style&yaml.FlowStyle != 0: // title: {api.operation}
		n.Problemf("want %s, got a mapping; a text that begins with { stands in quotes", wanted)
	default:
		n.Problemf("want %s, got %s", wanted, n.describe())
	}
	return false
}

func (n Node) anchored() {
	n.Problemf("anchors and aliases are not supported; write the value out")
}

// scalar is the text of a scalar that is not null.
func (n Node) scalar(wanted string) (string, bool) {
	if !n.is(yaml.ScalarNode, wanted) {
		return "", false
	}
	if n.IsNull() {
		n.Problemf("want %s, got nothing", wanted)
		return "", false
	}
	return n.yaml.Value, true
}

// Text is the text of any scalar, whatever YAML takes it for: `5m`, `5`, `true`.
func (n Node) Text() string {
	s, _ := n.scalar("a value")
	return s
}

// Str is the value as a string. A number or boolean without quotes is a
// mistake: 0123 and no are not what they look like.
func (n Node) Str() string {
	s, ok := n.scalar("a string")
	if ok && n.yaml.ShortTag() != "!!str" && n.yaml.ShortTag() != "!!timestamp" {
		n.Problemf("want a string, got %s; put it in quotes", s)
		return ""
	}
	return s
}

// Int is the value as an integer.
func (n Node) Int() int64 {
	s, ok := n.scalar("an integer")
	if !ok {
		return 0
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n.yaml.ShortTag() != "!!int" {
		n.Problemf("want an integer, got %q", s)
		return 0
	}
	return i
}

// Float is the value as a finite number.
func (n Node) Float() float64 {
	s, ok := n.scalar("a number")
	if !ok {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || n.yaml.ShortTag() == "!!str" {
		n.Problemf("want a number, got %q", s)
		return 0
	}
	return f
}

// Bool is the value as true or false; yes, on and the like are mistakes.
func (n Node) Bool() bool {
	s, ok := n.scalar("true or false")
	if !ok {
		return false
	}
	if n.yaml.ShortTag() != "!!bool" || s != "true" && s != "false" {
		n.Problemf("want true or false, got %q", s)
	}
	return s == "true"
}

// OneOf is a string out of a closed set.
func (n Node) OneOf(allowed ...string) string {
	s := n.Text()
	if s != "" && !slices.Contains(allowed, s) {
		n.Problemf("unknown value %q%s (one of %s)", s, suggest.Hint(s, allowed), strings.Join(allowed, ", "))
		return ""
	}
	return s
}

// List is the elements of a sequence.
func (n Node) List() []Node {
	if !n.is(yaml.SequenceNode, "a list") {
		return nil
	}
	nodes := make([]Node, len(n.yaml.Content))
	for i, c := range n.yaml.Content {
		nodes[i] = Node{doc: n.doc, yaml: c, path: fmt.Sprintf("%s[%d]", n.path, i)}
	}
	return nodes
}

// Strings is the elements of a sequence of strings.
func (n Node) Strings() []string {
	var all []string
	for _, e := range n.List() {
		if s := e.Str(); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// Any is the value as JSON would hold it: nil, bool, json.Number, string, []any
// or map[string]any. What YAML has beyond JSON is text.
func (n Node) Any() any {
	switch {
	case n.IsMapping():
		m := map[string]any{}
		for _, member := range n.Mapping().Members() {
			m[member.Name] = member.Value.Any()
		}
		return m
	case n.IsList():
		list := []any{}
		for _, e := range n.List() {
			list = append(list, e.Any())
		}
		return list
	case !n.IsScalar() || n.IsNull():
		return nil
	}
	text := n.Text()
	switch n.yaml.ShortTag() {
	case "!!bool":
		return text == "true"
	case "!!int", "!!float":
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
	}
	return text
}
