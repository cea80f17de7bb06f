package push

import (
	"context"
	"errors"
	"testing"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/schemas/event"
)

func oneEvent(value string) *List {
	return &List{Records: []event.Record{{Value: []byte(value)}}, bytes: int64(len(value))}
}

func leased(t *testing.T, m *memory, n int64) *lease {
	t.Helper()
	l := &lease{memory: m}
	if err := l.grow(n); err != nil {
		t.Fatal(err)
	}
	return l
}

// A list whose client gave up before its put had begun is let go, and every lease is
// given back: once, and not before the put is over.
func TestQueueLeases(t *testing.T) {
	m := newMemory(100)
	q := newQueue(4)
	began, release := make(chan struct{}), make(chan struct{})
	k := &kafka{before: func(ingest.Batch) error { close(began); <-release; return nil }}
	committed := make(chan error, 1)
	go func() { committed <- q.commit(context.Background(), k.put) }()

	hasty, giveUp := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() { first <- q.submit(hasty, oneEvent("taken"), leased(t, m, 60)) }()
	<-began
	giveUp()
	if err := <-first; !errors.Is(err, errTimeout) {
		t.Errorf("a list whose put takes too long: %v", err)
	}
	if free := m.free.Load(); free != 40 {
		t.Errorf("%d bytes are free while the put holds 60 of 100", free)
	}
	if err := q.submit(hasty, oneEvent("abandoned"), leased(t, m, 40)); !errors.Is(err, errTimeout) {
		t.Errorf("a list that was given up: %v", err)
	}
	if free := m.free.Load(); free != 40 {
		t.Errorf("%d bytes are free after the second list was given up", free)
	}
	close(release)
	q.close()
	if err := <-committed; err != nil {
		t.Error(err)
	}
	if free := m.free.Load(); free != 100 {
		t.Errorf("%d bytes of 100 are free at the end", free)
	}
	if got := k.durable(); len(got) != 1 || got[0] != "taken" {
		t.Errorf("put: %q", got)
	}
}

func TestQueueFull(t *testing.T) {
	m := newMemory(100)
	q := newQueue(1)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.submit(gone, oneEvent("a"), leased(t, m, 10)); !errors.Is(err, errTimeout) {
		t.Errorf("the first: %v", err)
	}
	if err := q.submit(gone, oneEvent("b"), leased(t, m, 10)); !errors.Is(err, errQueueFull) {
		t.Errorf("the second: %v", err)
	}
	if free := m.free.Load(); free != 100 {
		t.Errorf("%d bytes of 100 are free", free)
	}
}

// A batch ends at its size, but a list is never split.
func TestGatherKeepsListsWhole(t *testing.T) {
	q := newQueue(10)
	for range 3 {
		s := &submission{list: &List{Records: make([]event.Record, batchRecords-1)}}
		q.waiting <- s
	}
	if !q.gather() || len(q.batch.Records) != 2*(batchRecords-1) {
		t.Errorf("the first batch has %d records", len(q.batch.Records))
	}
	if !q.gather() || len(q.batch.Records) != batchRecords-1 {
		t.Errorf("the second batch has %d records", len(q.batch.Records))
	}
	q.close()
	if q.gather() {
		t.Error("a closed queue has another batch")
	}
}
