package envelope

import (
	"errors"
	"io"

	"github.com/weir-security/weir/schemas/event"
)

// place is where in the stream a splitter stands.
type place uint8

const (
	atDetect    place = iota // before the bytes that tell JSON from lines
	atLines                  // before the bytes that tell a transport from lines
	atTop                    // between top-level values
	inArray                  // between the elements of an array
	inTrailer                // behind the array of an envelope
	inValue                  // in a top-level value or an element
	afterScalar              // behind a string, number or literal
	inLines                  // between or in lines of text
	skipLine                 // in a broken line, up to its end
	skipLines                // in a broken value, up to a line that may begin a record
	skipElement              // in a broken element, up to where the array goes on
	atEnd
)

// Splitter reads pieces from a stream. It is used by one goroutine.
type Splitter struct {
	window
	limit   int
	keys    []string
	format  Format
	growing bool
	skip    int64 // pieces before this offset are not returned
	resume  Position
	form    Form  // that was found
	damage  error // of the stream's compression: it ends here

	at place
	// indent is how much white space stands directly before what comes next, on its
	// line or since the last piece.
	indent int
	// array tells that values are elements; top is where their array or envelope
	// starts, and envelope that more members may follow the array.
	array    bool
	envelope bool
	top      int64
	comma    bool // a comma, or the array's own bracket, announced the next element

	value  scanner // of the current value
	scalar bool    // the current value is no object and no array
	outer  scanner // of the envelope around the array
	wreck  wreck   // of what is skipped
	detail string  // what is wrong with it

	carried carriage
	header  header
}

// New returns a splitter of the stream r, which stands at o.From.Start.
func New(r io.Reader, o Options) *Splitter {
	s := new(Splitter)
	s.Reset(r, o)
	return s
}

// Reset makes the splitter read another stream with the memory that it has.
func (s *Splitter) Reset(r io.Reader, o Options) {
	w := s.window
	w.reset(r, o.From.Start)
	c := s.carried
	c.on, c.nested, c.open, c.key = o.Format.Transports, o.nested, false, ""
	keys := o.Format.EnvelopeKeys
	if c.on != 0 {
		keys = c.envelopeKeys(s.keysOf(o.Format), keys)
	}
	h := s.header
	h.reset(o.Format.Header)
	*s = Splitter{
		window:  w,
		carried: c,
		header:  h,
		limit:   o.Limits.Record,
		keys:    keys,
		format:  o.Format,
		growing: o.Growing,
		skip:    o.From.Next,
		resume:  o.From,
		form:    o.From.Form,
	}
	if s.limit <= 0 {
		s.limit = DefaultRecordLimit
	}
	switch o.Format.Kind {
	case JSON:
		s.at = atTop
	case Lines:
		s.at = inLines
		if c.on != 0 {
			s.at = atLines
		}
	case Detect:
		s.at = atDetect
	}
	switch {
	case s.at != atDetect && s.at != atLines:
		s.form = Unknown
	case s.form == OfJSON:
		s.at = atTop
	case s.form == OfLines:
		s.at = inLines
	}
}

// keysOf is memory for the envelope keys of a format with transports: that of the
// last such stream.
func (s *Splitter) keysOf(Format) []string {
	if s.carried.on != 0 {
		return s.keys
	}
	return nil
}

// Finish declares that a growing stream is complete: what is incomplete at its end
// is given out by the next calls of Next.
func (s *Splitter) Finish() { s.growing = false }

// Position is from where another splitter returns what follows the last piece. A
// truncated piece does not advance it: should the rest appear later, the record is
// read whole. Nor does what follows the last element of an array: a file that is
// written anew with more elements goes on behind those that were there.
func (s *Splitter) Position() Position {
	p := s.resume
	p.Form = s.form
	return p
}

// Ended reports whether Next has returned all there is: the stream has ended, and a
// growing one was finished or is damaged.
func (s *Splitter) Ended() bool { return s.at == atEnd }

