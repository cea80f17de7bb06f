package detections

import (
	"cmp"
	"slices"
)

// entry is one event of a group that is kept. An event is its uid and its time, so
// that arrival order decides nothing even when a client chose one uid for two events.
type entry struct {
	time    int64
	uid     string
	offset  int64   // of its first signal
	signal  *Signal // of its last step; nil once dropped
	sum     int64   // what it adds to a sum
	value   int32   // the number of its value in the group; see values
	steps   uint8   // a bit for each step whose condition it matched
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
	// events are sorted by time, then uid; steps are those of each step of a sequence
	// or an absence, in the same order.
	events []*entry
	steps  [][]*entry
	values values // of a distinct threshold
	sum    int64  // of all events, of a sum
	// buckets are the alerts that were sent, by the watermark at which they end, and
	// nextEnd the least of those.
	buckets map[bucketKey]int64
	nextEnd int64
	// decided says of a block whose hits are decided at the watermark that all events
	// before this time are.
	decided int64
	due     int64 // the watermark at which something ends; see schedule
	index   int   // in the schedule
}

func newGroup(key string, rule *ManifestRule) *group {
	g := &group{key: key, rule: rule, nextEnd: afterAll, decided: beforeAll, index: -1}
	switch rule.Block {
	case BlockSequence:
		g.steps = make([][]*entry, rule.Steps)
	case BlockAbsence:
		g.steps = make([][]*entry, 2)
	}
	return g
}

// bucketKey tells the alerts of a group apart. For a rule without suppression
// uid is the event's, and start its time.
type bucketKey struct {
	severity int32
	start    int64
	uid      string
}

