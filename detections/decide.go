package detections

// decide marks and gives the hits that the watermark lets be known, in order: of an
// absence the events whose window has passed without the other event, of first_seen
// every event before the watermark with a value that is new.
func (c *Correlator) decide(g *group) []*entry {
	var hits []*entry
	now := c.mark.now
	switch g.rule.Block {
	case BlockAbsence:
		until := now
		if now != afterAll {
			until = now - g.rule.Within + 1
		}
		for _, e := range between(g.steps[0], g.decided, until) {
			if !g.isFollowed(e) {
				e.hit = true
				hits = append(hits, e)
			}
		}
		g.decided = max(g.decided, until)
	case BlockFirstSeen:
		for _, e := range between(g.events, g.decided, now) {
			if c.terms.isNew(g, e) {
				e.hit = true
				hits = append(hits, e)
			}
		}
		g.decided = max(g.decided, now)
	}
	return hits
}

// between is the events in [from, to).
func between(events []*entry, from, to int64) []*entry {
	first, last := firstAtOrEnd(events, from), firstAtOrEnd(events, to)
	return events[first:max(first, last)]
}

// isFollowed tells whether another event in [e.time, e.time+within) is what the rule
// waits for.
func (g *group) isFollowed(e *entry) bool {
	list := g.steps[1]
	for i := firstAt(list, e.time); i < len(list) && list[i].time < e.time+g.rule.Within; i++ {
		if list[i] != e {
			return true
		}
	}
	return false
}
