package push

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/schemas/event"
)

// List is what one request holds. Its values are parts of the request's body.
type List struct {
	Records []event.Record
	Letters []event.DeadLetter
	// Oversized is how many of the letters are events above the limit of a record.
	Oversized int
	// Start and End are where the first piece begins and the last one ends in the body;
	// both are its length if there is none.
	Start, End int64

	bytes int64 // of the body
}

// Counts is what became of the pieces of a request.
type Counts struct {
	Records, Letters int
	Oversized        int // how many of the letters are events above Limit
	Limit            int // bytes of an event
}

func (l *List) len() int { return len(l.Records) + len(l.Letters) }

func (l *List) empty() bool { return l.len() == 0 }

// tooManyEvents is the error of a body with more than so many events.
type tooManyEvents int

func (n tooManyEvents) Error() string { return fmt.Sprintf("the body has more than %d events", int(n)) }

// overhead is about the memory that the list takes beside its body.
func (l *List) overhead() int64 {
	const record, letter = 128, 512
	return int64(cap(l.Records))*record + int64(cap(l.Letters))*letter
}

// Layout is how a body is split.
type Layout struct {
	Source string
	Format envelope.Format
	Origin event.Origin // of every event, but for its position
	Record int          // greatest length of an event in bytes
	Events int          // most events of a body, since short ones cost many times their size
}

// splitters keeps their buffers, which are as long as the longest event.
var splitters = sync.Pool{New: func() any { return new(envelope.Splitter) }}

// Split takes a body apart. A piece that is no event becomes a dead letter. The list
// points into body.
func Split(body []byte, o Layout) (*List, error) {
	s := splitters.Get().(*envelope.Splitter)
	defer func() {
		s.Reset(bytes.NewReader(nil), envelope.Options{}) // let go of the body
		splitters.Put(s)
	}()
	s.Reset(bytes.NewReader(body), envelope.Options{Format: o.Format, Limits: envelope.Limits{Record: o.Record}})
	size := int64(len(body))
	list := &List{bytes: size, Start: size, End: size}
	for {
		p, err := s.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		switch list.len() {
		case 0:
			list.Start = p.Offset
		case o.Events:
			return nil, tooManyEvents(o.Events)
		}
		list.End = p.Offset + p.Size
		list.add(&o, body, p)
	}
}

func (l *List) add(o *Layout, body []byte, p envelope.Piece) {
	p.Value = p.In(body)
	origin := o.Origin
	if p.Reason == "" {
		origin.Position, origin.Envelope = p.Offset, p.Envelope
		l.Records = append(l.Records, event.Record{Source: o.Source, Value: p.Value, Origin: origin})
		return
	}
	if p.Reason == event.ReasonTooLarge {
		l.Oversized++
	}
	l.Letters = append(l.Letters, p.DeadLetter(o.Source, origin))
}
