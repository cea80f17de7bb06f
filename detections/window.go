package detections

import (
	"cmp"
	"slices"
)

// entry is one signal that is kept: an event of a group. An event is its uid and
// its time, so that arrival order decides nothing even when a client chose one
// uid for two events.
type entry struct {
	time    int64
	uid     string
	offset  int64
	signal  *Signal // nil once dropped
	hit     bool
	dropped bool
}

func compareEntries(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.uid, b.uid))
}

// group is the retained events of one rule version and group, and the buckets in
// which it has hits.
type group struct {
	key  string
	rule *ManifestRule
	// events are sorted by time, then uid.
	events  []*entry
	buckets map[bucketKey]*bucket
	due     int64 // the watermark at which something ends; see schedule
	index   int   // in the schedule
}

// bucketKey tells the alerts of a group apart. For a rule without suppression
// uid is the event's, and start its time.
type bucketKey struct {
	severity int32
	start    int64
	uid      string
}

// bucket is an alert that was sent, until its end has passed.
type bucket struct{ end int64 }

// bucketOf is where a hit alerts.
func (g *group) bucketOf(e *entry) (bucketKey, int64) {
	key := bucketKey{severity: e.signal.Severity, start: e.time}
	if g.rule.Suppress == 0 {
		key.uid = e.uid
		return key, e.time
	}
	key.start = floorDiv(e.time, g.rule.Suppress) * g.rule.Suppress
	return key, key.start + g.rule.Suppress
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// add inserts an event; false means that it is there already.
func (g *group) add(e *entry) bool {
	i, found := slices.BinarySearchFunc(g.events, e, compareEntries)
	if !found {
		g.events = slices.Insert(g.events, i, e)
	}
	return !found
}

// newHits marks and gives the events that became hits when e came: those in
// [e.time, e.time+within) that now have enough events in their window.
func (g *group) newHits(e *entry) []*entry {
	if g.rule.Within == 0 {
		e.hit = true
		return []*entry{e}
	}
	var hits []*entry
	for i := g.from(e.time); i < len(g.events) && g.events[i].time < e.time+g.rule.Within; i++ {
		c := g.events[i]
		if !c.hit && g.through(c.time)-g.from(c.time-g.rule.Within+1) >= g.rule.Count {
			c.hit = true
			hits = append(hits, c)
		}
	}
	return hits
}

// window is the events in (e.time-within, e.time]; the event itself for a
// stateless rule.
func (g *group) window(e *entry) []*entry {
	if g.rule.Within == 0 {
		return []*entry{e}
	}
	return g.events[g.from(e.time-g.rule.Within+1):g.through(e.time)]
}

// from is the index of the first event at or after a time.
func (g *group) from(time int64) int {
	i, _ := slices.BinarySearchFunc(g.events, time, func(e *entry, t int64) int {
		if e.time < t {
			return -1
		}
		return 1
	})
	return i
}

// through is the index after the last event at or before a time.
func (g *group) through(time int64) int { return g.from(time + 1) }

// hitsOf is the hits of a bucket, and the union of their windows, both in order.
func (g *group) hitsOf(key bucketKey) (hits, events []*entry) {
	next := 0 // index after the last event taken
	for i := g.from(key.start); i < len(g.events); i++ {
		e := g.events[i]
		if !e.hit {
			continue
		}
		if k, _ := g.bucketOf(e); k != key {
			if k.start > key.start {
				break
			}
			continue
		}
		hits = append(hits, e)
		if g.rule.Within == 0 {
			events = append(events, e)
			continue
		}
		next = max(next, g.from(e.time-g.rule.Within+1))
		through := g.through(e.time)
		events = append(events, g.events[min(next, through):through]...)
		next = max(next, through)
	}
	return hits, events
}

// prune drops the events that no future window and no open bucket needs, and
// gives their number.
func (g *group) prune(now int64) int {
	keep := now // events before it are out of reach of duplicates
	if g.rule.Within > 0 && now != afterAll {
		keep = now - g.rule.Within + 1
	}
	for key := range g.buckets {
		keep = min(keep, key.start-max(g.rule.Within-1, 0))
	}
	n := g.from(keep)
	if now == afterAll {
		n = len(g.events)
	}
	for _, e := range g.events[:n] {
		e.signal, e.uid, e.dropped = nil, "", true
	}
	g.events = slices.Delete(g.events, 0, n)
	return n
}

// nextDue is the watermark at which a bucket ends or, when none is open, the
// first event may be dropped.
func (g *group) nextDue() int64 {
	due := int64(afterAll)
	for _, b := range g.buckets {
		due = min(due, b.end)
	}
	if len(g.buckets) == 0 && len(g.events) > 0 {
		due = g.events[0].time + max(g.rule.Within, 1)
	}
	return due
}
