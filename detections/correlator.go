package detections

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Correlator turns the signals and heartbeats of one partition of the topic
// signals into alerts. It is a pure function of that log: no clock, no store. A
// new process rebuilds it by reading the log again from a Checkpoint.
//
// Records are given with their offsets, in order, each once. A Correlator belongs
// to one goroutine. After an aborted transaction it is thrown away and rebuilt.
type Correlator struct {
	opts      CorrelatorOptions
	manifests map[string]*Manifest
	mark      *watermark
	groups    map[string]*group
	terms     *terms
	failures  map[*ManifestRule]*ManifestRule // see failure
	tally     tally
	key       []byte // scratch
	schedule  schedule
	order     []*entry // retained events by offset, and some dropped ones
	dropped   int      // of order
	stats     CorrelatorStats
}

// CorrelatorOptions configure a Correlator.
type CorrelatorOptions struct {
	// Lookup finds the manifest of a rule set. It is called once for each digest.
	Lookup func(digest string) (*Manifest, error)
	// Resume is the checkpoint that was committed last, zero for a new partition.
	Resume Checkpoint
	// Committed is the offset that was committed last: alerts of records before it
	// were sent, so they are not given again.
	Committed int64
	// Terms are what was written down for the partition, in the order of the log: what
	// TakeTerms gave, committed together with Committed.
	Terms []Term
	// Limits bound the state.
	Limits Limits
	// Experimental lets experimental rules alert: in tests and in replay.
	Experimental bool
}

// CorrelatorStats counts outcomes since the Correlator was made, of records at or
// after CorrelatorOptions.Committed.
type CorrelatorStats struct {
	Signals    int64
	Duplicates int64 // signals of an event that was there already
	Late       int64 // signals behind the watermark, which could no longer be counted
	Alerts     int64
	Rollups    int64
	Withheld   int64 // alerts and roll-ups of experimental rules
	Failures   int64 // findings about rules that could not be evaluated
	Overflows  int64 // signals that were not kept, for the limits
	Forgotten  int64 // values of first_seen that were given up, for the limits
}

// NewCorrelator makes the correlator of one partition of signals. The records to
// give it begin at Resume.From, or at Committed if Resume is zero.
func NewCorrelator(opts CorrelatorOptions) *Correlator {
	c := &Correlator{
		opts:      opts,
		manifests: map[string]*Manifest{},
		mark:      newWatermark(opts.Resume),
		groups:    map[string]*group{},
		terms:     newTerms(opts.Limits),
		failures:  map[*ManifestRule]*ManifestRule{},
	}
	for _, t := range opts.Terms {
		c.terms.load(t)
	}
	c.opts.Terms = nil
	return c
}

// Stats is what happened so far.
func (c *Correlator) Stats() CorrelatorStats {
	s := c.stats
	s.Forgotten = c.terms.forgotten
	return s
}

// Size is the state: how many groups, how many signals in them, and how many terms
// first_seen knows.
func (c *Correlator) Size() (groups, signals, terms int) {
	return len(c.groups), c.signals(), c.terms.size
}

func (c *Correlator) signals() int { return len(c.order) - c.dropped }

// TakeTerms gives the terms that changed since it was last called. They are written
// down in the transaction that commits a Checkpoint of the same moment.
func (c *Correlator) TakeTerms() []Term { return c.terms.take() }

// AllTerms gives every term that is to be written down, for who begins a new log.
func (c *Correlator) AllTerms() []Term { return c.terms.all() }

// Watermark is the event time in milliseconds up to which the log is complete;
// ok is false before the first heartbeat of every raw partition.
func (c *Correlator) Watermark() (ms int64, ok bool) {
	return c.mark.now, c.mark.now != beforeAll && c.mark.now != afterAll
}

// Checkpoint is what to commit together with the offset next, after every record
// before next was given.
func (c *Correlator) Checkpoint(next int64) Checkpoint {
	m := c.mark.markAt(c.needed(next))
	return Checkpoint{From: m.from, Needed: m.offset, Watermark: m.now}
}

// needed is the least offset of a retained event, next if there is none.
func (c *Correlator) needed(next int64) int64 {
	n := 0
	for n < len(c.order) && c.order[n].dropped {
		n++
	}
	c.order = slices.Delete(c.order, 0, n)
	c.dropped -= n
	if len(c.order) == 0 {
		return next
	}
	return c.order[0].offset
}

