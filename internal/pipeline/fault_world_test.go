package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/broker"
)

// Times of tests in which Kafka is to lose patience soon.
const (
	shortSession     = 4 * time.Second // longer than the interval of heartbeats, 3 s
	shortTransaction = 3 * time.Second
	faultPatience    = 90 * time.Second // with what a test waits for: the machine may be busy
)

// The input of these tests is several transactions long.
const (
	faultRecords = 1000
	faultBatch   = 100
)

// envFaults asks for every case of these tests; without it the slow ones are left out,
// but for one that stands for them.
const envFaults = "WEIR_FAULTS"

// slow leaves a case out, unless all are asked for or it stands for the others.
func slow(t *testing.T, stands bool) {
	t.Helper()
	if !stands && os.Getenv(envFaults) == "" {
		t.Skip("one of many that wait for long: make faults runs them all")
	}
}

// faultOptions are those of a service in these tests.
func faultOptions(roles ...Role) Options {
	return Options{
		Roles: roles, Workers: 2, batchRecords: faultBatch, Stats: NewStats(),
		times: times{session: shortSession, rebalance: shortSession, transaction: shortTransaction},
	}
}

var calm struct {
	sync.Mutex
	books map[int]books // by number of records
}

// calmBooks are the books of a world through which nothing went wrong.
func calmBooks(t *testing.T) books { return calmBooksOf(t, faultRecords) }

// calmBooksOf are those of a world with so many records.
func calmBooksOf(t *testing.T, records int) books {
	t.Helper()
	calm.Lock()
	defer calm.Unlock()
	if known, ok := calm.books[records]; ok {
		return known
	}
	w := newWorld(fastDir(t))
	w.appendLogs(t, 0, records, 0)
	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	b := w.audit(t)
	if b.Raw != total(b.Events) || b.Dead != records/40 || b.Raw+b.Dead != records || len(b.RollUps) == 0 {
		t.Fatalf("%d raw records, %d events, %d dead letters, %d roll-ups", b.Raw, total(b.Events), b.Dead, len(b.RollUps))
	}
	if calm.books == nil {
		calm.books = map[int]books{}
	}
	calm.books[records] = b
	return b
}

// settle runs what is left of a world to its end, and compares the books with those
// of a world through which nothing went wrong.
func (w *world) settle(t *testing.T) {
	t.Helper()
	w.settleAs(t, calmBooks(t))
}

// settleAs compares the books with these.
func (w *world) settleAs(t *testing.T, want books) {
	t.Helper()
	if err := w.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, w.audit(t)); diff != "" {
		files, _ := filepath.Glob(filepath.Join(w.config.Lake.Dir, "*", "*", "*", "*.parquet"))
		t.Errorf("the books differ (-undisturbed +disturbed):\n%s\nfiles: %s", diff, strings.Join(files, "\n"))
	}
}

// running is a pipeline that runs in this process until it is stopped.
type running struct {
	stats *Stats
	log   *lockedLog
	stop  context.CancelFunc
	end   chan error
}

// start runs the world's pipeline.
func (w *world) start(t *testing.T, o Options) *running {
	t.Helper()
	drain, stop := context.WithCancel(t.Context())
	s := &running{stats: o.Stats, log: &lockedLog{}, stop: stop, end: make(chan error, 1)}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	go func() { s.end <- w.runUntil(context.WithoutCancel(drain), drain, o) }()
	t.Cleanup(stop)
	return s
}

// wait returns the service's end.
func (s *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.end:
		s.end <- err
		return err
	case <-time.After(faultPatience):
		t.Fatalf("the service does not end:\n%s", s.log)
		return nil
	}
}

// drain stops the service in order.
func (s *running) drain(t *testing.T) {
	t.Helper()
	s.stop()
	if err := s.wait(t); err != nil {
		t.Errorf("after a drain: %v\n%s", err, s.log)
	}
}

// until waits for something of a service that runs.
func (s *running) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	awaited(t, func() string {
		select {
		case err := <-s.end:
			s.end <- err
			t.Fatalf("while waiting until %s the service ended: %v\n%s", what, err, s.log)
		default:
		}
		if done() {
			return ""
		}
		return fmt.Sprintf("it is not so that %s: %+v\n%s", what, s.stats.Snapshot(), s.log)
	})
}

// untilStored waits until so many events are in the lake.
func (s *running) untilStored(t *testing.T, events int) {
	t.Helper()
	s.until(t, fmt.Sprintf("%d events are in the lake", events), func() bool {
		return valueOf(t, s.stats.Telemetry.LakeRows.WithLabelValues("events")) >= float64(events)
	})
}

// awaited waits until try returns nothing, else fails with what it says last.
func awaited(t *testing.T, try func() string) {
	t.Helper()
	for deadline := time.Now().Add(faultPatience); ; time.Sleep(50 * time.Millisecond) {
		said := try()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(said)
		}
	}
}

// lockedLog is a log that several goroutines write and read.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// gate holds a role at a step, once, until it is opened.
type gate struct {
	fault         Fault
	nth           int
	mu            sync.Mutex
	reached, open chan struct{}
}

