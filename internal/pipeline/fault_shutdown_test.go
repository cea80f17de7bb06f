package pipeline

import (
	"strings"
	"testing"
	"time"
)

// TestShutdownTimesOut holds each role in the middle of its work for longer than a
// shutdown may take. The process ends with the reason and without a commit, and the
// next one does the rest.
func TestShutdownTimesOut(t *testing.T) {
	for _, fault := range []Fault{FaultCollectProduced, FaultDetectFlushed, FaultCorrelateProduced, FaultStoreIntent, FaultDeliverPolled} {
		t.Run(string(fault), func(t *testing.T) {
			slow(t, fault == FaultDeliverPolled)
			t.Parallel()
			w := newWorld(fastDir(t))
			w.config.ShutdownTimeout = 200 * time.Millisecond
			w.config.Lake.Flush.Rows = 100
			w.appendLogs(t, 0, faultRecords, 0)
			g := newGate(fault, 1)
			s := w.start(t, Options{Workers: 2, batchRecords: faultBatch, Stats: NewStats(), Faults: g.at})
			g.wait(t, s)
			s.stop()
			if s.ended(2 * w.config.ShutdownTimeout) {
				t.Errorf("it ended although a role is in the middle of its work:\n%s", s.log)
			}
			close(g.open)
			if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "shutdown_timeout (200ms) passed") {
				t.Errorf("the end of a drain that took too long: %v\n%s", err, s.log)
			}
			w.settle(t)
		})
	}
}
