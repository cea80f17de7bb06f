package jsondoc

import "encoding/binary"

const ones, highs = 0x0101010101010101, 0x8080808080808080

// wordAt is the eight bytes of s from i on, the first one lowest.
func wordAt(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// stops marks, by its top bit, the first byte of eight that cannot stand for itself
// in a string: a quote, a backslash or a control character. The marks above the
// lowest one mean nothing.
func stops(x uint64) uint64 {
	quote, backslash := x^(ones*'"'), x^(ones*'\\')
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-ones*0x20)&^x) & highs
}

// putWord writes the eight bytes of x at i.
func putWord(dst []byte, i int, x uint64) { binary.LittleEndian.PutUint64(dst[i:], x) }