func newGate(fault Fault, nth int) *gate {
	return &gate{fault: fault, nth: nth, reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) at(f Fault) error {
	if f != g.fault {
		return nil
	}
	g.mu.Lock()
	g.nth--
	here := g.nth == 0
	g.mu.Unlock()
	if here {
		close(g.reached)
		<-g.open
	}
	return nil
}

func (g *gate) wait(t *testing.T, s *running) {
	t.Helper()
	select {
	case <-g.reached:
	case err := <-s.end:
		t.Fatalf("ended before %s: %v\n%s", g.fault, err, s.log)
	case <-time.After(faultPatience):
		t.Fatalf("%s is not reached\n%s", g.fault, s.log)
	}
}

// hostedBroker is an embedded broker in a process of its own.
type hostedBroker struct {
	Dir  string
	Port int

	cmd   *exec.Cmd
	stdin io.Closer
	out   lockedLog
}

// hostBroker makes one and starts it.
func hostBroker(t *testing.T) *hostedBroker {
	t.Helper()
	h := &hostedBroker{Dir: filepath.Join(fastDir(t), "broker")}
	h.start(t)
	t.Cleanup(func() { h.kill(t) })
	return h
}

// start starts it, again on the same directory and port, and waits until it answers.
func (h *hostedBroker) start(t *testing.T) {
	t.Helper()
	h.cmd, h.stdin = startTask(t, task{Broker: h}, &h.out)
	awaited(t, func() string {
		// The broker chooses its port the first time: a free one might be taken until it
		// listens.
		text, err := os.ReadFile(h.portFile())
		if err == nil {
			h.Port, err = strconv.Atoi(string(text))
		}
		if err != nil {
			return fmt.Sprintf("the broker does not start: %v\n%s", err, &h.out)
		}
		cl, err := h.options().New(t.Context())
		if err != nil {
			return fmt.Sprintf("the broker does not answer: %v\n%s", err, &h.out)
		}
		cl.Close()
		return ""
	})
}

func (h *hostedBroker) portFile() string { return h.Dir + ".port" }

// serve is the broker's process, until ctx is done.
func (h *hostedBroker) serve(ctx context.Context, t *testing.T) {
	e, err := broker.StartEmbeddedWith(h.Dir, slog.New(slog.NewTextHandler(os.Stderr, nil)), broker.EmbeddedOptions{Port: h.Port, MinSession: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(e.Addrs()[0])
	if err == nil {
		err = os.WriteFile(h.portFile()+".new", []byte(port), 0o600)
	}
	if err == nil {
		err = os.Rename(h.portFile()+".new", h.portFile())
	}
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func (h *hostedBroker) address() string { return fmt.Sprintf("127.0.0.1:%d", h.Port) }

// kill ends it as kill -9 does.
func (h *hostedBroker) kill(t *testing.T) {
	t.Helper()
	_ = h.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
	_ = h.cmd.Wait()
}

// close ends it in order.
func (h *hostedBroker) close(t *testing.T) {
	t.Helper()
	h.stdin.Close()
	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("the broker's end: %v\n%s", err, &h.out)
	}
}

// options reach the broker.
func (h *hostedBroker) options() broker.Options {
	return broker.Options{Seeds: []string{h.address()}, Log: slog.New(slog.DiscardHandler)}
}

// world makes a world on the broker.
func (h *hostedBroker) world(t *testing.T) *world {
	t.Helper()
	dir := fastDir(t)
	data, err := json.Marshal(cluster{Brokers: []string{h.address()}, Prefix: "hosted.", Replication: 1})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, clusterFile), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(dir)
}

// task is what a process does that a test starts beside itself: until its standard
// input ends.
type task struct {
	Broker *hostedBroker // host an embedded broker
	Weir   *weirTask     // run a world's pipeline
}

// weirTask is a service in a process of its own.
type weirTask struct {
	World  string // directory
	Fault  Fault
	Nth    int
	Signal syscall.Signal // what the process gets there
}

const envTask = "WEIR_TEST_TASK"

// TestTask is no test: it is the body of such a process.
func TestTask(t *testing.T) {
	text := os.Getenv(envTask)
	if text == "" {
		t.Skip("no test: the body of processes that tests start")
	}
	var do task
	if err := json.Unmarshal([]byte(text), &do); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if do.Broker != nil {
		do.Broker.serve(ctx, t)
		return
	}
	o := faultOptions()
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	left := do.Weir.Nth
	var mu sync.Mutex
	o.Faults = func(f Fault) error {
		mu.Lock()
		defer mu.Unlock()
		if f == do.Weir.Fault {
			if left--; left == 0 {
				return syscall.Kill(os.Getpid(), do.Weir.Signal)
			}
		}
		return nil
	}
	if err := newWorld(do.Weir.World).runUntil(t.Context(), ctx, o); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// startTask starts a process. Closing what it returns asks it to end.
func startTask(t *testing.T, do task, out io.Writer) (*exec.Cmd, io.Closer) {
	t.Helper()
	text, err := json.Marshal(do)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestTask$")
	cmd.Env = append(os.Environ(), envTask+"="+string(text))
	cmd.Stdout, cmd.Stderr = out, out
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd, stdin
}
