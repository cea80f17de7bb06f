package push

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// retryAfter is when to come back while something is full or slow. An API server's
// client comes back up to ten times within the 30 s that it has for a request.
const retryAfter = time.Second

// Answer is what a request gets.
type Answer struct {
	Code    int
	Reason  string        // a kind, of a few: the reasons of Kubernetes' metav1.Status
	Message string        // for a person: what is wrong, and what to do
	Retry   time.Duration // 0: no Retry-After
	// HangUp closes the connection, so that who may not come in holds none open.
	HangUp bool
	Header http.Header // further headers
}

// OK is the answer to a request whose records are durable.
func OK() *Answer { return &Answer{Code: http.StatusOK} }

// Send sends the answer with a body of JSON.
func (a *Answer) Send(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if a.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.Retry+time.Second-1)/time.Second)))
	}
	for name, values := range a.Header {
		h[name] = values
	}
	if a.HangUp {
		h.Set("Connection", "close")
	}
	w.WriteHeader(a.Code)
	_, _ = w.Write(body) // who does not take the answer sends again
}

func unavailable(message string) *Answer {
	return &Answer{Code: http.StatusServiceUnavailable, Reason: "ServiceUnavailable", Message: message, Retry: retryAfter}
}

func tooMany(message string, wait time.Duration) *Answer {
	return &Answer{Code: http.StatusTooManyRequests, Reason: "TooManyRequests", Message: message, Retry: wait}
}

// TooLarge is for what is above a limit.
func TooLarge(format string, args ...any) *Answer {
	return &Answer{Code: http.StatusRequestEntityTooLarge, Reason: "RequestEntityTooLarge", Message: fmt.Sprintf(format, args...)}
}

// BadRequest is for a request in which nothing can be made out.
func BadRequest(format string, args ...any) *Answer {
	return &Answer{Code: http.StatusBadRequest, Reason: "BadRequest", Message: fmt.Sprintf(format, args...)}
}

// Unsupported is for a type or encoding of content that is not taken.
func Unsupported(format string, args ...any) *Answer {
	return &Answer{Code: http.StatusUnsupportedMediaType, Reason: "UnsupportedMediaType", Message: fmt.Sprintf(format, args...)}
}

func methodNotAllowed(method string) *Answer {
	return &Answer{
		Code: http.StatusMethodNotAllowed, Reason: "MethodNotAllowed",
		Message: fmt.Sprintf("events come by POST, got %s", Short(method)),
		Header:  http.Header{"Allow": {http.MethodPost}},
	}
}

func forbidden(message string) *Answer {
	return &Answer{Code: http.StatusForbidden, Reason: "Forbidden", Message: message, HangUp: true}
}

// Short is a text from outside, cut to what a message can take.
func Short(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// refusal is the error of a request that its sender has to change.
type refusal struct{ *Answer }

func (r *refusal) Error() string { return r.Message }

// Refuse makes an error of an answer.
func Refuse(a *Answer) error { return &refusal{a} }

// Refused returns the answer of an error that Refuse has made.
func Refused(err error) (*Answer, bool) {
	var r *refusal
	if !errors.As(err, &r) {
		return nil, false
	}
	return r.Answer, true
}
