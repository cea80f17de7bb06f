package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/internal/config"
)

// flushesAtATime are the partitions that are written at a time; what they need
// beside their rows the writer of the lake bounds for all of them together.
const flushesAtATime = 4

// flushDue writes the batches whose time has come: all of them at the end. Its
// goroutines, one for a partition, end before it returns.
func (s *storeRole) flushDue(ctx context.Context, ending bool) error {
	s.mu.Lock()
	open := maps.Clone(s.buffers)
	s.mu.Unlock()
	now := time.Now()
	tooMuch := overMemory(open, s.flush.Memory)
	failed := make(chan error, len(open))
	var group errgroup.Group // without a context: a partition that fails stops no other
	group.SetLimit(flushesAtATime)
	var broken []error
	for p, b := range open {
		switch {
		case b.broken != nil:
			broken = append(broken, b.broken)
		case b.due(s.flush, now, ending || tooMuch[p]):
			group.Go(func() error {
				if err := s.flushPartition(ctx, p, b, now, ending); err != nil {
					failed <- err
				}
				return nil
			})
		}
	}
	_ = group.Wait() // errors are in failed
	close(failed)
	if err := worst(failed); err != nil || !ending {
		return err
	}
	return errors.Join(broken...)
}

// flushPartition writes a batch that is due, and what of the rest is.
func (s *storeRole) flushPartition(ctx context.Context, p partition, b *buffer, now time.Time, ending bool) error {
	for first := true; first || b.due(s.flush, now, ending); first = false {
		if err := s.flushBatch(ctx, p, b); err != nil {
			return fmt.Errorf("topic %s partition %d: %w", p.topic, p.id, err)
		}
	}
	return nil
}

// worst is one of the errors, if there is any: one that waiting does not help.
func worst(failed <-chan error) (err error) {
	for next := range failed {
		if err == nil || passes(err) {
			err = next
		}
	}
	return err
}

// rowOverhead is about what a row costs beside its value: itself, and the key and
// headers of its Kafka record, which share memory with the value.
const rowOverhead = 256

// overMemory names the largest batches that have to end for the others to fit in
// limit, in bytes. One that is promised cannot end early.
func overMemory(open map[partition]*buffer, limit int64) map[partition]bool {
	size := func(p partition) int64 { return open[p].bytes + int64(len(open[p].rows))*rowOverhead }
	var sum int64
	for p := range open {
		sum += size(p)
	}
	if sum <= limit {
		return nil
	}
	full := map[partition]bool{}
	for _, p := range slices.SortedFunc(maps.Keys(open), func(x, y partition) int { return cmp.Compare(size(y), size(x)) }) {
		if b := open[p]; sum > limit && b.intent == 0 && b.broken == nil && len(b.rows) > 0 {
			full[p] = true
			sum -= size(p)
		}
	}
	return full
}

// due says whether a batch should be written now. A promised one is due when all
// of it is here, and not before.
func (b *buffer) due(f config.Flush, now time.Time, ending bool) bool {
	switch {
	case b.intent > 0:
		return b.next >= b.intent
	case b.start < 0 || b.next <= b.start:
		return false
	case ending:
		return true
	case len(b.rows) == 0:
		return false // markers alone wait for company
	}
	return len(b.rows) >= f.Rows || b.bytes >= f.Bytes || now.Sub(b.first) >= f.Age || now.Sub(b.last) >= f.Idle
}
