package httppush

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest/internal/ingesttest"
)

const (
	requests = 12
	size     = 25 // lines of a request, of which one is broken
)

// batch is the body of request n. Every other one is sent without a key.
func batch(n int) (body, key string) {
	var b strings.Builder
	for i := range size {
		text := object(n*size + i)
		if i == 7 {
			text = `{"broken": ` + fmt.Sprint(n) + ", oops}"
		}
		b.WriteString(text + "\n")
	}
	if n%2 == 0 {
		key = fmt.Sprintf("batch-%d", n)
	}
	return b.String(), key
}

// server is a collector that is started again whenever it ends.
type server struct {
	t       *testing.T
	address string
	ledger  string
	now     *ingesttest.Process
	starts  int
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return &server{t: t, address: l.Addr().String(), ledger: filepath.Join(t.TempDir(), "ledger")}
}

// run starts the collector and waits until it listens.
func (s *server) run(fault ingesttest.Fault, nth int64) {
	s.t.Helper()
	s.starts++
	s.now = ingesttest.Start(s.t, ingesttest.Victim{Ledger: s.ledger, Fault: fault, Nth: nth, Args: map[string]string{"listen": s.address}})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-s.now.Gone():
			s.now.Ended(s.t)
			s.t.Fatal("the collector ended before it listened")
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the collector does not listen: %v", err)
		}
	}
}

// send sends a request until it is answered 200, as a good sender does. A collector that
// has ended meanwhile is started again, without a fault.
func (s *server) send(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if s.try(n) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("request %d is not answered 200", n)
		}
		select {
		case <-s.now.Gone():
			s.now.Ended(s.t)
			s.run(ingesttest.None, 0)
		default:
		}
	}
}

func (s *server) request(n int) *http.Request {
	body, key := batch(n)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Close = true // a connection of an earlier process would be tried first
	req.Header.Set("Content-Type", "application/x-ndjson")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return req
}

func (s *server) try(n int) bool {
	resp, err := http.DefaultClient.Do(s.request(n))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		s.t.Fatalf("request %d: answer %d", n, resp.StatusCode)
	}
	return err == nil && resp.StatusCode == http.StatusOK
}

// half sends a part of a request and returns the connection.
func (s *server) half(n int) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	body, _ := batch(n)
	header := fmt.Sprintf("POST / HTTP/1.1\r\nHost: weir\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n", len(body))
	if _, err := io.WriteString(conn, header+body[:len(body)/2]); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// check holds the ledger to what was sent: each event and each broken piece under one
// origin, some of them more than once.
func (s *server) check(copies bool) {
	s.t.Helper()
	want := map[string]bool{}
	for n := range requests {
		body, _ := batch(n)
		for text := range strings.Lines(body) {
			want[strings.TrimSuffix(text, "\n")] = true
		}
	}
	records, letters, again := 0, 0, 0
	for e, n := range ingesttest.Read(s.t, s.ledger) {
		value := strings.TrimSuffix(e.Value, "\n")
		if !want[value] {
			s.t.Errorf("%+v was not sent, or has another origin, too", e)
		}
		delete(want, value)
		again += n - 1
		if e.Letter == "" {
			records++
		} else {
			letters++
		}
	}
	for text := range want {
		s.t.Errorf("lost: %s", text)
	}
	if records != requests*(size-1) || letters != requests {
		s.t.Errorf("%d records and %d dead letters, want %d and %d", records, letters, requests*(size-1), requests)
	}
	if copies != (again > 0) {
		s.t.Errorf("%d entries are copies", again)
	}
}

// TestFaults: whatever ends the collector, what was sent is what was put, and what was put
// twice is the same in origin and bytes.
func TestFaults(t *testing.T) {
	for _, fault := range ingesttest.Faults {
		for nth, id := range map[int64]string{5: "key", 6: "body"} {
			t.Run(string(fault)+", "+id, func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				s.run(fault, nth)
				for n := range requests {
					s.send(n)
				}
				if s.starts != 2 {
					t.Errorf("the collector was started %d times: the fault was not met", s.starts)
				}
				s.check(fault == ingesttest.KillAfter || fault == ingesttest.FailAfter)
			})
		}
	}
	t.Run("killed while a body comes", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.run(ingesttest.None, 0)
		for n := range requests {
			if n == 5 {
				conn := s.half(n)
				defer conn.Close()
				s.now.Kill()
			}
			s.send(n)
		}
		s.check(false)
	})
	t.Run("killed after the answer", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.run(ingesttest.None, 0)
		for n := range requests {
			s.send(n)
			if n == 5 {
				s.now.Kill()
			}
		}
		s.check(false)
	})
	t.Run("the sender goes away before the answer", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.run(ingesttest.None, 0)
		for n := range requests {
			if n == 5 {
				s.half(n).Close()
				s.abandon(n)
			}
			s.send(n)
		}
		s.check(true)
	})
}

// abandon sends a request, waits until it is durable, and does not read the answer.
func (s *server) abandon(n int) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	before := len(ingesttest.Read(s.t, s.ledger))
	if err := s.request(n).Write(conn); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(ingesttest.Read(s.t, s.ledger)) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("the request does not become durable")
		}
	}
}
