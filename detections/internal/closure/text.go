package closure

import "unsafe"

// Text is where functions make text: in blocks, so that few events cost an allocation.
// Nothing of a block is written twice, and so a text outlives its event if somebody keeps
// it, together with its block. A nil Text gives memory of its own to each text.
type Text struct {
	block []byte // what of it is used
}

const textBlock = 4 << 10 // bytes

// Room gives memory for about n bytes, to append them to and hand to Made.
func (t *Text) Room(n int) []byte {
	if t == nil || n > textBlock/4 {
		return make([]byte, 0, n)
	}
	if cap(t.block)-len(t.block) < n {
		t.block = make([]byte, 0, textBlock)
	}
	return t.block[len(t.block):]
}

// Made is the text in what Room gave last and the caller has appended to. The caller
// keeps nothing of it.
func (t *Text) Made(text []byte) string {
	if t != nil && unsafe.SliceData(text) == unsafe.SliceData(t.block[len(t.block):]) {
		t.block = t.block[:len(t.block)+len(text)]
	}
	return unsafe.String(unsafe.SliceData(text), len(text))
}
