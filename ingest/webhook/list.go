package webhook

import (
	"bytes"
	"net/http"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/internal/push"
	"github.com/weir-security/weir/schemas/jsondoc"
)

const (
	// maxEvents bounds the pieces of one list. An API server sends 400 at most unless
	// told otherwise.
	maxEvents = 20_000
	// maxFrame bounds what a list has around its items: kind, apiVersion, metadata.
	maxFrame = 64 << 10
)

var eventLists = envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"items"}}

// Split implements push.Protocol: it takes an EventList apart. A body in which no event
// can be told apart is refused.
func (audit) Split(body []byte, _ *http.Request, client string, o push.Layout) (*push.List, error) {
	o.Format, o.Events = eventLists, maxEvents
	o.Origin.Object = "webhook:" + o.Origin.Collector + "/" + client
	list, err := push.Split(body, o)
	if err != nil {
		return nil, err
	}
	if err := checkFrame(body, list.Start, list.End, len(list.Records) > 0); err != nil {
		return nil, err
	}
	return list, nil
}

func bad(format string, args ...any) error { return push.Refuse(push.BadRequest(format, args...)) }

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
		return bad("the kind is %q: want an EventList of audit.k8s.io", push.Short(kind))
	}
	if !doc.Root().Get("items").Exists() {
		return bad(`the body has no array "items": want an EventList of audit.k8s.io`)
	}
	return nil
}
