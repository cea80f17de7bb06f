package envelope

import (
	"fmt"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// maxDepth is how deep a record may nest. It also bounds the work on hostile
// input: a broken line is scanned again at most once for each level.
const maxDepth = 128

// verdict is why a scanner stopped.
type verdict uint8

const (
	scanMore     verdict = iota // all bytes are taken, the value goes on
	scanDone                    // the value is complete
	scanBad                     // the next byte cannot stand there
	scanEnvelope                // the array of an envelope key has been opened
)

// state is what a scanner waits for.
type state uint8

const (
	wantValue     state = iota
	wantElement         // a value or ]
	wantKey             // a key
	wantKeyOrEnd        // a key or }
	wantColon           //
	wantSeparator       // a comma or the closing bracket
	inString
	inEscape
	inHex
	inLiteral
	numMinus // after the sign
	numZero  // after a leading 0
	numInt
	numPoint // after the point
	numFrac
	numExp  // after e
	numSign // after the sign of the exponent
	numPower
)

var wants = [...]string{
	wantValue:     "a value",
	wantElement:   "a value or ]",
	wantKey:       "a member's name",
	wantKeyOrEnd:  "a member's name or }",
	wantColon:     "a colon",
	wantSeparator: "a comma or the closing bracket",
	inString:      "no raw control character in a string",
	inEscape:      `one of "\/bfnrtu after a backslash`,
	inHex:         "four hexadecimal digits",
	inLiteral:     "true, false or null",
	numMinus:      "a digit after the minus sign",
	numZero:       "the end of the number after its leading zero",
	numInt:        "the end of the number",
	numPoint:      "a digit after the decimal point",
	numFrac:       "the end of the number",
	numExp:        "a digit or sign in the exponent",
	numSign:       "a digit in the exponent",
	numPower:      "the end of the number",
}

// nesting is a stack of open brackets: a bit for each, set for an object.
type nesting struct {
	depth int
	bits  [maxDepth / 64]uint64
}

func (n *nesting) push(object bool) {
	word, bit := n.depth/64, uint64(1)<<(n.depth%64)
	if object {
		n.bits[word] |= bit
	} else {
		n.bits[word] &^= bit
	}
	n.depth++
}

// inObject reports whether the innermost open bracket is an object's.
func (n *nesting) inObject() bool {
	return n.bits[(n.depth-1)/64]&(1<<((n.depth-1)%64)) != 0
}

// scanner checks one JSON value, fed in chunks of any size. It holds no text and
// allocates nothing. The zero value is ready.
type scanner struct {
	state   state
	key     bool   // the string is a member's name
	hex     uint8  // hexadecimal digits still to come
	literal string // rest of a literal still to come
	open    nesting
	watch   watch
}

// reset makes the scanner ready for a value. keys, which may be nil, are the
// envelope keys to watch for.
func (s *scanner) reset(keys []string) {
	s.state, s.key, s.open.depth = wantValue, false, 0
	s.watch.keys = keys
}

// scan takes the bytes of p up to the end of the value, the first byte that cannot
// stand there, or the end of p, and returns how many it took.
func (s *scanner) scan(p []byte) (int, verdict) {
	i := 0
	for i < len(p) {
		n, v := 0, scanMore
		switch s.state {
		case inString:
			n, v = s.text(p[i:])
		case inEscape, inHex, inLiteral:
			n, v = s.within(p[i])
		case numMinus, numZero, numInt, numPoint, numFrac, numExp, numSign, numPower:
			n, v = s.number(p[i:])
		default:
			n = 1
			if c := p[i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				n, v = s.structure(c)
			}
		}
		i += n
		if v != scanMore {
			return i, v
		}
	}
	return i, scanMore
}

// text takes the bytes of a string, at most to its end or to a backslash.
func (s *scanner) text(p []byte) (int, verdict) {
	n := jsondoc.PlainRun(p)
	if s.key && s.watch.active(s.open.depth) {
		s.watch.add(p[:n])
	}
	if n == len(p) {
		return n, scanMore
	}
	switch p[n] {
	case '"':
		return s.endText(p, n+1)
	case '\\':
		s.state = inEscape
		s.watch.spoil()
	default:
		return n, scanBad
	}
	return n + 1, scanMore
}

// endText ends a string in front of p[n]. It takes what most often follows at once,
// up to the next string: 1.2x on BenchmarkSplit/ndjson.
func (s *scanner) endText(p []byte, n int) (int, verdict) {
	if s.key {
		s.key, s.state = false, wantColon
		if n < len(p) && p[n] == ':' {
			n, s.state = n+1, wantValue
			if n < len(p) && p[n] == '"' {
				n, s.state = n+1, inString
			}
		}
		return n, scanMore
	}
	v := s.endValue()
	if v == scanMore && n < len(p) && p[n] == ',' && s.open.inObject() {
		n, s.state = n+1, wantKey
		if n < len(p) && p[n] == '"' {
			n, s.state, s.key = n+1, inString, true
			s.watch.begin()
		}
	}
	return n, v
}

// structure takes a byte outside of strings, numbers and literals.
func (s *scanner) structure(c byte) (int, verdict) {
	switch s.state {
	case wantValue, wantElement:
		if c == ']' && s.state == wantElement {
			return 1, s.pop()
		}
		return s.beginValue(c)
	case wantKey, wantKeyOrEnd:
		if c == '}' && s.state == wantKeyOrEnd {
			return 1, s.pop()
		}
		if c != '"' {
			return 0, scanBad
		}
		s.state, s.key = inString, true
		s.watch.begin()
	case wantColon:
		if c != ':' {
			return 0, scanBad
		}
		s.state = wantValue
	case wantSeparator:
		object := s.open.inObject()
		switch {
		case c == ',' && object:
			s.state = wantKey
		case c == ',':
			s.state = wantValue
		case c == '}' && object, c == ']' && !object:
			return 1, s.pop()
		default:
			return 0, scanBad
		}
	}
	return 1, scanMore
}

// beginValue takes the first byte of a value.
func (s *scanner) beginValue(c byte) (int, verdict) {
	switch {
	case c == '{' || c == '[':
		if c == '[' && s.watch.active(s.open.depth) && s.open.inObject() && s.watch.matches() {
			s.state = wantSeparator
			return 1, scanEnvelope
		}
		if s.open.depth == maxDepth {
			return 0, scanBad
		}
		s.open.push(c == '{')
		s.state = wantElement
		if c == '{' {
			s.state = wantKeyOrEnd
		}
	case c == '"':
		s.state = inString
	case c == '-':
		s.state = numMinus
	case c == '0':
		s.state = numZero
	case '1' <= c && c <= '9':
		s.state = numInt
	case c == 't':
		s.state, s.literal = inLiteral, "rue"
	case c == 'f':
		s.state, s.literal = inLiteral, "alse"
	case c == 'n':
		s.state, s.literal = inLiteral, "ull"
	default:
		return 0, scanBad
	}
	return 1, scanMore
}

// pop closes the innermost bracket.
func (s *scanner) pop() verdict {
	s.open.depth--
	return s.endValue()
}

// endValue is scanDone if the value that ended was the whole one.
func (s *scanner) endValue() verdict {
	s.state = wantSeparator
	if s.open.depth == 0 {
		return scanDone
	}
	return scanMore
}

// within takes a byte of an escape or of a literal.
func (s *scanner) within(c byte) (int, verdict) {
	switch s.state {
	case inEscape:
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.state = inString
		case 'u':
			s.state, s.hex = inHex, 4
		default:
			return 0, scanBad
		}
	case inHex:
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
			return 0, scanBad
		}
		if s.hex--; s.hex == 0 {
			s.state = inString
		}
	case inLiteral:
		if c != s.literal[0] {
			return 0, scanBad
		}
		if s.literal = s.literal[1:]; s.literal == "" {
			return 1, s.endValue()
		}
	}
	return 1, scanMore
}

