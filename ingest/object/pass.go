package object

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/logkey"
)

const (
	// maxFailures in a row end a pass: it is not the objects then.
	maxFailures = 50
	// saveEvery is how far Until may move in memory alone where nothing was read.
	saveEvery = 3600
)

var errUnordered = errors.New("the store does not list its keys in order")

// pass lists once, and reads what is new. Its error means that the listing is not
// complete; the next pass goes on.
func (r *listingRun) pass(ctx context.Context) error {
	bound := time.Now().Add(-r.Settle).Unix()
	r.failed, r.handed = 0, map[string]bool{}
	for _, s := range r.slots {
		s.reset()
		if s.After == "" {
			s.Bound = max(bound, s.Until)
		}
	}
	readers, readCtx := errgroup.WithContext(ctx)
	readers.SetLimit(r.Objects)
	work := make(chan job)
	for range r.Objects {
		readers.Go(func() error { return r.reader(readCtx, work) })
	}
	err := r.leftovers(readCtx, work)
	if err == nil {
		err = r.walk(readCtx, work)
	}
	close(work)
	if readErr := readers.Wait(); readErr != nil {
		return readErr // which ended the listing, too
	}
	if errors.Is(err, errUnordered) {
		if err := r.withoutOrder(ctx); err != nil {
			return err
		}
		return r.pass(ctx)
	}
	if err != nil {
		return err
	}
	return r.complete(ctx)
}

// job is an object to read.
type job struct {
	Entry
	cur      Cursor
	known    bool // it has a cursor
	settled  bool
	leftover bool // found by its cursor, not by the listing
}

// leftovers hands out the objects that are in progress or could not be read: the
// listing may leave them out.
func (r *listingRun) leftovers(ctx context.Context, work chan<- job) error {
	for _, key := range r.unfinished() {
		if !r.Filter.Takes(key) { // any more
			if err := r.put(ctx, r.without(key)); err != nil {
				return err
			}
			continue
		}
		e, err := r.Store.Head(ctx, key)
		if errors.Is(err, ErrGone) || errors.Is(err, ErrRefused) {
			e, err = Entry{Key: key, ETag: r.cursor(key).ETag}, nil // reading it says so
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", key, err)
		}
		if err := r.hand(ctx, work, e, true); err != nil {
			return err
		}
	}
	return nil
}

func (r *listingRun) unfinished() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []string
	for key, c := range r.objects {
		if !c.Done {
			keys = append(keys, key)
		}
	}
	return keys
}

func (r *listingRun) cursor(key string) Cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objects[key]
}

func (r *listingRun) walk(ctx context.Context, work chan<- job) error {
	after, until := "", int64(0)
	for i, first := 0, true; i < ingest.Slots; i++ {
		s := r.slots[i]
		if s == nil {
			continue
		}
		if first || s.resume < after {
			after = s.resume
		}
		if first || s.Until < until {
			until = s.Until
		}
		first = false
	}
	since := r.Filter.From
	if listed := time.Unix(until, 0).Add(-r.Lookback); until > 0 && listed.After(since) {
		since = listed
	}
	last := after
	return r.Store.Walk(ctx, after, since, func(e Entry) error {
		if e.Key <= last && last != "" && !r.unordered {
			return errUnordered
		}
		last = e.Key
		if r.slots[ingest.Slot(e.Key)] == nil || !r.Filter.Takes(e.Key) {
			return nil
		}
		return r.hand(ctx, work, e, false)
	})
}

// hand gives an object to a reader if there is something to read of it.
func (r *listingRun) hand(ctx context.Context, work chan<- job, e Entry, leftover bool) error {
	r.mu.Lock()
	j, wanted := r.judge(e, leftover)
	tired := r.failed >= maxFailures && !leftover
	if wanted && j.settled && !leftover {
		r.slots[ingest.Slot(e.Key)].begin(e.Key)
	}
	if leftover {
		r.handed[e.Key] = true
	}
	if wanted && !j.known {
		r.found++
		r.size.Add(e.Size)
	}
	r.mu.Unlock()
	switch {
	case tired:
		return fmt.Errorf("%d objects in a row cannot be read; the log says why", maxFailures)
	case !wanted:
		return nil
	}
	select {
	case work <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judge tells what there is to do about an object.
func (r *listingRun) judge(e Entry, leftover bool) (job, bool) {
	s := r.slots[ingest.Slot(e.Key)]
	cur, known := r.objects[e.Key]
	at := unix(e.At)
	j := job{Entry: e, cur: cur, known: known, settled: at <= s.Bound, leftover: leftover}
	switch {
	case leftover:
		return j, true
	case r.handed[e.Key]: // it was a leftover in this pass
		return j, false
	case !known:
		return j, !s.covered(e.Key, at)
	case !cur.Done: // it could not be read when this pass came by
		return j, false
	case cur.ETag == e.ETag:
		return j, j.settled && cur.Pending
	}
	return j, true
}

// without deletes an object's cursor.
func (r *listingRun) without(key string) Part {
	return Part{
		Cursors: func() []ingest.Cursor { return []ingest.Cursor{{Key: objectPrefix + key}} },
		Committed: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.objects, key)
			delete(r.problems, key)
		},
	}
}

// complete ends a pass that has seen everything: what was settled is done.
func (r *listingRun) complete(ctx context.Context) error {
	var cursors []ingest.Cursor
	var forget []string
	r.mu.Lock()
	for slot, s := range r.slots {
		m := mark{Until: max(s.Until, s.Bound)}
		for key, c := range r.objects {
			if ingest.Slot(key) == slot && c.Done && c.At <= m.Until {
				cursors = append(cursors, ingest.Cursor{Key: objectPrefix + key})
				forget = append(forget, key)
				s.dirty = true
			}
		}
		if s.dirty || m.Until-s.saved >= saveEvery {
			cursors = append(cursors, m.cursor(slot))
			s.saved = m.Until
		}
		s.mark = m
	}
	r.mu.Unlock()
	if len(cursors) == 0 {
		return nil
	}
	return r.put(ctx, Part{
		Cursors: func() []ingest.Cursor { return cursors },
		Committed: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, key := range forget {
				delete(r.objects, key)
			}
		},
	})
}

// withoutOrder forgets how far the listing came, since keys say nothing about it:
// from now on each object has a cursor until a pass is complete.
func (r *listingRun) withoutOrder(ctx context.Context) error {
	r.Log.Warn("the store does not list its keys in order; each object gets a cursor until the listing is complete", slog.String(logkey.Collector, r.Collector))
	var cursors []ingest.Cursor
	r.mu.Lock()
	r.unordered = true
	for slot, s := range r.slots {
		s.Bound, s.After = 0, ""
		cursors = append(cursors, mark{Until: s.Until}.cursor(slot))
	}
	r.mu.Unlock()
	return r.put(ctx, Part{Cursors: func() []ingest.Cursor { return cursors }})
}

func (r *listingRun) put(ctx context.Context, p Part) error {
	if err := r.committer.Put(ctx, p); err != nil {
		return fmt.Errorf("%w: %w", errPut, err)
	}
	return nil
}
