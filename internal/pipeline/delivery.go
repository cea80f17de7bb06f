package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/sinks"
)

// How long deliver waits before it tries a destination again: twice as long each
// time, between half as much and half as much again, so that many do not come at
// once.
const (
	retryFirst = 500 * time.Millisecond
	retryMost  = time.Minute
	// retryAfterMost bounds what a destination may ask for: a day would be a mistake.
	retryAfterMost = time.Hour
)

// commitEvery bounds how many alerts a kill makes a slow destination see again.
const commitEvery = time.Second

// alertLog is what delivering needs of the topic alerts.
type alertLog interface {
	// mine are the records whose partitions still belong to this process.
	mine(records []*kgo.Record) []*kgo.Record
	// commit notes records as done.
	commit(ctx context.Context, records []*kgo.Record) error
	// deadLetter keeps an alert that the destination refuses, with its answer.
	deadLetter(ctx context.Context, alert *sinks.Alert, answer error) error
}

// delivery takes alerts to one destination, in the order of their partitions, until
// each is delivered, refused for good, or left out by the route. It knows nothing of
// Kafka clients and groups.
type delivery struct {
	name        string
	destination sinks.Destination
	route       sinks.Route
	most        int // alerts in one call of Deliver
	alerts      alertLog
	log         *slog.Logger
	stats       *Stats
	faults      Injector
	// works and waits tell that it gets on, or why not and for how long.
	works func()
	waits func(note string, wait time.Duration)

	retry  *backoff.ExponentialBackOff
	since  time.Time // that nothing was taken; zero if the last try went well
	reader sinks.Reader
}

// newBackOff gives the waits between tries.
func newBackOff(first, most time.Duration) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: first, MaxInterval: most, RandomizationFactor: 0.5, Multiplier: 2}
}

// pending is an alert that is not done with the record that holds it.
type pending struct {
	sinks.Alert
	record *kgo.Record
}

// errDraining ends the role before its end, at shutdown or when its destination is
// closed for good: what is not delivered stays in Kafka.
var errDraining = errors.New("shutting down")

// run takes records to the destination and commits them. With errDraining some are
// not done; those that are have been committed.
func (d *delivery) run(ctx, drain context.Context, records []*kgo.Record) error {
	if err := d.faults.At(FaultDeliverPolled); err != nil {
		return err
	}
	queue, committed := d.queue(records), time.Now()
	for len(queue) > 0 {
		n := min(len(queue), d.most)
		again, err := d.try(ctx, queue[:n])
		if errors.Is(err, sinks.ErrClosed) {
			d.log.Warn("destination is closed; alerts for it wait for the next start",
				slog.String(logkey.Destination, d.name), slog.Int(logkey.Count, len(queue)), slog.Any(logkey.Error, err))
			return errDraining
		}
		if err != nil && len(again) == 0 {
			return err
		}
		queue = d.stillMine(append(again, queue[n:]...))
		if len(queue) == 0 {
			break
		}
		if len(again) > 0 || drain.Err() != nil || time.Since(committed) > commitEvery {
			// A commit that is refused, as during a rebalance, is made up for by the next:
			// to give up here would pass over what is not delivered.
			if err := d.alerts.commit(ctx, d.alerts.mine(done(records, queue))); err != nil && !errors.Is(err, errGivenUp) {
				return err
			}
			committed = time.Now()
		}
		if drain.Err() != nil {
			return errDraining
		}
		if len(again) == 0 {
			d.works()
			continue
		}
		if err := d.hold(drain, err, len(again) < n, len(queue)); err != nil {
			return err
		}
		queue = d.stillMine(queue)
	}
	if err := d.faults.At(FaultDeliverDelivered); err != nil {
		return err
	}
	if err := d.alerts.commit(ctx, d.alerts.mine(records)); err != nil {
		return err
	}
	return d.faults.At(FaultDeliverCommitted)
}

