package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/logkey"
)

// Processes with the same collector divide its objects: they are one consumer group on
// the topic `claims`, which is empty, and each of its partitions stands for a slot of
// objects.
//
// Who loses a slot can do nothing more about it. Each transaction with a batch of a
// collector that is shared also commits an offset of its group, under the membership
// with which the batch was read: after a rebalance the broker refuses that, and the
// transaction is aborted. Who gains a slot writes a fence record to `cursors` and reads
// up to it: the cursors that a predecessor had written before it lost the slot are
// decided by then, and others cannot be committed any more.

// claim is a membership under which batches are read: it lasts until the next
// rebalance.
type claim struct {
	group, member, instance string
	generation              int32
	slots                   []int
	client                  *kgo.Client // of the group
	topic                   string
	topicID                 [16]byte
}

// sharesWork reports whether one of the configured collectors is shared by slots.
func sharesWork(collectors []config.Collector) bool {
	return slices.ContainsFunc(collectors, func(c config.Collector) bool { return c.Shared() })
}

// readShared runs a collector for the slots that this process has, and again when it
// has others.
func (c *collectRole) readShared(ctx, drain context.Context, col namedCollector, sharer ingest.Sharer) (err error) {
	m, err := c.join(ctx, col.name)
	if err != nil {
		return err
	}
	group := c.group(string(RoleCollect) + "." + col.name)
	defer func() { err = c.leave(m.client, RoleCollect, group, m.client.Close, err) }()
	polling, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- m.poll(polling) }() // ends with stop, which the client's end waits for
	for {
		select {
		case <-drain.Done():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case a := <-m.assigned:
			c.log.Info("share of a collector", slog.String(logkey.Collector, col.name), slog.Int(logkey.Count, len(a.claim.slots)))
			over, err := c.runSlots(ctx, drain, col, sharer, a)
			if err != nil || over {
				return err
			}
		}
	}
}

// runSlots runs the collector under one claim. over says that it has read everything,
// or is drained.
func (c *collectRole) runSlots(ctx, drain context.Context, col namedCollector, sharer ingest.Sharer, a assignment) (over bool, err error) {
	defer close(a.done)
	if len(a.claim.slots) == 0 {
		return c.once, nil
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(drain, stop)()
	defer context.AfterFunc(a.revoked, stop)()
	cursors, err := c.cursors.latest(reading, col.name)
	if err == nil {
		err = sharer.RunSlots(reading, a.claim.slots, cursors, c.putter(ctx, col, a.claim))
	}
	switch {
	case errors.Is(err, errGivenUp):
		c.log.Info("a share of a collector belongs to another process", slog.String(logkey.Collector, col.name), slog.Any(logkey.Error, err))
		return false, nil
	case a.revoked.Err() != nil || drain.Err() != nil:
		return drain.Err() != nil, ctx.Err()
	}
	return true, err
}

// membership is this process's place in the group of a shared collector.
type membership struct {
	client   *kgo.Client
	assigned chan assignment

	mu      sync.Mutex
	current *assignment // given out, and not revoked
}

// assignment is a claim until it is revoked. Who takes it closes done when nothing is
// read under it any more.
type assignment struct {
	claim   *claim
	revoked context.Context
	revoke  context.CancelFunc
	done    chan struct{}
}

func (c *collectRole) join(ctx context.Context, collector string) (*membership, error) {
	m := &membership{assigned: make(chan assignment, 1)}
	base := claim{
		group: c.group(string(RoleCollect) + "." + collector), instance: c.memberID(RoleCollect), topic: c.names.Claims(),
	}
	topics, err := kadm.NewClient(c.client).ListTopics(ctx, base.topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("look up topic %s: %w", base.topic, err)
	}
	detail := topics[base.topic]
	if n := len(detail.Partitions); n != ingest.Slots {
		return nil, fmt.Errorf("topic %s has %d partitions, want %d: it divides the objects of collectors", base.topic, n, ingest.Slots)
	}
	base.topicID = detail.ID
	// An offset commit of version 5 belongs to a transaction of the newer protocol
	// (KIP-890); 4 goes with either.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion((*kmsg.TxnOffsetCommitRequest)(nil).Key(), 4)
	m.client, err = c.opts.New(ctx,
		kgo.MaxVersions(versions),
		kgo.ConsumerGroup(base.group),
		kgo.InstanceID(base.instance),
		kgo.SessionTimeout(c.times.session),
		kgo.RebalanceTimeout(c.times.rebalance),
		kgo.ConsumeTopics(base.topic),
		kgo.Balancers(kgo.StickyBalancer()), // eager: a claim ends as a whole
		kgo.DisableAutoCommit(),
		broker.FromStart(),
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, parts map[string][]int32) {
			made := base
			made.client = cl
			made.member, made.generation = cl.GroupMetadata()
			for _, p := range parts[base.topic] {
				made.slots = append(made.slots, int(p))
			}
			slices.Sort(made.slots)
			m.give(&made)
		}),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) { m.revoke() }),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) { m.revoke() }),
	)
	return m, err
}

