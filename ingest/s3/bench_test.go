package s3

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
)

// BenchmarkQueue reads gzip objects of 100 records of 1.3 kB that a queue tells of, from
// the fake, which shares the processor. What is put is dropped.
func BenchmarkQueue(b *testing.B) {
	const objects, records = 200, 100
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		w := benchWorld(b, objects, records)
		for i := range objects {
			w.tell(benchKey(i))
		}
		cfg := w.config(b)
		c, err := New(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		got := 0
		b.StartTimer()
		err = c.(ingest.Loader).RunLoading(b.Context(), newDurable().load, func(_ context.Context, batch ingest.Batch) error {
			got += len(batch.Records)
			return nil
		})
		if err != nil || got != objects*records {
			b.Fatalf("%d records, %v", got, err)
		}
		b.StopTimer()
		w.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*objects*records/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(b.N)*objects/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkListing reads the same by listing.
func BenchmarkListing(b *testing.B) {
	const objects, records = 200, 100
	w := benchWorld(b, objects, records)
	defer w.Close()
	cfg := w.config(b)
	cfg.QueueURL, cfg.Bucket = "", testBucket
	for b.Loop() {
		c, err := New(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		got := 0
		err = c.Run(b.Context(), nil, func(_ context.Context, batch ingest.Batch) error {
			got += len(batch.Records)
			return nil
		})
		if err != nil || got != objects*records {
			b.Fatalf("%d records, %v", got, err)
		}
	}
	b.ReportMetric(float64(b.N)*objects*records/b.Elapsed().Seconds(), "records/s")
}

func benchKey(i int) string { return fmt.Sprintf("AWSLogs/%04d/x.json.gz", i) }

func benchWorld(b *testing.B, objects, records int) *world {
	b.Helper()
	w := newBareWorld()
	for i := range 40 { // to 1.3 kB, as CloudTrail's are
		w.rest += fmt.Sprintf(`,"attribute%02d":"%x"`, i, i*i*7919)
	}
	for i := range objects {
		w.object(b, benchKey(i), records)
	}
	w.want = nil
	w.Put(testBucket, "unrelated", nil, time.Time{})
	return w
}
