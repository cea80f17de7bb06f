package push

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-security/weir/ingest"
)

func BenchmarkHandler(b *testing.B) {
	for _, size := range []int{1, 400} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { benchmarkHandler(b, batchOf(0, size), size, "") })
	}
	b.Run("batch=400.gz", func(b *testing.B) { benchmarkHandler(b, gz(batchOf(0, 400)), 400, "gzip") })
}

// benchmarkHandler measures all but the network and Kafka.
func benchmarkHandler(b *testing.B, body string, size int, encoding string) {
	cfg := testConfig()
	cfg.Tokens = map[string][]string{"blue": {digest("blue")}, "green": {digest("green")}}
	a, err := newAccess(&cfg)
	if err != nil {
		b.Fatal(err)
	}
	q := newQueue(cfg.Limits.Requests)
	committed := make(chan error, 1)
	put := func(_ context.Context, _ ingest.Batch) error { return nil }
	go func() { committed <- q.commit(b.Context(), put) }() // ends with q.close
	h := newHandler(&cfg, lines{}, a, q)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set("Authorization", "Bearer blue")
			r.Header.Set("Content-Encoding", encoding)
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Fatalf("answer %d %s", w.Code, w.Body)
			}
		}
	})
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	q.close()
	if err := <-committed; err != nil {
		b.Fatal(err)
	}
}