// Signal takes a match in and gives the alerts that it causes. The error is a
// failed Lookup; nothing has changed then, and the record may be given again.
func (c *Correlator) Signal(s *Signal, offset int64) ([]*ocsf.Event, error) {
	if offset < c.opts.Resume.Needed {
		return nil, nil
	}
	rule, err := c.rule(s)
	if err != nil {
		return nil, err
	}
	silent := offset < c.opts.Committed
	if !silent {
		c.stats.Signals++
	}
	e := &entry{time: s.Time, uid: s.UID, offset: offset, signal: s, sum: s.Sum, steps: 1 << s.Step}
	g := c.group(s, rule)
	switch {
	case c.isLate(g, e):
		return c.late(g, e, silent), nil
	case silent && rule.Block == BlockFirstSeen && c.terms.isSettled(g.key, e.time):
		return nil, nil // the terms know of it
	case c.isOverflow(g, e):
		if !silent {
			c.stats.Overflows++
		}
		return nil, nil
	}
	kept := g.add(e)
	if kept == nil {
		if !silent {
			c.stats.Duplicates++
		}
		return nil, nil
	}
	if kept == e {
		c.retain(g, e)
	}
	var alerts []*ocsf.Event
	for _, hit := range g.newHits(kept, &c.tally) {
		alerts = append(alerts, c.hit(g, hit, silent)...)
	}
	c.schedule.update(g)
	return alerts, nil
}

// isOverflow tells whether an event is one too many. Of a rule without a block the
// first event of each bucket is none: it alerts.
func (c *Correlator) isOverflow(g *group, e *entry) bool {
	if !c.opts.Limits.isFull(g, c.signals()) {
		return false
	}
	if g.rule.Block != BlockNone {
		return true
	}
	key, _ := g.rule.bucketOf(e)
	_, open := g.buckets[key]
	return open
}

// rule finds the description of a signal's rule.
func (c *Correlator) rule(s *Signal) (*ManifestRule, error) {
	m := c.manifests[s.Digest]
	if m == nil {
		var err error
		if m, err = c.opts.Lookup(s.Digest); err != nil {
			return nil, fmt.Errorf("look up rule set %s: %w", s.Digest, err)
		}
		c.manifests[s.Digest] = m
	}
	rule := m.Rule(s.Rule)
	if rule == nil || rule.Version != s.Version {
		return nil, fmt.Errorf("rule set %s does not hold rule %s version %s", s.Digest, s.Rule, s.Version)
	}
	if s.Error != "" {
		return c.failure(rule), nil
	}
	if s.Step < 0 || s.Step >= max(rule.Steps, 1) && (rule.Block != BlockAbsence || s.Step > 1) {
		return nil, fmt.Errorf("rule %s version %s has no step %d", s.Rule, s.Version, s.Step)
	}
	// The texts of its own that each signal came with need not be kept.
	s.Rule, s.Version, s.Digest = rule.ID, rule.Version, m.Digest
	if s.Identity == rule.ID {
		s.Identity = rule.ID
	}
	return rule, nil
}

// failureEvery is how often a rule that cannot be evaluated is told of, at most.
const failureEvery = 60 * 60 * 1000

// failure is the rule by which the errors of a rule are told to its owner: without
// block, and once an hour.
func (c *Correlator) failure(r *ManifestRule) *ManifestRule {
	f := c.failures[r]
	if f == nil {
		f = &ManifestRule{ID: r.ID, Version: r.Version, Title: r.Title, Status: r.Status, Severity: errorSeverity, Suppress: failureEvery}
		c.failures[r] = f
	}
	return f
}

// group finds the group of a signal, or makes it.
func (c *Correlator) group(s *Signal, rule *ManifestRule) *group {
	c.key = s.appendGroupKey(c.key[:0])
	if g := c.groups[string(c.key)]; g != nil {
		if len(g.events) > 0 {
			s.Group = g.events[0].signal.Group
		}
		return g
	}
	return newGroup(string(c.key), rule)
}

// retain keeps an event that was added to a group.
func (c *Correlator) retain(g *group, e *entry) {
	c.groups[g.key] = g
	if c.dropped > len(c.order)/2 {
		c.order = slices.DeleteFunc(c.order, func(e *entry) bool { return e.dropped })
		c.dropped = 0
	}
	c.order = append(c.order, e)
}

// isLate tells whether what an event needs is gone: for a stateful rule the
// events before it, for a suppressed one its bucket.
func (c *Correlator) isLate(g *group, e *entry) bool {
	if g.rule.Within > 0 {
		return e.time < c.mark.now
	}
	if g.rule.Block == BlockFirstSeen {
		return e.time < c.mark.now
	}
	_, end := g.rule.bucketOf(e)
	return end <= c.mark.now && end < afterAll
}

// late handles an event behind the watermark. One that depends on no other still
// alerts; any other is counted.
func (c *Correlator) late(g *group, e *entry, silent bool) []*ocsf.Event {
	if g.rule.Block == BlockNone && g.rule.Suppress == 0 {
		return c.hit(g, e, silent)
	}
	if !silent {
		c.stats.Late++
	}
	return nil
}

// hit gives the alert of a hit, unless its bucket has one.
func (c *Correlator) hit(g *group, e *entry, silent bool) []*ocsf.Event {
	key, end := g.rule.bucketOf(e)
	if g.rule.Suppress > 0 && !c.open(g, key, end, silent) {
		return nil
	}
	return c.give(silent, finding{rule: c.ruleOf(e), key: key, hit: e, hits: 1, events: g.window(e)})
}

