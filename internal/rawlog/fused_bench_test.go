package rawlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// fusedBatch is how many events go into one file.
const fusedBatch = 20_000

// BenchmarkFused is the whole way of an event but Kafka, in one process: gzip in,
// split, map, 500 rules, OCSF JSON, Parquet out, with a worker for each processor.
// Compare -cpu 1 with -cpu 2.
func BenchmarkFused(b *testing.B) {
	rules := loadBenchRules(b, benchRules(b, 500, classesOf(b)))
	workers := runtime.GOMAXPROCS(0)
	inputs := make([][]byte, workers)
	for i := range inputs {
		inputs[i] = fusedInput(b, i)
	}
	store, err := lake.NewDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	var all []*fused
	for i := range workers {
		all = append(all, newFused(rules, store, int32(i)))
	}
	runtime.GC() // what came before is not this benchmark's
	start := processorTime(b)
	for b.Loop() {
		var wait sync.WaitGroup
		for i, f := range all {
			wait.Go(func() {
				if err := f.run(b.Context(), inputs[i]); err != nil {
					b.Error(err)
				}
			})
		}
		wait.Wait()
	}
	reportProcessorTime(b, start, fusedBatch*workers)
	b.ReportMetric(float64(b.N)*fusedBatch*float64(workers)/b.Elapsed().Seconds(), "events/s")
}

// fusedInput is a gzipped CloudTrail log of one batch.
func fusedInput(b *testing.B, worker int) []byte {
	b.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	reads := operation{"ec2.amazonaws.com", "DescribeInstances", "x"}
	for i := range fusedBatch {
		op := reads
		if i%10 == 0 {
			op = operations[i/10%len(operations)]
		}
		fmt.Fprintf(w, "%s\n", op.record(worker*fusedBatch+i))
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// fused is one worker: what the roles do to a batch.
type fused struct {
	reader  *rawlog.Reader
	engine  *detections.Engine
	writer  *lake.Writer
	batch   lake.Batch
	text    []byte
	ends    []int
	rows    []lake.Row
	signals int
}

func newFused(rules *detections.RuleSet, store lake.Store, partition int32) *fused {
	f := &fused{engine: rules.NewEngine(), writer: lake.NewWriter(store), batch: lake.Batch{TopicID: [16]byte{1}, Partition: partition},
		text: make([]byte, 0, fusedBatch*4<<10)}
	f.reader = rawlog.New(rawlog.Options{Source: "aws.cloudtrail"}, rawlog.Handler{
		Event: func(_ *event.Record, ev *ocsf.Event) error {
			f.engine.Evaluate(ev, func(*detections.Signal) { f.signals++ })
			f.text = ev.AppendJSON(f.text)
			f.ends = append(f.ends, len(f.text))
			return nil
		},
		Reject: func(d *event.DeadLetter) error { return fmt.Errorf("%s: %s", d.Reason, d.Detail) },
	})
	return f
}

// run takes a batch the whole way, as a batch of offsets that was not there yet.
func (f *fused) run(ctx context.Context, input []byte) error {
	f.text, f.ends, f.rows = f.text[:0], f.ends[:0], f.rows[:0]
	if err := f.reader.Read(ctx, "bench", bytes.NewReader(input)); err != nil {
		return err
	}
	f.batch.Start, f.batch.End = f.batch.End, f.batch.End+int64(len(f.ends))
	begin, now := 0, time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	for i, end := range f.ends {
		f.rows = append(f.rows, lake.Row{Offset: f.batch.Start + int64(i), Value: f.text[begin:end], KafkaTime: now})
		begin = end
	}
	res, err := f.writer.Write(ctx, lake.Events, f.batch, f.rows)
	if err == nil && len(res.Rejected) > 0 {
		err = fmt.Errorf("%d rows were rejected", len(res.Rejected))
	}
	return err
}
