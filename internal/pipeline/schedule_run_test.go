package pipeline

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var seedFlag = flag.Uint64("seed", 0, "run only the schedule of this seed (also WEIR_SEED)")

// How many schedules TestSchedules runs.
const (
	envSchedules = "WEIR_SCHEDULES" // so many, or it fails
	envWithin    = "WEIR_WITHIN"    // in at most this time
	envSoak      = "WEIR_SOAK"      // new ones, for this time
)

const (
	schedulesFor = 30 * time.Second // of a plain test
	// A world waits more than it works: for its groups to form, and for a first fetch.
	schedulesPerCore = 4
	tellEach         = 100
	// seldomCollect lets the heap grow, since worlds are small and there are thousands,
	// up to a limit in bytes: several are there at a time.
	seldomCollect = 400
	collectAt     = 1 << 30
)

// schedulePlan is how many schedules to run.
type schedulePlan struct {
	first uint64        // the seeds are those behind it
	most  uint64        // 0 for as many as there is time for
	limit time.Duration // after it none begins
}

func newSchedulePlan(t *testing.T) schedulePlan {
	t.Helper()
	p := schedulePlan{limit: schedulesFor} // the same seeds each time: 1, 2, ...
	var err error
	if text := os.Getenv(envSchedules); text != "" {
		if p.most, err = strconv.ParseUint(text, 10, 32); err != nil {
			t.Fatalf("%s: %v", envSchedules, err)
		}
		if p.limit, err = time.ParseDuration(os.Getenv(envWithin)); err != nil {
			t.Fatalf("%s: %v", envWithin, err)
		}
	}
	if text := os.Getenv(envSoak); text != "" {
		if p.limit, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", envSoak, err)
		}
		p.first = uint64(time.Now().UnixNano())
	}
	return p
}

// TestSchedules takes worlds through random schedules of faults, then through an
// undisturbed run, and counts. A failure prints its seed; -seed repeats it. A soak
// draws new seeds; otherwise they are 1, 2, and so on.
func TestSchedules(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(seldomCollect))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(collectAt))
	want := scheduleBooks(t)
	if seed := chosenSeed(t); seed != 0 {
		followSchedule(t, seed, want)
		return
	}
	p := newSchedulePlan(t)
	began := time.Now()
	var next, done atomic.Uint64
	var workers sync.WaitGroup
	for range schedulesPerCore * runtime.GOMAXPROCS(0) {
		// Not parallel subtests: they are as many as there are cores. A Fatal ends the
		// worker, and a failure lets no other begin a new schedule.
		workers.Go(func() {
			t.Run("worker", func(w *testing.T) {
				for time.Since(began) < p.limit && !t.Failed() {
					n := next.Add(1)
					if p.most > 0 && n > p.most {
						return
					}
					followSchedule(w, p.first+n, want)
					if n := done.Add(1); n%tellEach == 0 {
						t.Logf("%d schedules ran in %s", n, time.Since(began).Round(time.Second))
					}
				}
			})
		})
	}
	workers.Wait()
	t.Logf("%d schedules ran in %s, from seed %d on", done.Load(), time.Since(began).Round(time.Second), p.first+1)
	if p.most > 0 && done.Load() < p.most && !t.Failed() {
		t.Errorf("only %d of %d schedules ran within %s: this machine is too slow or too busy for them, or something waits", done.Load(), p.most, p.limit)
	}
}

func chosenSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("WEIR_SEED")
	if *seedFlag != 0 || text == "" {
		return *seedFlag
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("WEIR_SEED: %v", err)
	}
	return seed
}

// fastDir is a directory in memory, where there is one: kill -9 does not empty it,
// and syncing it costs nothing.
func fastDir(t testing.TB) string {
	t.Helper()
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "weir-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
