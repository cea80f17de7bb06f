// Package sources is the one visible table of the kinds of logs that weir
// knows: what they are called, how they come wrapped, how they are recognised, and
// what maps them. The rows stand by family: aws.go, azure.go, gateways.go,
// kubernetes.go.
package sources

import (
	"slices"
	"strings"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Source is one kind of logs.
type Source struct {
	// Name is the source's name in configuration, topics, rules and lake.
	Name string
	// Title is what a person calls it.
	Title string
	// Format says how its log events come wrapped.
	Format envelope.Format
	// NewMapper makes the source's mapper, one for each goroutine.
	NewMapper func() normalize.Mapper
	// JSON recognises a record that is a JSON object, and Line one that is a line of
	// text: they say in a word which of the source's shapes it has, and nothing if it
	// is none of the source's. Nil where the source has no such records.
	JSON func(root jsondoc.Value) (dialect string)
	Line func(line string) (dialect string)
}

// all is in the order of recognition: the first source that knows a record has it.
// A family whose shapes are particular stands before one that takes much.
var all = slices.Concat(clusters, aws, azures, gateways)

// All returns the sources by name. The slice is the caller's.
func All() []Source {
	list := slices.Clone(all)
	slices.SortFunc(list, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Names returns the names of all sources, sorted.
func Names() []string {
	list := All()
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return names
}

// Lookup finds a source by name.
func Lookup(name string) (Source, bool) {
	for _, s := range all {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// Detecting is the format of logs of which the source is not known yet: JSON in
// any of the envelopes, or lines.
func Detecting() envelope.Format {
	f := envelope.Format{Kind: envelope.Detect}
	for _, s := range all {
		f.EnvelopeKeys = append(f.EnvelopeKeys, s.Format.EnvelopeKeys...)
	}
	slices.Sort(f.EnvelopeKeys)
	f.EnvelopeKeys = slices.Compact(f.EnvelopeKeys)
	return f
}

// Detect tells the source of a record, without its envelope, from its shape. It
// is for records of an input that names no source; it parses anew.
func Detect(record []byte) (source, dialect string) {
	var doc jsondoc.Doc
	isJSON := doc.Parse(record) == nil
	line := string(record)
	for _, s := range all {
		switch {
		case isJSON && s.JSON != nil:
			dialect = s.JSON(doc.Root())
		case !isJSON && s.Line != nil:
			dialect = s.Line(line)
		}
		if dialect != "" {
			return s.Name, dialect
		}
	}
	return "", ""
}
