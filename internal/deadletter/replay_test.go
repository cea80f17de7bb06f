package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/schemas/event"
)

// The variables by which a test starts this test binary as a replay to be killed.
const (
	envWorld   = "WEIR_TEST_WORLD"   // the world's directory
	envStep    = "WEIR_TEST_STEP"    // step:n, where to kill -9 it
	envBrokers = "WEIR_TEST_BROKERS" // prefix and addresses, for a world that is on Kafka
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envWorld); dir != "" {
		fmt.Fprintln(os.Stderr, runVictim(dir, os.Getenv(envStep)))
		os.Exit(1) // it should be dead
	}
	os.Exit(m.Run())
}

func runVictim(dir, step string) error {
	name, nth, _ := strings.Cut(step, ":")
	n, err := strconv.Atoi(nth)
	if err != nil {
		return err
	}
	r := fixed
	r.SetStep(func(s string) {
		if s == name {
			n--
		}
		if n == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	})
	w, err := newWorld(dir, trail)
	if err != nil {
		return err
	}
	if prefix, seeds, ok := strings.Cut(os.Getenv(envBrokers), " "); ok {
		w.on(strings.Fields(seeds), prefix)
	}
	return w.withBroker(func(opts broker.Options) error {
		_, err := w.complete(opts, r).Run(context.Background(), opts, w.names)
		return err
	})
}

// wrong is the source that the logs are first taken for, fixed the replay after
// that was noticed.
const wrong = "gcp.audit"

var fixed = deadletter.Replay{Filter: deadletter.Filter{Sources: []string{wrong}}, Judge: deadletter.Judge{As: trail}}

// fix corrects the collector's source.
func (w *world) fix() { w.config.Collectors[0].Source = trail }

// undisturbed is the books of a world that was right from the start.
func undisturbed(t *testing.T, log string) books {
	t.Helper()
	w := worldOf(t, trail, log)
	w.run(t)
	return w.audit(t)
}

// A replay after a fix gives the lake and the alerts that there would have been
// without the mistake; a second one changes nothing.
func TestReplayHeals(t *testing.T) {
	lines := strings.Join(calls(150), "\n") + "\n"
	for _, test := range []struct {
		name, log        string
		letters, records int
	}{
		{"a record each", lines, 150, 150},
		{"an envelope", `{"Records":[` + strings.Join(calls(150), ",\n  ") + `]}`, 1, 150},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := undisturbed(t, test.log)
			w := worldOf(t, wrong, test.log)
			w.run(t)
			if before := w.audit(t); len(before.Events)+len(before.Alerts)+len(before.EventRows) > 0 {
				t.Fatalf("there should be nothing but dead letters: %+v", before)
			}
			w.fix()

			dry := fixed
			dry.DryRun = true
			plan := w.replay(t, dry)
			got := w.replay(t, fixed)
			if diff := cmp.Diff(&deadletter.Result{Replayed: test.letters, Records: test.records}, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(plan, got); diff != "" {
				t.Errorf("the dry run promised something else (-dry +got):\n%s", diff)
			}
			w.run(t)
			healed := w.audit(t)
			if diff := cmp.Diff(want, healed); diff != "" {
				t.Errorf("after the replay (-undisturbed +healed):\n%s", diff)
			}
			if len(want.Alerts) < 10 {
				t.Errorf("only %d alerts: too few to tell", len(want.Alerts))
			}

			again := w.replay(t, fixed)
			if diff := cmp.Diff(&deadletter.Result{Before: test.letters}, again); diff != "" {
				t.Errorf("second replay (-want +got):\n%s", diff)
			}
			w.run(t)
			if diff := cmp.Diff(healed, w.audit(t)); diff != "" {
				t.Errorf("the second replay changed something (-first +second):\n%s", diff)
			}
		})
	}
}

// With a broker of its own, a replay works while the pipeline runs.
func TestReplayWhileRunning(t *testing.T) {
	t.Parallel()
	log := strings.Join(calls(100), "\n") + "\n"
	want := undisturbed(t, log)
	w := worldOf(t, wrong, log)
	w.share(t)
	w.healWhileRunning(t, want)
}

func (w *world) healWhileRunning(t *testing.T, want books) {
	t.Helper()
	w.run(t)
	w.fix()
	drain, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.serve(t.Context(), drain, false) }() // ends with drain
	if r := w.replay(t, fixed); r.Replayed != len(want.Events) {
		t.Errorf("replayed: %+v", r)
	}
	w.await(t, ended, len(want.Delivered))
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.run(t) // what a drain left
	if diff := cmp.Diff(want, w.audit(t)); diff != "" {
		t.Errorf("(-undisturbed +healed):\n%s", diff)
	}
}

