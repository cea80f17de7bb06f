package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/sinks/lake"
)

// storeRole writes events and alerts to the lake, exactly once for readers that
// only list and read files. A batch is a range [a, b) of offsets of a partition:
//
//  1. b is chosen.
//  2. Offset a is committed again, with b as metadata: the intent.
//  3. The files of [a, b) are written; what they hold depends on nothing else.
//  4. b is committed with empty metadata.
//
// Whoever is assigned a partition with an intent finishes that very range first,
// so that a file that exists is always the right one.
type storeRole struct {
	*shared
	cl       *kgo.Client
	open     func(context.Context) (lake.Store, error)
	lake     lake.Store // nil until it could be opened
	writer   *lake.Writer
	once     bool // the run is to end by itself
	stall    stall
	tables   map[string]lake.Table
	topicIDs map[string][16]byte
	progress *progress
	observer *observer

	// buffers is written by the group's callbacks, too. A buffer itself belongs to
	// serve's goroutine: revocation waits until it is allowed.
	mu      sync.Mutex
	buffers map[partition]*buffer
}

// buffer is the open batch of one partition.
type buffer struct {
	member string // the id in the group under which this process was given the partition
	start  int64  // the committed offset, where the batch begins; -1: nothing committed yet
	next   int64  // behind the last record or marker that was read
	intent int64  // an end that is promised already; 0 for none
	broken error  // why this partition has stopped
	rows   []lake.Row
	bytes  int64
	first  time.Time // when the first and the last row came, for age and idle
	last   time.Time
}

// intent is the metadata of step 2.
type intent struct {
	V      int   `json:"v"`
	End    int64 `json:"end"`
	Layout int   `json:"layout"`
}

// run stores until drain is done, then flushes, or until the target is reached.
// When a commit is refused, another process may have the partition: all that is in
// memory is given up, and the role begins anew from what is committed.
func (s *storeRole) run(ctx, drain context.Context, target *target) (err error) {
	if err := s.awaitLake(drain); err != nil {
		return ended(err)
	}
	defer func() { err = errors.Join(err, s.lake.Close()) }()
	for {
		err := s.serve(ctx, drain, target)
		if !errors.Is(err, errGivenUp) {
			return err
		}
		s.log.Warn("store begins anew, its commit was refused", slog.Any(logkey.Error, err))
		if pause(drain, rejoinWait) != nil {
			return ctx.Err()
		}
	}
}

// rejoinWait is how long store waits before it joins its group again.
const rejoinWait = time.Second

// serve is run as one member of the group.
func (s *storeRole) serve(ctx, drain context.Context, target *target) (err error) {
	if err := s.connect(ctx); err != nil {
		return err
	}
	defer func() { err = s.leave(s.cl, RoleStore, s.group(string(RoleStore)), s.cl.CloseAllowingRebalance, err) }()
	defer s.observer.End()
	for {
		if err := s.take(drain, target); err != nil {
			return err
		}
		if err := s.faults.At(FaultStoreBuffered); err != nil {
			return err
		}
		ending := drain.Err() != nil || s.hasAll(target)
		if err := s.flushUnlessStalled(ctx, drain, ending); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		s.show()
		// Before a rebalance is allowed: its callbacks change progress, too.
		done, err := s.progress.reached(ctx, target)
		s.cl.AllowRebalance()
		if drain.Err() != nil {
			return ctx.Err()
		}
		if err != nil || done {
			return err
		}
	}
}

func (s *storeRole) connect(ctx context.Context) error {
	s.tables = map[string]lake.Table{s.names.Events(): lake.Events, s.names.Alerts(): lake.Findings}
	s.buffers = map[partition]*buffer{}
	group := s.group(string(RoleStore))
	s.observer = s.observe(RoleStore, "", group, s.names.Events(), s.names.Alerts())
	cl, err := s.opts.New(ctx,
		kgo.ConsumerGroup(group),
		kgo.ClientID(s.clientID),
		kgo.InstanceID(s.memberID(RoleStore)),
		kgo.SessionTimeout(s.times.session),
		kgo.RebalanceTimeout(s.times.rebalance),
		kgo.ConsumeTopics(s.names.Events(), s.names.Alerts()),
		broker.FromStart(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
		kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnOffsetsFetched(s.onOffsets),
		kgo.OnPartitionsRevoked(s.onRevoked),
		kgo.OnPartitionsLost(s.onRevoked),
	)
	if err != nil {
		s.observer.End()
		return err
	}
	s.cl = cl
	s.stall = stall{} // the client of before may have been paused
	adm := kadm.NewClient(cl)
	s.progress = newProgress(adm, group)
	details, err := adm.ListTopics(ctx, s.names.Events(), s.names.Alerts())
	if err == nil {
		err = details.Error()
	}
	if err != nil {
		cl.Close()
		return fmt.Errorf("look up topic ids: %w", err)
	}
	s.topicIDs = map[string][16]byte{}
	for _, d := range details {
		s.topicIDs[d.Topic] = d.ID
	}
	return nil
}

// onOffsets learns where newly assigned partitions begin, and what was promised.
func (s *storeRole) onOffsets(_ context.Context, cl *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	member, _ := cl.GroupMetadata()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				at := partition{t.Topic, p.Partition}
				if at.topic == "" {
					at.topic = s.topicName(t.TopicID)
				}
				if p.ErrorCode == 0 { // else the client asks again
					s.buffers[at] = s.begin(at, member, p.Offset, p.Metadata)
				}
			}
		}
	}
	for _, t := range resp.Topics { // brokers before OffsetFetch v8
		for _, p := range t.Partitions {
			if at := (partition{t.Topic, p.Partition}); p.ErrorCode == 0 {
				s.buffers[at] = s.begin(at, member, p.Offset, p.Metadata)
			}
		}
	}
	return nil
}

