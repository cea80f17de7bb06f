package push

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
)

// lines is a protocol of nothing but lines.
type lines struct{}

func (lines) Admit(*http.Request) *Answer { return nil }

func (lines) Split(body []byte, _ *http.Request, client string, o Layout) (*List, error) {
	o.Format, o.Events = envelope.Format{Kind: envelope.Lines}, 1000
	o.Origin.Object = "lines:" + client
	return Split(body, o)
}

func (lines) Done(Counts) *Answer { return OK() }

func (lines) Write(w http.ResponseWriter, a *Answer, _ Counts) { a.Send(w, []byte("{}")) }

func (lines) Fewer() string { return "send less" }

func testConfig() Config {
	return Config{
		Name: "test", Source: "gateway.nginx", Listen: "127.0.0.1:0", Timeout: 1 << 40,
		Limits: Limits{Rate: 1 << 40}.withDefaults(), Log: slog.New(slog.DiscardHandler),
	}
}

// kafka stands for what makes batches durable.
type kafka struct {
	before func(b ingest.Batch) error // called at the start of a put, if not nil

	mu     sync.Mutex
	puts   int
	values []string
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
		k.values = append(k.values, string(r.Value))
	}
	return nil
}

func (k *kafka) durable() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.values...)
}

func line(i int) string {
	return fmt.Sprintf(`192.0.2.%d - - [18/Nov/2026:09:41:20 +0000] "GET /orders/%d HTTP/1.1" 200 512 "-" "shop/2.1"`, i%250+1, i)
}

// batchOf is n lines from number first on.
func batchOf(first, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(first+i) + "\n")
	}
	return b.String()
}

func post(t testing.TB, url, body string) int {
	t.Helper()
	resp, err := http.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func gz(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func zst(text string) string {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err) // of the default options
	}
	return string(z.EncodeAll([]byte(text), nil))
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
