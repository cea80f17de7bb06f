package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/sources"
)

// detectRole normalises raw records, drops duplicates and evaluates the rules.
// Input offsets, events, signals, dead letters and seen keys commit together.
type detectRole struct {
	*shared
	session    *session
	sources    map[string]string // by raw topic
	rules      *detections.RuleSet
	workers    []*processor
	dedup      config.Dedup
	seen       map[partition]*seen
	adm        *kadm.Client
	producer   *kgo.Client // of manifests: not in transactions
	now        *rulesNow   // what to use from the next transaction on
	heartbeats *heartbeats
	looked     time.Time // when it was last asked which partitions are at their ends

	// What the transaction under way changed.
	added   map[partition]int
	counts  map[string]Counts
	letters map[letterKind]int64
	matches map[string]int // by rule

	health   *ruleHealth
	failures failureLog
}

func newDetect(s *shared, cfg *config.Config, all []sources.Source, rules *detections.RuleSet, workers int) *detectRole {
	d := &detectRole{
		shared: s, rules: rules, dedup: cfg.Dedup,
		sources: map[string]string{}, seen: map[partition]*seen{},
		added: map[partition]int{}, counts: map[string]Counts{}, letters: map[letterKind]int64{}, matches: map[string]int{},
	}
	var topics []string
	for _, src := range all {
		topic := s.names.Raw(src.Name)
		d.sources[topic] = src.Name
		topics = append(topics, topic)
	}
	for range workers {
		d.workers = append(d.workers, newProcessor(s, all, rules))
	}
	d.health = newRuleHealth(s, rules, d.workers)
	d.heartbeats = newHeartbeats(d.sources, cfg.Lateness, cfg.IdleAfter)
	d.session = &session{shared: s, role: RoleDetect, topics: topics, handler: d}
	return d
}

