package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
)

// What bounds one transaction of detect and correlate.
const (
	batchRecords = 5000
	batchBytes   = 16 << 20
	batchWait    = 100 * time.Millisecond
	tick         = time.Second // a handler without records is called this often
)

// Group membership. A process that comes back under its name within the session
// timeout gets its partitions back without a rebalance; one that does not loses
// them to the others after it.
const (
	sessionTimeout   = 10 * time.Second
	rebalanceTimeout = 60 * time.Second
)

// handler is the part of a role that turns input into output. Its calls come
// from one goroutine: handle, then committed or aborted.
type handler interface {
	// handle produces what records, all new and in order within each partition,
	// become. It is also called without records, about once a second.
	handle(ctx context.Context, b *batch) error
	// committed makes what handle changed in memory final.
	committed()
	// aborted takes it back: the same records will come again.
	aborted()
	// dropped says that a partition belongs, or belonged, to another process: what is
	// in memory of it is worth nothing.
	dropped(p partition)
	// metadata goes with the committed offset of a partition.
	metadata(p partition) string
}

// partition is one partition of one topic.
type partition struct {
	topic string
	id    int32
}

func (p partition) String() string { return fmt.Sprintf("%s/%d", p.topic, p.id) }

// batch is the input of one transaction and the way to its output.
type batch struct {
	records []*kgo.Record
	// partitions are those whose offset the transaction commits: those of records,
	// and those of which only markers came.
	partitions map[partition]bool
	// oversized holds records whose output Kafka refused for its size when the
	// transaction was tried before.
	oversized map[position]bool
	// times are the event times of the last records, by partition.
	times map[partition]int64
	// last says that the role ends with this batch, with nothing left to read.
	last bool
	// begin begins the transaction; nil once it has begun.
	begin func() error
	// step is asked before each record that is produced; nil for one that need not be.
	step func() error
	// committed is set when the batch is.
	committed bool
	out       outcome
	producer  producer
	produced  int
}

func newBatch(polled []*kgo.Record, p producer) *batch {
	b := &batch{producer: p, partitions: map[partition]bool{}, times: map[partition]int64{}}
	for _, r := range polled {
		b.partitions[partition{r.Topic, r.Partition}] = true
		if !r.Attrs.IsControl() {
			b.records = append(b.records, r)
		}
	}
	return b
}

