package yamlpos_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/yamlpos"
)

func TestProblemsHavePlaces(t *testing.T) {
	const src = `name: 12
size: many
ratio: .nan
on: yes
level: hihg
list: {a: 1}
nested:
  colour: red
  color: blue
  color: green
  ref: &x 1
empty:
"a key": 1
`
	doc := yamlpos.Parse("f.yaml", []byte(src))
	m := doc.Root().Mapping()
	m.Get("name").Str()
	m.Get("size").Int()
	m.Get("ratio").Float()
	m.Get("on").Bool()
	m.Get("level").OneOf("low", "high")
	m.Get("list").List()
	nested := m.Get("nested").Mapping()
	nested.Get("color").Str()
	nested.Get("ref").Int()
	nested.Require("shape").Str()
	nested.Done()
	m.Get("empty").Str()
	m.Get("absent").Str()
	m.Done()
	want := strings.TrimPrefix(`
f.yaml:1:7: name: want a string, got 12; put it in quotes
f.yaml:2:7: size: want an integer, got "many"
f.yaml:3:8: ratio: want a number, got ".nan"
f.yaml:4:5: on: want true or false, got "yes"
f.yaml:5:8: level: unknown value "hihg"; did you mean "high"? (one of low, high)
f.yaml:6:7: list: want a list, got a mapping
f.yaml:8:3: nested.shape: missing; add `+"`shape:`"+`
f.yaml:8:3: nested: unknown key "colour"; did you mean "color"?
f.yaml:10:3: nested: key "color" appears twice, first in line 9
f.yaml:11:8: nested.ref: anchors and aliases are not supported; write the value out
f.yaml:12:7: empty: want a string, got nothing
f.yaml:13:1: unknown key "a key"`, "\n")
	if diff := cmp.Diff(want, doc.Problems().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for src, want := range map[string]string{
		"a: b: c\n":          `f:1:5: yaml: mapping values are not allowed in this context (a text with ": " in it stands in quotes; or the line is indented further than those above)`,
		"":                   "f:1:1: the file is empty",
		"a: x\n---\nb: 2\n":  "f:2:1: a second document begins here; a file holds one",
		"a:\n\tb: 1\n":       "f:2:1: yaml: while scanning for the next token: found character that cannot start any token (YAML indents with spaces, not tabs)",
		"a: \"x\\q\"\n":      "f:1:6: yaml: while scanning a quoted scalar: found unknown escape character",
		"a: !!binary aGk=\n": "f:1:4: a: tags are not supported; remove !!binary",
	} {
		doc := yamlpos.Parse("f", []byte(src))
		doc.Root().Mapping().Get("a").Str()
		if got := doc.Problems().Error(); got != want {
			t.Errorf("%q:\n got %s\nwant %s", src, got, want)
		}
	}
}

// TestPlace puts a marker into a scalar of each style and checks that its place
// in the value leads to its place in the file.
func TestPlace(t *testing.T) {
	for name, src := range map[string]string{
		"literal":            "a: |\n  one\n\n  twö §\n",
		"literal, stripped":  "k:\n    a: |-\n        one\n        two §\n",
		"literal, indicator": "a: |2\n    one\n  two §\n",
		"literal, inner":     "a: |\n  one\n    && §\n",
		"literal, CRLF":      "a: |\r\n  one\r\n  two §\r\n",
		"plain":              "a: one ö §  # comment\n",
		"single":             "- {a: 'it''s ''§'''}\n",
		"double":             "a: \"x\\t\\u00e4\\\"\\x41§\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			node := find(yamlpos.Parse("f", []byte(src)).Root())
			value := node.Str()
			before, _, found := strings.Cut(value, "§")
			if !found {
				t.Fatalf("no marker in %q", value)
			}
			last := before[strings.LastIndexByte(before, '\n')+1:]
			line, col, ok := node.Place(strings.Count(before, "\n")+1, utf8.RuneCountInString(last))
			if !ok {
				t.Fatalf("no place: %s", node.Placeable())
			}
			lines := strings.Split(src, "\n")
			if got := string([]rune(lines[line-1])[col-1 : col]); got != "§" {
				t.Errorf("place %d:%d holds %q", line, col, got)
			}
		})
	}
}

// find is the value of the key a, wherever it is.
func find(n yamlpos.Node) yamlpos.Node {
	if n.IsList() {
		return find(n.List()[0])
	}
	m := n.Mapping()
	if a := m.Get("a"); a.Exists() {
		return a
	}
	return find(m.Members()[0].Value)
}

func TestNoPlace(t *testing.T) {
	for _, src := range []string{"a: >\n  one\n  two\n", "a: one\n  two\n", "a: 'one\n  two'\n", "a: \"one\\\n  two\"\n", "a: [1]\n"} {
		node := yamlpos.Parse("f", []byte(src)).Root().Mapping().Get("a")
		if _, _, ok := node.Place(1, 2); ok || node.Placeable() == "" {
			t.Errorf("%q: has a place", src)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: |\n  x\n", "a: 'b'\n", "- [1, {b: c}]\n", "a: &x *x\n", "\ufeffa: \"\\x\"", "a: |9\n x"} {
		f.Add([]byte(seed), 1, 3)
	}
	f.Fuzz(func(t *testing.T, src []byte, line, col int) {
		doc := yamlpos.Parse("f", src)
		for _, member := range doc.Root().Mapping().Members() {
			member.Value.Str()
			member.Value.Place(line%100, col%100)
		}
		for _, p := range doc.Problems() {
			if p.Line < 0 || p.Col < 0 || p.Message == "" {
				t.Errorf("bad problem %+v", p)
			}
		}
	})
}

// TestByteOrderMark: it is in no column, and a file that is laid out anew has none.
func TestByteOrderMark(t *testing.T) {
	doc := yamlpos.Parse("a.yaml", []byte("\xef\xbb\xbfid: x\n"))
	doc.Root().Mapping().Get("id").Problemf("wrong")
	if p := doc.Problems()[0]; p.Line != 1 || p.Col != 5 || p.Source != "id: x" {
		t.Errorf("%d:%d %q", p.Line, p.Col, p.Source)
	}
	out, err := yamlpos.Parse("a.yaml", []byte("\xef\xbb\xbfid: x\n")).Format(yamlpos.Layout{Order: func(string) []string { return nil }})
	if err != nil || string(out) != "id: x\n" {
		t.Errorf("%q, %v", out, err)
	}
}