func (s *storeRole) topicName(id [16]byte) string {
	for name, known := range s.topicIDs {
		if known == id {
			return name
		}
	}
	return ""
}

// begin starts the buffer of a partition from its commit.
func (s *storeRole) begin(at partition, member string, committed int64, metadata *string) *buffer {
	b := &buffer{member: member, start: committed, next: committed}
	if metadata == nil || *metadata == "" {
		return b
	}
	var in intent
	err := json.Unmarshal([]byte(*metadata), &in)
	switch {
	case err != nil || in.V != 1:
		b.broken = fmt.Errorf("partition %s/%d of group %s has commit metadata %q of another version; finish the batch with the weir that began it", at.topic, at.id, s.group(string(RoleStore)), *metadata)
	case in.Layout != lake.Layout:
		b.broken = fmt.Errorf("partition %s/%d has an unfinished batch in layout %d, this weir writes layout %d; finish it with the weir that began it", at.topic, at.id, in.Layout, lake.Layout)
	default:
		b.intent = in.End
	}
	if b.broken != nil {
		s.log.Error("store stops a partition", slog.String(logkey.Topic, at.topic), slog.Int(logkey.Partition, int(at.id)), slog.Any(logkey.Error, b.broken))
		s.observer.Stop(at.String(), b.broken)
	}
	return b
}

// onRevoked forgets what was not written: nothing of it is committed, and the
// next owner reads it again.
func (s *storeRole) onRevoked(_ context.Context, _ *kgo.Client, m map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	eachPartition(m, func(p partition) {
		delete(s.buffers, p)
		s.progress.forget(p)
		s.observer.forget(p)
		s.observer.Resume(p.String())
	})
}

// take waits for records and buffers them.
func (s *storeRole) take(drain context.Context, target *target) error {
	parent, wait, stop := target.patience(drain)
	defer stop()
	if wait > s.flush.Idle {
		wait = s.flush.Idle
	}
	ctx, cancel := context.WithTimeout(parent, wait)
	defer cancel()
	fetches := s.cl.PollRecords(ctx, s.records)
	if err := broker.FetchError(fetches); err != nil {
		return err
	}
	now := time.Now()
	for it := fetches.RecordIter(); !it.Done(); {
		r := it.Next()
		b := s.bufferOf(partition{r.Topic, r.Partition})
		if b == nil || b.broken != nil || r.Offset < b.next {
			continue
		}
		if b.start < 0 {
			b.start = r.Offset
		}
		b.next = r.Offset + 1
		if r.Attrs.IsControl() {
			continue
		}
		if len(b.rows) == 0 {
			b.first = now
		}
		b.last = now
		b.rows = append(b.rows, lake.Row{Offset: r.Offset, Value: r.Value, KafkaTime: r.Timestamp})
		b.bytes += int64(len(r.Value))
	}
	return nil
}

func (s *storeRole) bufferOf(p partition) *buffer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffers[p]
}

// hasAll reports whether every partition has been read up to the target.
func (s *storeRole) hasAll(t *target) bool {
	ends := t.ends.Load()
	if ends == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, partitions := range *ends {
		for id, r := range partitions {
			if b := s.buffers[partition{topic, id}]; r.From < r.To && (b == nil || b.next < r.To) {
				return false
			}
		}
	}
	return true
}

// flushBatch takes one batch through the four steps.
func (s *storeRole) flushBatch(ctx context.Context, p partition, b *buffer) error {
	began := time.Now()
	batch := lake.Batch{TopicID: s.topicIDs[p.topic], Partition: p.id, Start: b.start, End: b.intent}
	if b.intent == 0 {
		batch.End = b.next
		if err := s.faults.At(FaultStorePromising); err != nil {
			return err
		}
		if len(b.rows) > 0 { // else there will be no file to promise
			if err := s.promise(ctx, p, b.member, batch); err != nil {
				return err
			}
			b.intent = batch.End
		}
	}
	if err := s.faults.At(FaultStoreIntent); err != nil {
		return err
	}
	n, _ := slices.BinarySearchFunc(b.rows, batch.End, func(r lake.Row, end int64) int { return cmp.Compare(r.Offset, end) })
	rows := b.rows[:n]
	result, err := s.writer.Write(ctx, s.tables[p.topic], batch, rows)
	if err != nil {
		return &lakeError{err}
	}
	if err := s.faults.At(FaultStoreWritten); err != nil {
		return err
	}
	if err := s.deadLetterRows(ctx, p, rows, result.Rejected); err != nil {
		return err
	}
	if err := s.faults.At(FaultStoreEnding); err != nil {
		return err
	}
	if err := s.commit(ctx, p, b.member, batch.End, ""); err != nil {
		return err
	}
	s.stats.stored(s.tables[p.topic], result)
	s.mu.Lock() // other partitions are written at the same time
	s.progress.set(p, batch.End)
	s.mu.Unlock()
	s.tellCommitted(p, batch.End, rows, began)
	b.rest(batch.End, n)
	return s.faults.At(FaultStoreCommitted)
}

