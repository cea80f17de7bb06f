package mapping

import (
	"fmt"
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Mapping is a checked file. Nothing changes it: any number of goroutines may use it.
type Mapping struct {
	File   string
	Source string // acme.vpn
	Title  string
	// Lines says that records are lines of text, of which the named groups of a pattern
	// are the fields; else they are JSON objects.
	Lines bool
	// EnvelopeKeys are the keys of documents that hold many records.
	EnvelopeKeys []string
	Tests        []Test
	Warnings     yamlpos.Problems

	origin    normalize.Source
	language  ocsfcel.Language
	pattern   *regexp.Regexp // of Lines
	recognise ocsfcel.Expression
	uid       []step // nil: none
	plans     []plan
	pool      sync.Pool // of what recognises
}

// Recognises tells whether the file says which records are the source's, so that they
// are found without naming it.
func (m *Mapping) Recognises() bool { return m.recognise != nil }

// Fills are the attributes that the mapping sets, by the name of the class: paths
// without indexes of lists.
func (m *Mapping) Fills() map[string][]string {
	all := map[string][]string{}
	for i := range m.plans {
		p := &m.plans[i]
		for _, s := range p.sets {
			all[p.class.Name] = append(all[p.class.Name], subscript.ReplaceAllString(s.name, ""))
		}
	}
	return all
}

// subscript is an index of a list in a path.
var subscript = regexp.MustCompile(`\[[^\]]*\]`)

// Options is what loading needs from outside of the file.
type Options struct {
	Language ocsfcel.Language
	// Builtin are the names of the sources that are part of the program.
	Builtin []string
}

// Load reads a file. An error about its content is yamlpos.Problems, all of them; any
// other is the operating system's.
func Load(name string, o Options) (*Mapping, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	return Parse(name, data, o)
}

// Parse is Load of a file's content.
func Parse(name string, data []byte, o Options) (*Mapping, error) {
	l := &loader{doc: yamlpos.Parse(name, data), opts: o, mapping: &Mapping{File: name, language: o.Language}}
	if root := l.doc.Root(); root.Exists() {
		l.file(root.Mapping())
	}
	problems, warnings := l.doc.Problems().Split()
	if len(problems) > 0 {
		return nil, l.doc.Problems()
	}
	l.mapping.Warnings = warnings
	return l.mapping, nil
}

// IsMapping tells a mapping from other YAML by its keys.
func IsMapping(data []byte) bool {
	root := yamlpos.Parse("", data).Root()
	if !root.IsMapping() {
		return false
	}
	m := root.Mapping()
	return m.Get("source").IsScalar() && m.Get("events").Exists()
}

type loader struct {
	doc     *yamlpos.Document
	opts    Options
	mapping *Mapping
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+$`)

// IsSourceName tells whether a source may have that name.
func IsSourceName(name string) bool { return len(name) <= 60 && sourceName.MatchString(name) }

func (l *loader) file(m *yamlpos.Mapping) {
	source := m.Require("source")
	switch name := source.Str(); {
	case name == "":
	case slices.Contains(l.opts.Builtin, name):
		source.Problemf("%s is a source of weir's own; give yours another name", name)
	case !IsSourceName(name):
		source.Problemf("want the name of a source, as acme.vpn: words of lower-case letters and digits with dots between them")
	default:
		l.mapping.Source = name
	}
	l.mapping.Title = m.Require("title").Str()
	product := m.Require("product").Mapping()
	l.mapping.origin = normalize.Source{Name: l.mapping.Source, Product: product.Require("name").Str(), Vendor: product.Require("vendor").Str()}
	product.Done()
	l.format(m)
	if n := m.Get("recognise"); n.Exists() {
		if strings.TrimSpace(n.Text()) == "true" {
			n.Problemf("this takes the records of every source; say what only these have, as has(raw.gateway_id)")
		} else {
			l.mapping.recognise = l.expression(n, ocsf.ClassByName("base_event"), true)
		}
	}
	if n := m.Get("uid"); n.Exists() {
		path, ok := parsePath(n.Str())
		if !ok || len(path) == 0 {
			n.Problemf("want the path of the record's own id, as raw.id")
		}
		l.mapping.uid = path
	}
	l.events(m.Require("events"))
	l.tests(m.Require("tests"))
	m.Done()
}

func (l *loader) format(m *yamlpos.Mapping) {
	format := m.Require("format")
	l.mapping.Lines = format.OneOf("json", "lines") == "lines"
	keys, pattern := m.Get("envelope_keys"), m.Get("pattern")
	if keys.Exists() {
		l.mapping.EnvelopeKeys = keys.Strings()
		if l.mapping.Lines {
			keys.Problemf("lines have no envelope")
		}
	}
	switch {
	case l.mapping.Lines && !pattern.Exists():
		format.Problemf("lines need `pattern:`, a regular expression with a named group for each field: (?P<user>[^ ]+)")
	case pattern.Exists() && !l.mapping.Lines:
		pattern.Problemf("only lines have a pattern; the fields of JSON are raw.NAME")
	case pattern.Exists():
		l.pattern(pattern)
	}
}

// pattern compiles the pattern of lines, which takes a line as a whole.
func (l *loader) pattern(n yamlpos.Node) {
	text := strings.TrimSpace(n.Str())
	if text == "" {
		return
	}
	re, err := regexp.Compile(`^(?:` + text + `)$`)
	if err != nil {
		if parsed := new(syntax.Error); asSyntax(text, &parsed) {
			n.Problemf("bad regular expression: %s: `%s`", parsed.Code, parsed.Expr)
		} else {
			n.Problemf("bad regular expression: %v", err)
		}
		return
	}
	seen := map[string]bool{}
	for _, name := range re.SubexpNames() {
		if name != "" && seen[name] {
			n.Problemf("two groups are called %s", name)
		}
		seen[name] = true
	}
	if len(seen) < 2 { // the unnamed one is always there
		n.Problemf("names no group; each field is one: (?P<user>[^ ]+)")
	}
	l.mapping.pattern = re
}

func asSyntax(text string, to **syntax.Error) bool {
	_, err := syntax.Parse(text, syntax.Perl)
	e, ok := err.(*syntax.Error)
	if ok {
		*to = e
	}
	return ok
}

// expression compiles one. A mistake in it is reported at its place in the file.
func (l *loader) expression(n yamlpos.Node, class *ocsf.Class, condition bool) ocsfcel.Expression {
	text := strings.TrimRight(n.Text(), " \n")
	if text == "" {
		if n.IsEmptyText() {
			n.Problemf("empty; write an expression")
		}
		return nil
	}
	if advice := n.Placeable(); advice != "" {
		n.Problemf("%s", advice)
		return nil
	}
	return l.opts.Language.Compile(class, text, condition, func(line, col int, warning bool, message string) {
		fileLine, fileCol, _ := n.Place(line, col)
		if warning {
			l.doc.Warn(fileLine, fileCol, n.Path(), "%s", message)
		} else {
			l.doc.Report(fileLine, fileCol, n.Path(), "%s", message)
		}
	})
}

// maxEvents bounds the kinds of records of one mapping: they are tried one by one.
const maxEvents = 200

func (l *loader) events(n yamlpos.Node) {
	list := n.List()
	switch {
	case n.IsList() && len(list) == 0:
		n.Problemf("empty; a mapping has at least one")
	case len(list) > maxEvents:
		n.Problemf("has %d, the limit is %d", len(list), maxEvents)
	}
	open := -1 // the one without a condition
	for i, e := range list {
		m := e.Mapping()
		when := m.Get("when")
		p := plan{class: l.class(m.Require("class"))}
		if open >= 0 {
			e.Problemf("no record comes to this: events[%d] before it has no `when` and takes all", open)
		}
		switch {
		case !when.Exists():
			open = i
		case p.class == nil:
		default:
			p.when = l.expression(when, p.class, true)
		}
		set := m.Require("set")
		if p.class != nil && set.Exists() {
			c := compiler{loader: l, plan: &p, node: set, key: m.Key("class")}
			c.compile()
		}
		m.Done()
		l.mapping.plans = append(l.mapping.plans, p)
	}
}

func (l *loader) class(n yamlpos.Node) *ocsf.Class {
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
		n.Problemf("unknown class %q%s", name, hintOrAll(name, names))
	}
	return c
}
