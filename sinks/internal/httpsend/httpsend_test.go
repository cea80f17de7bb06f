package httpsend_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/httpsend"
	"github.com/weir-security/weir/sinks/internal/sinktest"
)

func newClient(t *testing.T, opts httpsend.Options) *httpsend.Client {
	t.Helper()
	c, err := httpsend.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestPost(t *testing.T) {
	url, ca := sinktest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("body: %v", err)
			return
		}
		body, err := io.ReadAll(zr)
		fmt.Fprintf(w, "%s %s %q %v", r.Method, r.Header.Get("Authorization"), body, err)
	}))
	c := newClient(t, httpsend.Options{CAFile: ca})
	for _, body := range []string{"one", "two"} { // the compressor is used again
		answer, err := c.Post(t.Context(), httpsend.Request{URL: url, Header: http.Header{"Authorization": {"Splunk s3cret"}}, Body: []byte(body), Gzip: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(answer.Body), fmt.Sprintf("POST Splunk s3cret %q <nil>", body); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A redirect would be followed by a GET without the body, and its 200 would look like
// a delivery.
func TestNoRedirect(t *testing.T) {
	url, ca := sinktest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	answer, err := newClient(t, httpsend.Options{CAFile: ca}).Post(t.Context(), httpsend.Request{URL: url, Header: http.Header{}})
	if err != nil {
		t.Fatal(err)
	}
	if kind := httpsend.Classify(answer.Status); kind != httpsend.Misconfigured {
		t.Errorf("a redirect is %v", kind)
	}
	if got := answer.Err("").Error(); !strings.Contains(got, "HTTP 302 Found to /elsewhere") {
		t.Errorf("got %s", got)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	url, ca := sinktest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "you\x1b[31m sent\r\n%s", r.Header.Get("Authorization"))
	}))
	req := httpsend.Request{URL: url, Header: http.Header{"Authorization": {"Bearer s3cret"}}, Secrets: []string{"s3cret", ""}}
	answer, err := newClient(t, httpsend.Options{CAFile: ca}).Post(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := answer.Err("look there").Error(), "look there: HTTP 403 Forbidden: you\ufffd[31m sent Bearer ********"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	req.URL = "https://127.0.0.1:1/s3cret"
	if _, err := newClient(t, httpsend.Options{}).Post(t.Context(), req); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got error %v", err)
	}
}

func TestLongAnswersAreCut(t *testing.T) {
	url, ca := sinktest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for range 100 {
			_, _ = w.Write(bytes.Repeat([]byte("é"), 1000))
		}
	}))
	answer, err := newClient(t, httpsend.Options{CAFile: ca, MaxAnswer: 5000}).Post(t.Context(), httpsend.Request{URL: url, Header: http.Header{}})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Body) != 5000 {
		t.Errorf("%d bytes were read", len(answer.Body))
	}
	if n := len(answer.Err("").Error()); n > httpsend.MaxExcerpt+50 {
		t.Errorf("the error has %d bytes", n)
	}
}

