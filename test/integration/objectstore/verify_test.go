//go:build integration_objectstore

package objectstore

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/storetest"
)

// source is a partition of a topic.
type source struct {
	id        [16]byte
	partition int32
}

// span is a batch as the names of its files have it.
type span struct {
	source
	start, end int64
	table      lake.Table
}

// verify reads the lake's objects and the Kafka records that they are made of. Each
// record has to be in exactly one row, and each object has to be what the
// directory's code writes for the batch of its name.
func verify(t *testing.T, c *config.Config) {
	t.Helper()
	records, tables := readKafka(t, c)
	objects := storetest.Files(t, openLake(t, c))
	rows := map[lake.Table]int64{}
	spans := map[span]bool{}
	for name, content := range objects {
		s := parse(t, name)
		s.table = tables[s.id]
		spans[s] = true
		rows[s.table] += countRows(t, name, content)
	}
	root := t.TempDir()
	dir, err := lake.NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	writer := lake.NewWriter(dir)
	written := 0
	for s := range spans {
		in := records[s.source]
		from, _ := slices.BinarySearchFunc(in, s.start, func(r lake.Row, o int64) int { return int(r.Offset - o) })
		to, _ := slices.BinarySearchFunc(in, s.end, func(r lake.Row, o int64) int { return int(r.Offset - o) })
		written += to - from
		res, err := writer.Write(t.Context(), s.table, lake.Batch{TopicID: s.id, Partition: s.partition, Start: s.start, End: s.end}, in[from:to])
		if err != nil || len(res.Rejected) > 0 {
			t.Fatalf("%v: %v, %d rows rejected", s, err, len(res.Rejected))
		}
	}
	want := storetest.Files(t, dir)
	if err := dir.Close(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(objects)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("the store has the objects\n%s\nthe directory\n%s", strings.Join(slices.Sorted(maps.Keys(objects)), "\n"), strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	} else if !maps.Equal(objects, want) {
		t.Error("an object differs from the directory's file of the same name")
	}
	total := 0
	for _, in := range records {
		total += len(in)
	}
	if sum := rows[lake.Events] + rows[lake.Findings]; total != written || int64(total) != sum || rows[lake.Events] < 1000 || rows[lake.Findings] < 10 {
		t.Errorf("%d records in Kafka, %d of them in the batches of %d objects, whose rows are %v", total, written, len(objects), rows)
	}
	t.Logf("%d objects with %v rows, as the directory has them", len(objects), rows)
}

func parse(t *testing.T, name string) span {
	t.Helper()
	var s span
	var layout int
	base := path.Base(name)
	id, rest, _ := strings.Cut(base, "-")
	n, err := fmt.Sscanf(rest, "%d-%d-%d-%d.parquet", &s.partition, &s.start, &s.end, &layout)
	raw, hexErr := hex.DecodeString(id)
	if err != nil || hexErr != nil || n != 4 || len(raw) != 16 || layout != lake.Layout {
		t.Fatalf("no name of a file of a batch: %s", name)
	}
	copy(s.id[:], raw)
	return s
}

func countRows(t *testing.T, name, content string) int64 {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader([]byte(content)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer r.Close()
	return r.NumRows()
}

// readKafka reads what the embedded broker of a weir that has ended holds.
func readKafka(t *testing.T, c *config.Config) (map[source][]lake.Row, map[[16]byte]lake.Table) {
	t.Helper()
	b, err := broker.StartEmbedded(c.Kafka.Embedded.Dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	names := broker.Names{Prefix: c.Kafka.TopicPrefix}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.ConsumeTopics(names.Events(), names.Alerts()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topics, err := adm.ListTopics(t.Context(), names.Events(), names.Alerts())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string][16]byte{}
	for _, d := range topics {
		ids[d.Topic] = d.ID
	}
	ends, err := adm.ListEndOffsets(t.Context(), names.Events(), names.Alerts())
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left++
		}
	})
	rows := map[source][]lake.Row{}
	for deadline := time.Now().Add(time.Minute); left > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d partitions were not read to their end", left)
		}
		cl.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				at := source{ids[r.Topic], r.Partition}
				rows[at] = append(rows[at], lake.Row{Offset: r.Offset, Value: r.Value, KafkaTime: r.Timestamp})
			}
			if end, _ := ends.Lookup(r.Topic, r.Partition); r.Offset+1 == end.Offset {
				left--
			}
		})
	}
	return rows, map[[16]byte]lake.Table{ids[names.Events()]: lake.Events, ids[names.Alerts()]: lake.Findings}
}
