package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
)

// collectRole runs the configured collectors and makes what they read durable.
// All collectors share one transactional producer: batches that wait while a
// transaction is under way go together into the next one.
type collectRole struct {
	*shared
	collectors []namedCollector
	puts       chan putRequest
	cursors    *cursorLog
	problems   *problems
	once       bool
	// trimCursors is how many records of cursors are too many on a broker that does
	// not compact; 0 for one that does.
	trimCursors int
}

// maxCursorRecords is when a start rewrites the cursors of the embedded broker.
const maxCursorRecords = 20_000

type namedCollector struct {
	name, source string
	backfill     bool // see headerBackfill
	ingest.Collector
}

type putRequest struct {
	collector namedCollector
	batch     ingest.Batch
	claim     *claim // nil for a collector that is not shared
	done      chan<- error
}

// run reads until every collector has nothing left, or drain is done. It
// returns when everything that was read is durable.
func (c *collectRole) run(ctx, drain context.Context) error {
	cl, err := c.opts.New(ctx,
		kgo.TransactionalID(c.transactionalID(RoleCollect)),
		kgo.TransactionTimeout(c.times.transaction),
		broker.UntilFlush(),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := c.readCursors(ctx, cl); err != nil {
		return err
	}

	observer := c.observe(RoleCollect, "", "")
	defer observer.End()

	c.puts = make(chan putRequest)
	readers, readCtx := errgroup.WithContext(ctx)
	for _, col := range c.collectors {
		// Ends when its input is exhausted, drain is done or a put fails.
		readers.Go(func() error { return c.read(readCtx, drain, col) })
	}
	finished := make(chan error, 1)
	go func() { finished <- readers.Wait() }() // ends with the readers
	working := time.NewTicker(tick)
	defer working.Stop()
	for {
		c.tell(observer)
		select {
		case first := <-c.puts:
			began := time.Now()
			if err := c.commit(ctx, cl, c.gather(first)); err != nil {
				observer.aborted()
				if other := <-finished; other != nil && !errors.Is(other, err) {
					return errors.Join(err, other)
				}
				return err // which the collectors were given too
			}
			observer.committed(began, nil)
		case <-working.C:
		case err := <-finished:
			return err
		}
	}
}

// tell gives a sign of work, with what keeps collectors from theirs.
func (c *collectRole) tell(o *observer) {
	if note := c.problems.text(); note != "" {
		o.Waits(note, tick)
		return
	}
	o.Works()
}

// read runs one collector. Its reading ends with drain; a put that is under way
// then is still answered.
func (c *collectRole) read(ctx, drain context.Context, col namedCollector) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(drain, stop)()
	var err error
	switch collector := col.Collector.(type) {
	case ingest.Sharer:
		err = c.readShared(ctx, drain, col, collector)
	case ingest.Loader:
		load := func(ctx context.Context) (map[string][]byte, error) { return c.cursors.latest(ctx, col.name) }
		err = collector.RunLoading(reading, load, c.putter(ctx, col, nil))
	default:
		err = collector.Run(reading, c.cursors.of(col.name), c.putter(ctx, col, nil))
	}
	if err != nil {
		return fmt.Errorf("collector %s: %w", col.name, err)
	}
	return nil
}