// An answer of which the end is missing is none, whatever its status was.
func TestCutAnswer(t *testing.T) {
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"code":0}`) })
	for _, fault := range []sinktest.Fault{sinktest.Reset, sinktest.LostAnswer, sinktest.CutAnswer, sinktest.SilentHang} {
		url, ca := sinktest.Serve(t, &sinktest.Faulty{Server: server, Next: sinktest.Once(fault)})
		c := newClient(t, httpsend.Options{CAFile: ca, Timeout: 300 * time.Millisecond})
		if answer, err := c.Post(t.Context(), httpsend.Request{URL: url, Header: http.Header{}, Body: []byte("x")}); err == nil {
			t.Errorf("%s: got answer %d %s", fault, answer.Status, answer.Body)
		}
	}
}

func TestAuthoritiesAreReadAgain(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	url, ca := sinktest.Serve(t, ok)
	good, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, httpsend.Options{CAFile: ca})
	post := func() error {
		_, err := c.Post(t.Context(), httpsend.Request{URL: url, Header: http.Header{}})
		return err
	}
	if err := post(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, []byte("not yet"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := post(); err == nil {
		t.Error("a file without a certificate is trusted")
	}
	if err := os.WriteFile(ca, append(good, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := post(); err != nil {
		t.Errorf("with the authority back: %v", err)
	}
	if _, err := newClient(t, httpsend.Options{}).Post(t.Context(), httpsend.Request{URL: url}); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("with the system's authorities: got error %v", err)
	}
}

// clientPair writes a self-signed certificate and its key.
func clientPair(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(cryptorand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClientCertificateIsReadForEachConnection(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	clientPair(t, "old", cert, key)
	c := newClient(t, httpsend.Options{CAFile: ca, CertFile: cert, KeyFile: key})
	for _, want := range []string{"old", "new"} {
		clientPair(t, want, cert, key)
		answer, err := c.Post(t.Context(), httpsend.Request{URL: server.URL, Header: http.Header{}})
		if err != nil {
			t.Fatal(err)
		}
		if string(answer.Body) != want {
			t.Errorf("the server saw %s, want %s", answer.Body, want)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, opts := range map[string]httpsend.Options{
		"half a pair":    {CertFile: "client.pem"},
		"no such file":   {CAFile: "/nowhere/ca.pem"},
		"no such client": {CertFile: "/nowhere/a", KeyFile: "/nowhere/b"},
	} {
		if _, err := httpsend.New(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://hec.example.org:8088":        "",
		"https://hec.example.org/prefix/":     "",
		"http://127.0.0.1:9200":               "",
		"http://localhost:9200":               "",
		"http://[::1]:9200":                   "",
		"http://hec.example.org:8088":         "plain text",
		"https://user:s3cret@es.example.org":  "holds a user",
		"es.example.org:9200":                 "want a URL",
		"ftp://es.example.org":                "want a URL",
		"https://":                            "want a URL",
		"https://es.example.org?pretty":       "query",
		"https://user:s3cret@es.exa mple.org": "not a URL",
	} {
		_, err := httpsend.CheckURL(url)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", url, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got error %v, want %s", url, err, want)
		case err != nil && strings.Contains(err.Error(), "s3cret"):
			t.Errorf("%s: %v shows the secret", url, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 6, 40, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, after, date string
		want              time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"spaces", " 5 ", "", 5 * time.Second},
		{"zero", "0", "", 0},
		{"negative", "-5", "", 0},
		{"nonsense", "soon", "", 0},
		{"too many seconds", "18446744073709551615", "", time.Hour},
		{"date", "Sun, 22 Nov 2026 06:40:30 GMT", "", 30 * time.Second},
		{"date by a clock that is off", "Sun, 22 Nov 2026 09:00:30 GMT", "Sun, 22 Nov 2026 09:00:00 GMT", 30 * time.Second},
		{"date in the past", "Sun, 22 Nov 2026 06:39:00 GMT", "", 0},
		{"date of RFC 850", "Sunday, 22-Nov-26 06:40:30 GMT", "", 30 * time.Second},
		{"a date far off", "Mon, 22 Nov 2027 06:40:30 GMT", "", time.Hour},
	} {
		h := http.Header{}
		if tt.after != "" {
			h.Set("Retry-After", tt.after)
		}
		if tt.date != "" {
			h.Set("Date", tt.date)
		}
		if got := httpsend.RetryAfter(h, now); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestBusy(t *testing.T) {
	for status, want := range map[int]time.Duration{503: 7 * time.Second, 429: 7 * time.Second, 200: 0} {
		a := &httpsend.Answer{Status: status, Header: http.Header{"Retry-After": {"7"}}}
		if got := sinks.RetryAfter(a.Err("")); got != want {
			t.Errorf("%d: got %s, want %s", status, got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	for status, want := range map[int]httpsend.Kind{
		200: httpsend.Delivered, 204: httpsend.Delivered,
		302: httpsend.Misconfigured, 404: httpsend.Misconfigured, 405: httpsend.Misconfigured, 415: httpsend.Misconfigured,
		401: httpsend.Unauthenticated, 403: httpsend.Unauthenticated, 407: httpsend.Unauthenticated,
		400: httpsend.Refused, 422: httpsend.Refused, 413: httpsend.TooLarge,
		408: httpsend.Retry, 429: httpsend.Retry, 500: httpsend.Retry, 502: httpsend.Retry, 503: httpsend.Retry, 504: httpsend.Retry, 599: httpsend.Retry,
	} {
		if got := httpsend.Classify(status); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
}

// A server that refuses some items, names a culprit or the wrong one or none, and takes no
// more than a number of bytes: what it refuses alone is refused, all else is taken, in
// requests within the bounds.
func TestSplitFindsTheCulprits(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := r.IntN(60)
		items, bad := make([]httpsend.Item, n), map[int]bool{}
		for i := range items {
			items[i] = httpsend.Item{Index: i + 5, Body: make([]byte, 1+r.IntN(40))}
			bad[i+5] = r.IntN(12) == 0
		}
		limit := 20 + r.IntN(200)
		taken := map[int]int{}
		s := &httpsend.Sender{MaxBytes: 150, Overhead: 1, MaxItems: r.IntN(10), Send: func(_ context.Context, part []httpsend.Item) httpsend.Result {
			size := 0
			for _, item := range part {
				size += len(item.Body) + 1
			}
			if len(part) > 1 && size > 150 {
				t.Errorf("seed %d: a request of %d bytes", seed, size)
			}
			if size > limit {
				return httpsend.Result{Kind: httpsend.TooLarge, Err: errors.New("too large")}
			}
			for at, item := range part {
				if bad[item.Index] {
					suspect := []int{at, -1, r.IntN(len(part)), len(part)}[r.IntN(4)]
					return httpsend.Result{Kind: httpsend.Refused, Err: errors.New("bad"), Suspect: suspect}
				}
			}
			for _, item := range part {
				taken[item.Index]++
			}
			return httpsend.Result{}
		}}
		var out httpsend.Outcome
		s.Deliver(t.Context(), items, &out)
		_, refused := sinks.Outcome(n, out.Err())
		for _, f := range refused {
			if !f.Permanent || !(bad[f.Index] || len(items[f.Index-5].Body)+1 > limit) {
				t.Errorf("seed %d: item %d was refused: %v", seed, f.Index, f.Err)
			}
			taken[f.Index]++
		}
		for i := range items {
			if taken[i+5] != 1 {
				t.Errorf("seed %d: item %d has %d outcomes", seed, i+5, taken[i+5])
			}
		}
	}
}

// What concerns the server and not the request ends the Deliver; all that is left is
// sent again, in the order of the alerts.
func TestTroubleLeavesTheRest(t *testing.T) {
	items := make([]httpsend.Item, 10)
	for i := range items {
		items[i] = httpsend.Item{Index: i, Body: []byte("x")}
	}
	calls := 0
	s := &httpsend.Sender{MaxBytes: 2, Send: func(context.Context, []httpsend.Item) httpsend.Result {
		if calls++; calls == 3 {
			return httpsend.Result{Kind: httpsend.Unauthenticated, Err: &sinks.BusyError{After: time.Minute, Err: errors.New("no")}}
		}
		return httpsend.Result{}
	}}
	var out httpsend.Outcome
	s.Deliver(t.Context(), items, &out)
	retry, refused := sinks.Outcome(10, out.Err())
	if diff := cmp.Diff([]int{4, 5, 6, 7, 8, 9}, retry); diff != "" || len(refused) > 0 || calls != 3 {
		t.Errorf("%d calls, refused %v, retry (-want +got):\n%s", calls, refused, diff)
	}
	if got := sinks.RetryAfter(out.Err()); got != time.Minute {
		t.Errorf("the wait is %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out = httpsend.Outcome{}
	s.Deliver(ctx, items, &out)
	if retry, _ := sinks.Outcome(10, out.Err()); len(retry) != 10 || calls != 3 {
		t.Errorf("after the end of ctx: %d to send again, %d calls", len(retry), calls)
	}
}

func TestMessageMasksNothingItself(t *testing.T) {
	m := httpsend.Message("https://hec.example.org/x", http.Header{"B": {"2"}, "A": {"1"}}, true, []byte("body"))
	want := sinks.Message{Target: "POST https://hec.example.org/x", Body: []byte("body"), Header: []sinks.Header{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}, {Name: "Content-Encoding", Value: "gzip"}}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(m.Header, func(a, b sinks.Header) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("headers are in no order")
	}
}
