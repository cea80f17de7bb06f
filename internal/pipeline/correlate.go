package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/telemetry"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// correlateRole turns signals into alerts. Its state is a pure function of the
// log: the commit of a partition carries the least offset that any window or
// bucket still needs, and whoever is assigned the partition replays from there,
// in silence up to the committed offset.
type correlateRole struct {
	*shared
	session *session
	adm     *kadm.Client
	states  map[partition]*correlation
	rules   map[string]*detections.Manifest // by digest
	// trimTerms is how many records of terms are too many on a broker that does not
	// compact; 0 for one that does.
	trimTerms int

	// What the transaction under way changed.
	touched map[partition]bool
	counts  map[string]Counts
	letters map[letterKind]int64
	rollUps int
}

// correlation is the state of one partition of signals.
type correlation struct {
	*detections.Correlator
	next int64                      // behind the last record that went in
	time int64                      // of the event of the last signal, milliseconds
	told detections.CorrelatorStats // what is counted already
	terms
}

func newCorrelate(s *shared) *correlateRole {
	c := &correlateRole{
		shared: s, states: map[partition]*correlation{}, rules: map[string]*detections.Manifest{},
		touched: map[partition]bool{}, counts: map[string]Counts{}, letters: map[letterKind]int64{},
	}
	c.session = &session{shared: s, role: RoleCorrelate, topics: []string{s.names.Signals()}, handler: c}
	return c
}

