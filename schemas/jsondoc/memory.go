package jsondoc

import "unsafe"

// Alias is data as a string, without a copy: data must not change while the string,
// or a part of it, is used. It is for texts that somebody keeps anyhow.
func Alias(data []byte) string {
	// A string is the pointer and length of a slice. What is given up is only that
	// strings never change, which the caller vouches for.
	return unsafe.String(unsafe.SliceData(data), len(data))
}

// blockSize is what Memory takes at a time. A text is decoded where the whole rest
// of its document would fit, so blocks are much larger than documents; a document
// above a quarter of it does without Memory.
const blockSize = 256 << 10

// Memory holds strings that a Stream had to decode, so that they need no allocation
// each. They are valid until Reset. Its zero value is ready.
type Memory struct {
	blocks [][]byte // all of blockSize
	used   int      // how many of them hold strings
	free   []byte   // the rest of the last one of these
}

// Reset takes all strings' memory back: they change from now on. At most keep bytes
// of it are held for the next ones.
func (m *Memory) Reset(keep int) {
	kept := min(len(m.blocks), keep/blockSize)
	clear(m.blocks[kept:])
	m.blocks = m.blocks[:kept]
	m.used, m.free = 0, nil
}

// room gives at least n bytes, nil if n is too much.
func (m *Memory) room(n int) []byte {
	if n <= len(m.free) {
		return m.free
	}
	if n > blockSize/4 {
		return nil
	}
	if m.used == len(m.blocks) {
		m.blocks = append(m.blocks, make([]byte, blockSize))
	}
	m.free = m.blocks[m.used]
	m.used++
	return m.free
}

// take gives the first n bytes of the room as a string.
func (m *Memory) take(n int) string {
	s := Alias(m.free[:n])
	m.free = m.free[n:]
	return s
}