// start begins the transaction, unless it has begun.
func (b *batch) start() error {
	begin := b.begin
	if b.begin = nil; begin == nil {
		return nil
	}
	if err := begin(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	return nil
}

type position struct {
	partition
	offset int64
}

func positionOf(r *kgo.Record) position {
	return position{partition{r.Topic, r.Partition}, r.Offset}
}

// produce adds a record to the transaction; input is the record that it is for.
func (b *batch) produce(ctx context.Context, r, input *kgo.Record) {
	err := b.start()
	if err == nil && b.step != nil {
		err = b.step()
	}
	if err != nil {
		b.out.fail(err)
		return
	}
	b.produced++
	b.out.produce(ctx, b.producer, r, input)
}

// session runs a handler exactly once: input offsets and output commit together
// in Kafka transactions.
type session struct {
	*shared
	role    Role
	topics  []string
	handler handler

	gts      *kgo.GroupTransactSession
	progress *progress
	observer *observer

	mu       sync.Mutex // guards what the group's callbacks write
	assigned map[partition]bool
	synced   bool        // the group has said what this member has
	moved    []partition // come or gone since the last transaction
	revoked  bool        // some of them have gone
}

// run works until drain is done or the target, once it is set, is reached.
func (s *session) run(ctx, drain context.Context, target *target) (err error) {
	s.assigned = map[partition]bool{}
	gts, err := kgo.NewGroupTransactSession(s.opts.Client(
		kgo.TransactionalID(s.transactionalID(s.role)),
		kgo.TransactionTimeout(s.times.transaction),
		broker.UntilFlush(),
		kgo.ConsumerGroup(s.group(string(s.role))),
		kgo.ClientID(s.clientID),
		kgo.InstanceID(s.memberID(s.role)),
		kgo.SessionTimeout(s.times.session),
		kgo.RebalanceTimeout(s.times.rebalance),
		kgo.Balancers(balancer{kgo.CooperativeStickyBalancer(), s.onSynced}),
		kgo.ConsumeTopics(s.topics...),
		broker.FromStart(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
		kgo.KeepControlRecords(),
		kgo.OnPartitionsAssigned(s.onAssigned),
		kgo.OnPartitionsRevoked(s.onRevoked),
		kgo.OnPartitionsLost(s.onRevoked),
	)...)
	if err != nil {
		return fmt.Errorf("configure kafka client: %w", err)
	}
	s.gts = gts
	defer func() { err = s.leave(gts.Client(), s.role, s.group(string(s.role)), gts.Close, err) }()
	s.progress = newProgress(kadm.NewClient(gts.Client()), s.group(string(s.role)))
	s.observer = s.observe(s.role, "", s.group(string(s.role)), s.topics...)
	defer s.observer.End()

	var oversized map[position]bool
	for drain.Err() == nil {
		reached, err := s.progress.reached(ctx, target)
		if err != nil {
			return err
		}
		if reached && s.joined() {
			return s.finish(ctx)
		}
		records, err := s.poll(drain, target)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b := newBatch(records, gts)
		b.step = func() error { return s.faults.At(s.role.fault("producing")) }
		b.oversized = oversized
		if oversized, err = s.transact(ctx, b, records); err != nil {
			return fmt.Errorf("%s: %w", s.role, err)
		}
	}
	return nil
}

// finish lets the handler say what there is to say when nothing is left to read.
func (s *session) finish(ctx context.Context) error {
	for {
		b := &batch{producer: s.gts, last: true}
		if _, err := s.transact(ctx, b, nil); err != nil {
			return fmt.Errorf("%s: %w", s.role, err)
		}
		if b.committed {
			return nil
		}
	}
}

// poll waits for records, then a little longer for more of them.
func (s *session) poll(drain context.Context, target *target) ([]*kgo.Record, error) {
	parent, wait, stop := target.patience(drain)
	defer stop()
	var records []*kgo.Record
	var bytes int
	deadline := time.Now().Add(wait)
	for len(records) < s.records && bytes < batchBytes && wait > 0 {
		ctx, cancel := context.WithTimeout(parent, wait)
		fetches := s.gts.PollRecords(ctx, s.records-len(records))
		cancel()
		if err := broker.FetchError(fetches); err != nil {
			return nil, err
		}
		if len(records) == 0 && !fetches.Empty() {
			deadline = time.Now().Add(batchWait)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records = append(records, r)
			bytes += len(r.Value)
		})
		if parent.Err() != nil {
			break
		}
		wait = time.Until(deadline)
	}
	return records, nil
}

// transact handles one batch in a transaction. It returns the inputs whose
// output was too large, after an abort for that reason.
func (s *session) transact(ctx context.Context, b *batch, polled []*kgo.Record) (oversized map[position]bool, err error) {
	began := time.Now()
	b.begin = s.gts.Begin
	revoked := s.tellMoved()
	if err := s.faults.At(s.role.fault("begin")); err != nil {
		return nil, err
	}
	// With nothing to read, a transaction begins only when there is something to say.
	// After partitions have gone there is always one: gts aborts the next that ends, and
	// that should not be one with work in it.
	if len(polled) > 0 || revoked {
		if err := b.start(); err != nil {
			return nil, err
		}
	}
	if err := s.handler.handle(ctx, b); err != nil {
		return nil, errors.Join(err, s.abort(ctx))
	}
	if b.begin != nil { // nothing to say
		b.committed = true
		s.handler.committed()
		s.observer.Works()
		return nil, nil
	}
	if err := s.faults.At(s.role.fault("produced")); err != nil {
		return nil, err
	}
	if err := s.gts.Client().Flush(ctx); err != nil {
		return nil, fmt.Errorf("flush: %w", err)
	}
	if err := s.faults.At(s.role.fault("flushed")); err != nil {
		return nil, err
	}
	if err := b.out.err(); err != nil {
		return s.refused(ctx, b, err)
	}
	committed, err := s.end(ctx, len(polled) > 0 || revoked)
	if err != nil {
		return nil, fmt.Errorf("end transaction: %w", err)
	}
	if !committed { // a rebalance came between; the records go to whoever has them now
		s.log.Info("transaction aborted by a rebalance", slog.String(logkey.Role, string(s.role)))
		s.handler.aborted()
		s.observer.aborted()
		return nil, nil
	}
	b.committed = true
	s.handler.committed()
	s.progress.advance(polled)
	s.tellCommitted(b, began, polled)
	return nil, s.faults.At(s.role.fault("committed"))
}

// end commits, unless a rebalance came between. shared says that the transaction is
// of interest to the group: it has offsets, or is to settle a rebalance.
func (s *session) end(ctx context.Context, shared bool) (committed bool, err error) {
	s.mu.Lock()
	shared = shared || s.revoked
	s.mu.Unlock()
	if shared {
		return s.gts.End(s.withMetadata(ctx), kgo.TryCommit)
	}
	// gts.End would do the same and then sleep for half a second: without an answer to
	// a commit of offsets it takes the brokers for older than Kafka 2.5.
	err = s.gts.Client().EndTransaction(ctx, kgo.TryCommit)
	return err == nil, err
}

// refused aborts a batch of which Kafka did not take a record. Size is the
// record's own fault: the batch is tried again with it as a dead letter.
func (s *session) refused(ctx context.Context, b *batch, cause error) (map[position]bool, error) {
	err := s.abort(ctx)
	if errors.Is(cause, kerr.MessageTooLarge) && s.lowered(ctx) {
		// Then whole batches are too large, and the records in them are not to blame.
		return nil, errors.Join(fmt.Errorf("produce: %w", cause), err)
	}
	oversized := maps.Clone(b.oversized)
	if oversized == nil {
		oversized = map[position]bool{}
	}
	for r := range b.out.oversized() {
		oversized[positionOf(r)] = true
	}
	if err != nil || len(oversized) == len(b.oversized) { // no new one: the same would happen again
		return nil, errors.Join(fmt.Errorf("produce: %w", cause), err)
	}
	return oversized, nil
}

func (s *session) abort(ctx context.Context) error {
	s.handler.aborted()
	s.observer.aborted()
	if _, err := s.gts.End(ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("abort transaction: %w", err)
	}
	return nil
}

// withMetadata makes the handler's metadata part of the offset commit.
func (s *session) withMetadata(ctx context.Context) context.Context {
	return kgo.PreTxnCommitFnContext(ctx, func(req *kmsg.TxnOffsetCommitRequest) error {
		if err := s.faults.At(s.role.fault("offsets")); err != nil {
			return err
		}
		for t := range req.Topics {
			topic := &req.Topics[t]
			for p := range topic.Partitions {
				m := s.handler.metadata(partition{topic.Topic, topic.Partitions[p].Partition})
				topic.Partitions[p].Metadata = &m
			}
		}
		return nil
	})
}

// onSynced learns what this member has, whenever the group has settled that. The
// callbacks of gts alone do not tell: of several revocations in one transaction it
// passes on the first.
func (s *session) onSynced(now map[partition]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.assigned {
		if !now[p] {
			s.moved = append(s.moved, p)
			s.revoked = true
		}
	}
	s.assigned, s.synced = now, true
}

// joined tells whether it is known what this member has. Where earlier processes have
// read everything, the end is reached before that; but detect has a last word on the
// partitions that it has, without which roll-ups would not come.
func (s *session) joined() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced
}

