// Package format matches log lines against the formats that gateways are
// configured with: texts in which fields stand between literals, and columns
// between separators. It knows no vendor: who uses it has taken the vendor's syntax
// apart and says what the text of each field may hold.
//
// A line is matched without regular expressions, from left to right. A field ends
// where the literal behind it begins. Where a text may hold that literal itself (a
// user's name with a space), the next place is tried when the rest of the line does
// not match; a bounded number of times, for lines are written by attackers too.
package format

import (
	"fmt"
	"strings"
)

// Shape is what the text of a field may hold.
type Shape uint8

// The shapes.
const (
	// Free is any text. In quotes of an escaping format it ends at the first quote
	// without a backslash.
	Free Shape = iota
	// Word has no space.
	Word
	// List is words with ", " or " : " between them.
	List
	// Braced is "{a|b}", or missing together with the space behind it, as HAProxy's
	// captured headers are. Its text is what is inside.
	Braced
)

// Part is a piece of a format: a literal, or a field.
type Part struct {
	Literal string
	// Name is the field's name in the vendor's syntax; "" for a literal.
	Name string
	// Column is the byte of the format's text where the part begins, from 1.
	Column int
	Shape  Shape
	// Check tells whether a text can be the field's; nil takes any. Empty texts and
	// dashes, as which an absent value is written, always pass.
	Check func(text string) bool
}

// Options say what holds for a whole format.
type Options struct {
	// Escaped formats write a quote inside of quotes with a backslash.
	Escaped bool
	// Open formats may be followed by a space and more.
	Open bool
}

// Error is why a text is no format that can be matched, and where.
type Error struct {
	Column int // from 1, in bytes
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Msg) }

// Line is a compiled format. It is immutable.
type Line struct {
	lead   string // before the first field
	fields []field
	open   bool
}

type field struct {
	Part
	after  string // the literal behind it
	quoted bool   // in quotes that end at the first bare one
}

// Compile puts parts together. Two fields must have a literal between them: there
// would be no telling where the first one ends.
func Compile(parts []Part, opt Options) (*Line, error) {
	line := &Line{open: opt.Open}
	for i, p := range parts {
		switch n := len(line.fields); {
		case p.Name == "" && n == 0:
			line.lead += p.Literal
		case p.Name == "":
			line.fields[n-1].after += p.Literal
		case i > 0 && parts[i-1].Name != "":
			return nil, &Error{p.Column, fmt.Sprintf("nothing stands between %s and %s: there is no telling where one ends", parts[i-1].Name, p.Name)}
		default:
			line.fields = append(line.fields, field{Part: p})
		}
	}
	if len(line.fields) == 0 {
		return nil, &Error{1, "no field in the format"}
	}
	before := line.lead
	for i := range line.fields {
		f := &line.fields[i]
		f.quoted = opt.Escaped && strings.HasSuffix(before, `"`) && strings.HasPrefix(f.after, `"`)
		if f.quoted {
			f.Shape = Free // the quotes hold it together
		}
		before = f.after
	}
	return line, nil
}

// Fields are the names of the fields, in order.
func (l *Line) Fields() []string {
	names := make([]string, len(l.fields))
	for i := range l.fields {
		names[i] = l.fields[i].Name
	}
	return names
}

// maxSteps bounds the work on one line: each end of a field that is tried is a step,
// and so are each 256 bytes that are looked at for it.
const maxSteps = 1 << 15

// Match matches a line. It fills values with the texts of the fields, slices of
// text, and returns what is behind an open format. values must have room for them.
func (l *Line) Match(text string, values []string) (rest string, ok bool) {
	if !strings.HasPrefix(text, l.lead) {
		return "", false
	}
	m := matching{line: l, text: text, values: values, steps: maxSteps}
	end, ok := m.from(0, len(l.lead))
	if !ok {
		return "", false
	}
	return text[end:], true
}

// matching is one attempt.
type matching struct {
	line   *Line
	text   string
	values []string
	steps  int
}

// from matches field i and all behind it at pos, and returns where they end.
func (m *matching) from(i, pos int) (end int, ok bool) {
	if i == len(m.line.fields) {
		return pos, pos == len(m.text) || m.line.open && m.text[pos] == ' '
	}
	f := &m.line.fields[i]
	if f.Shape == Braced && (pos == len(m.text) || m.text[pos] != '{') {
		m.values[i] = ""
		after := strings.TrimPrefix(f.after, " ")
		if !strings.HasPrefix(m.text[pos:], after) {
			return 0, false
		}
		return m.from(i+1, pos+len(after))
	}
	for at := pos; m.steps > 0; at++ {
		if at = f.end(m.text, pos, at, m.line.open); at < 0 {
			m.steps -= 1 + (len(m.text)-pos)/256
			return 0, false
		}
		m.steps -= 1 + (at-pos)/256
		value := m.text[pos:at]
		if f.Shape == Braced {
			value = value[1 : len(value)-1]
		}
		if value == "" || value == "-" || f.Check == nil || f.Check(value) {
			m.values[i] = value
			if end, ok := m.from(i+1, at+len(f.after)); ok {
				return end, true
			}
		}
		if f.quoted || f.Shape == Braced || at == len(m.text) {
			return 0, false
		}
	}
	return 0, false
}

// end is where a text that starts at pos may end, at or behind the index at; -1 if
// there is no such place.
func (f *field) end(text string, pos, at int, open bool) int {
	switch {
	case f.quoted:
		at = bareQuote(text, pos)
	case f.Shape == Braced:
		if at = strings.IndexByte(text[pos:], '}'); at >= 0 {
			at += pos + 1
		}
	case f.after == "":
		at = f.lastEnd(text, pos, at, open)
	default:
		at = index(text, f.after, at)
		for f.Shape == List && at > pos && f.after[0] == ' ' && (text[at-1] == ',' || isColon(text, at)) {
			at = index(text, f.after, at+1)
		}
	}
	if at < 0 || !strings.HasPrefix(text[at:], f.after) || !f.holds(text[pos:at]) {
		return -1
	}
	return at
}

// lastEnd is the end of a field with nothing behind it: that of the line, or of an
// open format the next space.
func (f *field) lastEnd(text string, pos, at int, open bool) int {
	if !open {
		return len(text)
	}
	for ; at < len(text); at++ {
		if text[at] == ' ' && (f.Shape != List || at == pos || text[at-1] != ',') {
			return at
		}
	}
	return len(text)
}

// holds tells whether the text has the field's shape.
func (f *field) holds(text string) bool {
	switch f.Shape {
	case Word:
		return strings.IndexByte(text, ' ') < 0
	case List:
		for i := range len(text) {
			if text[i] == ' ' && (i == 0 || text[i-1] != ',' && !isColon(text, i)) {
				return false
			}
		}
	}
	return true
}

// isColon tells whether the space at i is beside a colon that stands between two
// spaces, as NGINX writes it between the upstreams of an internal redirect.
func isColon(text string, i int) bool {
	return strings.HasPrefix(text[i:], " : ") || i > 1 && text[i-1] == ':' && text[i-2] == ' '
}

func index(text, literal string, from int) int {
	if from > len(text) {
		return -1
	}
	i := strings.Index(text[from:], literal)
	if i < 0 {
		return -1
	}
	return from + i
}

// bareQuote is the first quote at or behind pos that no backslash escapes; -1 if
// there is none.
func bareQuote(text string, pos int) int {
	end := index(text, `"`, pos)
	if end < 0 || strings.IndexByte(text[pos:end], '\\') < 0 {
		return end
	}
	for i := pos; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
