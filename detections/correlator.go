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
}

// NewCorrelator makes the correlator of one partition of signals. The records to
// give it begin at Resume.From, or at Committed if Resume is zero.
func NewCorrelator(opts CorrelatorOptions) *Correlator {
	return &Correlator{
		opts:      opts,
		manifests: map[string]*Manifest{},
		mark:      newWatermark(opts.Resume),
		groups:    map[string]*group{},
	}
}

// Stats is what happened so far.
func (c *Correlator) Stats() CorrelatorStats { return c.stats }

// Size is the state: how many groups, and how many signals in them.
func (c *Correlator) Size() (groups, signals int) { return len(c.groups), len(c.order) - c.dropped }

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
	e := &entry{time: s.Time, uid: s.UID, offset: offset, signal: s}
	g := c.group(s, rule)
	if c.isLate(g, e) {
		return c.late(g, e, silent), nil
	}
	if !g.add(e) {
		if !silent {
			c.stats.Duplicates++
		}
		return nil, nil
	}
	c.retain(g, e)
	var alerts []*ocsf.Event
	for _, hit := range g.newHits(e) {
		alerts = append(alerts, c.hit(g, hit, silent)...)
	}
	c.schedule.update(g)
	return alerts, nil
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
	return rule, nil
}

// group finds the group of a signal, or makes it.
func (c *Correlator) group(s *Signal, rule *ManifestRule) *group {
	key := string(s.Key())
	if g := c.groups[key]; g != nil {
		return g
	}
	return &group{key: key, rule: rule, buckets: map[bucketKey]*bucket{}, index: -1}
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
	_, end := g.bucketOf(e)
	return end <= c.mark.now && end < afterAll
}

// late handles an event behind the watermark. One that depends on no other still
// alerts; any other is counted.
func (c *Correlator) late(g *group, e *entry, silent bool) []*ocsf.Event {
	if g.rule.Within == 0 && g.rule.Suppress == 0 {
		return c.hit(g, e, silent)
	}
	if !silent {
		c.stats.Late++
	}
	return nil
}

// hit gives the alert of a hit, unless its bucket has one.
func (c *Correlator) hit(g *group, e *entry, silent bool) []*ocsf.Event {
	key, end := g.bucketOf(e)
	if g.rule.Suppress > 0 {
		if g.buckets[key] != nil {
			return nil
		}
		g.buckets[key] = &bucket{end: end}
	}
	return c.give(silent, finding{rule: c.ruleOf(e), key: key, hit: e, hits: 1, events: g.window(e)})
}

// ruleOf is the rule of a retained signal, which was looked up when it came.
func (c *Correlator) ruleOf(e *entry) *ManifestRule {
	return c.manifests[e.signal.Digest].Rule(e.signal.Rule)
}

// give makes the finding's event, unless nobody shall see it.
func (c *Correlator) give(silent bool, f finding) []*ocsf.Event {
	switch {
	case silent:
		return nil
	case f.rule.Status == StatusExperimental && !c.opts.Experimental:
		c.stats.Withheld++
		return nil
	case f.rollup:
		c.stats.Rollups++
	default:
		c.stats.Alerts++
	}
	return []*ocsf.Event{f.event()}
}

// Heartbeat moves the watermark and gives the roll-ups of the buckets that end.
func (c *Correlator) Heartbeat(h *Heartbeat, offset int64) []*ocsf.Event {
	before := c.mark.now
	c.mark.heard(h, offset, offset >= c.opts.Resume.Needed)
	if c.mark.now == before {
		return nil
	}
	return c.advance(offset < c.opts.Committed)
}

// Finish is the end of a finite input: nothing can be late any more, and every
// bucket ends.
func (c *Correlator) Finish() []*ocsf.Event {
	c.mark.now = afterAll
	return c.advance(false)
}

// advance ends what the watermark has passed. Roll-ups come in the order of
// their time and id.
func (c *Correlator) advance(silent bool) []*ocsf.Event {
	var rollups []*ocsf.Event
	for len(c.schedule) > 0 && c.schedule[0].due <= c.mark.now {
		g := c.schedule[0]
		for key, b := range g.buckets {
			if b.end <= c.mark.now {
				rollups = append(rollups, c.close(g, key, silent)...)
				delete(g.buckets, key)
			}
		}
		c.dropped += g.prune(c.mark.now)
		if len(g.events) == 0 {
			heap.Remove(&c.schedule, g.index)
			delete(c.groups, g.key)
			continue
		}
		c.schedule.update(g)
	}
	slices.SortFunc(rollups, func(a, b *ocsf.Event) int {
		return cmp.Or(cmp.Compare(a.Time(), b.Time()), cmp.Compare(a.Metadata.UID(), b.Metadata.UID()))
	})
	return rollups
}

// close gives the roll-up of a bucket that had more than one hit.
func (c *Correlator) close(g *group, key bucketKey, silent bool) []*ocsf.Event {
	hits, events := g.hitsOf(key)
	if len(hits) < 2 {
		return nil
	}
	return c.give(silent, finding{rule: c.ruleOf(hits[0]), key: key, hit: hits[0], last: hits[len(hits)-1],
		hits: len(hits), events: events, rollup: true})
}

// schedule is a heap of groups by what is due first.
type schedule []*group

// update puts a group in its place after its due time changed.
func (s *schedule) update(g *group) {
	g.due = g.nextDue()
	if g.index < 0 {
		heap.Push(s, g)
		return
	}
	heap.Fix(s, g.index)
}

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due < s[j].due }
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push is called by package heap.
func (s *schedule) Push(x any) {
	g := x.(*group)
	g.index = len(*s)
	*s = append(*s, g)
}

// Pop is called by package heap.
func (s *schedule) Pop() any {
	old := *s
	g := old[len(old)-1]
	*s = old[:len(old)-1]
	g.index = -1
	return g
}
