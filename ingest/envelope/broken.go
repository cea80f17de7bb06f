package envelope

import (
	"bytes"
	"fmt"
	"io"

	"github.com/weir-security/weir/schemas/event"
)

// broken gives up the current value at the byte at pos, which cannot stand there.
func (s *Splitter) broken(what string) (Piece, error) {
	s.detail = fmt.Sprintf("broken JSON at byte %d of the record: %s", s.size(s.pos), what)
	if to, ok := s.lineWithin(s.pos + 1); ok {
		return s.reject(to), nil
	}
	s.wreck.begin(&s.value, s.indent)
	switch {
	case s.array:
		s.at = skipElement
	case s.hasNewline():
		s.at = skipLines
	default:
		s.at = skipLine
	}
	return Piece{}, errNoPiece
}

// lineWithin finds the first line of the current piece, behind its own first line
// and with its first byte before index to, that may begin another record: the value
// before it was not closed. It returns the index of that byte. A piece above the
// limit is not searched: its lines are no longer there.
func (s *Splitter) lineWithin(to int) (int, bool) {
	if s.size(to) > int64(s.limit) {
		return 0, false
	}
	for i := s.keep; ; {
		n := bytes.IndexByte(s.buf[i:to], '\n')
		if n < 0 {
			return 0, false
		}
		i += n + 1
		first := i
		for first < to && (s.buf[first] == ' ' || s.buf[first] == '\t') {
			first++
		}
		if first < to && first-i <= s.indent && s.opens(s.buf[first]) {
			return first, true
		}
	}
}

// opens reports whether c may begin the next record on a line of its own.
func (s *Splitter) opens(c byte) bool { return c == '{' || c == '[' && !s.array }

// skipBroken takes the bytes of the broken piece up to its end.
func (s *Splitter) skipBroken() (Piece, error) {
	if s.at == skipLine {
		n := bytes.IndexByte(s.buf[s.pos:s.end], '\n')
		if n < 0 {
			s.pos = s.end
			return Piece{}, errNeedMore
		}
		s.pos += n
		return s.reject(s.pos), nil
	}
	for ; s.pos < s.end; s.pos++ {
		c := s.buf[s.pos]
		if s.wreck.newLine(c) && s.opens(c) || s.at == skipElement && s.wreck.ends(c) {
			return s.reject(s.pos), nil
		}
	}
	return Piece{}, errNeedMore
}

// reject returns the current piece, which ends before index to, as a syntax error,
// without the white space at its end.
func (s *Splitter) reject(to int) Piece {
	if s.size(to) <= int64(s.limit) {
		for to > s.keep && isSpace(s.buf[to-1]) {
			to--
		}
	}
	s.pos = to
	p := s.take(to, s.limit)
	p.Detail = s.detail
	if p.Reason == "" {
		p.Reason = event.ReasonSyntax
	} else {
		p.Detail = tooLarge(p.Size, s.limit) + "; it is also " + s.detail
	}
	s.endPiece()
	return p
}

// endStream gives out what the end of the stream leaves.
func (s *Splitter) endStream() (Piece, error) {
	switch s.at {
	case atDetect:
		s.at = atTop
		return Piece{}, errNoPiece
	case atLines:
		return Piece{}, s.detectTransport(true)
	case inValue:
		if s.value.completeAtEnd() && s.damage == nil {
			return s.endValue(), nil
		}
		if to, ok := s.lineWithin(s.end); ok {
			s.detail = "broken JSON: the value is not closed before the next record"
			return s.reject(to), nil
		}
		return s.truncated("the stream ends inside a record"), nil
	case afterScalar:
		return s.endValue(), nil
	case inLines:
		return s.lastLine()
	case skipElement:
		s.detail += "; no later record could be told apart, so the rest of the array is rejected with it"
		fallthrough
	case skipLine, skipLines:
		p := s.reject(s.end)
		if s.damage == nil {
			s.at = atEnd
		}
		return p, nil
	case inArray, inTrailer:
		return s.truncated("the stream ends inside an array or envelope, which is not closed"), nil
	case atTop:
		return s.endTop()
	}
	return Piece{}, io.EOF
}

