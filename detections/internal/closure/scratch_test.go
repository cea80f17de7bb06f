package closure

import (
	"strings"
	"testing"
)

// TestTextStays makes texts of all sizes and looks at them when all are made.
func TestTextStays(t *testing.T) {
	for name, s := range map[string]*Scratch{"blocks": new(Scratch), "memory of its own": nil} {
		var got, want []string
		for i := range 3000 {
			text := strings.Repeat(string(rune('a'+i%26)), i*i%1500)
			room := s.Room(len(text) / (1 + i%3)) // what is appended may be longer
			got, want = append(got, s.Text(append(room, text...))), append(want, text)
			s.Room(i) // given up: it becomes no text
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s: text %d is %q, want %q", name, i, got[i], want[i])
			}
		}
	}
}

// TestTextAllocatesBlocks: short texts share their memory.
func TestTextAllocatesBlocks(t *testing.T) {
	var s Scratch
	if n := testing.AllocsPerRun(1000, func() { s.Text(append(s.Room(20), "20 bytes or so of it"...)) }); n != 0 {
		t.Errorf("%v allocations for a short text", n)
	}
}