// promise commits the intent.
func (s *storeRole) promise(ctx context.Context, p partition, member string, batch lake.Batch) error {
	m, err := json.Marshal(intent{V: 1, End: batch.End, Layout: lake.Layout})
	if err != nil {
		return fmt.Errorf("encode intent: %w", err)
	}
	return s.commit(ctx, p, member, batch.Start, string(m))
}

// rest keeps what lies behind a written batch as the beginning of the next.
func (b *buffer) rest(end int64, n int) {
	b.start, b.intent = end, 0
	b.rows = slices.Clone(b.rows[n:])
	b.bytes = 0
	for i := range b.rows {
		b.bytes += int64(len(b.rows[i].Value))
	}
	b.first = b.last
}

// commit commits one offset with metadata and waits for the answer. member is the
// id under which the partition was given to this process: whom the group has put
// out, for having been silent or having kept it waiting, joins again under another,
// and the client would commit under that what somebody else has by now.
func (s *storeRole) commit(ctx context.Context, p partition, member string, offset int64, metadata string) error {
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		if req.MemberID != member {
			return fmt.Errorf("%w: the group has put this member out meanwhile", errGivenUp)
		}
		for t := range req.Topics {
			for i := range req.Topics[t].Partitions {
				req.Topics[t].Partitions[i].Metadata = &metadata
			}
		}
		return nil
	})
	offsets := map[string]map[int32]kgo.EpochOffset{p.topic: {p.id: {Epoch: -1, Offset: offset}}}
	_, err := askCoordinator(ctx, func() (committed struct{}, failed error) {
		s.cl.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			failed = err
			if err == nil {
				failed = commitError(resp)
			}
		})
		return committed, failed
	})
	return err
}

// commitError is the error of a commit of one partition.
func commitError(resp *kmsg.OffsetCommitResponse) error {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return explainCommit(err)
			}
		}
	}
	return nil
}

// deadLetterRows sends rows that the lake cannot hold to the dead letters. After
// a kill the same letters may be sent again, under the same keys.
func (s *storeRole) deadLetterRows(ctx context.Context, p partition, rows []lake.Row, rejected []lake.Rejected) error {
	for _, r := range rejected {
		row := rows[r.Index]
		letter := event.DeadLetter{
			Stage: event.StageStore, Reason: event.ReasonInvalidOutput, Detail: r.Err.Error(),
			Origin: event.Origin{Object: fmt.Sprintf("kafka:%s/%d", p.topic, p.id), Position: row.Offset},
			Value:  row.Value,
		}
		if err := s.faults.At(FaultStoreLetter); err != nil {
			return err
		}
		if err := s.cl.ProduceSync(ctx, s.deadLetter(&letter)).FirstErr(); err != nil {
			return fmt.Errorf("write to %s: %w", s.names.DLQ(), err)
		}
		s.stats.deadLettered(map[letterKind]int64{kindOf(&letter): 1})
	}
	return nil
}

// tellCommitted tells the observer of a batch that is in the lake.
func (s *storeRole) tellCommitted(p partition, end int64, rows []lake.Row, began time.Time) {
	s.observer.committed(began, func(yield func(time.Time) bool) {
		for i := range rows {
			if !yield(rows[i].KafkaTime) {
				return
			}
		}
	})
	var last int64
	if len(rows) > 0 {
		last = timeOf(rows[len(rows)-1].Value)
	}
	s.observer.done(p, end, last)
}

// show makes visible what is in memory. A partition of which nothing is waits for
// nothing, although markers behind its last batch may not be committed.
func (s *storeRole) show() {
	if s.stall.tries == 0 {
		s.observer.joined(s.cl)
	}
	s.members.note(s.group(string(RoleStore)), s.cl)
	rows := map[lake.Table]int{lake.Events: 0, lake.Findings: 0}
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, b := range s.buffers {
		rows[s.tables[p.topic]] += len(b.rows)
		if len(b.rows) == 0 && b.broken == nil {
			s.observer.done(p, b.next, 0)
		}
	}
	for table, n := range rows {
		s.stats.Telemetry.LakeBuffered.WithLabelValues(table.String()).Set(float64(n))
	}
}