func (s *session) onAssigned(_ context.Context, _ *kgo.Client, m map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	eachPartition(m, func(p partition) {
		s.assigned[p] = true
		// Records of before it was given away may have come in after that was noted:
		// what was made of them is out of date.
		s.moved = append(s.moved, p)
	})
}

func (s *session) onRevoked(_ context.Context, _ *kgo.Client, m map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	eachPartition(m, func(p partition) {
		delete(s.assigned, p)
		s.moved = append(s.moved, p)
		s.revoked = true
	})
}

// tellCommitted tells the observer of a transaction that has committed. One
// without input and output was none.
func (s *session) tellCommitted(b *batch, began time.Time, polled []*kgo.Record) {
	s.observer.joined(s.gts.Client())
	s.members.note(s.group(string(s.role)), s.gts.Client())
	if len(polled) > 0 || b.produced > 0 {
		s.observer.committed(began, timestamps(polled))
	}
	for p := range b.partitions {
		s.observer.done(p, s.progress.next[p], b.times[p])
	}
}

// tellMoved passes on, in the role's own goroutine, what the callbacks noted, and
// reports whether partitions have gone.
func (s *session) tellMoved() (revoked bool) {
	s.mu.Lock()
	moved := s.moved
	revoked = s.revoked
	s.moved, s.revoked = nil, false
	s.mu.Unlock()
	for _, p := range moved {
		s.handler.dropped(p)
		s.progress.forget(p)
		s.observer.forget(p)
	}
	return revoked
}

// partitions are those that this process has now.
func (s *session) partitions() []partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]partition, 0, len(s.assigned))
	for p := range s.assigned {
		out = append(out, p)
	}
	return out
}

func eachPartition(m map[string][]int32, f func(partition)) {
	for topic, ids := range m {
		for _, id := range ids {
			f(partition{topic, id})
		}
	}
}
