package webhook

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
)

func TestTokens(t *testing.T) {
	cfg := testConfig()
	cfg.Tokens = map[string][]string{
		"blue":  {digest("new blue"), digest("old blue")},
		"green": {digest("green")},
	}
	k := new(kafka)
	r := start(t, cfg, k.put)
	for _, c := range []struct {
		authorization []string
		client        string // empty: refused
	}{
		{[]string{"Bearer new blue"}, "blue"},
		{[]string{"bearer old blue"}, "blue"},
		{[]string{"Bearer green"}, "green"},
		{nil, ""},
		{[]string{"Bearer "}, ""},
		{[]string{"Bearer greenish"}, ""},
		{[]string{"Bearer " + digest("green")}, ""},
		{[]string{"Basic green"}, ""},
		{[]string{"green"}, ""},
		{[]string{"Bearer green", "Bearer green"}, ""},
	} {
		k.records = nil
		req := request(t, r.url, batchOf(0, 1))
		req.Header["Authorization"] = c.authorization
		got := do(t, http.DefaultClient, req)
		if c.client == "" {
			if got.code != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") || len(k.records) != 0 {
				t.Errorf("%q: answer %+v", c.authorization, got)
			}
			continue
		}
		if got.code != http.StatusOK || len(k.records) != 1 || k.records[0].Origin.Object != "webhook:k8s/"+c.client {
			t.Errorf("%q: answer %+v, records %+v", c.authorization, got, k.records)
		}
	}
}

// Who is not let in is refused by the header, before any body is read, and his
// connection is closed.
func TestRefusedBeforeBody(t *testing.T) {
	cfg := testConfig()
	cfg.Tokens = map[string][]string{"blue": {digest("blue")}}
	r := start(t, cfg, new(kafka).put)
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, resp); got.code != http.StatusUnauthorized || !resp.Close {
		t.Errorf("answer %+v, connection kept: %v", got, !resp.Close)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
}

func TestTooManyRequests(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Rate = 2
	r := start(t, cfg, new(kafka).put)
	var refused int
	for i := range 20 {
		if got := post(t, r.url, batchOf(i, 1)); got.code == http.StatusTooManyRequests {
			refused++
			if got.header.Get("Retry-After") != "1" {
				t.Errorf("answer %+v", got)
			}
		}
	}
	if refused == 0 {
		t.Error("20 requests at once were let through at 2 a second")
	}
}

// The bodies of requests in flight fit into the memory that they are given.
func TestMemory(t *testing.T) {
	release := make(chan struct{})
	began := make(chan struct{}, 1)
	k := &kafka{before: func(ingest.Batch) error { began <- struct{}{}; <-release; return nil }}
	cfg := testConfig()
	body := batchOf(0, 100)
	cfg.Limits.Memory = int64(len(body)) + 64<<10
	r := start(t, cfg, k.put)
	done := make(chan reply, 1)
	go func() { done <- post(t, r.url, body) }()
	<-began
	if got := post(t, r.url, body); got.code != http.StatusServiceUnavailable || !strings.Contains(got.message, "memory") || got.header.Get("Retry-After") == "" {
		t.Errorf("a second body: answer %+v", got)
	}
	close(release)
	if got := <-done; got.code != http.StatusOK {
		t.Errorf("answer %+v", got)
	}
	if got := post(t, r.url, body); got.code != http.StatusOK {
		t.Errorf("afterwards: answer %+v", got)
	}
}
