package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// TestZombie holds a process in the middle of its work while another of the same
// instance takes its place and does everything. When the first one goes on, nothing
// of it may be seen, and it must end with the reason.
func TestZombie(t *testing.T) {
	for fault, nth := range map[Fault]int{
		FaultCollectProducing: faultRecords / 2, FaultCollectFlushed: 1,
		FaultDetectFlushed: 2, FaultDetectOffsets: 2, FaultCorrelateFlushed: 2,
		FaultStorePromising: 2, FaultStoreIntent: 2, FaultStoreCreating: 2, FaultStoreEnding: 2,
	} {
		t.Run(string(fault), func(t *testing.T) {
			slow(t, fault == FaultDetectOffsets)
			t.Parallel()
			w, _ := servedWorld(t)
			w.appendLogs(t, 0, faultRecords, 0)
			g := newGate(fault, nth)
			o := Options{Roles: []Role{RoleCollect, RoleDetect, RoleCorrelate, RoleStore}, Workers: 2, batchRecords: faultBatch, Stats: NewStats(), Faults: g.at}
			w.config.Lake.Flush.Rows = 200
			zombie := w.start(t, o)
			g.wait(t, zombie)
			o.Stats, o.Faults = NewStats(), nil
			other := w.start(t, o)
			untilStored(t, w)
			close(g.open)
			if err := zombie.wait(t); err == nil || !strings.Contains(err.Error(), "another weir runs with instance") {
				t.Errorf("the zombie ended with %v\n%s", err, zombie.log)
			}
			other.drain(t)
			w.settle(t)
		})
	}
}

// TestTwoCollectOfOneInstance starts two processes with one instance that collect and do
// nothing else, so that no group knows of them. One of them must end and say why.
func TestTwoCollectOfOneInstance(t *testing.T) {
	for _, tt := range []struct {
		name     string
		together bool
	}{{"one after the other", false}, {"at the same time", true}} {
		t.Run(tt.name, func(t *testing.T) {
			slow(t, !tt.together)
			t.Parallel()
			h := hostBroker(t)
			w := h.world(t)
			w.appendLogs(t, 0, faultRecords/10, 0)
			start := func() *running { return w.start(t, faultOptions(RoleCollect)) }
			two := []*running{start(), nil}
			if !tt.together {
				two[0].until(t, "the first has collected", func() bool { return two[0].stats.Snapshot().Sources["aws.cloudtrail"].Read > 0 })
			}
			two[1] = start()
			// They learn of each other when they have something to say.
			var first, second *running
			for n := 1; first == nil; n++ {
				if n == 10 {
					t.Fatalf("none of the two has ended:\n%s\n\n%s", two[0].log, two[1].log)
				}
				w.appendLogs(t, n*faultRecords/10, (n+1)*faultRecords/10, 0)
				for i := range two {
					if two[i].ended(awayPause) {
						first, second = two[i], two[1-i]
					}
				}
				if first != nil {
					w.appendLogs(t, (n+1)*faultRecords/10, faultRecords, 0)
				}
			}
			if err := first.wait(t); err == nil || !strings.Contains(err.Error(), "another weir runs with instance") {
				t.Errorf("one of the two ended with %v\n%s", err, first.log)
			}
			second.drain(t)
			w.settle(t)
		})
	}
}

// TestStoodStill stops a process with SIGSTOP in the middle of its work, until Kafka
// has ended its transactions and given its partitions up. When it goes on, with
// nobody in its place, it must do so in order.
func TestStoodStill(t *testing.T) {
	for fault, nth := range map[Fault]int{FaultCollectFlushed: 1, FaultDetectOffsets: 2, FaultCorrelateFlushed: 2, FaultStoreIntent: 1, FaultDeliverDelivered: 1} {
		t.Run(string(fault), func(t *testing.T) {
			slow(t, false)
			t.Parallel()
			h := hostBroker(t)
			w := h.world(t)
			w.appendLogs(t, 0, faultRecords, 0)
			var out lockedLog
			cmd, stdin := startTask(t, task{Weir: &weirTask{World: w.dir, Fault: fault, Nth: nth, Signal: syscall.SIGSTOP}}, &out)
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			awaited(t, func() string {
				if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid)); err != nil || !strings.Contains(string(stat), ") T ") {
					return fmt.Sprintf("the process has not stopped: %v %s\n%s", err, stat, &out)
				}
				return ""
			})
			forgotten(t, h, w)
			if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			untilStored(t, w)
			stdin.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("the process ended with %v\n%s", err, &out)
			}
			w.settle(t)
		})
	}
}

// forgotten waits until Kafka has ended all transactions and all memberships of a
// world.
func forgotten(t *testing.T, h *hostedBroker, w *world) {
	t.Helper()
	cl, err := h.options().New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	awaited(t, func() string {
		open, err := adm.ListTransactions(t.Context(), nil, []string{"Ongoing", "PrepareAbort", "PrepareCommit"})
		if err != nil {
			t.Fatal(err)
		}
		if len(open) > 0 {
			return fmt.Sprintf("transactions are open: %v", open.TransactionalIDs())
		}
		groups, err := adm.DescribeGroups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			if len(g.Members) > 0 {
				return fmt.Sprintf("group %s has %d members", g.Group, len(g.Members))
			}
		}
		return ""
	})
}

// untilStored waits until all events are in the lake.
func untilStored(t *testing.T, w *world) {
	t.Helper()
	want := total(calmBooks(t).Events)
	awaited(t, func() string {
		if _, err := os.Stat(filepath.Join(w.config.Lake.Dir, "events")); err != nil {
			return err.Error()
		}
		if got := total(w.rows(t, "events")); got < want {
			return fmt.Sprintf("%d events are in the lake, want %d", got, want)
		}
		return ""
	})
}
