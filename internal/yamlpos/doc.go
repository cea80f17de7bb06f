// Package yamlpos reads YAML strictly and with positions: every key and value
// knows its line and column, every mistake of a file is collected, and a place
// inside a scalar (an expression in a literal block) maps back to the file.
//
// A reader asks a mapping for the keys that it knows, and then says Done, which
// reports the others:
//
//	doc := yamlpos.Parse("weir.yaml", src)
//	m := doc.Root().Mapping()
//	name := m.Require("name").Str()
//	size := m.Get("size").Int()
//	m.Done()
//	return doc.Problems()
//
// A Node of a missing key is the zero Node: reading it yields zero values and
// reports nothing, so that optional keys need no branch.
//
// Refused, because they cost more than they give: several documents in a file,
// duplicate keys, anchors and aliases (a few lines of them expand to gigabytes),
// tags.
package yamlpos
