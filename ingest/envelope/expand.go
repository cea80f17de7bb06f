package envelope

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"github.com/weir-security/weir/schemas/event"
)

// expand begins to read the stream that a piece holds in base64. Its pieces have
// the offsets of the holder's own bytes, one after the other: each is another's
// position, in the order of the stream, and the same at every reading.
func (s *Splitter) expand(p Piece, text string, ok bool) (Piece, outcome) {
	c := &s.carried
	if !ok {
		return p, isRecord
	}
	var err error
	if c.data, err = base64.StdEncoding.AppendDecode(c.data[:0], []byte(text)); err != nil {
		p.Reason, p.Detail = event.ReasonSyntax, "the data of a transport is no base64: "+err.Error()
		return p, isRecord
	}
	if c.plain, err = Decompress(bytes.NewReader(c.data)); err != nil {
		p.Reason, p.Detail = event.ReasonSyntax, "the data of a transport cannot be read: "+err.Error()
		return p, isRecord
	}
	s.enterInner(p, c.plain)
	return Piece{}, isOpen
}

// enterInner begins to read the stream r that piece p holds.
func (s *Splitter) enterInner(p Piece, r io.Reader) {
	c := &s.carried
	if c.inner == nil {
		c.inner = new(Splitter)
	}
	c.left = inflated{r, maxInflated}
	c.inner.Reset(&c.left, Options{Format: s.format, Limits: Limits{Record: s.limit}, nested: true})
	c.open, c.from, c.count, c.after = true, p, 0, s.resume
	c.top = p.Offset
	if s.array {
		c.top = s.top
	}
	s.resume = Position{Start: c.top, Next: p.Offset}
}

// fromInner returns the next piece of the stream within a piece; ok is false at its
// end.
func (s *Splitter) fromInner() (p Piece, ok bool) {
	c := &s.carried
	p, err := c.inner.Next()
	switch {
	case err != nil && !errors.Is(err, errInflated): // the end: memory has no other error
		s.closeInner()
		return Piece{}, false
	case err != nil:
		p = Piece{Reason: event.ReasonTooLarge, Detail: "the data of a transport is too large: " + err.Error()}
	case c.count == c.from.Size-1:
		p = Piece{Reason: event.ReasonTooLarge, Detail: "the data of a transport holds more records than it has bytes in base64"}
	case p.Reason == event.ReasonTruncated: // and no rest will come
		p.Reason, p.Detail = event.ReasonSyntax, "the data of a transport is cut off or damaged: "+p.Detail
	}
	p.Offset, p.Decoded = c.from.Offset+c.count, true
	c.count++
	s.resume = Position{Start: c.top, Next: p.Offset + 1}
	if p.Reason == event.ReasonTooLarge && p.Value == nil {
		s.closeInner()
	}
	return p, true
}

// closeInner goes on behind the piece that held the stream.
func (s *Splitter) closeInner() {
	c := &s.carried
	if c.plain != nil {
		c.plain.Close()
		c.plain = nil
	}
	c.open = false
	s.resume = c.after
}
