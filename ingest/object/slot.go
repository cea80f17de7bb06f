package object

// slotState is one slot of a listing in memory.
type slotState struct {
	mark
	// saved is the Until that is durable, and resume the After that the pass began
	// with: what is covered by that was done by an earlier run.
	saved  int64
	resume string
	// begun are the settled objects of this pass that are being read, and those behind
	// them, in the order of the listing.
	begun []*begun
	byKey map[string]*begun
	dirty bool // something of the slot became durable in this pass
}

type begun struct {
	key  string
	done bool
}

// covered reports whether an object that has no cursor was done before.
func (s *slotState) covered(key string, at int64) bool {
	return at <= s.Until || at <= s.Bound && s.resume != "" && key <= s.resume
}

// reset begins a pass.
func (s *slotState) reset() {
	s.begun, s.byKey, s.resume, s.dirty = nil, map[string]*begun{}, s.After, false
}

func (s *slotState) begin(key string) {
	b := &begun{key: key}
	s.begun = append(s.begun, b)
	s.byKey[key] = b
}

// finish notes that there is nothing more to do with a settled object, and moves After
// over all of which that holds without a gap. It returns those.
func (s *slotState) finish(key string) (covered []string) {
	s.byKey[key].done = true
	for len(s.begun) > 0 && s.begun[0].done {
		s.After = s.begun[0].key
		covered = append(covered, s.After)
		delete(s.byKey, s.After)
		s.begun = s.begun[1:]
	}
	return covered
}
