package webhook

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/schemas/event"
)

// kafka stands for what makes batches durable.
type kafka struct {
	before func(b ingest.Batch) error // called at the start of a put, if not nil

	mu      sync.Mutex
	puts    int
	values  []string
	records []event.Record
	letters []event.DeadLetter
}

func (k *kafka) put(_ context.Context, b ingest.Batch) error {
	if k.before != nil {
		if err := k.before(b); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.puts++
	for _, r := range b.Records {
		r.Value = bytes.Clone(r.Value)
		k.records = append(k.records, r)
		k.values = append(k.values, string(r.Value))
	}
	for _, l := range b.DeadLetters {
		l.Value = bytes.Clone(l.Value)
		k.letters = append(k.letters, l)
	}
	return nil
}

func (k *kafka) durable() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.values...)
}

// running is a collector that runs.
type running struct {
	addr string
	url  string
	stop context.CancelFunc // begins the drain
	end  chan error         // gets what Run returns
}

// wait returns what Run returned.
func (r *running) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.end:
		r.end <- err
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("Run did not return")
		return nil
	}
}

func testConfig() Config {
	return Config{
		Name: "k8s", Source: "kubernetes.audit", Listen: "127.0.0.1:0",
		Limits: Limits{Rate: 100_000}, Log: slog.New(slog.DiscardHandler),
	}
}

// start runs a collector until the test ends.
func start(t testing.TB, cfg Config, put ingest.Put) *running {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listening := make(chan net.Addr, 1)
	c.Listening = func(a net.Addr) { listening <- a }
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stop: cancel, end: make(chan error, 2)}
	go func() { r.end <- c.Run(ctx, nil, put) }() // ends with the test at the latest
	t.Cleanup(func() { cancel(); _ = r.wait(t) })
	select {
	case a := <-listening:
		r.addr = a.String()
	case err := <-r.end:
		t.Fatal(err)
	}
	r.url = "http://" + r.addr + "/audit?timeout=30s"
	if cfg.TLS != nil {
		r.url = "https" + strings.TrimPrefix(r.url, "http")
	}
	return r
}

// auditEvent is an event as an API server writes it.
func auditEvent(i int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"7c9e6679-7425-40de-944b-%012d","stage":"ResponseComplete",`+
		`"requestURI":"/api/v1/namespaces/payments/secrets/db-%d","verb":"get","user":{"username":"system:serviceaccount:payments:api","uid":"1f0a7f3c-6ad6-4d0e-9a58-1d6a4e7a9b11",`+
		`"groups":["system:serviceaccounts","system:serviceaccounts:payments","system:authenticated"]},"sourceIPs":["192.0.2.%d"],"userAgent":"api/v0.0.0 (linux/amd64) kubernetes/$Format",`+
		`"objectRef":{"resource":"secrets","namespace":"payments","name":"db-%d","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},`+
		`"requestReceivedTimestamp":"2026-11-18T09:41:20.104233Z","stageTimestamp":"2026-11-18T09:41:20.119871Z",`+
		`"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by RoleBinding \"api/payments\""}}`, i, i%17, i%250+1, i%17)
}

func listOf(events ...string) string {
	return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.Join(events, ",") + "]}\n"
}

// batchOf is a list of n events from number first on.
func batchOf(first, n int) string {
	events := make([]string, n)
	for i := range events {
		events[i] = auditEvent(first + i)
	}
	return listOf(events...)
}

// reply is what a client got.
type reply struct {
	code    int
	message string
	reason  string
	header  http.Header
}

func request(t testing.TB, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return req
}

func do(t testing.TB, client *http.Client, req *http.Request) reply {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, resp)
}

func decode(t testing.TB, resp *http.Response) reply {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var status struct {
		Kind, Status, Message, Reason string
		Code                          int
	}
	if err := json.Unmarshal(body, &status); err != nil {
		t.Fatalf("the answer %d is no JSON: %v\n%s", resp.StatusCode, err, body)
	}
	if status.Kind != "Status" || status.Code != resp.StatusCode || (status.Status == "Success") != (resp.StatusCode == 200) {
		t.Errorf("the answer %d has the body %s", resp.StatusCode, body)
	}
	return reply{resp.StatusCode, status.Message, status.Reason, resp.Header}
}

func post(t testing.TB, url, body string) reply {
	t.Helper()
	return do(t, http.DefaultClient, request(t, url, body))
}

func gz(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
