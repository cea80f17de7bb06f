package pipeline

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weir-security/weir/internal/config"
)

// benchRecords is the input of BenchmarkPipeline: CloudTrail records of some 800
// bytes in one NDJSON file.
const benchRecords = 50_000

// BenchmarkPipeline takes records through all five roles on the embedded broker,
// which syncs its disk: from a file to alerts and Parquet, with --once.
func BenchmarkPipeline(b *testing.B) {
	b.Run("usual", func(b *testing.B) { benchPipeline(b, usualRecord) })
	// One record in 25 is an alert by itself and one in three a signal, over three
	// days: more than any real log has.
	b.Run("alarming", func(b *testing.B) { benchPipeline(b, trailRecord) })
}

// usualRecord is a record of a busy account: ten calls a second, one in a hundred
// that a rule counts, one in a thousand that is an alert.
func usualRecord(i int) string {
	name, service := "DescribeInstances", "ec2.amazonaws.com"
	switch {
	case i%1000 == 3:
		name, service = "StopLogging", "cloudtrail.amazonaws.com"
	case i%100 == 0:
		name, service = "GetSecretValue", "secretsmanager.amazonaws.com"
	}
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 100 * time.Millisecond)
	return trailRecordOf(i, at, name, service)
}

func benchPipeline(b *testing.B, record func(int) string) {
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b.TempDir())
		w.config.Kafka.Partitions = config.Default().Kafka.Partitions
		size := writeBenchLogs(b, filepath.Join(w.dir, "logs", "trail.ndjson"), record)
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

func writeBenchLogs(b *testing.B, path string, record func(int) string) (size int64) {
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
		n, err := w.WriteString(record(i) + "\n")
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
