// Package webhook is the collector that Kubernetes API servers push their audit
// events to, in batches (EventList), over HTTP or HTTPS.
//
// A request is answered 200 when all its events are durable, never before; until
// then they are the API server's, which sends them again. What is answered
// otherwise is sent again too: an API server retries after every error, five times
// with growing pauses, and then drops the whole batch. Hence
//
//   - a piece of a list that is no JSON costs only itself: it becomes a dead
//     letter, the other events go on, and the answer is 200. With a 400 the same
//     bytes would come again and again, until the good events beside it were lost;
//   - 400 is for a body in which no event can be told apart, so that there is nothing
//     to lose: whoever sends that is no API server and should be told;
//   - an event above the limit is answered 413, but not before the others are durable,
//     and its beginning with them as a dead letter: what is sent again is dropped
//     as a duplicate, and nobody can push his neighbours out of the log by
//     a request that makes a huge event;
//   - what is temporary (a full queue, a rate, a slow Kafka) is 503 or 429 with
//     Retry-After, after at most Timeout, because an API server waits 30 s.
//
// Requests that wait while a batch is being made durable go together into the next
// one. A request is never split, and its events keep their order.
//
// A list without positions has no cursor: an event that comes again, because the
// connection broke before the answer, is the same bytes with the same auditID and
// stage, and is dropped by detect within the horizon of duplicates.
package webhook

import (
	"encoding/json"
	"mime"
	"net/http"

	"github.com/weir-security/weir/ingest/internal/push"
)

// The configuration of one collector, and who may come in and at what cost.
type (
	Config = push.Config
	TLS    = push.TLS
	Limits = push.Limits
)

// Collector takes what is pushed. It keeps nothing between two calls of Run.
type Collector = push.Collector

// ErrExposed and ErrOnce are what it refuses.
var (
	ErrExposed = push.ErrExposed
	ErrOnce    = push.ErrOnce
)

// New checks the configuration and reads the certificates.
func New(cfg Config) (*Collector, error) {
	return push.New(cfg, audit{})
}

// audit is the protocol of API servers.
type audit struct{}

var _ push.Protocol = audit{}

// Admit implements push.Protocol.
func (audit) Admit(r *http.Request) *push.Answer {
	contentType := r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" {
		return push.Unsupported("want Content-Type application/json, got %q", push.Short(contentType))
	}
	return nil
}

// Done implements push.Protocol.
func (audit) Done(durable push.Counts) *push.Answer {
	if durable.Oversized > 0 {
		return push.TooLarge("%d of %d events are above %d bytes: only their beginning is kept; all others are durable. "+
			"Let the API server truncate with --audit-webhook-truncate-enabled", durable.Oversized, durable.Records+durable.Letters, durable.Limit)
	}
	return push.OK()
}

// Write implements push.Protocol: the answer is a Kubernetes Status, whose message an
// API server shows in its log.
func (audit) Write(w http.ResponseWriter, a *push.Answer, _ push.Counts) {
	status := struct {
		Kind       string   `json:"kind"`
		APIVersion string   `json:"apiVersion"`
		Metadata   struct{} `json:"metadata"`
		Status     string   `json:"status"`
		Message    string   `json:"message,omitempty"`
		Reason     string   `json:"reason,omitempty"`
		Code       int      `json:"code"`
	}{Kind: "Status", APIVersion: "v1", Status: "Failure", Message: a.Message, Reason: a.Reason, Code: a.Code}
	if a.Code == http.StatusOK {
		status.Status = "Success"
	}
	body, err := json.Marshal(status)
	if err != nil { // of strings and a number
		body = []byte("{}")
	}
	a.Send(w, body)
}

// Fewer implements push.Protocol.
func (audit) Fewer() string { return "lower the API server's --audit-webhook-batch-max-size" }
