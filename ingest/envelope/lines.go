package envelope

import (
	"bytes"
	"io"
)

// byteOrderMark is what some Windows programs put before UTF-8 text.
const byteOrderMark = "\xef\xbb\xbf"

// skipMark skips a byte order mark at pos.
func (s *Splitter) skipMark() (bool, error) {
	have := s.buf[s.pos:min(s.end, s.pos+len(byteOrderMark))]
	if string(have) == byteOrderMark {
		s.pos += len(byteOrderMark)
		s.indent = 0
		return true, errNoPiece
	}
	if string(have) == byteOrderMark[:len(have)] {
		return false, errNeedMore
	}
	return false, nil
}

// detect decides between JSON and lines of text. An array counts as JSON only if its
// first element is an object: a line may begin with a bracketed time.
func (s *Splitter) detect() error {
	if s.pos < s.end && s.buf[s.pos] == byteOrderMark[0] {
		if skipped, err := s.skipMark(); skipped || err != nil {
			return err
		}
	}
	text := bytes.TrimLeft(s.buf[s.pos:s.end], " \t\r\n")
	if len(text) > 0 && text[0] == '[' {
		text = bytes.TrimLeft(text[1:], " \t\r\n")
		if len(text) > 0 && text[0] != '{' && text[0] != ']' {
			s.at, s.form = inLines, OfLines
			return errNoPiece
		}
	}
	switch {
	case len(text) > 0 && (text[0] == '{' || text[0] == ']'):
		s.at, s.form = atTop, OfJSON
	case len(text) == 0 && s.end-s.pos < readSize:
		return errNeedMore
	default:
		s.at, s.form = inLines, OfLines
	}
	return errNoPiece
}

// line takes a line of text. Empty lines are no records.
func (s *Splitter) line() (Piece, error) {
	for !s.begun() {
		if s.pos == s.end {
			s.resumeAt(s.offset())
			s.resumeBehindHeader()
			return Piece{}, errNeedMore
		}
		switch c := s.buf[s.pos]; {
		case c == '\n' || c == '\r':
			s.pos++
		case c == byteOrderMark[0] && s.offset() == 0:
			if skipped, err := s.skipMark(); skipped || err != nil {
				return Piece{}, err
			}
			s.begin()
		default:
			s.begin()
		}
	}
	n := bytes.IndexByte(s.buf[s.pos:s.end], '\n')
	if n < 0 {
		s.pos = s.end
		return Piece{}, errNeedMore
	}
	s.pos += n
	p := s.takeLine(s.pos)
	s.pos++
	s.resumeAt(s.offset())
	return s.unlessComment(p)
}

// unlessComment is the line, unless it is one that is no record.
func (s *Splitter) unlessComment(p Piece) (Piece, error) {
	if comment := s.format.Comment; comment != "" && bytes.HasPrefix(p.Value, []byte(comment)) {
		return Piece{}, errNoPiece
	}
	return s.headed(p)
}

// takeLine ends the line before index to.
func (s *Splitter) takeLine(to int) Piece {
	if s.size(to) <= int64(s.limit) && s.buf[to-1] == '\r' {
		to--
	}
	p := s.take(to, s.limit)
	if p.Reason != "" {
		p.Detail = tooLarge(p.Size, s.limit)
	}
	return p
}

// lastLine ends a stream of lines. A last line without a line end is a line, unless
// the stream is damaged.
func (s *Splitter) lastLine() (Piece, error) {
	if !s.begun() && s.pos < s.end { // a part of a byte order mark
		s.begin()
	}
	switch {
	case s.damage != nil:
		return s.truncated("the stream ends too early"), nil
	case !s.begun():
		s.at = atEnd
		return Piece{}, io.EOF
	}
	s.pos = s.end
	p := s.takeLine(s.end)
	s.resumeAt(s.offset())
	return s.unlessComment(p)
}
