package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/weir-security/weir/schemas/event"
)

// Protocol is what is particular to one kind of senders. Its methods are called by many
// goroutines.
type Protocol interface {
	// Admit refuses a request by its header, before a body is read; nil lets it in.
	Admit(r *http.Request) *Answer
	// Split takes the body of a client's request apart, with Split; the list may point
	// into it. In o, Object, Format and Events are left to the protocol. An error of
	// Refuse is answered as it says.
	Split(body []byte, r *http.Request, client string, o Layout) (*List, error)
	// Done is the answer to a request of which all this is durable.
	Done(durable Counts) *Answer
	// Write sends an answer in the words of the protocol.
	Write(w http.ResponseWriter, a *Answer, durable Counts)
	// Fewer tells what its senders can do to send less at a time.
	Fewer() string
}

// handler answers requests.
type handler struct {
	cfg        *Config
	protocol   Protocol
	access     *access
	queue      *queue
	rates      *rates
	memory     *memory
	slots      chan struct{} // holds one for each request in flight
	complaints *complaints
}

func newHandler(cfg *Config, p Protocol, a *access, q *queue) *handler {
	return &handler{
		cfg:        cfg,
		protocol:   p,
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
	client, answer := h.admit(r)
	var taken Counts
	if answer == nil {
		var err error
		if taken, err = h.take(w, r, client, deadline); err != nil {
			answer = h.explain(err)
		} else {
			answer = h.protocol.Done(taken)
		}
	}
	if answer.Code != http.StatusOK {
		h.complaints.add(answer.Reason, answer.Message, client, r.RemoteAddr)
	}
	h.protocol.Write(w, answer, taken)
}

// admit decides by the header who is there and whether he may send. Only then is a
// body read.
func (h *handler) admit(r *http.Request) (client string, refused *Answer) {
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
	return client, h.protocol.Admit(r)
}

// take reads a list and waits until it is durable, or for the deadline. It returns what
// is durable.
func (h *handler) take(w http.ResponseWriter, r *http.Request, client string, deadline time.Time) (Counts, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return Counts{}, errBusy
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()

	l := &lease{memory: h.memory}
	list, err := h.read(w, r, client, l, deadline)
	if err != nil || list.empty() {
		l.release()
		return Counts{}, err
	}
	// From here on the list is the queue's.
	counts := Counts{len(list.Records), len(list.Letters), list.Oversized, h.cfg.Limits.Record}
	if err := h.queue.submit(ctx, list, l); err != nil {
		return Counts{}, err
	}
	return counts, nil
}

// read reads and splits a request's body, and takes the memory for both.
func (h *handler) read(w http.ResponseWriter, r *http.Request, client string, l *lease, deadline time.Time) (*List, error) {
	body, err := h.body(w, r, l, deadline)
	if err != nil {
		return nil, err
	}
	list, err := h.protocol.Split(body, r, client, Layout{
		Source: h.cfg.Source, Record: h.cfg.Limits.Record, Origin: event.Origin{Collector: h.cfg.Name},
	})
	if err != nil {
		return nil, err
	}
	return list, l.grow(list.overhead())
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

var errBusy = errors.New("too many requests are in flight")

// explain is the answer to what went wrong.
func (h *handler) explain(err error) *Answer {
	var size *http.MaxBytesError
	var many tooManyEvents
	if a, refused := Refused(err); refused {
		return a
	}
	switch {
	case errors.Is(err, errTooLarge), errors.As(err, &size):
		return TooLarge("the body is above %d bytes; %s, or raise limits.body of collector %s", h.cfg.Limits.Body, h.protocol.Fewer(), h.cfg.Name)
	case errors.As(err, &many):
		return TooLarge("%v; %s", err, h.protocol.Fewer())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return unavailable("the body did not arrive in time")
	case errors.Is(err, errBusy), errors.Is(err, errNoMemory), errors.Is(err, errQueueFull), errors.Is(err, errTimeout), errors.Is(err, errStopping):
		return unavailable(err.Error())
	case isRead(err):
		return BadRequest("the body ended early")
	}
	return unavailable("the events could not be made durable")
}
