package yamlpos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

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
	doc := &Document{name: name, lines: strings.Split(string(src), "\n")}
	if at := invalidUTF8(src); at >= 0 {
		before := string(src[:at])
		doc.Report(strings.Count(before, "\n")+1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1, "",
			"not UTF-8 (byte 0x%02x); save the file as UTF-8", src[at])
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
		doc.Report(second.Line, second.Column, "", "a second document begins here; a file holds one")
	case !errors.Is(err, io.EOF):
		doc.syntax(err)
	}
	if first.Kind == yaml.DocumentNode && len(first.Content) == 1 {
		doc.root = first.Content[0]
	}
	return doc
}

// invalidUTF8 is the offset of the first byte that is no UTF-8, or -1. A byte
// order mark of UTF-16 is the parser's to understand.
func invalidUTF8(src []byte) int {
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return -1
	}
	for i := 0; i < len(src); {
		c, n := utf8.DecodeRune(src[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// syntax reports what the YAML parser refused.
func (d *Document) syntax(err error) {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		d.Report(0, 0, "", "read yaml: "+err.Error())
		return
	}
	line, col := one.Mark.Line, one.Mark.Column
	message := one.Message
	if one.ContextMsg != "" {
		message = one.ContextMsg + ": " + message
	}
	if line == 0 && one.ContextMark.Line > 0 {
		line, col = one.ContextMark.Line, one.ContextMark.Column
	}
	if strings.Contains(message, "cannot start any token") && line > 0 && line <= len(d.lines) &&
		strings.Contains(d.lines[line-1], "\t") {
		message += " (YAML indents with spaces, not tabs)"
	}
	d.Report(line, max(col, min(line, 1)), "", "yaml: "+message)
}

// Again is the document as Parse first gave it: without problems that were
// reported later.
func (d *Document) Again() *Document { return Parse(d.name, []byte(strings.Join(d.lines, "\n"))) }

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

// Report adds a problem at a place of this file.
func (d *Document) Report(line, col int, path, format string, args ...any) {
	p := Problem{File: d.name, Line: line, Col: col, Path: path, Message: sprintf(format, args)}
	if 1 <= line && line <= len(d.lines) {
		p.Source = strings.TrimSuffix(d.lines[line-1], "\r")
		p.EndCol = tokenEnd(p.Source, col)
	}
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
