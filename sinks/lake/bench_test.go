package lake

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkWrite writes batches of CloudTrail-like events, from JSON to a file on
// the disk. Small batches show what a file costs by itself.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{10, 1000, 50_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			rows := cloudTrailRows(n)
			in := 0
			for _, r := range rows {
				in += len(r.Value)
			}
			w := NewWriter(openTestDir(b, b.TempDir()))
			b.SetBytes(int64(in))
			b.ReportAllocs()
			var file File
			for i := 0; b.Loop(); i++ {
				res, err := w.Write(context.Background(), Events, Batch{TopicID: [16]byte{1}, Partition: int32(i), End: int64(n)}, rows)
				if err != nil || len(res.Rejected) > 0 || len(res.Files) != 1 {
					b.Fatal(res, err)
				}
				file = res.Files[0]
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(file.Bytes)/float64(n), "bytes/row")
			b.ReportMetric(float64(in)/float64(n), "JSON-bytes/row")
		})
	}
}
