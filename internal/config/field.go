package config

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// field is one key of a mapping: its name, its documentation, and its value.
type field struct {
	key string
	doc string
	val value
}

// value is one place in a Config, with how it stands in the file.
type value interface {
	// read sets the place from a node, or reports what is wrong with the node.
	read(r *reader, n yamlpos.Node)
	// write returns the place as a node, nil when there is nothing to show.
	// Secrets are masked.
	write() *yaml.Node
	// form names what the file may hold: "duration", "integer", ...
	form() string
}

// required marks a value that the file must give.
type required struct{ value }

func isRequired(v value) bool {
	_, yes := v.(required)
	return yes
}

// section is a mapping with known keys.
type section []field

func (s section) form() string { return "section" }

func (s section) read(r *reader, n yamlpos.Node) {
	m := n.Mapping()
	for _, f := range s {
		v := m.Get(f.key)
		if !v.Exists() {
			if isRequired(f.val) && n.IsMapping() {
				n.Problemf("lacks %s", f.key)
			}
			continue
		}
		r.set(v)
		f.val.read(r, v)
	}
	m.Done()
}

func (s section) write() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range s {
		if v := f.val.write(); v != nil {
			m.Content = append(m.Content, scalarNode("!!str", f.key), v)
		}
	}
	return m
}

// optional is a section that need not be there: its place is nil until the file
// gives the key, if only as {}.
func optional[T any](to **T, initial func(*reader) *T, fields func(*T) []field) value {
	return optionalSection[T]{to, initial, fields}
}

type optionalSection[T any] struct {
	to      **T
	initial func(*reader) *T
	fields  func(*T) []field
}

func (o optionalSection[T]) form() string { return "section" }

func (o optionalSection[T]) read(r *reader, n yamlpos.Node) {
	*o.to = o.initial(r)
	section(o.fields(*o.to)).read(r, n)
}

func (o optionalSection[T]) write() *yaml.Node {
	if *o.to == nil {
		return nil
	}
	return section(o.fields(*o.to)).write()
}

// whole is the keys that the section would have if it were given.
func (o optionalSection[T]) whole(r *reader) section { return o.fields(o.initial(r)) }

// listOf is a list of mappings whose keys depend on their key "type".
func listOf[T any](to *[]T, fields func(*T) []field) value { return list[T]{to, fields} }

type list[T any] struct {
	to     *[]T
	fields func(*T) []field
}

func (l list[T]) form() string { return "list" }

func (l list[T]) read(r *reader, n yamlpos.Node) {
	items := n.List()
	*l.to = make([]T, len(items))
	for i, item := range items {
		r.set(item)
		if r.sound(func() { l.readType(r, item, &(*l.to)[i]) }) {
			section(l.fields(&(*l.to)[i])).read(r, item)
		}
	}
}

// readType reads the key "type" of an item, which decides its other keys: when
// it is missing or unknown, nothing can be said about those.
func (l list[T]) readType(r *reader, item yamlpos.Node, to *T) {
	fields := l.fields(to)
	typ := fields[slices.IndexFunc(fields, func(f field) bool { return f.key == "type" })].val
	v := item.Mapping().Get("type")
	switch {
	case v.Exists():
		typ.read(r, v)
	case item.IsMapping():
		item.Problemf("lacks type (one of %s)", typ.form())
	}
}

func (l list[T]) write() *yaml.Node {
	s := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range *l.to {
		s.Content = append(s.Content, section(l.fields(&(*l.to)[i])).write())
	}
	if len(s.Content) == 0 {
		s.Style = yaml.FlowStyle
	}
	return s
}

func scalarNode(tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}
