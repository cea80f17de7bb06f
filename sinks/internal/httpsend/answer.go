package httpsend

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/weir-security/weir/sinks"
)

// Kind is what an answer means for the alerts of its request.
type Kind int

// The kinds. Of all but Delivered, Refused and TooLarge the alerts are sent again.
const (
	Delivered Kind = iota
	// Retry: the server is busy, or in trouble.
	Retry
	// Refused: not this request, however often it comes.
	Refused
	// TooLarge: less of it may be taken.
	TooLarge
	// Unauthenticated: the credentials are wrong, or have no right.
	Unauthenticated
	// Misconfigured: what is asked there is no such service. Alerts are no worse for
	// a mistake in a URL: they wait until it is put right.
	Misconfigured
)

// Classify is what a status means where a service says nothing more about it.
func Classify(status int) Kind {
	switch {
	case status >= 200 && status < 300:
		return Delivered
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return Unauthenticated
	case status == http.StatusRequestEntityTooLarge:
		return TooLarge
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return Refused
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return Retry
	}
	return Misconfigured
}

// Answer is a server's answer to one request.
type Answer struct {
	Status int
	Header http.Header
	// Body is the answer's beginning, all of it if it is not above MaxAnswer.
	Body    []byte
	secrets []string
}

// MaxExcerpt bounds what of an answer stands in an error, in bytes.
const MaxExcerpt = 400

// Err is the answer as an error, after advice on what to do, if there is any. It is a
// *sinks.BusyError if the server says when to come back.
func (a *Answer) Err(advice string) error {
	text := fmt.Sprintf("HTTP %d %s", a.Status, http.StatusText(a.Status))
	if location := a.Header.Get("Location"); location != "" && a.Status >= 300 && a.Status < 400 {
		text += " to " + Safe(mask(location, a.secrets), MaxExcerpt)
	}
	if body := Safe(mask(string(a.Body), a.secrets), MaxExcerpt); body != "" {
		text += ": " + body
	}
	if advice != "" {
		text = advice + ": " + text
	}
	err := fmt.Errorf("%s", text)
	if after := RetryAfter(a.Header, time.Now()); after > 0 && Classify(a.Status) != Delivered {
		return &sinks.BusyError{After: after, Err: err}
	}
	return err
}

// Safe is a text from outside on one line, without control characters, of at most n
// bytes.
func Safe(text string, n int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return '\ufffd'
		}
		return r
	}, text)), " ")
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "") + "..."
	}
	return text
}

// maxRetryAfter bounds what a server may ask for: a clock that is wrong by a day must
// not hold alerts back for as long.
const maxRetryAfter = time.Hour

// RetryAfter is how long a server wants to be left alone: Retry-After in seconds or as
// a date (RFC 9110, 10.2.3), which counts from the answer's own Date, if it has one. It
// is 0 for none, at most an hour.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
