// Package jsondoc is weir's one JSON reader: mapping, rules and storage all see
// a record through it, so that no two of them can disagree about what it says.
//
// A Doc is a flat array of nodes over the source text, reused from parse to
// parse. Strings and numbers are slices of that text; only a string with an
// escape is copied, when it is read.
//
// The syntax is RFC 8259, strictly. Where parsers are known to differ, and an
// attacker could show the mapper one record and a rule another, the case is
// decided here once. An error names the byte; a flag (Doc.Flags) goes into the
// event, for such a record is suspicious by itself:
//
//	duplicate key        DuplicateKey. Get and Members give the last one, as encoding/json
//	                     does. The shadowed ones are never used, so they appear in
//	                     `unmapped`, as "key#duplicate1", "key#duplicate2", ...
//	                     More than 64 (MaxDuplicates): error
//	escaped key          the same key as its unescaped form, for Get and for duplicates
//	invalid UTF-8        InvalidUTF8. Each bad byte reads as U+FFFD, in Raw and JSON too
//	lone surrogate       LoneSurrogate. \ud800 reads as U+FFFD, in Raw and JSON as \ufffd
//	\u0000               NUL. Kept; the raw control character is an error, as all of them are
//	byte order mark      error: it belongs to a file, not to a record
//	trailing bytes       error, unless space
//	depth above 64       error (MaxDepth)
//	big numbers          kept as text; Int is exact for all of int64, and fails beyond
//	NaN, Infinity, 01, +1, comments, single quotes, trailing commas: errors
package jsondoc

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 64

// MaxWrapped bounds Doc.Wrapped.
const MaxWrapped = 8

// MaxDuplicates is how many members of a document may be shadowed by a later one
// of the same key: a few are kept visible, more are no accident.
const MaxDuplicates = 64

// Flags tell what was odd about a document that could nevertheless be read.
type Flags uint8

// The oddities; the package comment says how each one reads.
const (
	DuplicateKey Flags = 1 << iota
	InvalidUTF8
	LoneSurrogate
	NUL
)

// flagNames are in the order of the bits.
var flagNames = [...]string{"duplicate_key", "invalid_utf8", "lone_surrogate", "nul"}

// Names gives the set flags as words, in a fixed order; nil if there are none.
func (f Flags) Names() []string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Error is why a text is no JSON document, and where.
type Error struct {
	Offset int // in bytes, from the start of the text that was given to Parse
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("parse json: byte %d: %s", e.Offset, e.Msg) }

// Doc is a parsed document. Its zero value is ready; it is reused by parsing
// again, which ends the life of all its Values (the strings that they gave
// stay). A Doc belongs to one goroutine.
type Doc struct {
	// Wrapped is how many levels more than MaxDepth a document may nest. A reader
	// of what weir wrote sets it: an event holds a record's JSON some levels down.
	Wrapped int

	src    string
	given  string // what was parsed, where src is its repair; else empty
	nodes  []node // in the order of the text: a container, then what is in it
	flags  Flags
	spaced bool // there is space between tokens: Raw is not compact

	duplicates int               // members that are shadowed
	surrogates []uint32          // where the lone ones are
	seen       map[string]uint32 // keys of one big object
	index      rootIndex
}

// node is one value. Positions are bytes of Doc.src.
type node struct {
	start, end       uint32 // the value's text, with quotes or brackets
	keyStart, keyEnd uint32 // of a member: its key's text, without quotes
	next             uint32 // index of the node after this one and all in it
	kind             Kind
	marks            mark
	keyHash          uint16 // hash of the key, decoded
}

type mark uint8

const (
	escaped    mark = 1 << iota // a string with a backslash
	keyEscaped                  // a member whose key has one
	member                      // has a key
	shadowed                    // a later member of its object has the same key
	used                        // held by an attribute, with all in it
)

// Parse reads data. It copies data once, so the caller may reuse it; a caller
// that has, or needs, the text as a string spares the copy with ParseString.
func (d *Doc) Parse(data []byte) error { return d.ParseString(string(data)) }

// ParseString reads s; a warm Doc then allocates nothing. The error is an
// *Error. After an error the document is empty.
func (d *Doc) ParseString(s string) error {
	d.reset()
	if uint64(len(s)) > math.MaxInt32 {
		return &Error{Offset: math.MaxInt32, Msg: "document above 2 GiB"}
	}
	d.src = s
	if !utf8.ValidString(s) {
		d.flags |= InvalidUTF8
		d.given = s
		d.src = strings.Map(func(r rune) rune { return r }, s)
	}
	p := parser{doc: d, src: d.src}
	if err := p.parse(); err != nil {
		if d.flags&InvalidUTF8 != 0 {
			err.Offset = originalOffset(s, err.Offset)
		}
		d.reset()
		return err
	}
	d.patchSurrogates()
	d.indexRoot()
	return nil
}

// reset empties the document and keeps its memory.
func (d *Doc) reset() {
	d.src, d.given, d.flags, d.spaced, d.duplicates = "", "", 0, false, 0
	d.nodes, d.surrogates = d.nodes[:0], d.surrogates[:0]
}

// original turns an offset in src into one of the text that was parsed.
func (d *Doc) original(offset int) int {
	if d.flags&InvalidUTF8 == 0 {
		return offset
	}
	return originalOffset(d.given, offset)
}

// originalOffset turns an offset in the repaired text, in which U+FFFD (three
// bytes) stands for each bad byte, into one of the original s.
func originalOffset(s string, repaired int) int {
	at := 0
	for i, r := range s {
		if at >= repaired {
			return i
		}
		at += utf8.RuneLen(r)
	}
	return len(s)
}

// patchSurrogates writes \ufffd over each lone surrogate escape, which is as
// long, so that texts handed out by Raw and JSON are safe for any reader.
func (d *Doc) patchSurrogates() {
	if len(d.surrogates) == 0 {
		return
	}
	d.flags |= LoneSurrogate
	text := []byte(d.src)
	for _, at := range d.surrogates {
		copy(text[at:], `\ufffd`)
	}
	d.src = string(text)
}

// Flags tells what was odd about the document.
func (d *Doc) Flags() Flags { return d.flags }

// Root is the document's value; absent before a successful parse.
func (d *Doc) Root() Value {
	if len(d.nodes) == 0 {
		return Value{}
	}
	return Value{doc: d}
}
