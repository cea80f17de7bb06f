// Package httppush is the collector that gateways, and whatever sends their logs for
// them, push batches to over HTTP or HTTPS: JSON values one a line, an array, an
// envelope, or lines of text, plain or compressed. Who may come in, what he may
// cost and when he is answered is that of every push (ingest/internal/push): 200 only
// after every event of the request is durable.
//
// # What comes twice
//
// A sender that got no answer sends the request again, and lines of a log have no ids
// of their own. So the request has one, which stands in the origin of its events: the
// same request gives the same uids, and detect drops the copy; equal lines in two
// requests, or twice in one, are different events. The id of a request is
//
//   - its header Idempotency-Key, if it has one;
//   - else the digest of its decompressed body (SameBodyRetry): the same bytes again
//     are a retry. That is wrong where two requests rightly hold the same bytes, as
//     those of a sender that sends each line by itself and whose lines hold whole
//     seconds;
//   - or, with SameBodyNew, a number drawn for it: nothing without the header is
//     ever taken for a copy, and a request that is sent again is there twice.
package httppush

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/internal/push"
)

// Server is who may come in and at what cost, TLS and Limits are parts of it.
type (
	Server = push.Config
	TLS    = push.TLS
	Limits = push.Limits
)

// Collector takes what is pushed. It keeps nothing between two calls of Run.
type Collector = push.Collector

// ErrOnce is for whoever wants it to end by itself.
var ErrOnce = push.ErrOnce

// What a body consists of: Config.Content.
const (
	ContentAuto  = "auto"  // what its Content-Type says
	ContentJSON  = "json"  // values one a line, an array, an envelope
	ContentLines = "lines" // lines of text
)

// What a request without Idempotency-Key is whose body came before: Config.SameBody.
const (
	SameBodyRetry = "retry" // that request again
	SameBodyNew   = "new"   // another one
)

// Config is the configuration of one collector.
type Config struct {
	Server
	Format   envelope.Format // of the source
	Content  string          // empty is ContentAuto
	Envelope string          // a further envelope key, if not empty
	SameBody string          // empty is SameBodyRetry
}

// New checks the configuration and reads the certificates.
func New(cfg Config) (*Collector, error) {
	return push.New(cfg.Server, &gateway{cfg})
}

// maxEvents bounds the pieces of one body.
const maxEvents = 50_000

// gateway is the protocol of gateways.
type gateway struct{ Config }

var _ push.Protocol = (*gateway)(nil)

// Admit implements push.Protocol.
func (g *gateway) Admit(r *http.Request) *push.Answer {
	if _, refused := idempotencyKey(r); refused != nil {
		return refused
	}
	_, refused := g.format(r)
	return refused
}

// jsonTypes are the media types of JSON and of JSON by lines, which have never been
// registered, so that each sender has its own.
var jsonTypes = []string{
	"application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
	"application/jsonlines", "application/x-jsonlines", "application/json-lines", "application/stream+json", "text/json",
}

// format is what the body of a request consists of.
func (g *gateway) format(r *http.Request) (envelope.Format, *push.Answer) {
	lines, values := g.Format, g.Format
	lines.Kind, values.Kind = envelope.Lines, envelope.JSON
	if g.Envelope != "" {
		values.EnvelopeKeys = append(slices.Clone(values.EnvelopeKeys), g.Envelope)
	}
	switch g.Content {
	case ContentJSON:
		return values, nil
	case ContentLines:
		return lines, nil
	}
	contentType := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && slices.Contains(jsonTypes, media), media == "text/plain" && g.Format.Kind == envelope.JSON:
		return values, nil
	case media == "text/plain":
		return lines, nil
	}
	return values, push.Unsupported("want Content-Type application/json, application/x-ndjson or text/plain, got %q; "+
		"or say what is sent with content: json or lines in the configuration of collector %s", push.Short(contentType), g.Name)
}

// Split implements push.Protocol.
func (g *gateway) Split(body []byte, r *http.Request, client string, o push.Layout) (*push.List, error) {
	if c := envelope.Compression(body[:min(4, len(body))]); c != "" {
		return nil, push.Refuse(push.Unsupported("the body is compressed with %s and does not say so: want Content-Encoding: %s", c, c))
	}
	format, refused := g.format(r)
	if refused != nil {
		return nil, push.Refuse(refused)
	}
	id, refused := g.id(body, r)
	if refused != nil {
		return nil, push.Refuse(refused)
	}
	o.Format, o.Events = format, maxEvents
	o.Origin.Object = "http:" + o.Origin.Collector + "/" + client + "/" + id
	return push.Split(body, o)
}

// id names a request among those of its client.
func (g *gateway) id(body []byte, r *http.Request) (string, *push.Answer) {
	key, refused := idempotencyKey(r)
	switch {
	case refused != nil:
		return "", refused
	case key != "":
		return "key/" + key, nil
	case g.SameBody == SameBodyNew:
		return "request/" + rand.Text(), nil
	}
	sum := sha256.Sum256(body)
	return "body/" + hex.EncodeToString(sum[:16]), nil
}

// maxKey is the greatest length of an Idempotency-Key; a UUID has 36 characters.
const maxKey = 128

// idempotencyKey is the request's header Idempotency-Key, as it is or as a string of
// RFC 8941, in quotes.
func idempotencyKey(r *http.Request) (string, *push.Answer) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(key) > 1 && strings.HasPrefix(key, `"`) && strings.HasSuffix(key, `"`) {
		key = key[1 : len(key)-1]
	}
	odd := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }
	if len(values) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, odd) {
		return "", push.BadRequest("want one Idempotency-Key of 1 to %d visible ASCII characters, a UUID for example", maxKey)
	}
	return key, nil
}

// Done implements push.Protocol.
func (g *gateway) Done(durable push.Counts) *push.Answer {
	if durable.Oversized > 0 {
		return push.TooLarge("%d of %d events are above %d bytes: of those only the beginning is kept, as dead letters; all others are durable. Do not send them again",
			durable.Oversized, durable.Records+durable.Letters, durable.Limit)
	}
	return push.OK()
}

// Write implements push.Protocol.
func (g *gateway) Write(w http.ResponseWriter, a *push.Answer, durable push.Counts) {
	body, err := json.Marshal(struct {
		Events      int    `json:"events"` // that are durable
		DeadLetters int    `json:"dead_letters"`
		Reason      string `json:"reason,omitempty"`
		Message     string `json:"message,omitempty"`
	}{durable.Records, durable.Letters, a.Reason, a.Message})
	if err != nil { // of strings and numbers
		body = []byte("{}")
	}
	a.Send(w, body)
}

// Fewer implements push.Protocol.
func (g *gateway) Fewer() string { return "send smaller batches" }
