package webhook

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/weir-security/weir/schemas/event"
)

// handler answers requests.
type handler struct {
	cfg        *Config
	access     *access
	queue      *queue
	rates      *rates
	memory     *memory
	slots      chan struct{} // holds one for each request in flight
	complaints *complaints
}

func newHandler(cfg *Config, a *access, q *queue) *handler {
	return &handler{
		cfg:        cfg,
		access:     a,
		queue:      q,
		rates:      newRates(cfg.Limits.Rate),
		memory:     newMemory(cfg.Limits.Memory),
		slots:      make(chan struct{}, cfg.Limits.Requests),
		complaints: newComplaints(cfg.Log),
	}
}

// ServeHTTP implements http.Handler. Whatever the path: nothing else is served here.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deadline := time.Now().Add(h.cfg.Timeout)
	client, refused := h.admit(r)
	if refused == nil {
		refused = h.take(w, r, client, deadline)
	}
	if refused == nil {
		refused = &answer{code: http.StatusOK}
	} else {
		h.complaints.add(refused.reason, refused.message, client, r.RemoteAddr)
	}
	refused.write(w)
}

// admit decides by the header who is there and whether he may send. Only then is a
// body read.
func (h *handler) admit(r *http.Request) (client string, refused *answer) {
	client, refused = h.access.identify(r)
	if refused != nil {
		return "", refused
	}
	if r.Method != http.MethodPost {
		return client, methodNotAllowed(r.Method)
	}
	if wait := h.rates.take(client, time.Now()); wait > 0 {
		return client, tooMany(fmt.Sprintf("more than %d requests a second", h.cfg.Limits.Rate), wait)
	}
	contentType := r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" {
		return client, unsupported(fmt.Sprintf("want Content-Type application/json, got %q", short(contentType)))
	}
	return client, nil
}

// take reads a list and waits until it is durable, or for the deadline.
func (h *handler) take(w http.ResponseWriter, r *http.Request, client string, deadline time.Time) *answer {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return unavailable("too many requests are in flight")
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()

	l := &lease{memory: h.memory}
	body, err := h.body(w, r, l, deadline)
	if err != nil {
		l.release()
		return explain(err, h.cfg)
	}
	list, err := parseList(body, h.cfg, event.Origin{Collector: h.cfg.Name, Object: "webhook:" + h.cfg.Name + "/" + client})
	if err != nil {
		l.release()
		return explain(err, h.cfg)
	}
	if list.empty() {
		l.release()
		return nil
	}
	if err := l.grow(list.overhead()); err != nil {
		l.release()
		return explain(err, h.cfg)
	}
	if err := h.queue.submit(ctx, list, l); err != nil {
		return explain(err, h.cfg)
	}
	if list.oversized > 0 {
		return tooLarge(fmt.Sprintf("%d of %d events are above %d bytes: only their beginning is kept; all others are durable. "+
			"Let the API server truncate with --audit-webhook-truncate-enabled", list.oversized, len(list.records)+len(list.letters), h.cfg.Limits.Record))
	}
	return nil
}

// body reads the request's body, at most until the deadline.
func (h *handler) body(w http.ResponseWriter, r *http.Request, l *lease, deadline time.Time) ([]byte, error) {
	conn := http.NewResponseController(w)
	if err := conn.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	body, err := readBody(w, r, h.cfg.Limits.Body, l)
	if err != nil {
		return nil, err
	}
	// The server reads on, to notice when the client goes away; that must not end
	// before the answer.
	if err := conn.SetReadDeadline(deadline.Add(answerTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return body, nil
}

// explain is the answer to what went wrong.
func explain(err error, cfg *Config) *answer {
	var bad *badRequest
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &bad):
		return bad.answer
	case errors.Is(err, errTooLarge), errors.As(err, &size):
		return tooLarge(fmt.Sprintf("the body is above %d bytes; lower the API server's --audit-webhook-batch-max-size, or raise limits.body of collector %s",
			cfg.Limits.Body, cfg.Name))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return unavailable("the body did not arrive in time")
	case errors.Is(err, errNoMemory), errors.Is(err, errQueueFull), errors.Is(err, errTimeout), errors.Is(err, errStopping):
		return unavailable(err.Error())
	case isRead(err):
		return badBody("the body ended early")
	}
	return unavailable("the events could not be made durable")
}
