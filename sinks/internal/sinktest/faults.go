package sinktest

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Fault is a way in which a request fails.
type Fault int

// The faults. Lost ones have been processed: the server has the alerts.
const (
	None        Fault = iota
	Busy              // 503 with Retry-After
	Throttled         // 429 with Retry-After
	Internal          // 500 with a page of HTML
	Reset             // the connection is reset before anything is read
	LostAnswer        // processed, then the connection is reset before the answer
	CutAnswer         // processed, then the connection is reset in the middle of the answer
	SilentHang        // not processed, and no answer ever comes
	LostHang          // processed, and no answer ever comes
	ProxyPage         // 200 with somebody else's page
	ServiceGone       // 404
	numFaults
)

// Repeats tells whether the alerts of a request that failed so are there.
func (f Fault) Repeats() bool { return f == LostAnswer || f == CutAnswer || f == LostHang }

// String names the fault.
func (f Fault) String() string {
	return [...]string{
		"none", "busy", "throttled", "internal", "reset", "lost answer", "cut answer", "silent hang",
		"lost hang", "proxy page", "service gone",
	}[f]
}

// AllFaults is every fault but None.
func AllFaults() []Fault {
	var all []Fault
	for f := None + 1; f < numFaults; f++ {
		all = append(all, f)
	}
	return all
}

// Faulty serves requests with Server, but for those that fail.
type Faulty struct {
	Server http.Handler
	// Next chooses the fault of a request.
	Next func() Fault

	mu   sync.Mutex
	seen map[Fault]int
}

// Seen tells how many requests had the fault.
func (f *Faulty) Seen(fault Fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[fault]
}

// Random chooses faults from a seed, one request in `one` failing; hangs, which cost a
// client's timeout, are a tenth as frequent as the others.
func Random(seed uint64, one int) func() Fault {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, seed))
	return func() Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.IntN(one) > 0 {
			return None
		}
		fault := Fault(r.IntN(int(numFaults)))
		if (fault == SilentHang || fault == LostHang) && r.IntN(10) > 0 {
			return None
		}
		return fault
	}
}

// Once is the fault for one request, and then None.
func Once(fault Fault) func() Fault {
	var once sync.Once
	return func() Fault {
		f := None
		once.Do(func() { f = fault })
		return f
	}
}

// ServeHTTP implements http.Handler.
func (f *Faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := f.Next()
	f.mu.Lock()
	if f.seen == nil {
		f.seen = map[Fault]int{}
	}
	f.seen[fault]++
	f.mu.Unlock()
	if fault == Reset {
		reset(w, nil)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch fault {
	case Busy:
		fail(w, http.StatusServiceUnavailable, "1")
	case Throttled:
		fail(w, http.StatusTooManyRequests, "2")
	case Internal:
		fail(w, http.StatusInternalServerError, "")
	case ServiceGone:
		fail(w, http.StatusNotFound, "")
	case ProxyPage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>Please sign in to the network</body></html>")
	case SilentHang:
		<-r.Context().Done()
	case LostAnswer, CutAnswer, LostHang:
		recorded := httptest.NewRecorder()
		f.Server.ServeHTTP(recorded, r)
		switch fault {
		case LostHang:
			<-r.Context().Done()
		case LostAnswer:
			reset(w, nil)
		default:
			answer := recorded.Body.Bytes()
			head := fmt.Appendf(nil, "HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", recorded.Code, len(answer)+10)
			if recorded.Code == http.StatusNoContent { // which has no middle: cut its head
				head = []byte("HTTP/1.1 204 No Con")
			}
			reset(w, append(head, answer[:len(answer)/2]...))
		}
	default:
		f.Server.ServeHTTP(w, r)
	}
}

func fail(w http.ResponseWriter, status int, retryAfter string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html>\n<h1>It did not work</h1>\n</html>")
}

// reset writes the beginning of an answer and resets the connection.
func reset(w http.ResponseWriter, beginning []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err) // the test servers speak HTTP/1.1
	}
	_, _ = conn.Write(beginning)
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn()
	}
	if c, ok := conn.(*net.TCPConn); ok && len(beginning) == 0 {
		_ = c.SetLinger(0) // RST instead of FIN
	}
	_ = conn.Close()
}
