package httppush

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/internal/ingesttest"
	"github.com/weir-security/weir/schemas/event"
)

func TestMain(m *testing.M) {
	ingesttest.Main(func(ctx context.Context, v *ingesttest.Victim, put ingest.Put) error {
		cfg := testConfig()
		cfg.Listen = v.Args["listen"]
		c, err := New(cfg)
		if err != nil {
			return err
		}
		return c.Run(ctx, nil, put)
	})
	os.Exit(m.Run())
}

func testConfig() Config {
	return Config{
		Server: Server{
			Name: "edge", Source: "gateway.nginx", Listen: "127.0.0.1:0", Timeout: 20 * time.Second,
			Limits: Limits{Rate: 100_000}, Log: slog.New(slog.DiscardHandler),
		},
		Format: envelope.Format{Kind: envelope.Lines},
	}
}

// kafka stands for what makes batches durable.
type kafka struct {
	mu      sync.Mutex
	records []event.Record
	letters []event.DeadLetter
}

func (k *kafka) put(_ context.Context, b ingest.Batch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range b.Records {
		r.Value = bytes.Clone(r.Value)
		k.records = append(k.records, r)
	}
	for _, l := range b.DeadLetters {
		l.Value = bytes.Clone(l.Value)
		k.letters = append(k.letters, l)
	}
	return nil
}

func (k *kafka) values() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	values := []string{}
	for _, r := range k.records {
		values = append(values, string(r.Value))
	}
	return values
}

// start runs a collector until the test ends, and returns its URL.
func start(t testing.TB, cfg Config, put ingest.Put) string {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listening := make(chan net.Addr, 1)
	c.Listening = func(a net.Addr) { listening <- a }
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan error, 1)
	go func() { end <- c.Run(ctx, nil, put) }() // ends with the test
	t.Cleanup(func() {
		cancel()
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
	return "http://" + (<-listening).String()
}

// reply is what a sender got.
type reply struct {
	Code        int `json:"-"`
	Events      int
	DeadLetters int `json:"dead_letters"`
	Reason      string
	Message     string
}

// post sends a request with headers of name and value.
func post(t testing.TB, url, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	r := reply{Code: resp.StatusCode}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatalf("answer %d: %v\n%s", resp.StatusCode, err, text)
	}
	return r
}

func gz(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// line is one of an access log in NGINX's format combined.
func line(i int) string {
	return fmt.Sprintf(`192.0.2.%d - - [18/Nov/2026:09:41:%02d +0000] "GET /orders/%d HTTP/1.1" 200 512 "-" "shop/2.1"`, i%250+1, i%60, i)
}

// object is the same as JSON.
func object(i int) string {
	return fmt.Sprintf(`{"time_iso8601":"2026-11-18T09:41:%02d+00:00","remote_addr":"192.0.2.%d","request":"GET /orders/%d HTTP/1.1","status":"200","body_bytes_sent":"512"}`, i%60, i%250+1, i)
}
