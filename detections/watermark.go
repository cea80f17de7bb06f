package detections

import "math"

// The watermark's ends.
const (
	beforeAll = math.MinInt64
	afterAll  = math.MaxInt64
)

// forgetAfter is how long a raw partition may be silent before it no longer
// holds the watermark back, in milliseconds by the heartbeats' own clock: the
// partition was removed, for even an idle one has its heartbeats.
const forgetAfter = 10 * 60 * 1000

// watermark follows the event time up to which the log is complete: the least,
// over the raw partitions that are not idle, of greatest time minus lateness. It
// begins when all of them were heard of, and never goes back.
type watermark struct {
	now        int64
	partitions map[string]*rawPartition
	// expected is how many partitions there are. Each process that runs detect tells
	// of its own ones: as long as one of them was not heard, those of the others say
	// nothing of what it has read, or has still to read.
	expected int
	newest   int64 // greatest Heartbeat.Sent
	// marks are places in the log at which the watermark is known, the first of
	// them at or before whatever may be asked for.
	marks []mark
}

// rawPartition is the last that was heard of one.
type rawPartition struct {
	progress int64 // MaxTime - Lateness; beforeAll if it has seen nothing
	idle     bool
	sent     int64
	offset   int64 // of the heartbeat
}

// mark is a state of the watermark that a new process can rebuild: at offset it
// was now, and the last heartbeats of all partitions are at or after from.
type mark struct{ offset, from, now int64 }

// markEvery is the least distance of two marks in offsets. It is how much of the
// log a restart may read in excess.
const markEvery = 256

func newWatermark(start Checkpoint) *watermark {
	w := &watermark{now: start.Watermark, partitions: map[string]*rawPartition{}}
	if start == (Checkpoint{}) {
		w.now = beforeAll
	}
	w.marks = []mark{{offset: start.Needed, from: start.From, now: w.now}}
	return w
}

// heard takes a heartbeat in. counts is false before the mark that a restart
// begins at: there the partitions are only being remembered.
func (w *watermark) heard(h *Heartbeat, offset int64, counts bool) {
	p := w.partitions[h.Partition]
	if p == nil {
		p = &rawPartition{}
		w.partitions[h.Partition] = p
	}
	// The last word counts, not the greatest: a restart hears only the last ones.
	if p.progress = beforeAll; h.MaxTime != 0 {
		p.progress = h.MaxTime - h.Lateness
	}
	p.idle, p.sent, p.offset = h.Idle, h.Sent, offset
	w.newest, w.expected = max(w.newest, h.Sent), h.Partitions
	if !counts {
		return
	}
	w.now = max(w.now, w.least())
	if last := w.marks[len(w.marks)-1]; offset >= last.offset+markEvery {
		w.marks = append(w.marks, mark{offset: offset + 1, from: w.from(offset + 1), now: w.now})
	}
}

// least is the minimum over the partitions that count, beforeAll if none does.
// It forgets those that fell silent.
func (w *watermark) least() int64 {
	least, any := int64(afterAll), false
	for name, p := range w.partitions {
		if p.sent < w.newest-forgetAfter {
			delete(w.partitions, name)
			continue
		}
		if !p.idle {
			least, any = min(least, p.progress), true
		}
	}
	if !any || w.now == beforeAll && len(w.partitions) < w.expected {
		return beforeAll
	}
	return least
}

// from is the least offset of the partitions' last heartbeats.
func (w *watermark) from(offset int64) int64 {
	for _, p := range w.partitions {
		offset = min(offset, p.offset)
	}
	return offset
}

// markAt is the last mark at or before an offset. Offsets that are asked for
// never decrease, so earlier marks are dropped.
func (w *watermark) markAt(offset int64) mark {
	n := 0
	for n+1 < len(w.marks) && w.marks[n+1].offset <= offset {
		n++
	}
	w.marks = append(w.marks[:0], w.marks[n:]...)
	return w.marks[0]
}
