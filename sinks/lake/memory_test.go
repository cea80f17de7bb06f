package lake

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
)

// manyPartitions is one batch of n rows that belong to days*classes partitions.
func manyPartitions(n, days int) []Row {
	classes := []ocsf.ClassUID{ocsf.ClassAPIActivity, ocsf.ClassAuthentication, ocsf.ClassAccountChange, ocsf.ClassHTTPActivity, ocsf.ClassBaseEvent}
	rows := make([]Row, n)
	var ev, trail ocsf.Event
	for i := range rows {
		cloudTrailEvent(&trail, i)
		ev.Reset()
		ev.SetClass(classes[i%len(classes)])
		ev.SetTime(noon.AddDate(0, 0, -i/len(classes)%days).UnixMilli() + int64(i))
		ev.Metadata.SetUID(fmt.Sprintf("%032x", i))
		ev.SetRawData(trail.RawData())
		ev.SetUnmapped(ocsf.JSON(trail.RawData()))
		rows[i] = Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: noon}
	}
	return rows
}

// countingStore takes files and keeps nothing of them.
type countingStore struct {
	Store
	files chan struct{}
}

func (s countingStore) Create(context.Context, string, []byte) (bool, error) {
	s.files <- struct{}{}
	return true, nil
}

// TestMemory writes a full batch (64 MiB of records) that belongs to few partitions,
// and one that belongs to many. Beside the records themselves the writer may not
// need much more than flushMemory, however many partitions there are: with 500
// (WEIR_PARTITIONS=500, a minute) 78 MB were seen.
func TestMemory(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is garbage does not count
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	many := 50
	if text := os.Getenv("WEIR_PARTITIONS"); text != "" {
		var err error
		if many, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, days := range []int{1, many / 5} {
		t.Run(fmt.Sprintf("partitions=%d", 5*days), func(t *testing.T) {
			rows := manyPartitions(25_000, days)
			var bytes uint64
			for _, r := range rows {
				bytes += uint64(len(r.Value))
			}
			before := liveHeap()
			stop := make(chan struct{})
			peak := make(chan uint64)
			go func() {
				var most uint64
				for {
					select {
					case <-stop:
						peak <- most
						return
					case <-time.After(20 * time.Millisecond):
						most = max(most, heap())
					}
				}
			}()
			s := countingStore{files: make(chan struct{}, 1000)}
			w := newWriter(s, 4, uploads)
			if _, err := w.Write(t.Context(), Events, Batch{TopicID: [16]byte{1}, End: int64(len(rows))}, rows); err != nil {
				t.Fatal(err)
			}
			close(stop)
			most := int64(<-peak) - int64(before)
			kept := int64(liveHeap()) - int64(before)
			t.Logf("%d files of %d MB of records: %d MB beside them at most, %d MB kept by the writer", len(s.files), bytes>>20, most>>20, kept>>20)
			if len(s.files) != 5*days {
				t.Errorf("%d files, want %d", len(s.files), 5*days)
			}
			if most > flushMemory+flushMemory/4 {
				t.Errorf("the writer needs %d MB beside the records", most>>20)
			}
			if kept > 80<<20 {
				t.Errorf("the writer keeps %d MB", kept>>20)
			}
			runtime.KeepAlive(rows)
			runtime.KeepAlive(w)
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func liveHeap() uint64 {
	runtime.GC()
	return heap()
}