// Pending reports whether a growing stream ends, for now, in something incomplete.
func (s *Splitter) Pending() bool {
	return s.at != atEnd && (s.begun() || s.array || s.pos < s.end)
}

// Next returns the next piece. The error is io.EOF at the end of the stream (of a
// growing one: for now), or an error of the reader that says nothing about the
// stream's bytes; then nothing is lost and Next may be tried again.
func (s *Splitter) Next() (Piece, error) {
	for {
		if s.carried.open {
			if p, ok := s.fromInner(); ok && p.Offset >= s.skip {
				return p, nil
			}
			continue
		}
		p, err := s.step()
		if err == errNeedMore {
			p, err = s.more()
		}
		if err == nil && s.carried.on != 0 && s.at != inLines && s.at != atEnd && p.Offset+p.Size > s.skip {
			var found outcome
			if p, found = s.unwrap(p); found != isRecord {
				continue
			}
		}
		if err == nil && p.Offset >= s.skip {
			return p, nil
		}
		if err != nil && err != errNoPiece {
			return Piece{}, err
		}
	}
}

// Two outcomes of a step that are no piece.
var (
	errNoPiece  = errors.New("envelope: no piece yet")
	errNeedMore = errors.New("envelope: more input needed")
)

// more reads on, or ends what is begun where the stream ends.
func (s *Splitter) more() (Piece, error) {
	if s.damage != nil {
		return s.endStream()
	}
	err := s.fill(s.limit)
	if err == nil {
		return Piece{}, errNoPiece
	}
	var damage *DamageError
	switch {
	case errors.As(err, &damage):
		s.damage, s.growing = err, false
	case err != io.EOF || s.growing:
		return Piece{}, err
	}
	return s.endStream()
}

// step advances by a piece or a part of one.
func (s *Splitter) step() (Piece, error) {
	switch s.at {
	case atDetect:
		return Piece{}, s.detect()
	case atLines:
		return Piece{}, s.detectTransport(false)
	case atTop:
		return Piece{}, s.betweenValues()
	case inArray:
		return Piece{}, s.betweenElements()
	case inTrailer:
		return s.trailer()
	case inValue:
		return s.inside()
	case afterScalar:
		return s.scalarEnd()
	case inLines:
		return s.line()
	case skipLine, skipLines, skipElement:
		return s.skipBroken()
	}
	return Piece{}, io.EOF
}

// betweenValues skips white space at top level and begins the next value.
func (s *Splitter) betweenValues() error {
	for ; s.pos < s.end; s.pos++ {
		switch s.buf[s.pos] {
		case '\n':
			s.indent = 0
		case ' ', '\t', '\r':
			s.indent++
		case '[':
			s.openArray(s.offset(), false)
			s.pos++
			return errNoPiece
		case byteOrderMark[0]:
			if skipped, err := s.skipMark(); skipped || err != nil {
				return err
			}
			return s.beginValue(true)
		default:
			return s.beginValue(true)
		}
	}
	return errNeedMore
}

// beginValue begins a value at the next byte. unwrap tells that it may be an
// envelope.
func (s *Splitter) beginValue(unwrap bool) error {
	s.begin()
	s.at = inValue
	c := s.buf[s.pos]
	s.scalar = c != '{' && c != '['
	var keys []string
	if unwrap {
		keys = s.keys
	}
	s.value.reset(keys)
	return errNoPiece
}

// openArray enters an array or envelope whose text begins at offset top.
func (s *Splitter) openArray(top int64, envelope bool) {
	s.array, s.envelope, s.top = true, envelope, top
	s.at, s.comma, s.indent = inArray, true, 0
	s.resumeAt(top)
}

// closeArray returns to top level behind an array or envelope. The position to resume
// from stays behind its last element: a file may be written anew with more of them.
func (s *Splitter) closeArray() {
	s.array, s.envelope = false, false
	s.at, s.indent = atTop, 0
}

func (s *Splitter) resumeAt(offset int64) { s.resume = Position{Start: offset, Next: offset} }

