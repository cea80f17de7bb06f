package ocsf

import (
	"testing"
	"unsafe"
)

// TestEventSize keeps Event within what a worker can reset for every record: see
// BenchmarkReset. Whoever exceeds the budget cuts an object by a variant in
// selection.txt, or raises it with a measurement.
func TestEventSize(t *testing.T) {
	const budget = 16 << 10
	size := unsafe.Sizeof(Event{})
	t.Logf("Event is %d bytes, %d of them free", size, budget-size)
	if size > budget {
		t.Errorf("Event is %d bytes, want at most %d", size, budget)
	}
}
