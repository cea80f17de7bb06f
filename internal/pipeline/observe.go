package pipeline

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/telemetry"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// observer is what one runner of a role tells of itself: signs of work, its
// transactions, and how far it is.
type observer struct {
	*telemetry.Part
	telemetry *telemetry.Telemetry
	role      Role
	group     string // empty for collect, which reads no topic
	topics    []string

	mu      sync.Mutex
	handled map[partition]handled

	tails map[partition]tail // of watchLag's goroutine
	watch *watch
}

// End ends what the observer tells.
func (o *observer) End() {
	o.watch.remove(o)
	o.Part.End()
}

// tail is the part of a partition behind what is done, when it was last looked at.
type tail struct {
	broker.Range
	behind int64 // the last record in it; From if it holds none
}

// handled is how far a partition is done, by what this process did of it.
type handled struct {
	next      int64 // all below is done
	eventTime int64 // of the last record, milliseconds; 0 if not known
}

// observe makes the observer of a runner; name tells runners of one role apart.
// It lasts until its End.
func (s *shared) observe(role Role, name, group string, topics ...string) *observer {
	t := s.stats.Telemetry
	o := &observer{
		Part: t.Health.Part(string(role), name), telemetry: t,
		role: role, group: group, topics: topics, handled: map[partition]handled{}, tails: map[partition]tail{}, watch: &s.watch,
	}
	t.Transactions.WithLabelValues(string(role), telemetry.Committed)
	t.Transactions.WithLabelValues(string(role), telemetry.Aborted)
	s.watch.add(o)
	return o
}

// joined is a sign of work, if the client is a member of its group.
func (o *observer) joined(cl *kgo.Client) {
	if _, generation := cl.GroupMetadata(); generation > 0 {
		o.Works()
	}
}

// committed counts a transaction, or a commit of offsets; input is the Kafka
// timestamps of the records that it has handled, nil for a role that reads none.
func (o *observer) committed(began time.Time, input iter.Seq[time.Time]) {
	now := time.Now()
	o.telemetry.Transactions.WithLabelValues(string(o.role), telemetry.Committed).Inc()
	o.telemetry.TransactionDuration.WithLabelValues(string(o.role)).Observe(now.Sub(began).Seconds())
	if input == nil {
		return
	}
	latency := o.telemetry.Latency.WithLabelValues(string(o.role))
	for at := range input {
		latency.Observe(now.Sub(at).Seconds())
	}
}

// timestamps are those of records, without markers.
func timestamps(records []*kgo.Record) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for _, r := range records {
			if !r.Attrs.IsControl() && !yield(r.Timestamp) {
				return
			}
		}
	}
}

func (o *observer) aborted() {
	o.telemetry.Transactions.WithLabelValues(string(o.role), telemetry.Aborted).Inc()
}

// done notes that all below next is done. An event time of 0 leaves what is known.
func (o *observer) done(p partition, next, eventTime int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.handled[p]
	h.next = max(h.next, next)
	if eventTime != 0 {
		h.eventTime = eventTime
	}
	o.handled[p] = h
}

// forget drops a partition that belongs to another process now.
func (o *observer) forget(p partition) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.handled, p)
	o.telemetry.LagEventTime.DeleteLabelValues(o.group, p.topic, strconv.Itoa(int(p.id)))
}

// nextOf is how far a partition is done: what is committed, or what this process has
// done since.
func (o *observer) nextOf(p partition, committed int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return max(committed, o.handled[p].next)
}

// lag shows how far the group is behind end.
func (o *observer) lag(p partition, committed, end int64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := strconv.Itoa(int(p.id))
	h, mine := o.handled[p]
	records := max(0, end-max(committed, h.next))
	o.telemetry.LagRecords.WithLabelValues(o.group, p.topic, id).Set(float64(records))
	switch {
	case !mine: // another process knows
	case records == 0:
		o.telemetry.LagEventTime.WithLabelValues(o.group, p.topic, id).Set(0)
	case h.eventTime != 0:
		o.telemetry.LagEventTime.WithLabelValues(o.group, p.topic, id).Set(now.Sub(time.UnixMilli(h.eventTime)).Seconds())
	}
}

