package yamlpos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Document is one parsed file with the problems found in it so far.
type Document struct {
	name     string
	lines    []string
	root     *yaml.Node
	problems Problems
}

// Parse reads src; name is the file's name in problems. It never fails: a file
// that is no YAML has a problem that says so and an absent root.
func Parse(name string, src []byte) *Document {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")) // a byte order mark is in no column
	doc := &Document{name: name, lines: strings.Split(string(src), "\n")}
	if !doc.isText(src) {
		return doc
	}
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		doc.syntax(err)
		return doc
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case errors.Is(err, io.EOF):
		doc.Report(1, 1, "", "the file is empty")
		return doc
	case err != nil:
		doc.syntax(err)
		return doc
	}
	switch err := loader.Load(&second); {
	case err == nil:
		first = yaml.Node{} // what it lacks may be in the second
		doc.Report(second.Line, second.Column, "", "a second document begins here; a file holds one")
	case !errors.Is(err, io.EOF):
		doc.syntax(err)
	}
	if first.Kind == yaml.DocumentNode && len(first.Content) == 1 {
		doc.root = first.Content[0]
	}
	return doc
}

// Again is the document as Parse first gave it: without problems that were
// reported later.
func (d *Document) Again() *Document { return Parse(d.name, []byte(d.Text())) }

// Restore makes problems all that were reported.
func (d *Document) Restore(problems Problems) { d.problems = slices.Clone(problems) }

// Name is the file's name as given to Parse.
func (d *Document) Name() string { return d.name }

// Root is the document's top value; absent if the file could not be parsed.
func (d *Document) Root() Node { return Node{doc: d, yaml: d.root} }

// Problems is what was reported so far, in the order of the file.
func (d *Document) Problems() Problems {
	d.problems.Sort()
	return d.problems
}

// Report adds a problem at a place of this file. What is there already is not said
// twice.
func (d *Document) Report(line, col int, path, format string, args ...any) {
	p := Problem{File: d.name, Line: line, Col: col, Path: path, Message: sprintf(format, args)}
	if 1 <= line && line <= len(d.lines) {
		p.Source = strings.TrimSuffix(d.lines[line-1], "\r")
		p.EndCol = tokenEnd(p.Source, col)
	}
	d.problems = slices.DeleteFunc(d.problems, func(other Problem) bool {
		return other.Line == p.Line && other.Col == p.Col && other.Path == p.Path && other.Message == p.Message
	})
	d.problems = append(d.problems, p)
}

// Warn is Report for what refuses nothing.
func (d *Document) Warn(line, col int, path, format string, args ...any) {
	d.Report(line, col, path, format, args...)
	d.problems[len(d.problems)-1].Warning = true
}

// sprintf keeps a message without arguments as it is, percent signs included.
func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
