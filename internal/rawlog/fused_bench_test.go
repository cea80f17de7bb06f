package rawlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
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

// fusedEvents are those of one file of a log, fusedFiles are the files that become a lake.
const (
	fusedEvents = 50_000
	fusedFiles  = 10
)

// BenchmarkFused is the whole way of an event in one process: gzip in, split, map, 500
// rules, Parquet out, with a worker for each processor. Compare -cpu 1 with -cpu 2.
func BenchmarkFused(b *testing.B) {
	rules := loadBenchRules(b, benchRules(b, 500, classesOf(b)))
	workers := runtime.GOMAXPROCS(0)
	inputs := make([][]byte, workers)
	for i := range inputs {
		inputs[i] = fusedInput(b, i)
	}
	var all []*fused
	for range workers {
		all = append(all, newFused(rules))
	}
	runtime.GC() // what came before is not this benchmark's
	start := processorTime(b)
	for b.Loop() {
		var wait sync.WaitGroup
		for i, f := range all {
			wait.Go(func() {
				if err := f.run(b.Context(), b.TempDir(), inputs[i]); err != nil {
					b.Error(err)
				}
			})
		}
		wait.Wait()
	}
	reportProcessorTime(b, start, fusedFiles*fusedEvents*workers)
	b.ReportMetric(float64(b.N)*fusedFiles*fusedEvents*float64(workers)/b.Elapsed().Seconds(), "events/s")
}

// fusedInput is a gzipped CloudTrail log.
func fusedInput(b *testing.B, worker int) []byte {
	b.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	reads := operation{"ec2.amazonaws.com", "DescribeInstances", "x"}
	for i := range fusedEvents {
		op := reads
		if i%10 == 0 {
			op = operations[i/10%len(operations)]
		}
		fmt.Fprintf(w, "%s\n", op.record(worker*fusedEvents+i))
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// fused is one worker.
type fused struct {
	reader  *rawlog.Reader
	loader  *lake.Loader
	signals int
}

func newFused(rules *detections.RuleSet) *fused {
	f, engine := new(fused), rules.NewEngine()
	f.reader = rawlog.New(rawlog.Options{Source: "aws.cloudtrail"}, rawlog.Handler{
		Event: func(rec *event.Record, ev *ocsf.Event) error {
			engine.Evaluate(ev, func(*detections.Signal) { f.signals++ })
			return f.loader.Add(ev, len(rec.Value))
		},
		Reject: func(d *event.DeadLetter) error { return fmt.Errorf("%s: %s", d.Reason, d.Detail) },
	})
	return f
}

// run takes files the whole way, into a lake in dir.
func (f *fused) run(ctx context.Context, dir string, input []byte) error {
	store, err := lake.NewDir(dir)
	if err != nil {
		return err
	}
	f.loader = lake.NewLoader(ctx, store, time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC))
	for range fusedFiles {
		if err := f.reader.Read(ctx, "bench", bytes.NewReader(input)); err != nil {
			return err
		}
	}
	loaded, err := f.loader.Close()
	if err == nil && loaded.Rows != fusedFiles*fusedEvents {
		err = fmt.Errorf("%d rows in the lake, want %d", loaded.Rows, fusedFiles*fusedEvents)
	}
	return errors.Join(err, store.Close())
}