// open makes a bucket; false if it is there. A decided hit is one by what did not
// happen: what is given again after a restart may lack an event that is not kept any
// more, and show hits where there were none. So the buckets of such rules are written
// down, and only those are made again.
func (c *Correlator) open(g *group, key bucketKey, end int64, silent bool) bool {
	decided := g.rule.Block.isDecided()
	if decided && silent && !c.terms.hasBucket(g, key) || !g.open(key, end) {
		return false
	}
	if decided && !silent {
		c.terms.openBucket(g, key, end)
	}
	return true
}

// ruleOf is the rule of a retained signal, which was looked up when it came.
func (c *Correlator) ruleOf(e *entry) *ManifestRule {
	m := c.manifests[e.signal.Digest]
	rule := m.Rule(e.signal.Rule)
	if e.signal.Error != "" {
		return c.failure(rule)
	}
	return rule
}

// give makes the finding's event, unless nobody shall see it.
func (c *Correlator) give(silent bool, f finding) []*ocsf.Event {
	switch {
	case silent:
		return nil
	case f.rule.Status == StatusExperimental && !c.opts.Experimental:
		c.stats.Withheld++
		return nil
	case f.hit.signal.Error != "":
		c.stats.Failures++
	case f.rollup:
		c.stats.Rollups++
	default:
		c.stats.Alerts++
	}
	return []*ocsf.Event{f.event()}
}

// Heartbeat moves the watermark, and gives the alerts that are decided by it and the
// roll-ups of the buckets that end.
func (c *Correlator) Heartbeat(h *Heartbeat, offset int64) []*ocsf.Event {
	before := c.mark.now
	c.mark.heard(h, offset, offset >= c.opts.Resume.Needed)
	if c.mark.now == before {
		return nil
	}
	return c.advance(offset < c.opts.Committed)
}

// Advance moves the watermark of a log without heartbeats to a time in milliseconds:
// every signal before it was given.
func (c *Correlator) Advance(ms int64) []*ocsf.Event {
	if ms <= c.mark.now {
		return nil
	}
	c.mark.now = ms
	return c.advance(false)
}

// Finish is the end of a finite input: nothing can be late any more, everything is
// decided, and every bucket ends.
func (c *Correlator) Finish() []*ocsf.Event {
	c.mark.now = afterAll
	return c.advance(false)
}

// advance decides and ends what the watermark has passed. Alerts come before
// roll-ups, each in the order of their time and id.
func (c *Correlator) advance(silent bool) []*ocsf.Event {
	var out []*ocsf.Event
	for len(c.schedule) > 0 && c.schedule[0].due <= c.mark.now {
		g := c.schedule[0]
		for _, hit := range c.decide(g) {
			out = append(out, c.hit(g, hit, silent)...)
		}
		if g.nextEnd <= c.mark.now {
			out = append(out, c.closeBuckets(g, silent)...)
		}
		c.dropped += g.prune(c.mark.now, func(e *entry) {
			if g.rule.Block == BlockFirstSeen {
				c.terms.settle(g, e)
			}
		})
		if len(g.events) == 0 {
			heap.Remove(&c.schedule, g.index)
			delete(c.groups, g.key)
			continue
		}
		c.schedule.update(g)
	}
	c.terms.sweep(c.mark.now)
	slices.SortFunc(out, func(a, b *ocsf.Event) int {
		return cmp.Or(cmp.Compare(a.ActivityID(), b.ActivityID()), cmp.Compare(a.Time(), b.Time()), cmp.Compare(a.Metadata.UID(), b.Metadata.UID()))
	})
	return out
}

// closeBuckets ends the buckets of a group that the watermark has passed.
func (c *Correlator) closeBuckets(g *group, silent bool) (rollups []*ocsf.Event) {
	g.nextEnd = afterAll
	for key, end := range g.buckets {
		if end <= c.mark.now {
			rollups = append(rollups, c.close(g, key, silent)...)
			delete(g.buckets, key)
			if g.rule.Block.isDecided() {
				c.terms.closeBucket(g, key)
			}
			continue
		}
		g.nextEnd = min(g.nextEnd, end)
	}
	return rollups
}

// close gives the roll-up of a bucket that had more than one hit. How often a rule
// failed is known to its metrics only, for detect does not tell each time.
func (c *Correlator) close(g *group, key bucketKey, silent bool) []*ocsf.Event {
	hits, events := g.hitsOf(key)
	if len(hits) < 2 || hits[0].signal.Error != "" {
		return nil
	}
	return c.give(silent, finding{rule: c.ruleOf(hits[0]), key: key, hit: hits[0], last: hits[len(hits)-1],
		hits: len(hits), events: events, rollup: true})
}