// betweenElements skips white space and commas in an array, and begins the next
// element or leaves the array.
func (s *Splitter) betweenElements() error {
	for ; s.pos < s.end; s.pos++ {
		switch s.buf[s.pos] {
		case '\n':
			s.indent = 0
		case ' ', '\t', '\r':
			s.indent++
		case ',':
			s.comma, s.indent = true, 0
		case ']':
			s.pos++
			if s.envelope {
				s.at = inTrailer
			} else {
				s.closeArray()
			}
			return errNoPiece
		default:
			// Without a comma it may be the next envelope, after one that lost its end.
			unwrap := !s.comma
			s.comma = false
			return s.beginValue(unwrap)
		}
	}
	return errNeedMore
}

// trailer takes the members that follow the array inside of its envelope.
func (s *Splitter) trailer() (Piece, error) {
	n, v := s.outer.scan(s.buf[s.pos:s.end])
	s.pos += n
	switch v {
	case scanMore:
		return Piece{}, errNeedMore
	case scanDone:
		s.closeArray()
	case scanEnvelope:
		s.carried.key = s.outer.watch.key()
		s.at, s.comma, s.indent = inArray, true, 0
	case scanBad:
		if s.buf[s.pos] == '{' {
			return s.unclosed(s.offset()), nil
		}
		s.detail = "broken JSON behind the records of an envelope: " + s.outer.complain(s.buf[s.pos])
		s.array, s.envelope = false, false
		s.begin()
		s.at = skipLine
	}
	return Piece{}, errNoPiece
}

// unclosed leaves an envelope that lost its end before the one that starts at next.
func (s *Splitter) unclosed(next int64) Piece {
	s.closeArray()
	s.resumeAt(next)
	return Piece{
		Offset: next,
		Reason: event.ReasonTruncated,
		Detail: "the array or envelope before this one is not closed: records at its end may be missing",
	}
}

// inside takes bytes of a record, or of what turns out to be an envelope.
func (s *Splitter) inside() (Piece, error) {
	n, v := s.value.scan(s.buf[s.pos:s.end])
	s.pos += n
	switch v {
	case scanMore:
		return Piece{}, errNeedMore
	case scanBad:
		return s.broken(s.value.complain(s.buf[s.pos]))
	case scanEnvelope:
		s.outer = s.value
		var head []byte
		if s.size(s.pos) <= int64(s.limit) {
			head = s.buf[s.keep:s.pos]
		}
		s.carried.enter(s.value.watch.key(), head)
		s.drop()
		if s.array {
			p := s.unclosed(s.start)
			s.openArray(s.start, true)
			return p, nil
		}
		s.openArray(s.start, true)
		return Piece{}, errNoPiece
	}
	if s.scalar {
		s.at = afterScalar
		return Piece{}, errNoPiece
	}
	return s.endValue(), nil
}

// scalarEnd looks at the byte behind a scalar: "a":1 in place of a record is no
// string that something follows.
func (s *Splitter) scalarEnd() (Piece, error) {
	if s.pos == s.end {
		return Piece{}, errNeedMore
	}
	switch c := s.buf[s.pos]; {
	case c == ' ', c == '\t', c == '\r', c == '\n', s.array && (c == ',' || c == ']'):
		return s.endValue(), nil
	default:
		return s.broken("expected white space behind a value, found " + quote(c))
	}
}

// endValue returns the value that ends at pos.
func (s *Splitter) endValue() Piece {
	p := s.take(s.pos, s.limit)
	if p.Reason != "" {
		p.Detail = tooLarge(p.Size, s.limit)
	}
	s.endPiece()
	return p
}

// endPiece goes on behind a piece that ends at pos.
func (s *Splitter) endPiece() {
	s.indent = 0
	if s.array {
		s.at = inArray
		s.resume = Position{Start: s.top, Next: s.offset()}
		return
	}
	s.at = atTop
	s.resumeAt(s.offset())
}
