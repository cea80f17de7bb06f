package object

import (
	"context"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/schemas/event"
)

// A batch takes in what waits up to this many records or parts.
const (
	batchRecords = 10_000
	batchParts   = 64
)

// Part is what one reader wants durable.
type Part struct {
	Records     []event.Record
	DeadLetters []event.DeadLetter
	// Cursors are asked for when the batch is made, in the order in which parts become
	// durable; nil for none. Committed is called behind it when it is. Both are called
	// from one goroutine.
	Cursors   func() []ingest.Cursor
	Committed func()
}

// Committer makes parts of several readers durable together: while one batch is on its
// way, the next gathers. A transaction for each small object would cost more than its
// reading.
type Committer struct {
	parts chan request
}

type request struct {
	Part
	done chan error
}

// NewCommitter makes a committer, for one Run.
func NewCommitter() *Committer { return &Committer{parts: make(chan request)} }

// Put returns when the part is durable. The part's memory is the committer's until
// then.
func (c *Committer) Put(ctx context.Context, p Part) error {
	r := request{Part: p, done: make(chan error, 1)}
	select {
	case c.parts <- r:
		return <-r.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run puts batches until ctx is done. It is the only one to call put.
func (c *Committer) Run(ctx context.Context, put ingest.Put, progress func() ingest.Progress) error {
	for {
		select {
		case first := <-c.parts:
			if err := c.commit(ctx, c.gather(first), put, progress); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Committer) gather(first request) []request {
	all, records := []request{first}, len(first.Records)
	for len(all) < batchParts && records < batchRecords {
		select {
		case r := <-c.parts:
			all = append(all, r)
			records += len(r.Records)
		default:
			return all
		}
	}
	return all
}

func (c *Committer) commit(ctx context.Context, parts []request, put ingest.Put, progress func() ingest.Progress) error {
	var b ingest.Batch
	at := map[string]int{} // of a cursor in the batch, which has each key once
	for _, p := range parts {
		b.Records = append(b.Records, p.Records...)
		b.DeadLetters = append(b.DeadLetters, p.DeadLetters...)
		if p.Cursors == nil {
			continue
		}
		for _, cur := range p.Cursors() {
			if i, again := at[cur.Key]; again {
				b.Cursors[i] = cur
				continue
			}
			at[cur.Key] = len(b.Cursors)
			b.Cursors = append(b.Cursors, cur)
		}
	}
	b.Progress = progress()
	var err error
	if !b.Empty() {
		err = put(ctx, b)
	}
	for _, p := range parts {
		if err == nil && p.Committed != nil {
			p.Committed()
		}
		p.done <- err
	}
	return err
}