func (d *detectRole) run(ctx, drain context.Context, target *target) error {
	cl, err := d.opts.New(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	d.adm = kadm.NewClient(cl)
	if d.now != nil {
		d.now.limit.Store(int64(d.limit()))
		if err := d.now.fits(d.rules); err != nil {
			return err
		}
	}
	// Before any signal names the rule set, correlate must be able to find it.
	if err := d.faults.At(FaultDetectStart); err != nil {
		return err
	}
	d.producer = cl
	if err := d.announce(ctx, d.rules); err != nil {
		return err
	}
	if err := d.faults.At(FaultDetectRuleset); err != nil {
		return err
	}
	return d.session.run(ctx, drain, target)
}

func (d *detectRole) handle(ctx context.Context, b *batch) error {
	if err := d.renew(ctx); err != nil {
		return err
	}
	// Before anything is produced: reading takes time, and a transaction has little.
	for _, r := range b.records {
		if err := d.remember(ctx, partition{r.Topic, r.Partition}, r.Timestamp); err != nil {
			return err
		}
	}
	results := d.processAll(b)
	d.health.look(time.Now(), b.last)
	for i, r := range b.records {
		p := partition{r.Topic, r.Partition}
		// A time in the future, by mistake or malice, must not make all others late.
		eventTime := min(results[i].time, r.Timestamp.UnixMilli())
		if results[i].backfill {
			eventTime = 0
		}
		d.heartbeats.read(p, eventTime)
		if results[i].time != 0 {
			b.times[p] = results[i].time
		}
		d.emit(ctx, b, r, &results[i], d.seen[p])
	}
	d.produceSeen(ctx, b)
	return d.beat(ctx, b)
}

// processAll maps and evaluates the records, in parallel: they do not depend on
// each other until duplicates are dropped.
func (d *detectRole) processAll(b *batch) []processed {
	results := make([]processed, len(b.records))
	const chunk = 64
	next := make(chan int, len(b.records)/chunk+1)
	for at := 0; at < len(b.records); at += chunk {
		next <- at
	}
	close(next)
	var wg sync.WaitGroup
	for _, w := range d.workers {
		wg.Go(func() { // ends when the batch is done
			for at := range next {
				for i := at; i < min(at+chunk, len(b.records)); i++ {
					r := b.records[i]
					results[i] = w.process(r, b.oversized[positionOf(r)])
				}
			}
		})
	}
	wg.Wait()
	return results
}

// emit produces what a record became, unless it is a duplicate.
func (d *detectRole) emit(ctx context.Context, b *batch, r *kgo.Record, res *processed, known *seen) {
	c := d.counts[res.source]
	switch {
	case res.dead != nil:
		c.DeadLettered++
		d.letters[letterKind{res.stage, res.source, res.reason}]++
		b.produce(ctx, res.dead, r)
	case !known.add(res.key, r.Timestamp.UnixMilli()):
		c.Duplicates++
	default:
		c.Normalized++
		c.Redacted += res.redact.Redacted
		c.Dropped += res.redact.Dropped
		c.Hashed += res.redact.Hashed
		d.added[partition{r.Topic, r.Partition}]++
		b.produce(ctx, res.event, r)
		for _, s := range res.signals {
			switch {
			case s.failure == failure{}:
				d.matches[s.rule]++
			case !d.failures.isFirst(s.failure):
				continue
			}
			b.produce(ctx, s.Record, r)
		}
	}
	d.counts[res.source] = c
}

// produceSeen writes what was added to the memory of each partition, so that a
// restart, or another process, remembers it.
func (d *detectRole) produceSeen(ctx context.Context, b *batch) {
	for p, n := range d.added {
		order := d.seen[p].order
		most := max(1, d.limit()/seenEntrySize)
		for part := range slices.Chunk(order[len(order)-n:], most) {
			b.produce(ctx, &kgo.Record{
				Topic:     d.names.Seen(),
				Partition: p.id,
				Value:     appendSeen(nil, part),
				Headers:   []kgo.RecordHeader{{Key: headerSource, Value: []byte(d.sources[p.topic])}},
			}, nil)
		}
	}
}

// remember reads the memory of a partition back from weir.seen the first time:
// what could be within the horizon of the record of that time, with which this
// process begins. It reads to the very end of the log: the read_committed end may
// lie before keys that are committed, as long as another process, which writes to
// the same partition for another source, has a transaction open.
func (d *detectRole) remember(ctx context.Context, p partition, first time.Time) error {
	if d.seen[p] != nil {
		return nil
	}
	known := newSeen(d.dedup.Horizon, d.dedup.MaxKeys)
	part, err := broker.WholeRange(ctx, d.adm, d.names.Seen(), p.id)
	if err != nil {
		return err
	}
	since, err := d.adm.ListOffsetsAfterMilli(ctx, first.Add(-d.dedup.Horizon).UnixMilli(), d.names.Seen())
	if err == nil {
		err = since.Error()
	}
	if err != nil {
		return fmt.Errorf("list offsets of %s: %w", d.names.Seen(), err)
	}
	if o, ok := since.Lookup(d.names.Seen(), p.id); ok && o.Offset > part.From {
		part.From = o.Offset
	}
	err = d.opts.ReadRange(ctx, d.names.Seen(), map[int32]broker.Range{p.id: part}, func(r *kgo.Record) {
		if broker.Header(r, headerSource) == d.sources[p.topic] {
			decodeSeen(r.Value, func(e seenEntry) { known.add(e.key, e.at) })
		}
	})
	if err != nil {
		return fmt.Errorf("read seen keys: %w", err)
	}
	d.seen[p] = known
	return nil
}

// beat adds heartbeats to every partition of signals, if it is time.
func (d *detectRole) beat(ctx context.Context, b *batch) error {
	assigned := d.session.partitions()
	d.heartbeats.keep(assigned)
	// What is not known of earlier processes would be lost with the first commit.
	if err := d.resumeHeartbeats(ctx, d.heartbeats.unknown(assigned)); err != nil {
		return err
	}
	if !d.heartbeats.isDue(time.Now(), b.last) {
		return nil
	}
	d.lookForEnds(ctx)
	beats := d.heartbeats.beat(time.Now(), b.last)
	if len(beats) == 0 {
		return nil
	}
	raw, signals, err := d.partitionCounts(ctx)
	if err != nil {
		return err
	}
	for i := range beats {
		beats[i].Partitions = raw
	}
	for id := range int32(signals) {
		for i := range beats {
			b.produce(ctx, &kgo.Record{Topic: d.names.Signals(), Partition: id, Value: beats[i].AppendJSON(nil)}, nil)
		}
	}
	return nil
}

// resumeHeartbeats learns how far earlier processes came in partitions.
func (d *detectRole) resumeHeartbeats(ctx context.Context, partitions []partition) error {
	if len(partitions) == 0 {
		return nil
	}
	group := d.group(string(RoleDetect))
	offsets, err := committedOffsets(ctx, d.adm, group)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		o, _ := offsets.Lookup(p.topic, p.id)
		d.heartbeats.resume(p, o.Metadata)
	}
	return nil
}

// partitionCounts is how many partitions all raw topics have together, and signals.
func (d *detectRole) partitionCounts(ctx context.Context) (raw, signals int, err error) {
	topics, err := d.adm.ListTopics(ctx, append(slices.Collect(maps.Keys(d.sources)), d.names.Signals())...)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return 0, 0, fmt.Errorf("look up raw topics and %s: %w", d.names.Signals(), err)
	}
	for topic := range d.sources {
		raw += len(topics[topic].Partitions)
	}
	return raw, len(topics[d.names.Signals()].Partitions), nil
}

func (d *detectRole) committed() {
	d.stats.add(d.counts)
	d.stats.deadLettered(d.letters)
	d.health.matched(d.matches)
	d.heartbeats.sent()
	d.failures.committed()
	d.reset()
}

func (d *detectRole) aborted() {
	for p, n := range d.added {
		if known := d.seen[p]; known != nil {
			known.remove(n)
		}
	}
	d.heartbeats.unsent()
	d.failures.aborted()
	d.reset()
}

func (d *detectRole) reset() {
	clear(d.added)
	clear(d.counts)
	clear(d.letters)
	clear(d.matches)
}

func (d *detectRole) dropped(p partition) {
	delete(d.seen, p)
	d.heartbeats.forget(p)
}

func (d *detectRole) metadata(p partition) string { return d.heartbeats.metadata(p) }
