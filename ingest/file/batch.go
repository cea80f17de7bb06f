package file

import (
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/schemas/event"
)

// A batch is put when it holds this many records or bytes, or in a tailing
// collector when its first record is this old.
const (
	batchRecords = 5000
	batchBytes   = 8 << 20
	batchAge     = 100 * time.Millisecond
)

// batch gathers what is put next. Its memory is used again after each put.
type batch struct {
	ingest.Batch
	bytes int
	arena arena
	moved []*tail // the tails whose cursors belong to the batch, each once
	since time.Time
}

// add takes a copy of a piece of t.
func (b *batch) add(t *tail, p envelope.Piece) {
	b.touch(t)
	if p.Reason != "" && t.cur.Cut.repeats(&p) {
		return
	}
	if p.Reason == event.ReasonTruncated {
		t.cur.Cut = cutOf(&p)
	}
	p.Value = b.arena.copy(p.Value)
	b.bytes += len(p.Value)
	origin := event.Origin{Collector: t.cfg.Name, Object: t.object, Position: p.Offset, Envelope: p.Envelope}
	if p.Reason != "" {
		b.DeadLetters = append(b.DeadLetters, p.DeadLetter(t.cfg.Source, origin))
		return
	}
	b.Records = append(b.Records, event.Record{Source: t.cfg.Source, Value: p.Value, Origin: origin})
}

// touch makes the position of t, as it is when the batch is put, part of it.
func (b *batch) touch(t *tail) {
	if b.since.IsZero() {
		b.since = time.Now()
	}
	if !t.moved {
		t.moved = true
		b.moved = append(b.moved, t)
	}
}

// remove deletes a cursor.
func (b *batch) remove(object string) {
	if b.since.IsZero() {
		b.since = time.Now()
	}
	b.Cursors = append(b.Cursors, ingest.Cursor{Key: object})
}

func (b *batch) full() bool {
	return len(b.Records)+len(b.DeadLetters)+len(b.moved)+len(b.Cursors) >= batchRecords || b.bytes >= batchBytes
}

func (b *batch) empty() bool { return b.since.IsZero() }

// reset empties the batch after a put.
func (b *batch) reset() {
	for _, t := range b.moved {
		t.moved = false
	}
	clear(b.Records)
	clear(b.DeadLetters)
	b.Records, b.DeadLetters, b.Cursors = b.Records[:0], b.DeadLetters[:0], b.Cursors[:0]
	b.moved, b.bytes, b.since = b.moved[:0], 0, time.Time{}
	b.arena.reset()
}

// arena holds the bytes of a batch in chunks: one allocation for many records, none
// once it is warm.
type arena struct {
	chunks [][]byte
	used   int // chunks before it have no room
}

const chunkSize = 1 << 20

func (a *arena) copy(p []byte) []byte {
	for ; a.used < len(a.chunks); a.used++ {
		if c := a.chunks[a.used]; cap(c)-len(c) >= len(p) {
			return a.place(p)
		}
	}
	a.chunks = append(a.chunks, make([]byte, 0, max(chunkSize, len(p))))
	return a.place(p)
}

func (a *arena) place(p []byte) []byte {
	c := a.chunks[a.used]
	n := len(c)
	c = append(c, p...)
	a.chunks[a.used] = c
	return c[n:len(c):len(c)]
}

func (a *arena) reset() {
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.used = 0
}
