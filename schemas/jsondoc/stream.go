package jsondoc

import (
	"strconv"
	"unicode/utf8"
)

// Stream reads a document from its begin to its end without keeping it, for who
// knows what comes next: an event that weir wrote. It reads only the plainest form:
// no space between tokens, no escape in a key, no oddity that Flags tells of but NUL,
// and the caller refuses a key that was there. Every method's ok is false for
// anything else, and then the text is for a Doc, which reads it or says what is
// wrong. So whatever a Stream reads to its end a Doc reads, and as the same:
// FuzzReadEvent of schemas/ocsf.
//
// A Stream belongs to one goroutine.
type Stream struct {
	// Memory is where strings are decoded that have an escape; without it each is
	// allocated.
	Memory *Memory

	parser parser
	doc    Doc // of the last Raw
	depth  int // containers around the position
}

// Reset begins with another text.
func (s *Stream) Reset(text string) (ok bool) {
	s.doc.reset()
	s.doc.src = text
	s.depth = 0
	s.parser.doc, s.parser.src, s.parser.pos, s.parser.depth = &s.doc, text, 0, 0
	return utf8.ValidString(text)
}

// Open begins an object or array by its bracket. If it is empty, it is read.
func (s *Stream) Open(bracket byte) (empty, ok bool) {
	p := &s.parser
	if p.peek() != bracket {
		return false, false
	}
	p.pos++
	s.depth++
	if p.peek() == bracket+2 { // ] and } are that far from [ and {
		p.pos++
		s.depth--
		return true, true
	}
	return false, true
}

// More reads what follows a member or element: a comma, or the bracket's other one.
func (s *Stream) More(bracket byte) (more, ok bool) {
	p := &s.parser
	c := p.peek()
	p.pos++
	switch c {
	case ',':
		return true, true
	case bracket + 2:
		s.depth--
		return false, true
	}
	return false, false
}

// Key reads the key of a member and the colon. Whether there was one of that name
// already is for the caller to know.
func (s *Stream) Key() (key string, ok bool) {
	p := &s.parser
	src := p.src
	if p.peek() != '"' {
		return "", false
	}
	start := p.pos + 1
	end := start + PlainRun(src[start:])
	if end+1 >= len(src) || src[end] != '"' || src[end+1] != ':' {
		return "", false
	}
	p.pos = end + 2
	return src[start:end], true
}

// Str reads a string. One with an escape is in Memory, if there is one.
func (s *Stream) Str() (string, bool) {
	p := &s.parser
	if p.peek() != '"' {
		return "", false
	}
	start := p.pos + 1
	end := start + PlainRun(p.src[start:])
	if end < len(p.src) && p.src[end] == '"' {
		p.pos = end + 1
		return p.src[start:end], true
	}
	if s.Memory != nil {
		if dst := s.Memory.room(len(p.src) - start + 8); dst != nil {
			p.pos = start
			n, err := p.decode(dst)
			if err != nil || len(s.doc.surrogates) > 0 {
				return "", false
			}
			return s.Memory.take(n), true
		}
	}
	if _, err := p.string(); err != nil || len(s.doc.surrogates) > 0 {
		return "", false
	}
	return unescape(p.src[start : p.pos-1]), true
}

// number reads the text of a number.
func (s *Stream) number() (string, bool) {
	start := s.parser.pos
	if s.parser.number() != nil {
		return "", false
	}
	return s.parser.src[start:s.parser.pos], true
}

// Int reads a number that is written as an integer of 64 bits. What is no plain one of
// few digits goes the way of all numbers, which takes it apart twice.
func (s *Stream) Int() (int64, bool) {
	src, start := s.parser.src, s.parser.pos
	n, end := int64(0), start
	for end < len(src) && '0' <= src[end] && src[end] <= '9' {
		n = n*10 + int64(src[end]-'0')
		end++
	}
	if digits := end - start; 0 < digits && digits <= 18 && (src[start] != '0' || digits == 1) && end < len(src) && endsValue(src[end]) {
		s.parser.pos = end
		return n, true
	}
	text, ok := s.number()
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// endsValue tells the bytes that can follow a member or element without space.
func endsValue(c byte) bool { return c == ',' || c == '}' || c == ']' }

// Float reads a number that a float64 holds.
func (s *Stream) Float() (float64, bool) {
	text, ok := s.number()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// Bool reads true or false.
func (s *Stream) Bool() (value, ok bool) {
	if s.parser.peek() == 't' {
		return true, s.parser.literal("true") == nil
	}
	return false, s.parser.literal("false") == nil
}

// Raw reads any value and gives its text.
func (s *Stream) Raw() (string, bool) {
	p := &s.parser
	start := p.pos
	switch p.peek() {
	case ' ', '\t', '\r', '\n':
		return "", false
	}
	s.doc.nodes = s.doc.nodes[:0]
	s.doc.Wrapped = MaxWrapped - s.depth
	if p.document() != nil || s.doc.flags&DuplicateKey != 0 || len(s.doc.surrogates) > 0 {
		return "", false
	}
	return p.src[start:p.pos], true
}

// Done tells whether the text is at its end.
func (s *Stream) Done() bool { return s.depth == 0 && s.parser.pos == len(s.parser.src) }
