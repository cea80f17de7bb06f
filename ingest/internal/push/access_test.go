package push

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestBadDigest(t *testing.T) {
	for _, text := range []string{"", "hunter2", digest("x")[:62], digest("x") + "00"} {
		cfg := testConfig()
		cfg.Tokens = map[string][]string{"blue": {text}}
		if _, err := New(cfg, lines{}); err == nil || strings.Contains(err.Error(), "hunter2") {
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
		collector, err := New(cfg, lines{})
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

// With basic authentication the user is a client and the password its token; without
// it nobody gets in so.
func TestBasic(t *testing.T) {
	cfg := testConfig()
	cfg.Tokens = map[string][]string{"blue": {digest("new:blue"), digest("old blue")}, "green": {digest("green")}}
	for _, c := range []struct {
		user, password string
		want           string // empty: refused
	}{
		{"blue", "new:blue", "blue"},
		{"blue", "old blue", "blue"},
		{"green", "green", "green"},
		{"blue", "green", ""},
		{"", "green", ""},
		{"Green", "green", ""},
		{"green", "", ""},
		{"green", digest("green"), ""},
	} {
		for _, basic := range []bool{true, false} {
			cfg.Basic = basic
			a, err := newAccess(&cfg)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.SetBasicAuth(c.user, c.password)
			client, refused := a.identify(r)
			if want := c.want; basic && want != "" {
				if client != want || refused != nil {
					t.Errorf("%s:%s: client %q, %+v", c.user, c.password, client, refused)
				}
				continue
			}
			if refused == nil || refused.Code != http.StatusUnauthorized || len(refused.Header["Www-Authenticate"]) != len(cfg.schemes()) {
				t.Errorf("%s:%s with basic authentication %v: client %q, answer %+v", c.user, c.password, basic, client, refused)
			}
		}
	}
}

// schemes are those that a refusal should offer.
func (c *Config) schemes() []string {
	if c.Basic {
		return []string{"Bearer", "Basic"}
	}
	return []string{"Bearer"}
}
