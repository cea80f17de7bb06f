package pipeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
)

// envTimelines is how many times as many seeds as a plain test has there are.
const envTimelines = "WEIR_TIMELINES"

// The seeds of a plain test.
const (
	timelinesWhole  = 6
	timelinesKilled = 4
	timelinesShared = 1
)

// TestCorrelation holds what comes out of the pipeline for random rules and
// timelines against the plain reading of the semantics. A failure prints its seed.
func TestCorrelation(t *testing.T) {
	times := uint64(1)
	if text := os.Getenv(envTimelines); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			t.Fatalf("%s: %v", envTimelines, err)
		}
		times = n
	}
	seeds := func(t *testing.T, first, n uint64, test func(*testing.T, uint64)) {
		n *= times
		if seed := chosenSeed(t); seed != 0 {
			first, n = seed, 1
		}
		for seed := first; seed < first+n; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				test(t, seed)
			})
		}
	}
	t.Run("Whole", func(t *testing.T) { seeds(t, 1, timelinesWhole, correlateWhole) })
	t.Run("Killed", func(t *testing.T) { seeds(t, 1001, timelinesKilled, correlateKilled) })
	t.Run("Shared", func(t *testing.T) {
		seeds(t, 2001, timelinesShared, func(t *testing.T, seed uint64) {
			w, opts := servedWorld(t)
			correlateShared(t, w, opts, seed)
		})
	})
}

// correlateWhole takes a timeline through one process, and then what comes too
// late.
func correlateWhole(t *testing.T, seed uint64) {
	tl := newTimeline(seed)
	w := tl.world(t, fastDir(t))
	w.arrive(t, tl.arrivals)
	runOK(t, w)
	tl.check(t, w, false)

	w.arrive(t, tl.late)
	stats := NewStats()
	if err := w.run(t.Context(), Options{Once: true, Stats: stats}); err != nil {
		t.Fatal(err)
	}
	late := tl.check(t, w, true)
	var m dto.Metric
	if err := stats.Telemetry.LateSignals.Write(&m); err != nil {
		t.Fatal(err)
	}
	if got := int(m.Counter.GetValue()); got != late {
		t.Errorf("seed %d: %d signals are counted as late, want %d", seed, got, late)
	}
}

// correlateKilled takes a timeline through processes each of which is killed
// somewhere.
func correlateKilled(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	tl := newTimeline(seed)
	w := tl.world(t, fastDir(t))
	w.killedOnTheWay(t, rnd, tl)
	runOK(t, w)
	tl.check(t, w, false)
}

// killedOnTheWay lets a timeline arrive in portions, and after each starts a
// process that is killed.
func (w *world) killedOnTheWay(t *testing.T, rnd *rand.Rand, tl *timeline) {
	t.Helper()
	faults := append([]Fault{FaultDetectProduced, FaultDetectFlushed, FaultDetectOffsets, FaultDetectCommitted,
		FaultCorrelateProduced, FaultCorrelateFlushed, FaultCorrelateOffsets, FaultCorrelateCommitted}, TrimFaults...)
	at := 0
	for range 2 {
		next := at + rnd.IntN(len(tl.arrivals)-at)
		w.arrive(t, tl.arrivals[at:next])
		at = next
		runVictim(t, w, visit{Kind: kindKill, Fault: faults[rnd.IntN(len(faults))], Nth: 1 + rnd.Int64N(4), Batch: 20 + rnd.IntN(200), TrimTerms: 1 + rnd.IntN(20)})
	}
	w.arrive(t, tl.arrivals[at:])
}

// correlateShared takes a timeline through three processes, of which one is
// killed, one is drained and one comes later.
func correlateShared(t *testing.T, w *world, opts broker.Options, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	tl := newTimeline(seed)
	tl.settings.Raw, tl.settings.Signals = max(2, tl.settings.Raw), max(2, tl.settings.Signals) // there is something to share
	tl.settle(t, w.dir)
	w = newWorld(w.dir)
	third := len(tl.arrivals) / 3
	portion := func(i int) {
		w.arrive(t, tl.arrivals[i*third:min((i+1)*third, len(tl.arrivals))])
		if err := w.collectOnce(t); err != nil {
			t.Fatal(err)
		}
	}
	a, b := startMember(t, w, w.config.Instance+"a"), startMember(t, w, w.config.Instance+"b")
	allOwn(t, opts, w, w.config.Instance+"a", w.config.Instance+"b")
	portion(0)
	time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond) // somewhere in its work
	a.kill(t)
	portion(1)
	c := startMember(t, w, w.config.Instance+"c")
	allOwn(t, opts, w, w.config.Instance+"b", w.config.Instance+"c")
	portion(2)
	b.drain(t)
	w.arrive(t, tl.arrivals[3*third:])
	c.drain(t)
	runOK(t, w)
	tl.check(t, w, false)
}

func runOK(t *testing.T, w *world) {
	t.Helper()
	if err := w.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
		t.Fatal(err)
	}
}

// world is a world of the timeline.
func (tl *timeline) world(t *testing.T, dir string) *world {
	t.Helper()
	tl.settle(t, dir)
	return newWorld(dir)
}

// check compares what was found with the reference, and returns how many signals
// must have been late.
func (tl *timeline) check(t *testing.T, w *world, late bool) int {
	t.Helper()
	want, lateSignals := tl.expected(t, w, late)
	if len(want.Alerts) < 5 { // some timelines have no roll-ups: those of rules that never suppress
		t.Errorf("seed %d: only %d alerts and %d roll-ups: the timeline tests too little", tl.seed, len(want.Alerts), len(want.RollUps))
	}
	if diff := cmp.Diff(want, w.found(t)); diff != "" {
		w.logHeartbeats(t)
		t.Errorf("seed %d: findings differ from the reference (-reference +pipeline):\n%s\nsettings %+v\nrules %v\nrepeat it with: go test -run %s -seed %d",
			tl.seed, diff, tl.settings, tl.rules, t.Name(), tl.seed)
	}
	return lateSignals
}

// logHeartbeats logs what correlate heard in one partition of signals.
func (w *world) logHeartbeats(t *testing.T) {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Signals(), func(r *kgo.Record) {
		if _, h, err := detections.ParseSignal(r.Value); err == nil && h != nil && r.Partition == 0 {
			t.Logf("offset %d: %+v", r.Offset, *h)
		}
	})
}
