package storetest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Fault is what goes wrong with a request.
type Fault string

// The faults, in the words of the fault table.
const (
	None        Fault = ""
	Reset       Fault = "connection reset before the request"
	ResetBody   Fault = "connection reset in the middle of the body"
	LostAnswer  Fault = "done, but the answer is lost"
	HalfAnswer  Fault = "done, but the answer breaks off"
	Unavailable Fault = "503"
	Internal    Fault = "500"
	Throttled   Fault = "429"
	Denied      Fault = "403"
	NoPlace     Fault = "404, no bucket or container"
	Conflict    Fault = "409, another write is under way"
	Stall       Fault = "no answer"
)

// Passing are the faults that go by, Lasting those that somebody has to mend.
var (
	Passing = []Fault{Reset, ResetBody, LostAnswer, HalfAnswer, Unavailable, Internal, Throttled, Stall}
	Lasting = []Fault{Denied, NoPlace}
)

// Breaker stands before a fake service and lets requests fail.
type Breaker struct {
	Service http.Handler
	// Refuse writes the service's own form of the answer of a fault that is a status.
	Refuse func(w http.ResponseWriter, r *http.Request, f Fault)

	mu   sync.Mutex
	plan func(n int, r *http.Request) Fault
	n    int
	log  []string
	free chan struct{} // closed to end stalls
}

// Plan says what happens to the requests from now on, the first having number 0.
func (b *Breaker) Plan(plan func(n int, r *http.Request) Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free != nil {
		close(b.free)
	}
	b.plan, b.n, b.log, b.free = plan, 0, nil, make(chan struct{})
}

// Requests are those since the last Plan: method and the names of the query.
func (b *Breaker) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.log...)
}

func (b *Breaker) next(r *http.Request) (Fault, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.n
	b.n++
	b.log = append(b.log, r.Method+" "+r.URL.RawQuery)
	if b.plan == nil {
		return None, nil
	}
	return b.plan(n, r), b.free
}

func (b *Breaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, free := b.next(r)
	switch fault {
	case None:
		b.Service.ServeHTTP(w, r)
	case Reset:
		panic(http.ErrAbortHandler)
	case ResetBody:
		io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case LostAnswer:
		b.Service.ServeHTTP(httptest.NewRecorder(), whole(r))
		panic(http.ErrAbortHandler)
	case HalfAnswer:
		answer := httptest.NewRecorder()
		b.Service.ServeHTTP(answer, whole(r))
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		if answer.Body.Len() == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	case Stall:
		io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-free:
		}
		panic(http.ErrAbortHandler)
	default:
		io.Copy(io.Discard, r.Body)
		b.Refuse(w, r, fault)
	}
}

// whole is the request with its body in memory: a service that is done has read it.
func whole(r *http.Request) *http.Request {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}
