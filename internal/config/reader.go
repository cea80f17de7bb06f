package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/internal/yamlpos"
)

// reader reads one file: it knows what values need from outside of it.
type reader struct {
	doc    *yamlpos.Document
	dir    string // relative paths start here
	opts   Options
	places map[string]place // where the file sets a key, by its path
}

// place is a line and a column, both from 1.
type place struct{ line, col int }

// set remembers that the file gives a value, and where.
func (r *reader) set(n yamlpos.Node) {
	line, col := n.Pos()
	r.places[n.Path()] = place{line, col}
}

// given tells whether the file sets a key, rightly or wrongly.
func (r *reader) given(path string) bool {
	_, ok := r.places[path]
	return ok
}

// problemAt records what is wrong with a key that was read before, at its place,
// or at that of the nearest key around it which the file does set.
func (r *reader) problemAt(path, format string, args ...any) {
	around := path
	for !r.given(around) && around != "" {
		around = around[:max(0, strings.LastIndexAny(around, ".["))]
	}
	at := r.places[around]
	r.doc.Report(at.line, at.col, path, format, args...)
}

// sound calls read and tells whether it found nothing wrong.
func (r *reader) sound(read func()) bool {
	before := len(r.doc.Problems())
	read()
	return len(r.doc.Problems()) == before
}

// text returns the text of a scalar with its variables expanded.
func (r *reader) text(n yamlpos.Node) (s string, ok bool) {
	ok = r.sound(func() { s = n.Text() })
	if !ok {
		return "", false
	}
	s, err := expand(s, r.opts.Env)
	if err != nil {
		n.Problemf("%v", err)
		return "", false
	}
	return s, true
}

// knowsSource tells whether the value or key n names a source.
func (r *reader) knowsSource(n yamlpos.Node, source string) bool {
	if slices.Contains(r.opts.Sources, source) {
		return true
	}
	n.Problemf("unknown source %q%s (one of %s)", source, suggest.Hint(source, r.opts.Sources), strings.Join(r.opts.Sources, ", "))
	return false
}

// join makes a path of the configuration one that the process can open.
func (r *reader) join(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.dir, path)
}
