package detections

// newHits marks and gives the events that became hits when e came, in order: those in
// [e.time, e.time+within) whose windows now hold enough. Hits that are decided at the
// watermark are not among them.
func (g *group) newHits(e *entry, t *tally) []*entry {
	switch g.rule.Block {
	case BlockNone:
		e.hit = true
		return []*entry{e}
	case BlockAbsence, BlockFirstSeen:
		return nil
	}
	if !g.mayHit() {
		return nil
	}
	from := firstAt(g.events, e.time)
	to := from
	open := 0 // how many are no hits yet
	for to < len(g.events) && g.events[to].time < e.time+g.rule.Within {
		if !g.events[to].hit {
			open++
		}
		to++
	}
	var hits []*entry
	mark := func(c *entry) {
		c.hit = true
		hits = append(hits, c)
	}
	switch {
	case open == 0:
	case open > maxScans && (g.rule.Block == BlockDistinct || g.rule.Block == BlockSum):
		g.sweep(from, to, t, mark)
	default:
		for _, c := range g.events[from:to] {
			if !c.hit && g.isHit(c, t) {
				mark(c)
			}
		}
	}
	return hits
}

// mayHit is false if all that is retained is not enough for any window.
func (g *group) mayHit() bool {
	switch g.rule.Block {
	case BlockCount:
		return len(g.events) >= g.rule.Count
	case BlockDistinct:
		return len(g.values.numbers) >= g.rule.Count
	case BlockSum:
		return g.sum > g.rule.Over
	}
	for _, step := range g.steps {
		if len(step) == 0 {
			return false
		}
	}
	return true
}

// isHit looks at the window of one event.
func (g *group) isHit(e *entry, t *tally) bool {
	switch g.rule.Block {
	case BlockCount:
		return firstAt(g.events, e.time+1)-firstAt(g.events, e.time-g.rule.Within+1) >= g.rule.Count
	case BlockSequence:
		if g.rule.Ordered {
			return g.endsOrdered(e)
		}
		return g.endsUnordered(e)
	}
	t.begin(g)
	last := firstAt(g.events, e.time+1)
	first := last
	for first > 0 && g.events[first-1].time > e.time-g.rule.Within && !t.isEnough() {
		first--
		t.add(g.events[first])
	}
	enough := t.isEnough()
	for _, in := range g.events[first:last] {
		t.remove(in)
	}
	return enough
}

// maxScans is how many windows are looked at one by one; more of them are swept.
const maxScans = 2

// sweep moves a window over the events [from, to), instead of scanning it anew for
// each of them.
func (g *group) sweep(from, to int, t *tally, mark func(*entry)) {
	t.begin(g)
	first := firstAt(g.events, g.events[from].time-g.rule.Within+1)
	last := first
	for i := from; i < to; i++ {
		e := g.events[i]
		for last < len(g.events) && g.events[last].time <= e.time {
			t.add(g.events[last])
			last++
		}
		for g.events[first].time <= e.time-g.rule.Within {
			t.remove(g.events[first])
			first++
		}
		if !e.hit && t.isEnough() {
			mark(e)
		}
	}
	for _, in := range g.events[first:last] {
		t.remove(in)
	}
}

// tally adds up the events of a window of a distinct threshold or a sum. It is used
// for one group after another, and empty in between.
type tally struct {
	rule   *ManifestRule
	counts []int32 // by the number of the value
	values int
	sum    int64
}

func (t *tally) begin(g *group) {
	t.rule = g.rule
	if n := len(g.values.counts); n > len(t.counts) {
		t.counts = make([]int32, n+n/2)
	}
}

func (t *tally) add(e *entry) {
	if t.rule.Block == BlockSum {
		t.sum += e.sum
		return
	}
	if t.counts[e.value]++; t.counts[e.value] == 1 {
		t.values++
	}
}

func (t *tally) remove(e *entry) {
	if t.rule.Block == BlockSum {
		t.sum -= e.sum
		return
	}
	if t.counts[e.value]--; t.counts[e.value] == 0 {
		t.values--
	}
}

func (t *tally) isEnough() bool {
	if t.rule.Block == BlockSum {
		return t.sum > t.rule.Over
	}
	return t.values >= t.rule.Count
}
