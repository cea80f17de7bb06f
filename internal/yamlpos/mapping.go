package yamlpos

import (
	"slices"

	yaml "go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/suggest"
)

// Mapping is a YAML mapping that remembers which keys were asked for.
type Mapping struct {
	node    Node
	members []Member
	asked   []string
	others  map[string]string
	merged  bool // it has a merge key, so it may have any others
}

// Member is one key of a mapping with its value.
type Member struct {
	// Key is at the place of the key.
	Key   Node
	Name  string
	Value Node
}

// Mapping opens the value as a mapping. Of an absent value it is empty; anything
// else than a mapping is reported. Duplicate keys are reported, the first counts.
func (n Node) Mapping() *Mapping {
	m := &Mapping{node: n}
	if !n.is(yaml.MappingNode, "a mapping") {
		return m
	}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		key := Node{doc: n.doc, yaml: n.yaml.Content[i], path: n.path}
		if key.yaml.Kind != yaml.ScalarNode {
			key.Problemf("want a key that is a string, got %s", key.describe())
			continue
		}
		name := key.yaml.Value
		if name == "<<" {
			m.merged = true
			key.Problemf("merge keys are not supported; write the keys out")
			continue
		}
		if first, ok := m.find(name); ok {
			line, _ := first.Key.Pos()
			key.Problemf("key %q appears twice, first in line %d", name, line)
			continue
		}
		m.members = append(m.members, Member{Key: key, Name: name, Value: Node{doc: n.doc, yaml: n.yaml.Content[i+1], path: join(n.path, name)}})
	}
	return m
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (m *Mapping) find(key string) (Member, bool) {
	for _, member := range m.members {
		if member.Name == key {
			return member, true
		}
	}
	return Member{}, false
}

// Node is the mapping itself, to report about it.
func (m *Mapping) Node() Node { return m.node }

// Members is every key and value in the order of the file. It marks nothing as
// asked for.
func (m *Mapping) Members() []Member { return m.members }

// Get is the value of a key, absent if the mapping has none.
func (m *Mapping) Get(key string) Node {
	m.asked = append(m.asked, key)
	if member, ok := m.find(key); ok {
		return member.Value
	}
	return Node{doc: m.node.doc, path: join(m.node.path, key), at: m.node.yaml}
}

// Require is Get for a key that must be there: its absence is reported.
func (m *Mapping) Require(key string) Node {
	n := m.Get(key)
	if !n.Exists() && m.node.IsMapping() && !m.merged {
		n.Problemf("missing; add `%s:`", key)
	}
	return n
}

// Key is the place of a key, to report about the key and not its value.
func (m *Mapping) Key(key string) Node {
	member, _ := m.find(key)
	return member.Key
}

// Others says what keys are called in other formats: key to the one of this mapping.
func (m *Mapping) Others(keys map[string]string) { m.others = keys }

// Done reports every key that nobody asked for.
func (m *Mapping) Done() {
	for _, member := range m.members {
		known := false
		for _, a := range m.asked {
			known = known || a == member.Name
		}
		if !known {
			hint := suggest.Hint(member.Name, m.asked)
			if other := m.others[member.Name]; hint == "" && slices.Contains(m.asked, other) {
				hint = "; did you mean \"" + other + "\"?"
			}
			member.Key.Problemf("unknown key %q%s", member.Name, hint)
		}
	}
}
