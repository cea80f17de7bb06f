package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
)

// cursorLog is the topic of cursors as this process has read it.
type cursorLog struct {
	*shared
	mu        sync.Mutex
	cursors   map[string]map[string][]byte // by collector and key
	partition int32
	next      int64 // of the log: what is before it is in cursors
}

// newCursorLog makes one that is read up to the fence.
func newCursorLog(s *shared, fence *kgo.Record) *cursorLog {
	return &cursorLog{shared: s, cursors: map[string]map[string][]byte{}, partition: fence.Partition, next: fence.Offset + 1}
}

// of are the cursors of a collector, without another look.
func (l *cursorLog) of(collector string) map[string][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.cursors[collector])
}

// add takes in a record, and reports whether it is a cursor's.
func (l *cursorLog) add(r *kgo.Record) bool {
	collector, key, _ := strings.Cut(string(r.Key), "/")
	if collector == "" { // a fence
		return false
	}
	if l.cursors[collector] == nil {
		l.cursors[collector] = map[string][]byte{}
	}
	if r.Value == nil {
		delete(l.cursors[collector], key)
	} else {
		l.cursors[collector][key] = r.Value
	}
	return true
}

// fenceRead is the value of the fence records of latest. Those of a start have one of
// their own each.
const fenceRead = "read"

// fenceRecord is a record that says how far the log is decided.
func (s *shared) fenceRecord(value string) *kgo.Record {
	return &kgo.Record{Topic: s.names.Cursors(), Key: []byte("/fence/" + s.instance), Value: []byte(value)}
}

// fencedSince reports whether collect has been started under this instance after it was
// here: then the fence of that start is behind its own.
func (s *shared) fencedSince(ctx context.Context) (bool, error) {
	own := s.fence.Load()
	if own == nil {
		return false, nil
	}
	part, err := broker.WholeRange(ctx, kadm.NewClient(s.client), own.Topic, own.Partition)
	if err != nil {
		return false, err
	}
	later := false
	part.From = max(part.From, own.Offset+1)
	err = s.opts.ReadRange(ctx, own.Topic, map[int32]broker.Range{own.Partition: part}, func(r *kgo.Record) {
		later = later || string(r.Key) == string(own.Key) && string(r.Value) != fenceRead
	})
	return later, err
}

// latest reads on and returns a collector's cursors. It writes a fence record and reads
// up to that: every transaction that had begun to write cursors is decided then.
func (l *cursorLog) latest(ctx context.Context, collector string) (map[string][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fence := l.fenceRecord(fenceRead)
	if err := l.client.ProduceSync(ctx, fence).FirstErr(); err != nil {
		return nil, fmt.Errorf("write to %s: %w", fence.Topic, err)
	}
	ranges := map[int32]broker.Range{l.partition: {From: l.next, To: fence.Offset + 1}}
	if err := l.opts.ReadRange(ctx, fence.Topic, ranges, func(r *kgo.Record) { l.add(r) }); err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	l.next = fence.Offset + 1
	return maps.Clone(l.cursors[collector]), nil
}

// problems are what keeps collectors from their work, by collector; readiness shows it.
type problems struct {
	mu          sync.Mutex
	byCollector map[string]string
}

// report gives a collector the way to tell.
func (p *problems) report(collector string) func(string) {
	return func(problem string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.byCollector == nil {
			p.byCollector = map[string]string{}
		}
		p.byCollector[collector] = problem
	}
}

func (p *problems) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, collector := range slices.Sorted(maps.Keys(p.byCollector)) {
		if problem := p.byCollector[collector]; problem != "" {
			all = append(all, "collector "+collector+": "+problem)
		}
	}
	return strings.Join(all, "; ")
}