// give offers a claim to whoever runs the collector.
func (m *membership) give(c *claim) {
	m.revoke()
	a := assignment{claim: c, done: make(chan struct{})}
	a.revoked, a.revoke = context.WithCancel(context.Background())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = &a
	m.assigned <- a // has room: revoke took back what was there
}

// revoke ends the current claim, and waits until nothing is read under it. The client
// does not join the group again before it returns, so a batch that is on its way still
// commits.
func (m *membership) revoke() {
	m.mu.Lock()
	a := m.current
	m.current = nil
	m.mu.Unlock()
	if a == nil {
		return
	}
	a.revoke()
	select {
	case <-m.assigned: // nobody had taken it
	case <-a.done:
	}
}

// poll keeps the client going, whose errors come with records. There are no records.
func (m *membership) poll(ctx context.Context) error {
	for {
		fetches := m.client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return nil
		}
		if err := broker.FetchError(fetches); err != nil {
			return err
		}
	}
}

// claimError says that a claim is over: its error is errGivenUp.
type claimError struct {
	claim *claim
	err   error
}

func (e *claimError) Error() string { return "share of " + e.claim.group + ": " + e.err.Error() }
func (e *claimError) Unwrap() error { return e.err }

// hold makes the transaction depend on claims. A *claimError says which is over.
func (c *collectRole) hold(ctx context.Context, producer *kgo.Client, requests []putRequest) error {
	var held []*claim
	for _, r := range requests {
		if r.claim == nil || slices.Contains(held, r.claim) {
			continue
		}
		if err := c.holdOne(ctx, producer, r.claim); err != nil {
			if err = explainCommit(err); errors.Is(err, errGivenUp) {
				return &claimError{r.claim, err}
			}
			return err
		}
		held = append(held, r.claim)
	}
	return nil
}

func (c *collectRole) holdOne(ctx context.Context, producer *kgo.Client, held *claim) error {
	id, epoch, err := producer.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = c.transactionalID(RoleCollect), id, epoch, held.group
	added, err := add.RequestWith(ctx, producer)
	if err == nil {
		err = kerr.ErrorForCode(added.ErrorCode)
	}
	if err != nil {
		return err
	}
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch = add.TransactionalID, id, epoch
	commit.Group, commit.MemberID, commit.Generation, commit.InstanceID = held.group, held.member, held.generation, &held.instance
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Partition, partition.Offset = int32(held.slots[0]), 0
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = held.topic, held.topicID
	topic.Partitions = append(topic.Partitions, partition)
	commit.Topics = append(commit.Topics, topic)
	committed, err := commit.RequestWith(ctx, held.client)
	if err != nil {
		return err
	}
	for _, t := range committed.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}