// timeOf is the event time of an event or alert, 0 if it has none.
func timeOf(value []byte) int64 {
	var doc jsondoc.Doc
	if doc.Parse(value) != nil {
		return 0
	}
	ms, _ := doc.Root().Get("time").Int()
	return ms
}

// lastOf are the last records of each partition.
func lastOf(records []*kgo.Record) map[partition]*kgo.Record {
	last := map[partition]*kgo.Record{}
	for _, r := range records {
		last[partition{r.Topic, r.Partition}] = r
	}
	return last
}

// lagEvery is how often the lag is looked up, and whether Kafka answers.
const lagEvery = 5 * time.Second

// watch looks from time to time how far each group of this process is behind.
type watch struct {
	mu        sync.Mutex
	observers []*observer
}

func (w *watch) add(o *observer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observers = append(w.observers, o)
}

func (w *watch) remove(o *observer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observers = slices.DeleteFunc(slices.Clone(w.observers), func(other *observer) bool { return other == o }) // others read the old list
}

// watchLag looks until ctx is done.
func (p *pipeline) watchLag(ctx context.Context) {
	ticker := time.NewTicker(lagEvery)
	defer ticker.Stop()
	for {
		err := p.lookUpLag(ctx)
		if ctx.Err() != nil {
			return
		}
		p.stats.Telemetry.Health.Kafka(errors.Join(err, p.brokerFull()))
		if err != nil {
			p.log.Warn("lag cannot be looked up", slog.Any(logkey.Error, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// brokerFull is the error of an embedded broker without space for records.
func (p *pipeline) brokerFull() error {
	if p.embedded == nil {
		return nil
	}
	return p.embedded.Full()
}

func (p *pipeline) lookUpLag(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lagEvery)
	defer cancel()
	p.watch.mu.Lock()
	observers := p.watch.observers
	p.watch.mu.Unlock()
	for _, o := range observers {
		if o.group == "" {
			continue
		}
		if err := p.lookUpGroup(ctx, o); err != nil {
			return err
		}
	}
	return p.client.Ping(ctx)
}

// lookUpGroup compares what a group has committed with the ends of its topics.
func (p *pipeline) lookUpGroup(ctx context.Context, o *observer) error {
	starts, err := p.adm.ListStartOffsets(ctx, o.topics...)
	ends, endErr := p.adm.ListCommittedOffsets(ctx, o.topics...)
	offsets, groupErr := p.adm.FetchOffsets(ctx, o.group)
	if errors.Is(groupErr, kerr.GroupIDNotFound) { // it has committed nothing yet
		groupErr = nil
	}
	if err := errors.Join(err, endErr, groupErr); err != nil {
		return err
	}
	now := time.Now()
	ends.Each(func(end kadm.ListedOffset) {
		at := partition{end.Topic, end.Partition}
		start, _ := starts.Lookup(at.topic, at.id)
		committed, _ := offsets.Lookup(at.topic, at.id)
		if end.Err == nil && err == nil {
			var last int64
			last, err = p.lastRecord(ctx, o, at, broker.Range{From: o.nextOf(at, max(start.Offset, committed.At)), To: end.Offset})
			o.lag(at, max(start.Offset, committed.At), last, now)
		}
	})
	return err
}

// lastRecord is the offset behind the last record of what is left of a partition. A
// partition may end with markers and records of aborted transactions, with which
// no group has anything to do. It looks only when nothing has moved since it was
// last asked: a group that gets on needs no such care.
func (p *pipeline) lastRecord(ctx context.Context, o *observer, at partition, left broker.Range) (int64, error) {
	if left.From >= left.To {
		delete(o.tails, at)
		return left.To, nil
	}
	t, known := o.tails[at]
	if !known || t.Range != left {
		o.tails[at] = tail{Range: left, behind: -1}
		return left.To, nil
	}
	if t.behind < 0 {
		behind, err := p.opts.LastRecord(ctx, at.topic, at.id, left)
		if err != nil {
			return left.To, err
		}
		t.behind = behind
		o.tails[at] = t
	}
	return t.behind, nil
}
