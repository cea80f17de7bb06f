package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/sinks"
)

// What deliver reads at once. A client reads one fetch ahead from each broker, so
// this is also what a destination that is away for long costs in memory, compressed.
const (
	deliverRecords = 500
	deliverBytes   = 1 << 20
)

// deliverRole hands alerts to one destination: at least once, in the order of
// each partition. Each destination has a consumer group of its own, so that a
// dead one holds up nobody else.
type deliverRole struct {
	*shared
	opened   opened
	cl       *kgo.Client
	observer *observer

	mu   sync.Mutex
	gone map[partition]bool // given to another process since the last poll
}

// run delivers until drain is done or the target is reached. A member that the group
// has put out, as its commit tells, begins anew: what it has read ahead is another's.
func (d *deliverRole) run(ctx, drain context.Context, target *target) error {
	for {
		err := d.serve(ctx, drain, target)
		if !errors.Is(err, errGivenUp) {
			return err
		}
		if pause(drain, rejoinWait) != nil {
			return ctx.Err()
		}
	}
}

// serve is run as one member of the group.
func (d *deliverRole) serve(ctx, drain context.Context, target *target) (err error) {
	name := d.opened.name
	group := d.group(string(RoleDeliver) + "." + name)
	d.gone = map[partition]bool{} // the callbacks may come before the first poll
	d.observer = d.observe(RoleDeliver, name, group, d.names.Alerts())
	defer d.observer.End()
	cl, err := d.opts.New(ctx,
		kgo.ConsumerGroup(group),
		kgo.ClientID(d.clientID),
		kgo.InstanceID(d.memberID(RoleDeliver)),
		kgo.SessionTimeout(d.times.session),
		kgo.HeartbeatInterval(d.times.session/3),
		kgo.RebalanceTimeout(d.times.rebalance),
		kgo.ConsumeTopics(d.names.Alerts()),
		broker.FromStart(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(),
		kgo.FetchMaxBytes(deliverBytes),
		kgo.FetchMaxPartitionBytes(deliverBytes),
		kgo.OnPartitionsRevoked(d.onRevoked),
		kgo.OnPartitionsLost(d.onRevoked),
	)
	if err != nil {
		return err
	}
	defer func() { err = d.leave(cl, RoleDeliver, group, cl.Close, err) }()
	d.cl = cl
	progress := newProgress(kadm.NewClient(cl), group)
	d.stats.delivered(name, 0, 0, 0) // shows the destination
	d.stats.skipped(name, 0)
	delivery := d.delivery()
	for drain.Err() == nil {
		records, err := d.poll(drain, target)
		if err != nil {
			return err
		}
		d.observer.joined(cl)
		if len(records) > 0 {
			began := time.Now()
			if err := delivery.run(ctx, drain, records); err != nil {
				if errors.Is(err, errDraining) {
					return ctx.Err() // of a drain that took too long
				}
				if errors.Is(err, errGivenUp) { // they come again, here or elsewhere
					d.log.Warn("alerts may be delivered again, their commit was refused", slog.String(logkey.Destination, name), slog.Any(logkey.Error, err))
					if errors.Is(err, kerr.UnknownMemberID) {
						return err
					}
					continue // a rebalance is under way
				}
				return fmt.Errorf("deliver to %s: %w", name, err)
			}
			progress.advance(records)
			d.observer.committed(began, timestamps(records))
			for _, r := range lastOf(d.mine(records)) {
				d.observer.done(partition{r.Topic, r.Partition}, r.Offset+1, timeOf(r.Value))
			}
		}
		if done, err := progress.reached(ctx, target); err != nil || done {
			return err
		}
	}
	return ctx.Err()
}

func (d *deliverRole) onRevoked(_ context.Context, _ *kgo.Client, m map[string][]int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	eachPartition(m, func(p partition) {
		d.gone[p] = true
		d.observer.forget(p)
	})
}

// mine are the records whose partitions still belong to this process. A commit of
// the others would take their new owner back.
func (d *deliverRole) mine(records []*kgo.Record) []*kgo.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(records), func(r *kgo.Record) bool { return d.gone[partition{r.Topic, r.Partition}] })
}

func (d *deliverRole) poll(drain context.Context, target *target) ([]*kgo.Record, error) {
	d.mu.Lock()
	d.gone = map[partition]bool{} // the client gives out no records of what is gone
	d.mu.Unlock()
	parent, wait, stop := target.patience(drain)
	defer stop()
	ctx, cancel := context.WithTimeout(parent, wait)
	defer cancel()
	fetches := d.cl.PollRecords(ctx, min(d.records, deliverRecords))
	return fetches.Records(), broker.FetchError(fetches)
}

// delivery is the loop of this destination.
func (d *deliverRole) delivery() *delivery {
	return &delivery{
		name:        d.opened.name,
		destination: d.opened.Destination,
		route:       d.opened.route,
		most:        d.opened.most,
		alerts:      d,
		log:         d.log,
		stats:       d.stats,
		faults:      d.faults,
		works:       func() { d.observer.joined(d.cl) },
		waits:       d.observer.Waits,
		retry:       newBackOff(d.times.retryFirst, d.times.retryMost),
	}
}

func (d *deliverRole) commit(ctx context.Context, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	if err := d.cl.CommitRecords(ctx, records...); err != nil {
		return explainCommit(err)
	}
	return nil
}

func (d *deliverRole) deadLetter(ctx context.Context, alert *sinks.Alert, answer error) error {
	letter := event.DeadLetter{
		Stage: event.StageDeliver, Reason: event.ReasonRefused, Detail: answer.Error(),
		Origin: event.Origin{Collector: d.opened.name, Object: "alert:" + alert.ID},
		Value:  alert.Value,
	}
	if err := d.cl.ProduceSync(ctx, d.shared.deadLetter(&letter)).FirstErr(); err != nil {
		return fmt.Errorf("write to %s: %w", d.names.DLQ(), err)
	}
	d.stats.deadLettered(map[letterKind]int64{kindOf(&letter): 1})
	return nil
}
