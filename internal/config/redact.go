package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// Redact says what is taken out of records before they are mapped.
type Redact struct {
	Enabled bool
	// Key is the key of the hashes; empty: the one that every weir knows.
	Key     Secret
	KeyFile string
	// Keys and Values say what more is a credential, Drop and Hash what else is left
	// out: see package redact.
	Keys, Values, Drop, Hash []string
}

// leastRedactKey is the least length of a key in bytes.
const leastRedactKey = 16

func (r *Redact) fields() []field {
	fields := []field{{"enabled", "credentials become keyed hashes in events; topics `raw.*` and `dlq` keep the original", boolean(&r.Enabled)}}
	fields = append(fields, secret("key", "key of the hashes, 16 bytes or more, the same in every process; without it they are made with a key that everybody knows", &r.Key, &r.KeyFile)...)
	return append(fields,
		field{"keys", "further names of members whose values are credentials", checkedList{&r.Keys, func(r *reader) func(string) error { return r.opts.CheckRedact.Key }}},
		field{"values", "further forms of credentials, as regular expressions of RE2; `${NAME}` is not expanded in them", checkedList{&r.Values, func(r *reader) func(string) error { return r.opts.CheckRedact.Value }}},
		field{"drop", "members that events do without: `managedFields`, `requestObject.data`", checkedList{&r.Drop, func(r *reader) func(string) error { return r.opts.CheckRedact.Path }}},
		field{"hash", "members of which events have the hash only", checkedList{&r.Hash, func(r *reader) func(string) error { return r.opts.CheckRedact.Path }}},
	)
}

func (r *Redact) check(rd *reader) {
	if rd.given("redact.key") && rd.given("redact.key_file") {
		rd.problemAt("redact.key_file", "key and key_file exclude each other; delete one")
	}
	// What config show prints can be checked again; the mask is no key all the same.
	if r.Key != "" && r.Key != mask && len(r.Key) < leastRedactKey {
		rd.problemAt("redact.key", "has %d bytes, want at least %d: openssl rand -hex 32 makes a key", len(r.Key), leastRedactKey)
	}
}

// CheckRedact tells what is wrong with items of redact; what is nil finds nothing.
type CheckRedact struct {
	Key, Value, Path func(string) error
}

// checkedList is a list of texts in which ${NAME} is no variable; $${ is ${ there,
// too.
type checkedList struct {
	to    *[]string
	check func(*reader) func(string) error
}

func (checkedList) form() string { return "list" }

func (l checkedList) read(r *reader, n yamlpos.Node) {
	*l.to = nil
	for _, item := range n.List() {
		var text string
		if !r.sound(func() { text = item.Text() }) {
			continue
		}
		r.set(item)
		text = strings.ReplaceAll(text, "$${", "${")
		err := fmt.Errorf("want a text, got nothing")
		if text != "" {
			err = nil
			if check := l.check(r); check != nil {
				err = check(text)
			}
		}
		if err != nil {
			item.Problemf("%v", err)
			continue
		}
		*l.to = append(*l.to, text)
	}
}

func (l checkedList) write() *yaml.Node {
	s := &yaml.Node{Kind: yaml.SequenceNode}
	for _, text := range *l.to {
		s.Content = append(s.Content, scalarNode("!!str", text))
	}
	if len(s.Content) == 0 {
		s.Style = yaml.FlowStyle
	}
	return s
}
