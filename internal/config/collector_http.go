package config

// What a body that is pushed consists of.
const (
	ContentAuto  = "auto"
	ContentJSON  = "json"
	ContentLines = "lines"
)

// What a request is whose body came before.
const (
	SameBodyRetry = "retry"
	SameBodyNew   = "new"
)

// HTTPCollector takes what gateways push. Who may come in, and at what cost, is that of
// a webhook.
type HTTPCollector struct {
	WebhookCollector
	Basic    bool   // a token may come by basic authentication
	Content  string // ContentAuto, ...
	Envelope string
	SameBody string // SameBodyRetry, ...
}

func newHTTPCollector() *HTTPCollector {
	return &HTTPCollector{WebhookCollector: *newWebhookCollector(), Content: ContentAuto, SameBody: SameBodyRetry}
}

func (h *HTTPCollector) fields() []field {
	return append(h.WebhookCollector.fields(),
		field{"basic", "a token may also come by basic authentication, as the password of a user with the client's name", boolean(&h.Basic)},
		field{"content", "what is sent: JSON values one a line, in an array or an envelope; or lines of text; `auto` is what the Content-Type says", oneOf(&h.Content, []string{ContentAuto, ContentJSON, ContentLines})},
		field{"envelope", "member of a JSON object whose array holds the events, beside those of the source", textOrNothing{text(&h.Envelope), &h.Envelope}},
		field{"same_body", "what a request without Idempotency-Key is whose body came before: a `retry`, whose events are there already, or `new` events", oneOf(&h.SameBody, []string{SameBodyRetry, SameBodyNew})},
	)
}

// check finds what is wrong across the keys of the collector at path.
func (h *HTTPCollector) check(r *reader, path string) {
	h.WebhookCollector.check(r, path)
	if h.Basic && len(h.Tokens) == 0 {
		r.problemAt(path+".basic", "is of no use without token_sha256, whose tokens are the passwords")
	}
}
