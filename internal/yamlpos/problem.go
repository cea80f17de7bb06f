package yamlpos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file, at the place where a user corrects it.
type Problem struct {
	File string
	// Line and Col count from one; Col counts characters. Both are zero for what
	// concerns the file as a whole.
	Line, Col int
	// Path is the place in the document's own terms, as "alert.group_by[0]"; it
	// may be empty.
	Path    string
	Message string
	// Warning marks what is suspicious but refuses nothing.
	Warning bool
	// Source is the line of the file; EndCol is the column behind what is wrong in
	// it. Both are empty if the place is none of the file's.
	Source string
	EndCol int
}

// Error is "file:line:col: path: message".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is every mistake that was found. As an error it prints one a line.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort orders by file, line, column and message.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
}

// Text is Problem.Text of all of them.
func (ps Problems) Text() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Text()
	}
	return strings.Join(texts, "\n")
}

// Split separates what refuses the file from the warnings.
func (ps Problems) Split() (errors, warnings Problems) {
	for _, p := range ps {
		if p.Warning {
			warnings = append(warnings, p)
		} else {
			errors = append(errors, p)
		}
	}
	return errors, warnings
}