// endTop ends a stream between two values.
func (s *Splitter) endTop() (Piece, error) {
	switch {
	case s.pos < s.end: // a part of a byte order mark
		s.begin()
		s.detail = "broken JSON: expected a value, found " + quote(s.buf[s.pos])
		return s.reject(s.end), nil
	case s.damage != nil:
		return s.truncated("the stream ends too early"), nil
	}
	s.at = atEnd
	return Piece{}, io.EOF
}

// truncated rejects what is begun, which may be nothing, and ends the stream. The
// position to resume from stays before it.
func (s *Splitter) truncated(what string) Piece {
	if s.damage != nil {
		what = s.damage.Error() + ": " + what
	}
	if !s.begun() {
		s.begin()
	}
	p := s.take(s.end, s.limit)
	p.Detail = what + ": fetch or copy the object again; if it is still being written, the rest is read when it is there"
	if p.Reason == "" {
		p.Reason = event.ReasonTruncated
	} else {
		p.Detail = tooLarge(p.Size, s.limit) + "; " + p.Detail
	}
	s.pos, s.at = s.end, atEnd
	return p
}

func tooLarge(size int64, limit int) string {
	return fmt.Sprintf("the record has %d bytes, the limit is %d: its first 64 KiB, length and SHA-256 are kept", size, limit)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// quote is a byte as a reader of an error sees it, however the stream is cut.
func quote(c byte) string {
	if c < 0x80 {
		return fmt.Sprintf("%q", c)
	}
	return fmt.Sprintf("byte 0x%x", c)
}

// wreck follows a broken value by its brackets and quotes alone.
type wreck struct {
	open     nesting
	excess   int // brackets opened beyond what open can hold
	inString bool
	escaped  bool
	indent   int // of the broken value
	column   int // in the white space at the start of a line; -1 behind it
}

// begin takes over from the scanner that found the break.
func (w *wreck) begin(v *scanner, indent int) {
	*w = wreck{
		open:     v.open,
		inString: v.state == inString || v.state == inEscape || v.state == inHex,
		escaped:  v.state == inEscape,
		indent:   indent,
		column:   -1,
	}
}

// newLine reports whether c is the first byte of a line, not counting white space,
// and no deeper indented than the broken value.
func (w *wreck) newLine(c byte) bool {
	switch {
	case c == '\n':
		w.column = 0
	case w.column >= 0 && (c == ' ' || c == '\t'):
		w.column++
	case w.column >= 0:
		first := w.column <= w.indent
		w.column = -1
		return first
	}
	return false
}

// ends takes c and reports whether it is the comma or bracket where the array goes
// on. A string ends with its line at the latest, and a closing bracket closes what
// was left open inside of its own pair.
func (w *wreck) ends(c byte) bool {
	switch {
	case c == '\n':
		w.inString, w.escaped = false, false
	case w.inString:
		switch {
		case w.escaped:
			w.escaped = false
		case c == '\\':
			w.escaped = true
		case c == '"':
			w.inString = false
		}
	case c == '"':
		w.inString = true
	case (c == '{' || c == '[') && w.open.depth == maxDepth:
		w.excess++
	case c == '{' || c == '[':
		w.open.push(c == '{')
	case (c == '}' || c == ']') && w.excess > 0:
		w.excess--
	case c == '}' || c == ']':
		return !w.close(c == '}') && c == ']'
	case c == ',':
		return w.open.depth == 0
	}
	return false
}

// close closes the innermost bracket of the kind, and all inside it. It reports
// whether there was one.
func (w *wreck) close(object bool) bool {
	for depth := w.open.depth; depth > 0; depth-- {
		w.open.depth = depth
		if w.open.inObject() == object {
			w.open.depth = depth - 1
			return true
		}
	}
	return false
}
