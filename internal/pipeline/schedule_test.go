package pipeline

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The worlds of schedules. They are small, so that there can be thousands, but of
// several transactions and files in each role: see drawVisit.
const (
	scheduleRecords  = 300              // of one world, in all portions together
	scheduleAgain    = 20               // one in so many records is delivered twice
	scheduleLateness = 10 * time.Minute // more than records are out of order, and less than they cover
	mostVisits       = 3
	mostTroubles     = 3 // of one visit
	wipedOneIn       = 8 // of the visits
	latestKill       = 1200 * time.Millisecond
	longestStall     = 150 * time.Millisecond
)

// schedule is what a world goes through: portions of its input, and after each a
// visit in which something goes wrong.
type schedule struct {
	Visits  []visit
	Appends []int  // records of the input that are there before the visit
	Wipes   []bool // whether the broker's directory is removed before the visit
}

// mix says how often a kind of trouble is drawn, and at which steps it can happen.
// What a kind shows:
//
//   - kindKill and kindKillAfter: kill -9 of a process of its own, so that nothing
//     runs that a kill would not let run. What it had written is kept by the
//     kernel: they show nothing of a power cut, which broker and lake test for
//     themselves, step by step.
//   - kindFail: one role ends with an error in the middle of its work, without an end
//     of its transaction, and the others are drained: what they have begun is
//     committed, and their members leave the groups.
//   - kindDrain: an orderly end in the middle of the work, with input left.
//   - kindStall: a role stands still at a step while the others go on, so that they
//     meet in another order.
var mix = []struct {
	kind   kind
	weight int
	steps  []Fault // nil for a kind that happens at some time
}{
	{kindKill, 6, slices.Concat(Faults, RareFaults)},
	{kindKillAfter, 2, nil},
	{kindFail, 3, slices.Concat(Faults, RareFaults)},
	{kindDrain, 2, Faults},
	{kindStall, 3, Faults},
}

// beScheduled configures the world as those of schedules are.
func (w *world) beScheduled() {
	w.config.Lateness.Default = scheduleLateness
	w.config.Kafka.Partitions.Alerts = 1 // a file less of each run
}

// newSchedule draws a schedule. Equal seeds give equal schedules.
func newSchedule(seed uint64) schedule {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var s schedule
	n := 0
	for range 1 + rnd.IntN(1+rnd.IntN(mostVisits)) { // few, rather
		n += rnd.IntN(scheduleRecords - n + 1)
		s.Visits = append(s.Visits, drawVisit(rnd))
		s.Appends = append(s.Appends, n)
		s.Wipes = append(s.Wipes, len(s.Wipes) > 0 && rnd.IntN(wipedOneIn) == 0)
	}
	return s
}

// drawVisit draws one run of a pipeline, with settings of its own.
func drawVisit(rnd *rand.Rand) visit {
	first := drawTrouble(rnd)
	v := visit{
		Kind: first.Kind, Fault: first.Fault, Nth: first.Nth, After: first.After,
		Batch: 10 + rnd.IntN(200), Workers: 1 + rnd.IntN(2), Scheduled: true,
	}
	if rnd.IntN(2) == 0 { // else a file for each partition: encoding them is half of all the work
		v.FlushRows = 20 + rnd.IntN(130)
	}
	for range rnd.IntN(mostTroubles) {
		v.More = append(v.More, drawTrouble(rnd))
	}
	return v
}

func drawTrouble(rnd *rand.Rand) trouble {
	all := 0
	for _, m := range mix {
		all += m.weight
	}
	at := rnd.IntN(all)
	for _, m := range mix {
		if at -= m.weight; at >= 0 {
			continue
		}
		tr := trouble{Kind: m.kind}
		if m.steps != nil {
			tr.Fault, tr.Nth = m.steps[rnd.IntN(len(m.steps))], 1+rnd.Int64N(4)
		}
		switch m.kind {
		case kindKillAfter:
			tr.After = time.Duration(rnd.Int64N(int64(latestKill)))
		case kindStall:
			tr.After = time.Duration(rnd.Int64N(int64(longestStall)))
		}
		return tr
	}
	panic("the weights do not add up")
}

func (s schedule) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // integers and strings
	}
	return string(text)
}

// scheduleBooks are the books of a world that got all of the input at once, with
// nothing going wrong.
func scheduleBooks(t *testing.T) books {
	t.Helper()
	w := newWorld(fastDir(t))
	w.beScheduled()
	w.appendLogs(t, 0, scheduleRecords, scheduleAgain)
	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	b := w.audit(t)
	broken, copies := 0, 0
	for i := range scheduleRecords {
		if isBroken(i) {
			broken++
		}
		if isCopied(i-copyAfter, scheduleAgain) {
			copies++
		}
	}
	if b.Raw != total(b.Events)+copies || b.Dead != broken || broken+total(b.Events) != scheduleRecords || copies == 0 || len(b.RollUps) == 0 {
		t.Fatalf("%d raw records of which %d twice, %d events, %d dead letters of %d broken lines, %d roll-ups",
			b.Raw, copies, total(b.Events), b.Dead, broken, len(b.RollUps))
	}
	checkOnce(t, b)
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
	finished := false
	defer func() { // a Fatal on the way
		if !finished {
			t.Logf("seed %d, schedule: %s", seed, s)
		}
	}()
	w.beScheduled()
	at, wipes := 0, 0
	for i, v := range s.Visits {
		w.appendLogs(t, at, s.Appends[i], scheduleAgain)
		at = s.Appends[i]
		if s.Wipes[i] {
			wipes++
			w.wipe(t)
		}
		runVictim(t, w, v)
	}
	w.appendLogs(t, at, scheduleRecords, scheduleAgain)
	err := w.finish(t, Options{Once: true, Workers: 2})
	if finished = true; err != nil {
		fail("the undisturbed run: %v", err)
		return
	}
	got := w.calmAudit(t)
	if n := len(got.OldEventRows) + len(got.OldAlertRows); wipes == 0 && n > 0 {
		fail("%d rows are of topics that are gone, but no broker was wiped", n)
	}
	// A new broker knows nothing: what it collects again is there again, once.
	for uid, n := range got.OldEventRows {
		if n > wipes {
			fail("event %s has %d rows of %d wiped brokers", uid, n, wipes)
		}
	}
	got.OldEventRows, got.OldAlertRows = want.OldEventRows, want.OldAlertRows
	if diff := cmp.Diff(want, got); diff != "" {
		fail("the books differ (-undisturbed +got):\n%s", diff)
	}
}