// queue is the alerts of records that go this way. One that cannot be read goes,
// too: the destination refuses it, and so it is kept as a dead letter.
func (d *delivery) queue(records []*kgo.Record) []pending {
	queue, skipped := make([]pending, 0, len(records)), 0
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		alert, _ := d.reader.Read(string(r.Key), r.Value)
		if !d.route.Takes(&alert.Attributes) {
			skipped++
			continue
		}
		queue = append(queue, pending{alert, r})
	}
	d.stats.skipped(d.name, skipped)
	return queue
}

// try delivers a part of the queue and returns what is to be sent again, with the
// destination's answer. An error with nothing to send again is of the log.
func (d *delivery) try(ctx context.Context, part []pending) (again []pending, err error) {
	alerts := make([]sinks.Alert, len(part))
	for i := range part {
		alerts[i] = part[i].Alert
	}
	answer := d.destination.Deliver(ctx, alerts)
	if errors.Is(answer, sinks.ErrClosed) {
		return part, answer
	}
	retry, refused := sinks.Outcome(len(part), answer)
	for _, f := range refused {
		if err := d.alerts.deadLetter(ctx, &alerts[f.Index], f.Err); err != nil {
			return nil, err
		}
	}
	if len(refused) > 0 {
		d.log.Warn("destination refuses alerts for good; they are in the dead letters",
			slog.String(logkey.Destination, d.name), slog.Int(logkey.Count, len(refused)), slog.Any(logkey.Error, refused[0].Err))
	}
	d.stats.delivered(d.name, len(part)-len(retry)-len(refused), len(retry), len(refused))
	if len(retry) == 0 {
		d.retry.Reset()
		d.since = time.Time{}
		return nil, nil
	}
	again = make([]pending, len(retry))
	for i, at := range retry {
		again[i] = part[at]
	}
	return again, answer
}

// stillMine drops what has gone to another process, which delivers it from what is
// committed: here it would only be repeated.
func (d *delivery) stillMine(queue []pending) []pending {
	records := make([]*kgo.Record, len(queue))
	for i := range queue {
		records[i] = queue[i].record
	}
	mine := d.alerts.mine(records)
	if len(mine) == len(queue) {
		return queue
	}
	return slices.DeleteFunc(queue, func(p pending) bool { return !slices.Contains(mine, p.record) })
}

// done are the records of each partition before its first one in the queue.
func done(records []*kgo.Record, queue []pending) []*kgo.Record {
	next := map[partition]int64{}
	for _, p := range queue {
		at := partition{p.record.Topic, p.record.Partition}
		if offset, known := next[at]; !known || p.record.Offset < offset {
			next[at] = p.record.Offset
		}
	}
	return slices.DeleteFunc(slices.Clone(records), func(r *kgo.Record) bool {
		offset, open := next[partition{r.Topic, r.Partition}]
		return open && r.Offset >= offset
	})
}

// hold waits before the next try, as long as the destination asks for if that is
// longer, or until the shutdown begins. After some success it waits only briefly.
func (d *delivery) hold(drain context.Context, answer error, some bool, waiting int) error {
	if some {
		d.retry.Reset()
		d.since = time.Time{}
	}
	if d.since.IsZero() {
		d.since = time.Now()
	}
	wait := max(d.retry.NextBackOff(), min(sinks.RetryAfter(answer), retryAfterMost))
	d.log.Warn("destination does not take alerts, trying again", slog.String(logkey.Destination, d.name),
		slog.Int(logkey.Count, waiting), slog.String(logkey.Wait, wait.Round(time.Millisecond).String()), slog.Any(logkey.Error, answer))
	d.waits(fmt.Sprintf("the destination does not take alerts since %s", d.since.UTC().Format(time.RFC3339)), wait)
	return await(drain, wait)
}

// pause waits for between half of d and d, or until the shutdown begins.
func pause(drain context.Context, d time.Duration) error { return await(drain, d/2+rand.N(d/2+1)) }

// await waits for d, or until the shutdown begins.
func await(drain context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-drain.Done():
		return errDraining
	}
}
