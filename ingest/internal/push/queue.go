package push

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/weir-security/weir/ingest"
)

// Requests are taken into a batch until it holds this much: one transaction that is
// large enough to be cheap, and small enough to be quick.
const (
	batchRecords = 5000
	batchBytes   = 8 << 20
)

var (
	errQueueFull = errors.New("too many requests are waiting")
	errTimeout   = errors.New("the events did not become durable in time")
	errStopping  = errors.New("shutting down")
)

// submission is a request's list on its way into a batch. Its list and lease belong
// to the handler until the committer takes it, and then to the committer.
type submission struct {
	list  *List
	lease *lease
	state atomic.Int32
	done  chan error // gets the outcome of a submission that was taken; holds one
}

// The states of a submission: it leaves the first once.
const (
	waiting int32 = iota
	taken
	abandoned
)

// queue hands lists to the one goroutine that puts them.
type queue struct {
	waiting chan *submission
	failed  chan struct{} // closed when a put has failed: nothing becomes durable any more
	closing chan struct{} // closed when nothing more will come
	batch   ingest.Batch  // of the put that is under way; its memory is used again
	group   []*submission // what is in it
}

func newQueue(capacity int) *queue {
	return &queue{
		waiting: make(chan *submission, capacity),
		failed:  make(chan struct{}),
		closing: make(chan struct{}),
	}
}

// submit returns nil when the list is durable. It takes the lease over, and releases
// it when the list's memory is nobody's any more. After another result than nil the
// list may still become durable.
func (q *queue) submit(ctx context.Context, list *List, l *lease) error {
	s := &submission{list: list, lease: l, done: make(chan error, 1)}
	select {
	case q.waiting <- s:
	default:
		l.release()
		return errQueueFull
	}
	var reason error
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		reason = errTimeout
	case <-q.failed:
		reason = errStopping
	}
	if s.state.CompareAndSwap(waiting, abandoned) {
		s.list = nil // it may stay in the channel for as long as a put hangs
		l.release()
		return reason
	}
	select {
	case err := <-s.done:
		return err
	default:
		return reason
	}
}

// commit puts what is submitted until close, or until a put fails; it returns that
// put's error. What waited for it is told the error, and what waits is let go.
func (q *queue) commit(ctx context.Context, put ingest.Put) error {
	for q.gather() {
		err := put(ctx, q.batch)
		for _, s := range q.group {
			s.lease.release()
			s.done <- err
		}
		if err != nil {
			close(q.failed)
			return err
		}
	}
	return nil
}

// gather takes what waits, at least one list, as the next batch. It returns false when
// the queue is closed.
func (q *queue) gather() bool {
	clear(q.group)
	clear(q.batch.Records)
	clear(q.batch.DeadLetters)
	q.group, q.batch.Records, q.batch.DeadLetters = q.group[:0], q.batch.Records[:0], q.batch.DeadLetters[:0]
	for size := 0; len(q.batch.Records)+len(q.batch.DeadLetters) < batchRecords && size < batchBytes; {
		s, ok := q.next(len(q.group) == 0)
		if !ok {
			return len(q.group) > 0
		}
		if !s.state.CompareAndSwap(waiting, taken) {
			continue
		}
		q.group = append(q.group, s)
		q.batch.Records = append(q.batch.Records, s.list.Records...)
		q.batch.DeadLetters = append(q.batch.DeadLetters, s.list.Letters...)
		q.batch.Progress.BytesRead += s.list.bytes
		size += int(s.list.bytes)
	}
	return true
}

// next receives a submission, if need be by waiting for one.
func (q *queue) next(wait bool) (*submission, bool) {
	if !wait {
		select {
		case s := <-q.waiting:
			return s, true
		default:
			return nil, false
		}
	}
	select {
	case s := <-q.waiting:
		return s, true
	case <-q.closing:
		return nil, false
	}
}

// close ends commit after the put that is under way.
func (q *queue) close() { close(q.closing) }
