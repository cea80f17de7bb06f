// Package sources is the one visible table of the kinds of logs that weir
// knows: what they are called, how they come wrapped, how they are recognised, and
// what maps them. The rows stand by family: aws.go, azure.go, gateways.go,
// kubernetes.go, network.go. A Table is the rows as a configuration has them.
package sources

//go:generate go run ./gendocs

import (
	"slices"

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
	// is none of the source's. Nil where the source has no such records. Any number of
	// goroutines call them.
	JSON func(root jsondoc.Value) (dialect string)
	Line func(line string) (dialect string)
	// Formats, of a source whose users choose the form of its records, gives the row
	// for the formats of a configuration, in the vendor's own syntax: its NewMapper,
	// JSON and Line know them beside the source's own shapes. The error says what is
	// wrong with the first format that cannot be compiled. Nil for other sources.
	Formats func(row Source, formats []string) (Source, error)
}

// builtin is in the order of recognition: the first source that knows a record has
// it. A family whose shapes are particular stands before one that takes much.
var builtin = slices.Concat(clusters, networks, aws, gateways, azures)