// putter hands batches of a collector to the role.
func (c *collectRole) putter(ctx context.Context, col namedCollector, held *claim) ingest.Put {
	return func(_ context.Context, b ingest.Batch) error {
		done := make(chan error, 1)
		select {
		case c.puts <- putRequest{collector: col, batch: b, claim: held, done: done}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather takes, with the first, what other collectors have ready.
func (c *collectRole) gather(first putRequest) []putRequest {
	requests := []putRequest{first}
	for len(requests) < len(c.collectors) {
		select {
		case r := <-c.puts:
			requests = append(requests, r)
		default:
			return requests
		}
	}
	return requests
}

// commit makes the batches durable in one Kafka transaction and answers their
// collectors. Those whose claim is over are told so, and the rest is tried again
// without them.
func (c *collectRole) commit(ctx context.Context, cl *kgo.Client, requests []putRequest) error {
	for i := range requests {
		c.fit(&requests[i].batch)
	}
	for len(requests) > 0 {
		err := c.transact(ctx, cl, requests)
		over, isOver := errors.AsType[*claimError](err)
		var rest []putRequest
		for _, r := range requests {
			if isOver && r.claim != over.claim {
				rest = append(rest, r)
				continue
			}
			if err == nil {
				c.stats.collected(r.collector.source, r.collector.name, r.batch)
			}
			r.done <- err
		}
		if err != nil && !isOver {
			return err
		}
		requests = rest
	}
	return c.faults.At(FaultCollectAnswered)
}

// fit makes dead letters of records that Kafka does not take for their size: they
// must not stop what is behind them.
func (c *collectRole) fit(b *ingest.Batch) {
	tooLarge := func(r event.Record) bool { return len(r.Value) > c.limit() }
	if !slices.ContainsFunc(b.Records, tooLarge) {
		return
	}
	var fitting []event.Record // not in place: the batch's memory is the collector's
	letters := slices.Clone(b.DeadLetters)
	for _, r := range b.Records {
		if !tooLarge(r) {
			fitting = append(fitting, r)
			continue
		}
		letters = append(letters, event.DeadLetter{
			Stage: event.StageCollect, Reason: event.ReasonTooLarge,
			Detail: fmt.Sprintf("the record has %d bytes, Kafka takes %d; raise max.message.bytes of %s", len(r.Value), c.limit(), c.names.Raw(r.Source)),
			Source: r.Source, Origin: r.Origin, Value: r.Value,
		})
	}
	b.Records, b.DeadLetters = fitting, letters
}

func (c *collectRole) transact(ctx context.Context, cl *kgo.Client, requests []putRequest) error {
	if err := c.faults.At(FaultCollectBegin); err != nil {
		return err
	}
	if err := cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	var out outcome
	for _, r := range requests {
		if err := c.produce(ctx, cl, &out, r); err != nil {
			return err
		}
	}
	if err := c.faults.At(FaultCollectProduced); err != nil {
		return err
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := c.faults.At(FaultCollectFlushed); err != nil {
		return err
	}
	// EndTransaction alone would return nil although a record was refused.
	if err := out.err(); err != nil {
		abortErr := cl.EndTransaction(ctx, kgo.TryAbort)
		return errors.Join(fmt.Errorf("produce: %w", err), abortErr)
	}
	if err := c.hold(ctx, cl, requests); err != nil {
		if abortErr := cl.EndTransaction(ctx, kgo.TryAbort); abortErr != nil {
			return fmt.Errorf("abort transaction: %w", abortErr)
		}
		return err
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return c.faults.At(FaultCollectCommitted)
}

// produce sends a batch.
func (c *collectRole) produce(ctx context.Context, cl *kgo.Client, out *outcome, r putRequest) error {
	send := func(record *kgo.Record) error {
		if err := c.faults.At(FaultCollectProducing); err != nil {
			return err
		}
		out.produce(ctx, cl, record, nil)
		return nil
	}
	for i := range r.batch.Records {
		record := broker.EncodeRaw(c.names, &r.batch.Records[i])
		if r.collector.backfill {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: headerBackfill, Value: []byte("true")})
		}
		if err := send(record); err != nil {
			return err
		}
	}
	for i := range r.batch.DeadLetters {
		if err := send(c.deadLetter(&r.batch.DeadLetters[i])); err != nil {
			return err
		}
	}
	for _, cur := range r.batch.Cursors {
		if err := send(c.cursorRecord(r.collector.name, cur)); err != nil {
			return err
		}
	}
	return nil
}

func (c *collectRole) cursorRecord(collector string, cur ingest.Cursor) *kgo.Record {
	return &kgo.Record{Topic: c.names.Cursors(), Key: []byte(collector + "/" + cur.Key), Value: cur.Value}
}

// rewriteCursors does what compaction does on a cluster, in steps that a kill
// cannot hurt: all cursors are written again, in one transaction, and then what
// lies before the fence is deleted.
func (c *collectRole) rewriteCursors(ctx context.Context, cl *kgo.Client, cursors map[string]map[string][]byte, fence *kgo.Record) error {
	if err := cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	var out outcome
	for collector, entries := range cursors {
		for key, value := range entries {
			out.produce(ctx, cl, c.cursorRecord(collector, ingest.Cursor{Key: key, Value: value}), nil)
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := c.faults.At(FaultCollectRewriting); err != nil {
		return err
	}
	if err := out.err(); err != nil {
		return errors.Join(fmt.Errorf("produce: %w", err), cl.EndTransaction(ctx, kgo.TryAbort))
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	if err := c.faults.At(FaultCollectRewritten); err != nil {
		return err
	}
	var offsets kadm.Offsets
	offsets.AddOffset(fence.Topic, fence.Partition, fence.Offset, -1)
	deleted, err := kadm.NewClient(cl).DeleteRecords(ctx, offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	return nil
}

// readCursors reads the cursors. It first commits a record of its own and reads up to
// that: by then, producers of an earlier process are fenced and their transactions
// decided, so that nothing can follow what is read.
func (c *collectRole) readCursors(ctx context.Context, cl *kgo.Client) error {
	mark := strconv.FormatInt(time.Now().UnixNano(), 36)
	fence := c.fenceRecord(mark)
	if err := cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := cl.ProduceSync(ctx, fence).FirstErr(); err != nil {
		return fmt.Errorf("write to %s: %w", fence.Topic, err)
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	c.fence.Store(fence)
	if err := c.faults.At(FaultCollectFenced); err != nil {
		return err
	}
	log, records := newCursorLog(c.shared, fence), 0
	err := c.opts.ReadUntil(ctx, c.names.Cursors(), fence.Partition, func(r *kgo.Record) bool {
		if log.add(r) {
			records++
		}
		return string(r.Key) == string(fence.Key) && string(r.Value) == mark
	})
	if err != nil {
		return fmt.Errorf("read cursors: %w", err)
	}
	if c.trimCursors > 0 && records > c.trimCursors {
		if err := c.rewriteCursors(ctx, cl, log.cursors, fence); err != nil {
			return fmt.Errorf("rewrite cursors: %w", err)
		}
	}
	c.log.Debug("cursors read", slog.Int(logkey.Collectors, len(log.cursors)))
	c.cursors = log
	return nil
}
