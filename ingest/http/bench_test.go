package httppush

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-security/weir/ingest"
)

// BenchmarkPush sends batches over loopback, eight at a time: all but TLS and Kafka.
func BenchmarkPush(b *testing.B) {
	const lines = 1000
	var text, values strings.Builder
	for i := range lines {
		text.WriteString(line(i) + "\n")
		values.WriteString(object(i) + "\n")
	}
	for _, c := range []struct{ name, media, encoding, body string }{
		{"lines", "text/plain", "", text.String()},
		{"lines.gz", "text/plain", "gzip", gz(text.String())},
		{"ndjson", "application/x-ndjson", "", values.String()},
		{"ndjson.gz", "application/x-ndjson", "gzip", gz(values.String())},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := testConfig()
			cfg.Limits.Rate, cfg.Limits.Requests, cfg.Limits.Memory = 1<<40, 1000, 1<<30
			url := start(b, cfg, func(context.Context, ingest.Batch) error { return nil })
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := send(b.Context(), url, c.media, c.encoding, c.body); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func send(ctx context.Context, url, media, encoding, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Content-Encoding", encoding)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %d, %w", resp.StatusCode, err)
	}
	return nil
}
