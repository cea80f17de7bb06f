package config

import (
	"fmt"
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

var headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// checkHeaderName wants a name that weir does not set itself.
func checkHeaderName(name string) error {
	if !headerForm.MatchString(name) {
		return fmt.Errorf("want the name of a header, got %q", name)
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Content-Length", "Content-Type", "Host", "Transfer-Encoding", "Connection":
		return fmt.Errorf("%s is set by weir", name)
	}
	return nil
}

// checkHeaderValue wants a value that cannot end its line. It does not show it.
func checkHeaderValue(value string) error {
	if strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0 {
		return fmt.Errorf("holds a control character, which no header may")
	}
	if value == "" {
		return fmt.Errorf("want a value, got nothing")
	}
	return nil
}

// headerValues is a mapping of names to values, all of them secrets: nobody can
// tell an API key from its name.
type headerValues struct{ to *map[string]Secret }

func (headerValues) form() string { return "mapping of name to secret" }

func (h headerValues) read(r *reader, n yamlpos.Node) {
	*h.to = map[string]Secret{}
	readHeaders(r, n, func(name string, v yamlpos.Node) {
		text, ok := r.text(v)
		if !ok {
			return
		}
		if err := checkHeaderValue(text); err != nil {
			v.Problemf("%v", err)
			return
		}
		(*h.to)[name] = Secret(text)
	})
}

func (h headerValues) write() *yaml.Node {
	return mappingOf(*h.to, func(s Secret) string { return s.String() })
}

// headerFiles is a mapping of names to files that hold the values.
type headerFiles struct{ to *map[string]string }

func (headerFiles) form() string { return "mapping of name to path" }

func (h headerFiles) read(r *reader, n yamlpos.Node) {
	*h.to = map[string]string{}
	readHeaders(r, n, func(name string, v yamlpos.Node) {
		var file string
		var value Secret
		if !r.sound(func() { (&secretFile{name, &value, &file}).read(r, v) }) {
			return
		}
		if err := checkHeaderValue(string(value)); err != nil {
			v.Problemf("the file %s %v", file, err)
			return
		}
		(*h.to)[name] = file
	})
}

func (h headerFiles) write() *yaml.Node {
	return mappingOf(*h.to, func(s string) string { return s })
}

// readHeaders gives each member of a mapping of headers, by its canonical name.
func readHeaders(r *reader, n yamlpos.Node, read func(name string, v yamlpos.Node)) {
	seen := map[string]bool{}
	for _, m := range n.Mapping().Members() {
		name := textproto.CanonicalMIMEHeaderKey(m.Name)
		if err := checkHeaderName(m.Name); err != nil {
			m.Key.Problemf("%v", err)
			continue
		}
		if seen[name] {
			m.Key.Problemf("%s is there already: the case of letters does not matter", name)
			continue
		}
		seen[name] = true
		r.set(m.Value)
		read(name, m.Value)
	}
}

func mappingOf[T any](values map[string]T, show func(T) string) *yaml.Node {
	if len(values) == 0 {
		return nil
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		m.Content = append(m.Content, scalarNode("!!str", name), scalarNode("!!str", show(values[name])))
	}
	return m
}

// statusCodes is a list of HTTP status codes.
type statusCodes struct{ to *[]int }

func (statusCodes) form() string { return "list of integers" }

func (s statusCodes) read(r *reader, n yamlpos.Node) {
	if n.IsList() && len(n.List()) == 0 {
		n.Problemf("is empty: nothing would ever be delivered; delete it")
	}
	for _, item := range n.List() {
		text, ok := r.text(item)
		code, err := strconv.Atoi(text)
		switch {
		case !ok:
		case err != nil || code < 200 || code > 499 || text != strconv.Itoa(code):
			item.Problemf("want a status code from 200 to 499, got %q", text)
		default:
			*s.to = append(*s.to, code)
		}
	}
}

func (s statusCodes) write() *yaml.Node {
	if len(*s.to) == 0 {
		return nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, code := range *s.to {
		list.Content = append(list.Content, scalarNode("!!int", strconv.Itoa(code)))
	}
	return list
}
