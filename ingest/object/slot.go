package object

import "slices"

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

func (s *slotState) begin(key string) { s.begun = append(s.begun, &begun{key: key}) }

// finish notes that a settled object is done, and moves After over all that are done
// without a gap.
func (s *slotState) finish(key string) {
	i := slices.IndexFunc(s.begun, func(b *begun) bool { return b.key == key })
	if i < 0 {
		return // a leftover, which is outside of the order
	}
	s.begun[i].done = true
	for len(s.begun) > 0 && s.begun[0].done {
		s.After, s.begun = max(s.After, s.begun[0].key), s.begun[1:]
	}
}
