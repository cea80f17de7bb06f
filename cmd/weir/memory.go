package main

import (
	"os"
	"runtime/debug"
)

// gcPercent makes what holds many records collect garbage when a half of what lives has
// become garbage, not as much again: most of its memory is bytes of records, which cost
// the collector little. It halves what a process holds beyond what it needs, for about a
// twentieth of processor time.
const gcPercent = 50

// saveMemory sets it, unless the environment says otherwise.
func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
