package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// reader reads one file: it knows what values need from outside and gathers what
// is wrong.
type reader struct {
	file     string
	dir      string // relative paths start here
	opts     Options
	places   map[string]position
	problems Problems
}

// parse returns the node of the file's content, or nil when it is no YAML or
// empty: an empty file is a problem of its own, found by the checks.
func (r *reader) parse(data []byte) *yaml.Node {
	if i := invalidUTF8(data); i >= 0 {
		r.problem("", lineAt(data, i), "not UTF-8 (byte 0x%02x); save the file as UTF-8", data[i])
		return nil
	}
	var documents []yaml.Node
	err := yaml.Load(data, &documents, yaml.WithAllDocuments())
	var bad *yaml.LoadError
	switch {
	case errors.As(err, &bad):
		r.problem("", position{bad.Mark.Line, bad.Mark.Column}, "%s", syntaxMessage(bad, data))
		return nil
	case err != nil:
		r.problem("", position{}, "%v", err)
		return nil
	case len(documents) == 0:
		return &yaml.Node{Kind: yaml.MappingNode}
	case len(documents) > 1:
		second := documents[1]
		r.problem("", position{second.Line, second.Column}, "a second YAML document; the configuration is one: delete the line ---")
		return nil
	}
	root := &documents[0]
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.ShortTag() == "!!null" {
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	return root
}

// syntaxMessage is what is wrong with the YAML, for somebody who does not know
// its grammar.
func syntaxMessage(bad *yaml.LoadError, data []byte) string {
	message := "YAML: " + strings.TrimPrefix(bad.Message, "yaml: ")
	if bad.ContextMsg != "" {
		message += fmt.Sprintf(" (%s from line %d)", bad.ContextMsg, bad.ContextMark.Line)
	}
	lines := strings.Split(string(data), "\n")
	if n := bad.Mark.Line; n >= 1 && n <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[n-1], " "), "\t") {
		message += "; the line begins with a tab: YAML is indented with spaces"
	}
	return message
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func lineAt(data []byte, offset int) position {
	before := string(data[:offset])
	return position{strings.Count(before, "\n") + 1, offset - strings.LastIndexByte(before, '\n')}
}

// problem records that something is wrong at a place.
func (r *reader) problem(path string, at position, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...),
	})
}

// problemAt records that something is wrong with a key that has been read, or,
// when the file does not set it, with the nearest key around it that it sets.
func (r *reader) problemAt(path, format string, args ...any) {
	at, known := r.places[path]
	for around := path; !known && around != ""; {
		around = around[:max(0, strings.LastIndexAny(around, ".["))]
		at, known = r.places[around]
	}
	r.problem(path, at, format, args...)
}

// text returns the text of a scalar with its variables expanded.
func (r *reader) text(path string, n *yaml.Node) (string, bool) {
	n = target(n)
	if n.Kind != yaml.ScalarNode {
		r.problem(path, at(n), "must be one value, got %s", describe(n))
		return "", false
	}
	if n.ShortTag() == "!!null" {
		r.problem(path, at(n), "has no value; give one, or delete the key for the default")
		return "", false
	}
	s, err := expand(n.Value, r.opts.Env)
	if err != nil {
		r.problem(path, at(n), "%v", err)
		return "", false
	}
	return s, true
}

// join makes a path of the configuration one that the process can open.
func (r *reader) join(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.dir, path)
}

func at(n *yaml.Node) position { return position{n.Line, n.Column} }

// target follows an alias to what it stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// describe names the kind of a node as a user knows it.
func describe(n *yaml.Node) string {
	switch target(n).Kind {
	case yaml.MappingNode:
		return "a mapping of keys"
	case yaml.SequenceNode:
		if len(target(n).Content) == 0 {
			return "an empty list"
		}
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return fmt.Sprintf("%q", target(n).Value)
}