func (c *correlateRole) run(ctx, drain context.Context, target *target) error {
	cl, err := c.opts.New(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	c.adm = kadm.NewClient(cl)
	if err := c.checkTerms(ctx); err != nil {
		return err
	}
	return c.session.run(ctx, drain, target)
}

func (c *correlateRole) handle(ctx context.Context, b *batch) error {
	// Of each partition that is committed, the state must be known: its commit
	// says what the next owner needs.
	for p := range b.partitions {
		state, err := c.stateOf(ctx, p)
		if err != nil {
			return err
		}
		c.touched[p] = true
		if err := c.trim(ctx, b, p, state); err != nil {
			return err
		}
	}
	for _, r := range b.records {
		state := c.states[partition{r.Topic, r.Partition}]
		alerts, err := c.feed(ctx, state, r)
		if err != nil {
			return err
		}
		b.times[partition{r.Topic, r.Partition}] = state.time
		for _, a := range alerts {
			b.produce(ctx, c.fitting(c.alertRecord(a), b.oversized[positionOf(r)]), r)
		}
	}
	for p := range b.partitions {
		c.produceTerms(ctx, b, p, c.states[p].TakeTerms())
	}
	return nil
}

// feed puts one record of signals into the state of its partition. A record that
// is none of weir's is reported and passed over: it must not stop the others.
func (c *correlateRole) feed(ctx context.Context, state *correlation, r *kgo.Record) ([]*ocsf.Event, error) {
	state.next = r.Offset + 1
	signal, heartbeat, err := detections.ParseSignal(r.Value)
	if err != nil {
		c.log.Error("record of signals is not weir's", slog.String(logkey.Topic, r.Topic),
			slog.Int(logkey.Partition, int(r.Partition)), slog.Int64(logkey.Offset, r.Offset), slog.Any(logkey.Error, err))
		return nil, nil
	}
	if heartbeat != nil {
		return state.Heartbeat(heartbeat, r.Offset), nil
	}
	if err := c.learn(ctx, signal.Digest); err != nil {
		return nil, err
	}
	state.time = signal.Time
	return state.Signal(signal, r.Offset)
}

// learn makes sure that the manifest of a rule set is known. detect has written
// it before its first signal.
func (c *correlateRole) learn(ctx context.Context, digest string) error {
	if c.rules[digest] != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var bad error
	err := c.opts.ReadUntil(ctx, c.names.Rulesets(), 0, func(r *kgo.Record) bool {
		m, err := detections.ParseManifest(r.Value)
		if err != nil {
			bad = err
			return false
		}
		c.rules[string(r.Key)] = m
		return string(r.Key) == digest
	})
	if err != nil {
		return fmt.Errorf("find rule set %s in %s: %w", digest, c.names.Rulesets(), cmpErr(bad, err))
	}
	return nil
}

// cmpErr prefers the reason behind a failure to the failure itself.
func cmpErr(reason, err error) error {
	if reason != nil {
		return reason
	}
	return err
}

// stateOf is the state of a partition, rebuilt from the log the first time: what
// comes out for records below the committed offset is in alerts already, and the
// correlator keeps it back.
func (c *correlateRole) stateOf(ctx context.Context, p partition) (*correlation, error) {
	if s := c.states[p]; s != nil {
		return s, nil
	}
	committed, resume, err := c.committedAt(ctx, p)
	if err != nil {
		return nil, err
	}
	known, log, err := c.readTerms(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &correlation{next: committed, terms: log, Correlator: detections.NewCorrelator(detections.CorrelatorOptions{
		Resume: resume, Committed: committed, Terms: known, Limits: detections.DefaultLimits(),
		Lookup: func(digest string) (*detections.Manifest, error) {
			if m := c.rules[digest]; m != nil {
				return m, nil
			}
			return nil, fmt.Errorf("%s does not hold it", c.names.Rulesets())
		},
	})}
	var failed error
	err = c.opts.ReadRange(ctx, p.topic, map[int32]broker.Range{p.id: {From: resume.From, To: committed}}, func(r *kgo.Record) {
		if failed == nil {
			_, failed = c.feed(ctx, s, r)
		}
	})
	if err := cmpErr(failed, err); err != nil {
		return nil, fmt.Errorf("restore state of %s/%d: %w", p.topic, p.id, err)
	}
	if err := c.faults.At(FaultCorrelateRestored); err != nil {
		return nil, err
	}
	s.next = committed
	c.states[p] = s
	return s, nil
}

// committedAt is the committed offset of a partition with its checkpoint; 0 if
// nothing was committed yet.
func (c *correlateRole) committedAt(ctx context.Context, p partition) (int64, detections.Checkpoint, error) {
	group := c.group(string(RoleCorrelate))
	offsets, err := committedOffsets(ctx, c.adm, group)
	if err != nil {
		return 0, detections.Checkpoint{}, err
	}
	o, ok := offsets.Lookup(p.topic, p.id)
	if !ok || o.At < 0 {
		return 0, detections.Checkpoint{}, nil
	}
	resume, err := detections.ParseCheckpoint(o.Metadata)
	if err != nil {
		return 0, detections.Checkpoint{}, fmt.Errorf("commit of %s/%d in group %s: %w; let the weir that wrote it finish", p.topic, p.id, group, err)
	}
	return o.At, resume, nil
}

func (c *correlateRole) metadata(p partition) string {
	s := c.states[p]
	if s == nil {
		return "" // only a partition that was dropped meanwhile: this commit is refused
	}
	return s.Checkpoint(s.next).String()
}

// fitting is the record of an alert, or its dead letter if Kafka does not take it
// for its size.
func (c *correlateRole) fitting(r *kgo.Record, oversized bool) *kgo.Record {
	if !oversized && len(r.Value) <= c.limit() {
		return r
	}
	letter := event.DeadLetter{
		Stage: event.StageCorrelate, Reason: event.ReasonTooLarge,
		Detail: "the alert is larger than Kafka takes; raise max.message.bytes of " + r.Topic,
		Origin: event.Origin{Object: "alert:" + string(r.Key)},
		Value:  r.Value,
	}
	c.letters[kindOf(&letter)]++
	return c.deadLetter(&letter)
}

func (c *correlateRole) alertRecord(a *ocsf.Event) *kgo.Record {
	id := a.Metadata.UID()
	a.Metadata.SetProcessedTime(time.Now().UnixMilli())
	if detections.IsRollup(a) {
		c.rollUps++
	} else {
		source := a.Metadata.LogProvider()
		counts := c.counts[source]
		counts.Alerted++
		c.counts[source] = counts
	}
	return &kgo.Record{
		Topic: c.names.Alerts(),
		Key:   []byte(id),
		Value: a.AppendJSON(nil),
		Headers: []kgo.RecordHeader{
			{Key: headerClass, Value: []byte(a.Class().Name())},
			{Key: headerUID, Value: []byte(id)},
			{Key: headerSchema, Value: []byte(ocsf.Version)},
		},
	}
}

func (c *correlateRole) committed() {
	c.stats.add(c.counts)
	c.stats.deadLettered(c.letters)
	c.stats.rolledUp(c.rollUps)
	for p := range c.touched {
		s := c.states[p]
		s.show(c.stats.Telemetry, p)
		s.terms.committed()
	}
	c.reset()
}

// aborted forgets the state of every partition that was touched: it is rebuilt
// from what is committed.
func (c *correlateRole) aborted() {
	for p := range c.touched {
		delete(c.states, p)
	}
	c.reset()
}

func (c *correlateRole) reset() {
	clear(c.touched)
	clear(c.counts)
	clear(c.letters)
	c.rollUps = 0
}

// dropped forgets a partition that belongs to another process now.
func (c *correlateRole) dropped(p partition) {
	delete(c.states, p)
	t, id := c.stats.Telemetry, strconv.Itoa(int(p.id))
	t.CorrelatorGroups.DeleteLabelValues(id)
	t.CorrelatorSignals.DeleteLabelValues(id)
	t.CorrelatorTerms.DeleteLabelValues(id)
	t.CorrelatorWatermark.DeleteLabelValues(id)
}

// show makes the state of a partition visible.
func (s *correlation) show(t *telemetry.Telemetry, p partition) {
	id := strconv.Itoa(int(p.id))
	groups, signals, known := s.Size()
	t.CorrelatorGroups.WithLabelValues(id).Set(float64(groups))
	t.CorrelatorSignals.WithLabelValues(id).Set(float64(signals))
	t.CorrelatorTerms.WithLabelValues(id).Set(float64(known))
	if ms, ok := s.Watermark(); ok {
		t.CorrelatorWatermark.WithLabelValues(id).Set(float64(ms) / 1000)
	}
	now := s.Stats()
	t.LateSignals.Add(float64(now.Late - s.told.Late))
	t.OverflowSignals.Add(float64(now.Overflows - s.told.Overflows))
	t.ForgottenTerms.Add(float64(now.Forgotten - s.told.Forgotten))
	t.RuleFailures.Add(float64(now.Failures - s.told.Failures))
	s.told = now
}
