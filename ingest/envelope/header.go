package envelope

import "bytes"

// Header is how a file of lines begins that names its lines' fields, such as a VPC
// Flow Log's. A line of such a file says nothing without it, so each record is
// the header, a line feed and the line. A header that is Default, which the mapper
// knows, is left out; a line in a stream without a header is a record as it is.
type Header struct {
	// Fields are the names that a field is known to have: a line of names, at least two
	// and half of them of these, is a header. It holds for the lines behind it.
	Fields []string
	// Default is the header that lines without one have.
	Default string
}

// maxHeader bounds the length of a header in bytes.
const maxHeader = 4 << 10

// header is what a splitter knows of its stream's header. It lies in a Splitter.
type header struct {
	fields map[string]bool
	text   []byte // with a line feed; nil without a header, or with the default one
	top    int64  // where it stands
	inUse  bool   // there was one
	record []byte // scratch: the header and a line
}

func (h *header) reset(format Header) {
	h.text, h.inUse = h.text[:0], false
	if len(format.Fields) == 0 {
		h.fields = nil
		return
	}
	if len(h.fields) == len(format.Fields) && h.fields[format.Fields[0]] {
		return
	}
	h.fields = make(map[string]bool, len(format.Fields))
	for _, name := range format.Fields {
		h.fields[name] = true
	}
}

// is tells whether a line is a header: words like names, at least two and half of
// them known. Names are added to a format every year.
func (h *header) is(line []byte) bool {
	if len(line) == 0 || len(line) > maxHeader || line[0] < 'a' || 'z' < line[0] {
		return false
	}
	known, words := 0, 0
	for word := range bytes.FieldsSeq(line) {
		if !isName(word) {
			return false
		}
		words++
		if h.fields[string(word)] {
			known++
		}
	}
	return known > 1 && 2*known >= words
}

// isName tells a word of small letters, digits and hyphens that begins with a letter.
func isName(word []byte) bool {
	for i, c := range word {
		if (c < 'a' || 'z' < c) && (i == 0 || c != '-' && (c < '0' || '9' < c)) {
			return false
		}
	}
	return true
}

// headed puts the header before a line, or keeps the line if it is the header:
// then it is no record.
func (s *Splitter) headed(p Piece) (Piece, error) {
	h := &s.header
	if h.fields == nil || p.Reason != "" {
		return p, nil
	}
	if h.is(p.Value) {
		h.inUse, h.top, h.text = true, p.Offset, h.text[:0]
		if string(bytes.Join(bytes.Fields(p.Value), []byte(" "))) != s.format.Header.Default {
			h.text = append(append(h.text, p.Value...), '\n')
		}
		s.resumeBehindHeader()
		return Piece{}, errNoPiece
	}
	s.resumeBehindHeader()
	if len(h.text) == 0 {
		return p, nil
	}
	h.record = append(append(h.record[:0], h.text...), p.Value...)
	p.Value, p.Decoded = h.record, true
	return p, nil
}

// resumeBehindHeader has another reader begin at the header, as at the beginning of
// an envelope.
func (s *Splitter) resumeBehindHeader() {
	if s.header.inUse {
		s.resume = Position{Start: s.header.top, Next: s.offset()}
	}
}