// bucketOf is where a hit alerts, and the watermark at which all hits there are known.
func (r *ManifestRule) bucketOf(e *entry) (bucketKey, int64) {
	key := bucketKey{severity: e.signal.Severity, start: e.time}
	if r.Suppress == 0 {
		key.uid = e.uid
		return key, e.time
	}
	key.start = floorDiv(e.time, r.Suppress) * r.Suppress
	end := key.start + r.Suppress
	if r.Block == BlockAbsence {
		end += r.Within // its last hit is decided then
	}
	return key, end
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// open makes a bucket; false if it is there.
func (g *group) open(key bucketKey, end int64) bool {
	if _, ok := g.buckets[key]; ok {
		return false
	}
	if g.buckets == nil {
		g.buckets = map[bucketKey]int64{}
	}
	g.buckets[key] = end
	g.nextEnd = min(g.nextEnd, end)
	return true
}

// add puts an event into the group, or adds a step to it. It gives the event as the
// group has it, nil if there is nothing new about it.
func (g *group) add(e *entry) *entry {
	i, found := slices.BinarySearchFunc(g.events, e, compareEntries)
	if found {
		known := g.events[i]
		if known.steps|e.steps == known.steps {
			return nil
		}
		if e.signal.Step > known.signal.Step {
			known.signal = e.signal
		}
		known.steps |= e.steps
		g.addStep(known, e.signal.Step)
		return known
	}
	g.events = slices.Insert(g.events, i, e)
	switch g.rule.Block {
	case BlockSequence, BlockAbsence:
		g.addStep(e, e.signal.Step)
	case BlockDistinct:
		e.value = g.values.add(e.signal.Value)
	case BlockSum:
		g.sum += e.sum
	}
	return e
}

func (g *group) addStep(e *entry, step int) {
	list := g.steps[step]
	if i, found := slices.BinarySearchFunc(list, e, compareEntries); !found {
		g.steps[step] = slices.Insert(list, i, e)
	}
}

// spans tells whether several events make a hit: those of its window.
func (g *group) spans() bool {
	switch g.rule.Block {
	case BlockCount, BlockDistinct, BlockSum, BlockSequence:
		return true
	}
	return false
}

// window is the events in (e.time-within, e.time]; the event itself where it alone is
// the hit.
func (g *group) window(e *entry) []*entry {
	if !g.spans() {
		return []*entry{e}
	}
	return g.events[firstAt(g.events, e.time-g.rule.Within+1):firstAt(g.events, e.time+1)]
}

// firstAt is the index of the first event at or after a time.
func firstAt(events []*entry, time int64) int {
	i, _ := slices.BinarySearchFunc(events, time, func(e *entry, t int64) int {
		if e.time < t {
			return -1
		}
		return 1
	})
	return i
}

// hitsOf is the hits of a bucket, and the union of their windows, both in order.
func (g *group) hitsOf(key bucketKey) (hits, events []*entry) {
	next := 0 // index after the last event taken
	for i := firstAt(g.events, key.start); i < len(g.events); i++ {
		e := g.events[i]
		if !e.hit {
			continue
		}
		if k, _ := g.rule.bucketOf(e); k != key {
			if k.start > key.start {
				break
			}
			continue
		}
		hits = append(hits, e)
		if !g.spans() {
			events = append(events, e)
			continue
		}
		next = max(next, firstAt(g.events, e.time-g.rule.Within+1))
		through := firstAt(g.events, e.time+1)
		events = append(events, g.events[min(next, through):through]...)
		next = max(next, through)
	}
	return hits, events
}

// prune drops the events that no future window and no open bucket needs, oldest
// first, and gives their number.
func (g *group) prune(now int64, dropping func(*entry)) int {
	keep := now // events before it are out of reach of duplicates
	if g.rule.Within > 0 && now != afterAll {
		keep = now - g.rule.Within + 1
	}
	for key := range g.buckets {
		keep = min(keep, key.start-max(g.rule.Within-1, 0))
	}
	n := firstAt(g.events, keep)
	if now == afterAll {
		n, keep = len(g.events), afterAll
	}
	for _, e := range g.events[:n] {
		dropping(e)
		switch g.rule.Block {
		case BlockDistinct:
			g.values.remove(e.signal.Value)
		case BlockSum:
			g.sum -= e.sum
		}
		e.signal, e.uid, e.dropped = nil, "", true
	}
	g.events = cutBefore(g.events, n)
	for i, list := range g.steps {
		g.steps[i] = cutBefore(list, firstAtOrEnd(list, keep))
	}
	return n
}

func firstAtOrEnd(events []*entry, time int64) int {
	if time == afterAll {
		return len(events)
	}
	return firstAt(events, time)
}

// cutBefore removes the first n; a list that was long and is short gives its memory
// back.
func cutBefore(list []*entry, n int) []*entry {
	rest := len(list) - n
	if n > 0 && cap(list) > 64 && rest < cap(list)/4 {
		return append(make([]*entry, 0, rest), list[n:]...)
	}
	return slices.Delete(list, 0, n)
}

// nextDue is the watermark at which a bucket ends, an event is decided or, when no
// bucket is open, the first event may be dropped.
func (g *group) nextDue() int64 {
	due := g.nextEnd
	if len(g.buckets) == 0 && len(g.events) > 0 {
		due = g.events[0].time + max(g.rule.Within, 1)
	}
	if g.rule.Block.isDecided() {
		undecided, after := g.events, int64(1)
		if g.rule.Block == BlockAbsence {
			undecided, after = g.steps[0], g.rule.Within
		}
		if i := firstAtOrEnd(undecided, g.decided); i < len(undecided) {
			due = min(due, undecided[i].time+after)
		}
	}
	return due
}

// values numbers the different values of a group's events, and counts the events of
// each.
type values struct {
	numbers map[string]int32
	counts  []int32
	free    []int32 // numbers without events
}

// add counts an event of a value, and gives the value's number.
func (v *values) add(value string) int32 {
	n, ok := v.numbers[value]
	if !ok {
		if v.numbers == nil {
			v.numbers = map[string]int32{}
		}
		if last := len(v.free) - 1; last >= 0 {
			n, v.free = v.free[last], v.free[:last]
		} else {
			n = int32(len(v.counts))
			v.counts = append(v.counts, 0)
		}
		v.numbers[value] = n
	}
	v.counts[n]++
	return n
}

func (v *values) remove(value string) {
	n := v.numbers[value]
	if v.counts[n]--; v.counts[n] == 0 {
		delete(v.numbers, value)
		v.free = append(v.free, n)
	}
}
