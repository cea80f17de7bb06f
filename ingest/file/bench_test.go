package file

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/ingest"
)

// BenchmarkOnce reads a tree as a collector does, up to the put.
func BenchmarkOnce(b *testing.B) {
	record := `{"eventVersion":"1.11","eventTime":"2026-03-12T09:14:00Z","eventName":"GetObject","requestParameters":{"key":"` +
		strings.Repeat("builds/4711/", 95) + `"},"eventID":"%012d"}`
	texts := map[string]func(text string) string{
		"plain": func(text string) string { return text },
		"gzip":  gz,
	}
	for name, encode := range texts {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			size := 0
			for file := range 20 {
				var events []string
				for i := range 1000 {
					events = append(events, fmt.Sprintf(record, file*1000+i))
				}
				text := `{"Records":[` + strings.Join(events, ",") + `]}`
				size += len(text)
				write(b, filepath.Join(dir, fmt.Sprintf("%d.json", file)), encode(text))
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			records := 0
			for b.Loop() {
				c, err := New(config(dir))
				if err != nil {
					b.Fatal(err)
				}
				err = c.Run(context.Background(), nil, func(_ context.Context, batch ingest.Batch) error {
					records += len(batch.Records)
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
