package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/sinks"
)

// How long deliver waits before it tries a destination again: twice as long each
// time, within these bounds, by a random part less.
const (
	retryFirst = 250 * time.Millisecond
	retryMost  = time.Minute
)

// deliverRole hands alerts to one destination: at least once, in the order of
// each partition. Each destination has a consumer group of its own, so that a
// dead one holds up nobody else.
type deliverRole struct {
	*shared
	name        string
	destination sinks.Destination
	cl          *kgo.Client
	observer    *observer

	mu   sync.Mutex
	gone map[partition]bool // given to another process since the last poll
}

func (d *deliverRole) run(ctx, drain context.Context, target *target) (err error) {
	group := d.group(string(RoleDeliver) + "." + d.name)
	d.gone = map[partition]bool{} // the callbacks may come before the first poll
	d.observer = d.observe(RoleDeliver, d.name, group, d.names.Alerts())
	defer d.observer.End()
	cl, err := d.opts.New(ctx,
		kgo.ConsumerGroup(group),
		kgo.InstanceID(d.memberID(RoleDeliver)),
		kgo.SessionTimeout(sessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.ConsumeTopics(d.names.Alerts()),
		broker.FromStart(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsRevoked(d.onRevoked),
		kgo.OnPartitionsLost(d.onRevoked),
	)
	if err != nil {
		return err
	}
	defer func() { err = d.leave(cl, RoleDeliver, group, cl.Close, err) }()
	d.cl = cl
	progress := newProgress(kadm.NewClient(cl), group)
	d.stats.delivered(d.name, 0, 0, 0) // shows the destination
	for drain.Err() == nil {
		records, err := d.poll(drain, target)
		if err != nil {
			return err
		}
		d.observer.joined(cl)
		if len(records) > 0 {
			began := time.Now()
			if err := d.deliver(ctx, drain, records); err != nil {
				if errors.Is(err, errDraining) {
					return nil
				}
				if errors.Is(err, errGivenUp) { // they come again, here or elsewhere
					d.log.Warn("alerts may be delivered again, their commit was refused", slog.String(logkey.Destination, d.name), slog.Any(logkey.Error, err))
					continue
				}
				return fmt.Errorf("deliver to %s: %w", d.name, err)
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
	fetches := d.cl.PollRecords(ctx, d.records)
	return fetches.Records(), broker.FetchError(fetches)
}

// deliver sends the alerts among records until each is delivered or refused for
// good, and then commits.
func (d *deliverRole) deliver(ctx, drain context.Context, records []*kgo.Record) error {
	if err := d.faults.At(FaultDeliverPolled); err != nil {
		return err
	}
	var alerts []sinks.Alert
	for _, r := range records {
		if !r.Attrs.IsControl() {
			alerts = append(alerts, sinks.Alert{ID: string(r.Key), Value: r.Value})
		}
	}
	for wait := retryFirst; len(alerts) > 0; wait = min(2*wait, retryMost) {
		err := d.destination.Deliver(ctx, alerts)
		if errors.Is(err, sinks.ErrClosed) {
			d.log.Warn("destination is closed; alerts for it wait for the next start",
				slog.String(logkey.Destination, d.name), slog.Int(logkey.Count, len(alerts)), slog.Any(logkey.Error, err))
			return errDraining
		}
		retry, refused := sinks.Outcome(len(alerts), err)
		if err := d.deadLetterAlerts(ctx, alerts, refused); err != nil {
			return err
		}
		d.stats.delivered(d.name, len(alerts)-len(retry)-len(refused), len(retry), len(refused))
		alerts = pick(alerts, retry)
		if len(alerts) == 0 {
			break
		}
		d.log.Warn("destination does not take alerts, trying again",
			slog.String(logkey.Destination, d.name), slog.Int(logkey.Count, len(alerts)), slog.Any(logkey.Error, err))
		d.observer.Waits("the destination does not take alerts", wait)
		if err := pause(drain, wait); err != nil {
			return err
		}
	}
	if err := d.faults.At(FaultDeliverDelivered); err != nil {
		return err
	}
	if err := d.cl.CommitRecords(ctx, d.mine(records)...); err != nil {
		return explainCommit(err)
	}
	return d.faults.At(FaultDeliverCommitted)
}

// errDraining ends the role before its end, at shutdown or when its destination is
// closed for good: what is not delivered stays in Kafka.
var errDraining = errors.New("shutting down")

// pause waits for between half of d and d, or until the shutdown begins.
func pause(drain context.Context, d time.Duration) error {
	t := time.NewTimer(d/2 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-drain.Done():
		return errDraining
	}
}

func pick(alerts []sinks.Alert, indices []int) []sinks.Alert {
	picked := make([]sinks.Alert, len(indices))
	for i, at := range indices {
		picked[i] = alerts[at]
	}
	return picked
}

// deadLetterAlerts keeps what a destination refuses for good, with its answer.
func (d *deliverRole) deadLetterAlerts(ctx context.Context, alerts []sinks.Alert, refused []sinks.Failure) error {
	for _, f := range refused {
		letter := event.DeadLetter{
			Stage: event.StageDeliver, Reason: event.ReasonRefused, Detail: f.Err.Error(),
			Origin: event.Origin{Collector: d.name, Object: "alert:" + alerts[f.Index].ID},
			Value:  alerts[f.Index].Value,
		}
		if err := d.cl.ProduceSync(ctx, d.deadLetter(&letter)).FirstErr(); err != nil {
			return fmt.Errorf("write to %s: %w", d.names.DLQ(), err)
		}
		d.stats.deadLettered(map[letterKind]int64{kindOf(&letter): 1})
	}
	return nil
}
