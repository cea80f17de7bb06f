package detections

// endsOrdered tells whether an event is the last of a chain: distinct events, one a
// step, whose times do not decrease, the first later than e.time-within.
//
// It goes back in time. At each moment it fills as many of the steps that are still
// to be found as the events of that moment can, which is never wrong: whatever could
// follow with fewer of them filled can follow with more.
func (g *group) endsOrdered(e *entry) bool {
	open := g.rule.Steps - 1 // the steps before this one are to be found
	if e.steps&(1<<open) == 0 {
		return false
	}
	for at := e.time; ; {
		open -= g.fill(at, open, e)
		if open == 0 {
			return true
		}
		list := g.steps[open-1]
		i := firstAt(list, at)
		if i == 0 {
			return false
		}
		if at = list[i-1].time; at <= e.time-g.rule.Within {
			return false
		}
	}
}

// fill is how many of the steps before open, the last ones first, the events of one
// moment can fill without e.
func (g *group) fill(at int64, open int, e *entry) int {
	var m matching
	for step := open - 1; step >= 0; step-- {
		list := g.steps[step]
		for i := firstAt(list, at); i < len(list) && list[i].time == at && m.wants(step); i++ {
			m.offer(step, list[i], e)
		}
		if !m.match(step) {
			return open - 1 - step
		}
	}
	return open
}

// endsUnordered tells whether an event, with others of (e.time-within, e.time], fills
// all steps.
func (g *group) endsUnordered(e *entry) bool {
	var m matching
	for step := range g.rule.Steps {
		list := g.steps[step]
		for i := firstAt(list, e.time+1) - 1; i >= 0 && list[i].time > e.time-g.rule.Within && m.wants(step); i-- {
			m.offer(step, list[i], e)
		}
	}
	for own := range g.rule.Steps {
		if e.steps&(1<<own) == 0 {
			continue
		}
		m.used = [maxSteps]*entry{}
		all := true
		for step := 0; step < g.rule.Steps && all; step++ {
			all = step == own || m.match(step)
		}
		if all {
			return true
		}
	}
	return false
}

// matching gives each step an event of its own: a maximum matching by augmenting
// paths. As many candidates as there are steps are enough for each.
type matching struct {
	candidates [maxSteps][maxSteps]*entry
	n          [maxSteps]int
	used       [maxSteps]*entry // by step
	visited    [maxSteps]bool
}

// wants tells whether further candidates of a step could matter.
func (m *matching) wants(step int) bool { return m.n[step] < maxSteps }

// offer adds a candidate, unless it is the event that is taken.
func (m *matching) offer(step int, candidate, taken *entry) {
	if candidate != taken {
		m.candidates[step][m.n[step]] = candidate
		m.n[step]++
	}
}

// match gives the step an event, and others another one if need be; false if there
// is no way.
func (m *matching) match(step int) bool {
	m.visited = [maxSteps]bool{}
	return m.augment(step)
}

func (m *matching) augment(step int) bool {
	if m.visited[step] {
		return false
	}
	m.visited[step] = true
	for _, c := range m.candidates[step][:m.n[step]] {
		owner := -1
		for s, used := range m.used {
			if used == c {
				owner = s
			}
		}
		if owner < 0 || m.augment(owner) {
			m.used[step] = c
			return true
		}
	}
	return false
}
