package pipeline

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var seedFlag = flag.Uint64("seed", 0, "run only the schedule of this seed (also WEIR_SEED)")

// envSoak is how long TestSchedules tries new schedules, as a duration.
const envSoak = "WEIR_SOAK"

const (
	schedulesFor    = 30 * time.Second
	scheduleRecords = 1000 // of one world, in all portions together
	scheduleAgain   = 50   // one in so many records is delivered twice
	schedulesAtOnce = 2    // tests run in parallel as there are cores, and each waits much
	mostVisits      = 3
	wipedOneIn      = 8 // of the visits
	latestKill      = 2500 * time.Millisecond
)

// schedule is what a world goes through: portions of its input, and after each a
// visit in which something goes wrong.
type schedule struct {
	Visits  []visit
	Appends []int  // records of the input that are there before the visit
	Wipes   []bool // whether the broker's directory is removed before the visit
}

// newSchedule draws a schedule. Equal seeds give equal schedules.
func newSchedule(seed uint64) schedule {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var s schedule
	n := 0
	for range 1 + rnd.IntN(mostVisits) {
		n += rnd.IntN(scheduleRecords - n)
		if (n-1)%40 == 7 { // not in a broken line: what is unfinished at the end of a file is
			n-- // a dead letter, and another one when it goes on otherwise
		}
		v := visit{
			Kind:  []kind{kindKill, kindKill, kindKill, kindKillAfter, kindFail, kindDrain}[rnd.IntN(6)],
			Fault: Faults[rnd.IntN(len(Faults))],
			Nth:   1 + rnd.Int64N(4),
			Batch: 20 + rnd.IntN(400), FlushRows: 100 + rnd.IntN(900),
		}
		if v.Kind == kindKillAfter {
			v.Fault, v.Nth, v.After = "", 0, time.Duration(rnd.Int64N(int64(latestKill)))
		}
		s.Visits = append(s.Visits, v)
		s.Appends = append(s.Appends, n)
		s.Wipes = append(s.Wipes, len(s.Wipes) > 0 && rnd.IntN(wipedOneIn) == 0)
	}
	return s
}

func (s schedule) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // integers and strings
	}
	return string(text)
}

// TestSchedules takes worlds through random schedules of faults, then through an
// undisturbed run, and counts. A failure prints its seed; -seed repeats it. A soak
// draws new seeds, a plain test takes the first ones, as many as there is time for.
func TestSchedules(t *testing.T) {
	want := scheduleBooks(t)
	if seed := chosenSeed(t); seed != 0 {
		followSchedule(t, seed, want)
		return
	}
	limit, first := schedulesFor, uint64(0) // the same seeds each time: 1, 2, ...
	if text := os.Getenv(envSoak); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("%s: %v", envSoak, err)
		}
		limit, first = d, uint64(time.Now().UnixNano())
	}
	end := time.Now().Add(limit)
	var next atomic.Uint64
	t.Run("all", func(t *testing.T) {
		for range schedulesAtOnce {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for time.Now().Before(end) && !t.Failed() {
					followSchedule(t, first+next.Add(1), want)
				}
			})
		}
	})
	t.Logf("%d schedules, from seed %d on", next.Load(), first+1)
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

// scheduleBooks are the books of a world that got all of the input at once, with
// nothing going wrong.
func scheduleBooks(t *testing.T) books {
	t.Helper()
	w := newWorld(fastDir(t))
	w.appendLogs(t, 0, scheduleRecords, scheduleAgain)
	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	b := w.audit(t)
	broken, again := 0, 0
	for i := range scheduleRecords {
		switch {
		case i%40 == 7:
			broken++
		case i%scheduleAgain == 0:
			again++
		}
	}
	if b.Raw != total(b.Events)+again || b.Dead != broken || again == 0 || len(b.RollUps) == 0 {
		t.Fatalf("%d raw records of which %d twice, %d events, %d dead letters of %d broken lines, %d roll-ups",
			b.Raw, again, total(b.Events), b.Dead, broken, len(b.RollUps))
	}
	return b
}

// followSchedule takes a world of its own through the schedule of a seed.
func followSchedule(t *testing.T, seed uint64, want books) {
	t.Helper()
	w := newWorld(fastDir(t))
	defer os.RemoveAll(w.dir) // a soak has many
	w.follow(t, seed, newSchedule(seed), want)
}

// follow takes the world through the schedule that was drawn from the seed.
func (w *world) follow(t *testing.T, seed uint64, s schedule, want books) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("seed %d: %s\nschedule: %s\nrepeat it with: go test -run TestSchedules -seed %d ./internal/pipeline",
			seed, fmt.Sprintf(format, args...), s, seed)
	}
	defer func() { // a Fatal on the way
		if t.Failed() {
			t.Logf("seed %d, schedule: %s", seed, s)
		}
	}()
	at, wiped := 0, false
	for i, v := range s.Visits {
		w.appendLogs(t, at, s.Appends[i], scheduleAgain)
		at = s.Appends[i]
		if s.Wipes[i] {
			wiped = true
			w.wipe(t)
		}
		runVictim(t, w, v)
	}
	w.appendLogs(t, at, scheduleRecords, scheduleAgain)
	if err := w.finish(t, Options{Once: true, Workers: 2}); err != nil {
		fail("the undisturbed run: %v", err)
		return
	}
	got := w.calmAudit(t)
	if n := len(got.OldEventRows) + len(got.OldAlertRows); !wiped && n > 0 {
		fail("%d rows are of topics that are gone, but no broker was wiped", n)
	}
	// A new broker knows nothing: what it collects again is there again, once.
	for uid, n := range got.OldEventRows {
		if n > countWipes(s) {
			fail("event %s has %d rows of %d wiped brokers", uid, n, countWipes(s))
		}
	}
	got.OldEventRows, got.OldAlertRows = want.OldEventRows, want.OldAlertRows
	if diff := cmp.Diff(want, got); diff != "" {
		fail("the books differ (-undisturbed +got):\n%s", diff)
	}
}

func countWipes(s schedule) int {
	n := 0
	for _, wiped := range s.Wipes {
		if wiped {
			n++
		}
	}
	return n
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
