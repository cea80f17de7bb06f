package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/suggest"
	"go.yaml.in/yaml/v4"
)

// field is one key of a mapping: its name, its documentation, and its value.
type field struct {
	key string
	doc string
	val value
}

// value is one place in a Config, with how it stands in the file.
type value interface {
	// read sets the place from a node, or records what is wrong with the node.
	read(r *reader, path string, n *yaml.Node)
	// write returns the place as a node, nil when there is nothing to show.
	// Secrets are masked.
	write() *yaml.Node
	// form names what the file may hold: "duration", "integer", ...
	form() string
}

// below is the path of a key of the mapping at path.
func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// section is a mapping with known keys.
type section []field

func (s section) form() string { return "section" }

func (s section) read(r *reader, path string, n *yaml.Node) {
	keys := make([]string, len(s))
	for i, f := range s {
		keys[i] = f.key
	}
	if !r.mapping(path, n, keys, func(key string, value *yaml.Node) {
		s[slices.Index(keys, key)].val.read(r, below(path, key), value)
	}) {
		return
	}
	for _, f := range s {
		if _, given := r.places[below(path, f.key)]; !given && isRequired(f.val) {
			r.problem(path, at(n), "lacks %s", f.key)
		}
	}
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

// required marks a value that the file must give.
type required struct{ value }

func isRequired(v value) bool {
	_, yes := v.(required)
	return yes
}

// mapping calls each for every key of a mapping that is known and comes for the
// first time; every other key is a problem. known nil knows every key. It
// returns false when the node is no mapping.
func (r *reader) mapping(path string, n *yaml.Node, known []string, each func(key string, value *yaml.Node)) bool {
	n = target(n)
	if n.Kind != yaml.MappingNode {
		r.problem(path, at(n), "must be a mapping of keys, got %s", describe(n))
		return false
	}
	seen := map[string]position{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := below(path, key.Value)
		first, twice := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.problem(path, at(key), "a key must be plain text")
		case key.ShortTag() == "!!merge":
			r.problem(path, at(key), "merge keys (<<) are not supported; write the keys out")
		case twice:
			r.problem(full, at(key), "is here twice, first on line %d; delete one", first.line)
		case known != nil && !slices.Contains(known, key.Value):
			r.problem(full, at(key), "unknown key%s", unknown(key.Value, known))
		default:
			seen[key.Value] = at(key)
			r.places[full] = at(value)
			each(key.Value, value)
		}
	}
	return true
}

// unknown ends a message about a word that is none of the known: the word that
// was probably meant, or all there are.
func unknown(word string, known []string) string {
	if hint := suggest.Hint(word, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return "; none are known here"
	}
	return "; known are " + strings.Join(known, ", ")
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

func (o optionalSection[T]) read(r *reader, path string, n *yaml.Node) {
	*o.to = o.initial(r)
	section(o.fields(*o.to)).read(r, path, n)
}

func (o optionalSection[T]) write() *yaml.Node {
	if *o.to == nil {
		return nil
	}
	return section(o.fields(*o.to)).write()
}

// listOf is a list of mappings whose keys depend on their key "type".
func listOf[T any](to *[]T, fields func(*T) []field) value { return list[T]{to, fields} }

type list[T any] struct {
	to     *[]T
	fields func(*T) []field
}

func (l list[T]) form() string { return "list" }

func (l list[T]) read(r *reader, path string, n *yaml.Node) {
	n = target(n)
	if n.Kind != yaml.SequenceNode {
		r.problem(path, at(n), "must be a list, got %s", describe(n))
		return
	}
	*l.to = make([]T, len(n.Content))
	for i, item := range n.Content {
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		r.places[itemPath] = at(item)
		if l.readType(r, itemPath, item, &(*l.to)[i]) {
			section(l.fields(&(*l.to)[i])).read(r, itemPath, item)
		}
	}
}

// readType reads the key "type" of an item, which decides its other keys. It
// returns false when the type is missing or unknown: then nothing can be said
// about the other keys.
func (l list[T]) readType(r *reader, path string, item *yaml.Node, to *T) bool {
	item = target(item)
	if item.Kind != yaml.MappingNode {
		r.problem(path, at(item), "must be a mapping of keys, got %s", describe(item))
		return false
	}
	fields := l.fields(to)
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == "type" })
	for k := 0; k+1 < len(item.Content); k += 2 {
		if item.Content[k].Value == "type" {
			before := len(r.problems)
			fields[i].val.read(r, below(path, "type"), item.Content[k+1])
			return len(r.problems) == before
		}
	}
	r.problem(path, at(item), "lacks type: %s", fields[i].val.form())
	return false
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
