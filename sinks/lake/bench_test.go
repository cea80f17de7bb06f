package lake

import (
	"context"
	"fmt"
	"testing"

	"github.com/weir-security/weir/schemas/ocsf"
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

// BenchmarkWriteDays writes one batch of events of twenty days: twenty files, some
// at a time.
func BenchmarkWriteDays(b *testing.B) {
	const n, days = 50_000, 20
	rows := make([]Row, n)
	var ev ocsf.Event
	in := 0
	for i := range rows {
		cloudTrailEvent(&ev, i)
		ev.SetTime(noon.AddDate(0, 0, -i%days).UnixMilli() + int64(i))
		rows[i] = Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: noon}
		in += len(rows[i].Value)
	}
	w := NewWriter(openTestDir(b, b.TempDir()))
	b.SetBytes(int64(in))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		res, err := w.Write(context.Background(), Events, Batch{TopicID: [16]byte{1}, Partition: int32(i), End: n}, rows)
		if err != nil || len(res.Rejected) > 0 || len(res.Files) != days {
			b.Fatal(res, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