// A record above a limit that was too low goes the normal way when it is raised.
func TestReplayAfterLimit(t *testing.T) {
	t.Parallel()
	log := call(1, "") + "\n" + call(3, strings.Repeat("x", 3000)) + "\n" + call(4, strings.Repeat("x", 200_000)) + "\n"
	want := undisturbed(t, log)
	w := worldOf(t, trail, log)
	limit := w.config.Limits.Record
	w.config.Limits.Record = 2000
	w.run(t)
	if r := w.replay(t, deadletter.Replay{}); r.Replayed != 0 || len(r.Kept) != 2 || !strings.Contains(r.Kept[0].Why, "2000 bytes") {
		t.Errorf("with the low limit: %+v", r)
	}
	w.config.Limits.Record = limit
	r := w.replay(t, deadletter.Replay{Judge: deadletter.Judge{Force: true}})
	if r.Replayed != 1 || len(r.Kept) != 1 || r.Kept[0].Letters != 1 || !strings.Contains(r.Kept[0].Why, "only its beginning") {
		t.Errorf("with the higher limit: %+v", r)
	}
	w.run(t)
	got := w.audit(t)
	delete(want.Events, "c-4") // of which only the beginning was kept
	delete(want.EventRows, "c-4")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A letter that is sent although it would fail again becomes a new one, which can
// be replayed like the first.
func TestFailsAgain(t *testing.T) {
	t.Parallel()
	w := worldOf(t, wrong, call(1, "")+"\n")
	w.run(t)
	if r := w.replay(t, deadletter.Replay{}); r.Replayed != 0 || len(r.Kept) != 1 || r.Kept[0].Now != event.ReasonWrongSource || r.Kept[0].LooksLike != trail {
		t.Errorf("without force: %+v", r)
	}
	for range 2 {
		if r := w.replay(t, deadletter.Replay{Judge: deadletter.Judge{Force: true}}); r.Replayed != 1 {
			t.Errorf("with force: %+v", r)
		}
		w.run(t)
	}
	want := []string{"s3://logs/a.json@0 wrong_source replayed", "s3://logs/a.json@0 wrong_source replayed", "s3://logs/a.json@0 wrong_source"}
	if diff := cmp.Diff(want, w.letters(t)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	if r := w.replay(t, fixed); r.Replayed != 1 || r.Before != 2 {
		t.Errorf("after the fix: %+v", r)
	}
	w.run(t)
	if got := w.audit(t); got.EventRows["c-1"] != 1 {
		t.Errorf("rows are %v", got.EventRows)
	}
}

// Killed with -9 at any step, a replay that is started again sends each letter
// once.
func TestReplayKilled(t *testing.T) {
	const letters = 2*deadletter.BatchLetters + 100
	log := strings.Join(calls(letters), "\n") + "\n"
	want := undisturbed(t, log)
	for step, before := range map[string]int{
		"produced:1": 0, "committed:1": deadletter.BatchLetters, "begin:2": deadletter.BatchLetters, "produced:3": 2 * deadletter.BatchLetters,
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			worldOf(t, wrong, log).healKilled(t, step, letters, before, want)
		})
	}
}

// healKilled kills a replay of a number of letters at a step, before which it has
// committed some.
func (w *world) healKilled(t *testing.T, step string, letters, before int, want books) {
	t.Helper()
	w.run(t)
	w.fix()
	kill(t, w, step)
	r := w.replay(t, fixed)
	if diff := cmp.Diff(&deadletter.Result{Replayed: letters - before, Records: letters - before, Before: before}, r); diff != "" {
		t.Errorf("the replay after the kill (-want +got):\n%s", diff)
	}
	w.run(t)
	if diff := cmp.Diff(want, w.audit(t)); diff != "" {
		t.Errorf("(-undisturbed +killed):\n%s", diff)
	}
}

// kill starts a replay in a process of its own, which dies at the step.
func kill(t *testing.T, w *world, step string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), envWorld+"="+w.dir, envStep+"="+step, envBrokers+"="+strings.Join(append([]string{w.names.Prefix}, w.seeds...), " "))
	out, err := cmd.CombinedOutput()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if err == nil || !ok || status.Signal() != syscall.SIGKILL || ctx.Err() != nil {
		t.Fatalf("the process should have been killed at %s, got %v\n%s", step, err, out)
	}
}

// Of two replays at the same time the later one takes over: no letter goes twice.
func TestTwoReplays(t *testing.T) {
	t.Parallel()
	worldOf(t, wrong, strings.Join(calls(20), "\n")+"\n").replayTwice(t, 20)
}

func (w *world) replayTwice(t *testing.T, letters int) {
	t.Helper()
	w.run(t)
	w.fix()
	err := w.withBroker(func(opts broker.Options) error {
		first, second := w.complete(opts, fixed), w.complete(opts, fixed)
		first.SetStep(func(step string) {
			if step != "produced" {
				return
			}
			if r, err := second.Run(t.Context(), opts, w.names); err != nil || r.Replayed != letters {
				t.Errorf("the second replay: %+v, %v", r, err)
			}
		})
		r, err := first.Run(t.Context(), opts, w.names)
		if r.Replayed != 0 || !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
			t.Errorf("the first replay should be fenced: %+v, %v", r, err)
		}
		n := 0
		err = eachRecord(t, opts, w.names.Raw(trail), func(*kgo.Record) { n++ })
		if n != letters {
			t.Errorf("%d records went back", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A cluster without weir's topics has no letters, and gets no topic by the asking.
func TestNoTopic(t *testing.T) {
	w := worldOf(t, trail, "")
	for range 2 {
		err := w.withBroker(func(opts broker.Options) error {
			_, err := deadletter.Open(t.Context(), opts, w.names.DLQ())
			return err
		})
		if !errors.Is(err, deadletter.ErrNoTopic) {
			t.Errorf("got %v", err)
		}
	}
}
