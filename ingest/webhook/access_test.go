package webhook

import (
	"bufio"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
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

func TestBadDigest(t *testing.T) {
	for _, text := range []string{"", "hunter2", digest("x")[:62], digest("x") + "00"} {
		cfg := testConfig()
		cfg.Tokens = map[string][]string{"blue": {text}}
		if _, err := New(cfg); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Only loopback is open to anybody.
func TestExposed(t *testing.T) {
	tokens := map[string][]string{"blue": {digest("blue")}}
	ca := newAuthority(t)
	files := ca.files(t, "weir")
	for _, c := range []struct {
		name   string
		listen string
		tls    *TLS
		tokens map[string][]string
		want   error
	}{
		{"all interfaces", "0.0.0.0:0", nil, nil, ErrExposed},
		{"all interfaces, IPv6", "[::]:0", nil, nil, ErrExposed},
		{"no host", ":0", nil, nil, ErrExposed},
		{"a token in plain text", "0.0.0.0:0", nil, tokens, ErrExposed},
		{"TLS without authentication", "0.0.0.0:0", &TLS{CertFile: files.CertFile, KeyFile: files.KeyFile}, nil, ErrExposed},
		{"TLS and token", "0.0.0.0:0", &TLS{CertFile: files.CertFile, KeyFile: files.KeyFile}, tokens, nil},
		{"mutual TLS", "0.0.0.0:0", &files, nil, nil},
		{"loopback", "127.0.0.1:0", nil, nil, nil},
		{"loopback by name", "localhost:0", nil, nil, nil},
	} {
		cfg := testConfig()
		cfg.Listen, cfg.TLS, cfg.Tokens = c.listen, c.tls, c.tokens
		collector, err := New(cfg)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		l, err := collector.listen()
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err == nil {
			_ = l.Close()
		}
	}
}

func TestCertificateNames(t *testing.T) {
	cert := &x509.Certificate{DNSNames: []string{"api.blue.example"}, URIs: []*url.URL{{Scheme: "spiffe", Host: "blue", Path: "/api"}}}
	cert.Subject.CommonName = "kube-apiserver"
	for _, c := range []struct {
		names []string
		want  string
		ok    bool
	}{
		{nil, "kube-apiserver", true},
		{[]string{"kube-apiserver"}, "kube-apiserver", true},
		{[]string{"x", "api.blue.example"}, "api.blue.example", true},
		{[]string{"spiffe://blue/api"}, "spiffe://blue/api", true},
		{[]string{"KUBE-APISERVER"}, anonymous, false},
		{[]string{"kube"}, anonymous, false},
	} {
		if got, ok := (&access{names: c.names}).certificate(cert); got != c.want || ok != c.ok {
			t.Errorf("%q: %q %v", c.names, got, ok)
		}
	}
	if got, ok := (&access{}).certificate(new(x509.Certificate)); got != anonymous || !ok {
		t.Errorf("a certificate without a name: %q %v", got, ok)
	}
}

func TestRates(t *testing.T) {
	r := newRates(2)
	now := time.Date(2026, 11, 18, 9, 41, 20, 0, time.UTC)
	for i, c := range []struct {
		client string
		after  time.Duration
		want   time.Duration
	}{
		{"blue", 0, 0},
		{"blue", 0, 0},
		{"blue", 0, 500 * time.Millisecond},
		{"green", 0, 0},
		{"blue", 250 * time.Millisecond, 250 * time.Millisecond},
		{"blue", 250 * time.Millisecond, 0},
		{"blue", -time.Hour, 500 * time.Millisecond}, // a clock that was set back gives nothing
		{"blue", time.Hour, 0},
		{"blue", 0, 0},
		{"blue", 0, 500 * time.Millisecond},
	} {
		now = now.Add(c.after)
		if got := r.take(c.client, now); got != c.want {
			t.Errorf("%d: wait %v, want %v", i, got, c.want)
		}
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
