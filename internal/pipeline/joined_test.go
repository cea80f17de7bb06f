package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/broker"
)

// A group may take longer to take a member in than detect needs to see that all was
// read before: Apache Kafka waits for seconds. The last word on event time, without
// which the last roll-ups do not come, waits for that.
func TestOnceAfterAService(t *testing.T) {
	undisturbed := newWorld(fastDir(t))
	undisturbed.writeLogs(t)
	runOK(t, undisturbed)
	want := undisturbed.audit(t)

	kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	w := newClusterWorld(t, cluster{Brokers: kafka.ListenAddrs(), Prefix: "joined.", Replication: 1})
	w.writeLogs(t)
	w.serveUntilStored(t, total(want.Events))
	kafka.ControlKey(int16(kmsg.SyncGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		kafka.KeepControl()
		kafka.SleepControl(func() { time.Sleep(time.Second) })
		return nil, nil, false
	})
	before := w.signals(t)
	runOK(t, w)
	if w.signals(t) == before {
		t.Error("detect had no last word")
	}
	if diff := cmp.Diff(want, w.audit(t)); diff != "" {
		t.Errorf("the books differ (-in one run +service, then once):\n%s", diff)
	}
}

// signals is where the topic ends, all partitions together.
func (w *world) signals(t *testing.T) (end int64) {
	t.Helper()
	opts, done := w.reach(t)
	defer done()
	topic := broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Signals()
	ranges, err := opts.VisibleRanges(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges[topic] {
		end += r.To
	}
	return end
}

// serveUntilStored runs a service until n events are in the lake.
func (w *world) serveUntilStored(t *testing.T, n int) {
	t.Helper()
	drain, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- w.runUntil(t.Context(), drain, Options{Workers: 2}) }() // ends with drain
	for stored := 0; stored < n && drain.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(w.config.Lake.Dir, "events")); err == nil {
			stored = total(w.rows(t, "events"))
		}
		select {
		case err := <-done:
			t.Fatalf("the service ended: %v", err)
		default:
		}
	}
	if err := drain.Err(); err != nil {
		t.Fatalf("not all events came into the lake: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
