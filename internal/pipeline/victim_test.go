package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weir-security/weir/internal/broker"
)

// The variables by which a test starts this test binary as a weir in which
// something goes wrong.
const (
	envWorld = "WEIR_TEST_WORLD" // the world's directory
	envVisit = "WEIR_TEST_VISIT" // a visit as JSON
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envWorld); dir != "" {
		os.Exit(victim(dir, os.Getenv(envVisit)))
	}
	os.Exit(m.Run())
}

// visit is one run of a world's pipeline in a process of its own, and what goes
// wrong in it.
type visit struct {
	Kind  kind
	Fault Fault         `json:",omitempty"` // where, but for kindKillAfter
	Nth   int64         `json:",omitempty"` // at which meeting of it
	After time.Duration `json:",omitempty"` // of kindKillAfter, from the start; of kindStall, for how long
	More  []trouble     `json:",omitempty"` // that may happen in the same run
	// How the run is configured; 0 for the default.
	Batch       int  `json:",omitempty"` // records of one transaction
	FlushRows   int  `json:",omitempty"` // of a batch of the lake
	Workers     int  `json:",omitempty"` // of detect
	Scheduled   bool `json:",omitempty"` // the world is one of a schedule
	TrimCursors int  `json:",omitempty"` // how many records of cursors are too many
	TrimTerms   int  `json:",omitempty"` // how many records of terms are too many
	Reload      bool `json:",omitempty"` // rules are taken up when they change; not with --once
	// Instance makes it one of several processes that work in their Roles until they
	// are told to drain; empty for one with --once.
	Instance string `json:",omitempty"`
	Roles    []Role `json:",omitempty"`
}

// trouble is what goes wrong at one step.
type trouble struct {
	Kind  kind
	Fault Fault         `json:",omitempty"`
	Nth   int64         `json:",omitempty"`
	After time.Duration `json:",omitempty"`
}

// troubles are all of a visit.
func (v *visit) troubles() []trouble {
	return append([]trouble{{v.Kind, v.Fault, v.Nth, v.After}}, v.More...)
}

// has tells whether one of the visit's troubles is of a kind.
func (v *visit) has(kinds ...kind) bool {
	return slices.ContainsFunc(v.troubles(), func(tr trouble) bool { return slices.Contains(kinds, tr.Kind) })
}

// kind is what goes wrong.
type kind string

const (
	kindKill      kind = "kill"       // kill -9 of the process
	kindKillAfter kind = "kill after" // the same, at some time
	kindFail      kind = "fail"       // the role ends with an error
	kindDrain     kind = "drain"      // the first SIGTERM
	kindStall     kind = "stall"      // the role stands still for a while
	kindNone      kind = "none"
)

// end is how a victim ended.
type end string

const (
	endKilled end = "was killed"
	endFailed end = "failed as it should"
	endDone   end = "came to its end"
	endAway   end = "ended because brokers were away"
)

// victimBatch makes the input several transactions long, so that what goes wrong
// does so in the middle of it.
const victimBatch = 500

var errInjected = errors.New("injected")

// Exit codes of a victim.
const (
	victimFailed = 42 // its role failed as it should
	// Brokers did not take it in, or were away for too long when it was drained: all for
	// which a weir may end where one broker is away for seconds.
	victimAway = 43
)

// victim makes a visit in this process, and returns its exit code.
func victim(dir, text string) int {
	var v visit
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	drain, stop := context.WithCancel(ctx)
	defer stop()
	debug.SetGCPercent(seldomCollect)
	for _, tr := range v.troubles() {
		if tr.Kind == kindKillAfter {
			time.AfterFunc(tr.After, die)
		}
	}
	w := newWorld(dir)
	if v.Scheduled {
		w.beScheduled()
	}
	if v.FlushRows > 0 {
		w.config.Lake.Flush.Rows = v.FlushRows
	}
	o := Options{Once: v.Instance == "", Workers: cmp.Or(v.Workers, 2), batchRecords: v.Batch, trimCursors: v.TrimCursors, trimTerms: v.TrimTerms, Faults: v.injector(stop)}
	if v.Instance != "" {
		w.config.Instance = v.Instance
		o.Roles, o.Stats = v.Roles, NewStats()
		go drainOnInput(stop)
		defer tellStats(statsFile(dir, v.Instance), o.Stats)()
	}
	if v.Reload {
		o.Reload = w.reload()
	}
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	err := w.runUntil(ctx, drain, o)
	switch {
	case errors.Is(err, errInjected):
		return victimFailed
	case err != nil:
		fmt.Fprintln(os.Stderr, "weir:", err)
		away := broker.Passing(err) || v.has(kindDrain) && (errors.Is(err, errUndrained) || errors.Is(err, errTimedOut))
		if away && ctx.Err() == nil {
			return victimAway
		}
		return 1
	}
	return 0
}

// injector is what makes things go wrong.
func (v *visit) injector(drain func()) Injector {
	troubles := v.troubles()
	met := make([]atomic.Int64, len(troubles))
	return func(f Fault) error {
		for i, tr := range troubles {
			if f != tr.Fault || met[i].Add(1) != tr.Nth {
				continue
			}
			switch tr.Kind {
			case kindKill:
				die()
			case kindFail:
				return fmt.Errorf("%w at %s", errInjected, f)
			case kindDrain:
				drain()
			case kindStall:
				time.Sleep(tr.After) // what is tested
			}
		}
		return nil
	}
}

// die is kill -9 of this process.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}

// command is the visit as a process to start.
func (v *visit) command(ctx context.Context, t testing.TB, dir string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), envWorld+"="+dir, envVisit+"="+string(text))
	return cmd
}

// runVictim makes a visit in a process of its own. A process that ends otherwise
// than its visit allows fails the test.
func runVictim(t testing.TB, w *world, v visit) end {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := v.command(ctx, t, w.dir)
	out, err := cmd.CombinedOutput()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case err == nil:
		return endDone
	case ok && status.Signaled() && status.Signal() == syscall.SIGKILL && ctx.Err() == nil && v.has(kindKill, kindKillAfter):
		return endKilled
	case v.has(kindFail) && status.ExitStatus() == victimFailed:
		return endFailed
	case w.calm != nil && status.ExitStatus() == victimAway && ctx.Err() == nil:
		return endAway
	}
	t.Fatalf("visit %+v: %v\n%s", v, err, out)
	return ""
}

// kill runs the world's pipeline in a process of its own until it dies at the
// fault.
func kill(t *testing.T, w *world, fault Fault, nth int64) {
	t.Helper()
	if strings.HasPrefix(string(fault), "broker/") && w.config.Kafka.Embedded == nil {
		t.Skip("the step is one of the embedded broker, and this is another")
	}
	if ended := runVictim(t, w, visit{Kind: kindKill, Fault: fault, Nth: nth, Batch: victimBatch}); ended != endKilled {
		t.Fatalf("the process should have been killed at %s, it %s", fault, ended)
	}
}
