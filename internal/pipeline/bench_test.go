package pipeline

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-security/weir/internal/config"
)

// benchRecords is the input of BenchmarkPipeline: CloudTrail records of some 800
// bytes in one NDJSON file.
const benchRecords = 50_000

// BenchmarkPipeline takes records through all five roles on the embedded broker,
// which syncs its disk: from a file to alerts and Parquet, with --once. One record in
// ten becomes an alert or part of one, more than in any real log.
func BenchmarkPipeline(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b.TempDir())
		w.config.Kafka.Partitions = config.Default().Kafka.Partitions
		size := writeBenchLogs(b, filepath.Join(w.dir, "logs", "trail.ndjson"))
		stats := NewStats()
		b.StartTimer()
		if err := w.run(b.Context(), Options{Once: true, Stats: stats}); err != nil {
			b.Fatal(err)
		}
		if n := stats.Snapshot().Sources["aws.cloudtrail"].Normalized; n != benchRecords {
			b.Fatalf("%d events of %d records", n, benchRecords)
		}
		b.SetBytes(size)
	}
	b.ReportMetric(float64(benchRecords)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func writeBenchLogs(b *testing.B, path string) (size int64) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range benchRecords {
		n, err := w.WriteString(trailRecord(i) + "\n")
		if err != nil {
			b.Fatal(err)
		}
		size += int64(n)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return size
}
