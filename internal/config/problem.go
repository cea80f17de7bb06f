package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// position is a place in the file, both counted from 1; zero is no place.
type position struct{ line, column int }

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File         string
	Line, Column int // from 1; 0 when the place is not known
	// Path is the key: collectors[0].poll_interval. Empty for the file as a whole.
	Path    string
	Message string
}

// String is the problem on one line: file:line:column: path: message.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is everything that is wrong with a configuration, in the order of the
// file.
type Problems []Problem

// Error is one line for each problem and, for more than one, their number.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	if len(ps) > 1 {
		fmt.Fprintf(&b, "\n%d errors", len(ps))
	}
	return b.String()
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