// number takes the bytes of a number. The byte after it is not taken.
func (s *scanner) number(p []byte) (int, verdict) {
	for i, c := range p {
		if s.digit(c) {
			continue
		}
		switch {
		case c == '.' && (s.state == numZero || s.state == numInt):
			s.state = numPoint
		case c|0x20 == 'e' && (s.state == numZero || s.state == numInt || s.state == numFrac):
			s.state = numExp
		case (c == '+' || c == '-') && s.state == numExp:
			s.state = numSign
		case s.numberComplete() && !('0' <= c && c <= '9'):
			return i, s.endValue()
		default:
			return i, scanBad
		}
	}
	return len(p), scanMore
}

// digit takes a digit where the number may have one.
func (s *scanner) digit(c byte) bool {
	if c < '0' || '9' < c || s.state == numZero {
		return false
	}
	switch s.state {
	case numMinus:
		s.state = numInt
		if c == '0' {
			s.state = numZero
		}
	case numPoint:
		s.state = numFrac
	case numExp, numSign:
		s.state = numPower
	}
	return true
}

// numberComplete reports whether the number may end here.
func (s *scanner) numberComplete() bool {
	return s.state == numZero || s.state == numInt || s.state == numFrac || s.state == numPower
}

// completeAtEnd reports whether the value is complete if nothing follows: only a
// number at top level does not know its own end.
func (s *scanner) completeAtEnd() bool {
	return s.open.depth == 0 && s.numberComplete()
}

// complain says what is wrong with the next byte.
func (s *scanner) complain(next byte) string {
	if s.open.depth == maxDepth && (next == '{' || next == '[') && s.state <= wantElement {
		return fmt.Sprintf("more than %d levels of nesting", maxDepth)
	}
	return "expected " + wants[s.state] + ", found " + quote(next)
}

// watch finds an envelope key among the names of the outermost object.
type watch struct {
	keys []string
	name [32]byte
	n    int // length of name, or more than it holds: no envelope key
}

// active reports whether members at this depth are looked at.
func (w *watch) active(depth int) bool { return w.keys != nil && depth == 1 }

func (w *watch) begin() { w.n = 0 }

// spoil drops the name: one with an escape is no envelope key.
func (w *watch) spoil() { w.n = len(w.name) + 1 }

func (w *watch) add(p []byte) {
	if w.n += len(p); w.n <= len(w.name) {
		copy(w.name[w.n-len(p):], p)
	}
}

func (w *watch) matches() bool { return w.key() != "" }

// key is the envelope key that the name is, or "".
func (w *watch) key() string {
	if w.n > len(w.name) {
		return ""
	}
	for _, k := range w.keys {
		if string(w.name[:w.n]) == k {
			return k
		}
	}
	return ""
}
