package webhook

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
)

const (
	// maxEvents bounds the pieces of one list, as a list of two-byte events would cost
	// a hundred times its size. An API server sends 400 at most unless told otherwise.
	maxEvents = 20_000
	// maxFrame bounds what a list has around its items: kind, apiVersion, metadata.
	maxFrame = 64 << 10
)

// eventList is what one request holds. Its values are parts of the request's body.
type eventList struct {
	records   []event.Record
	letters   []event.DeadLetter
	bytes     int64 // of the body
	oversized int   // how many of the letters are events above the limit
}

func (l *eventList) empty() bool { return len(l.records)+len(l.letters) == 0 }

// overhead is about the memory that the list takes beside its body.
func (l *eventList) overhead() int64 {
	const record, letter = 128, 512
	return int64(cap(l.records))*record + int64(cap(l.letters))*letter
}

var eventLists = envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"items"}}

// splitters keeps their buffers, which are as long as the longest event.
var splitters = sync.Pool{New: func() any { return new(envelope.Splitter) }}

// parseList takes an EventList apart. A piece that is no event becomes a dead letter;
// a body in which no event can be told apart is a *badRequest. The list points into
// body.
func parseList(body []byte, cfg *Config, origin event.Origin) (*eventList, error) {
	s := splitters.Get().(*envelope.Splitter)
	defer func() {
		s.Reset(bytes.NewReader(nil), envelope.Options{}) // let go of the body
		splitters.Put(s)
	}()
	s.Reset(bytes.NewReader(body), envelope.Options{Format: eventLists, Limits: envelope.Limits{Record: cfg.Limits.Record}})
	list := &eventList{bytes: int64(len(body))}
	first, last := int64(len(body)), int64(len(body)) // where the items begin and end
	for n := 0; ; n++ {
		p, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			first = p.Offset
		}
		if n == maxEvents {
			return nil, &badRequest{tooLarge(fmt.Sprintf("the list has more than %d events; lower the API server's --audit-webhook-batch-max-size", maxEvents))}
		}
		last = p.Offset + p.Size
		list.add(cfg, origin, body, p)
	}
	if err := checkFrame(body, first, last, len(list.records) > 0); err != nil {
		return nil, err
	}
	return list, nil
}

func (l *eventList) add(cfg *Config, origin event.Origin, body []byte, p envelope.Piece) {
	// The piece's own value is gone with the next piece.
	p.Value = body[p.Offset : p.Offset+int64(len(p.Value)) : p.Offset+int64(len(p.Value))]
	if p.Reason == "" {
		origin.Position = p.Offset
		l.records = append(l.records, event.Record{Source: cfg.Source, Value: p.Value, Origin: origin})
		return
	}
	if p.Reason == event.ReasonTooLarge {
		l.oversized++
	}
	l.letters = append(l.letters, p.DeadLetter(cfg.Source, origin))
}

// checkFrame looks at what stands around the items, body[:first] and body[last:]: it
// must be an EventList. A frame that cannot be read, because something beside it is
// broken, is let pass if there are good events.
func checkFrame(body []byte, first, last int64, good bool) error {
	start := int64(len(body) - len(bytes.TrimLeft(body, " \t\r\n")))
	switch {
	case start == int64(len(body)):
		return bad("the body is empty: want an EventList of audit.k8s.io")
	case body[start] != '{':
		return bad("the body is no JSON object: want an EventList of audit.k8s.io")
	case first == start:
		return bad(`the body has no array "items": want an EventList of audit.k8s.io`)
	case first+int64(len(body))-last > maxFrame:
		return bad("the list has more than %d bytes around its items", maxFrame)
	}
	frame := append(append(make([]byte, 0, first+int64(len(body))-last), body[:first]...), body[last:]...)
	var doc jsondoc.Doc
	if err := doc.Parse(frame); err != nil {
		if good {
			return nil
		}
		return bad("no event can be told apart in the body (%v): want an EventList of audit.k8s.io", err)
	}
	if kind := doc.Root().Get("kind").Text(); kind != "EventList" {
		return bad("the kind is %q: want an EventList of audit.k8s.io", short(kind))
	}
	if !doc.Root().Get("items").Exists() {
		return bad(`the body has no array "items": want an EventList of audit.k8s.io`)
	}
	return nil
}
