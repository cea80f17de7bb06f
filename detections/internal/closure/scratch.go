package closure

import "unsafe"

// Scratch is what functions use up: steps, and memory for text. The memory comes in
// blocks, so that few events cost an allocation. Nothing of a block is written twice, and
// so a text outlives its event if somebody keeps it, together with its block.
//
// A nil Scratch has steps without end, and gives each text memory of its own.
type Scratch struct {
	left  int    // steps that the program under way may still take
	block []byte // what of it is used
}

const textBlock = 4 << 10 // bytes

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

// Room gives memory for about n bytes, to append them to and hand to Text.
func (s *Scratch) Room(n int) []byte {
	if s == nil || n > textBlock/4 {
		return make([]byte, 0, n)
	}
	if cap(s.block)-len(s.block) < n {
		s.block = make([]byte, 0, textBlock)
	}
	return s.block[len(s.block):]
}

// Text is what Room gave last and the caller has appended to. The caller keeps nothing of
// it.
func (s *Scratch) Text(made []byte) string {
	if s != nil && unsafe.SliceData(made) == unsafe.SliceData(s.block[len(s.block):]) {
		s.block = s.block[:len(s.block)+len(made)]
	}
	return unsafe.String(unsafe.SliceData(made), len(made))
}
