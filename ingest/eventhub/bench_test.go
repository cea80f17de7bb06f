package eventhub

import (
	"context"
	"testing"

	"github.com/weir-security/weir/ingest"
)

// BenchmarkRead reads a hub of which the fake keeps every message: all but Azure, and
// Kafka behind it.
func BenchmarkRead(b *testing.B) {
	const records = 40 // of a message, about as Azure sends them
	h := newHub(b)
	texts := make([]string, records)
	for i := range texts {
		texts[i] = record(i)
	}
	text := message(texts...)
	messages := make([]string, 250)
	for i := range messages {
		messages[i] = text
	}
	for p := range partitions {
		h.send(b, int32(p), messages...)
	}
	total := partitions * len(messages) * records
	cfg := h.config()
	cfg.Once = true
	c, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(partitions * len(messages) * len(text)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := c.Run(b.Context(), nil, func(_ context.Context, batch ingest.Batch) error { n += len(batch.Records); return nil })
		if err != nil || n != total {
			b.Fatalf("%d records of %d, error %v", n, total, err)
		}
	}
	b.ReportMetric(float64(total)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
