package closure

import "strings"

// Scratch is what functions use up: steps, and memory for text. The memory comes in
// blocks, so that few events cost an allocation. A block only grows, and so a text outlives
// its event if somebody keeps it, together with its block.
//
// A nil Scratch has steps without end, and gives each text memory of its own.
type Scratch struct {
	left  int             // steps that the program under way may still take
	room  []byte          // of the text that is being made
	block strings.Builder // of those that are made
}

const (
	textBlock = 4 << 10  // bytes
	largeRoom = 64 << 10 // is not kept
)

// maxSteps bounds what one program may do with one event: loops within loops over lists
// that an attacker fills take the square of their size, and an event that took hours
// would stand in the way of all others. A step is an element that a loop visits, or
// CharactersPerStep of a text: about a tenth of a microsecond. So a program ends within a
// second or so, and what is linear in the largest record that weir takes has enough.
const maxSteps = 5_000_000

// Spend takes steps; false if there are none left. Then nothing has a value any more.
func (s *Scratch) Spend(steps int) bool {
	if s == nil {
		return true
	}
	s.left -= steps
	return s.left >= 0
}

// Room gives memory for about n bytes, to append them to and hand to Text; it is valid
// until then.
func (s *Scratch) Room(n int) []byte {
	if s == nil || n > cap(s.room) {
		return make([]byte, 0, n)
	}
	return s.room[:0]
}

// Text is a text of the bytes, which the caller no longer uses.
func (s *Scratch) Text(made []byte) string {
	if s == nil {
		return string(made)
	}
	if cap(made) <= largeRoom {
		s.room = made
	}
	if len(made) > textBlock/4 {
		return string(made)
	}
	if s.block.Cap()-s.block.Len() < len(made) {
		s.block.Reset()
		s.block.Grow(textBlock)
	}
	start := s.block.Len()
	s.block.Write(made)
	return s.block.String()[start:]
}
