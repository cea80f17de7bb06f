package pipeline

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weir-security/weir/internal/broker"
)

// sharedRoles are those that scale by adding processes.
var sharedRoles = []Role{RoleDetect, RoleCorrelate, RoleStore}

// drainOnInput drains when standard input ends: the parent's way to ask for it.
func drainOnInput(drain func()) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	drain()
}

// member is a process that shares the work of a world with others.
type member struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   strings.Builder // to be read when done
	done  chan struct{}   // closed when the process has ended
	err   error           // how, once done
	stats string          // the file with what it did so far
	roles []Role
}

// startMember starts a process that works under that instance until it is killed
// or drained; in the shared roles, if none are named.
func startMember(t *testing.T, w *world, instance string, roles ...Role) *member {
	t.Helper()
	if len(roles) == 0 {
		roles = sharedRoles
	}
	return startVisit(t, w, visit{Kind: kindNone, Instance: instance, Roles: roles, Batch: 50, FlushRows: 300})
}

// startVisit starts a visit that has an instance.
func startVisit(t *testing.T, w *world, v visit) *member {
	t.Helper()
	m := &member{cmd: v.command(t.Context(), t, w.dir), done: make(chan struct{}), stats: statsFile(w.dir, v.Instance), roles: v.Roles}
	if err := os.Remove(m.stats); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a predecessor
		t.Fatal(err)
	}
	m.cmd.Stdout, m.cmd.Stderr = &m.out, &m.out
	stdin, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.stdin = stdin
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		defer close(m.done)
		m.err = m.cmd.Wait()
	}()
	return m
}

// kill ends the process as kill -9 does.
func (m *member) kill(t *testing.T) {
	t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-m.done
}

// drain asks the process to finish, and waits until it has.
func (m *member) drain(t *testing.T) {
	t.Helper()
	m.stdin.Close()
	if <-m.done; m.err != nil {
		t.Errorf("after a drain: %v\n%s", m.err, m.out.String())
	}
}

// servedWorld is a world whose embedded broker this process serves to others.
func servedWorld(t *testing.T) (*world, broker.Options) {
	t.Helper()
	dir := fastDir(t)
	log := slog.New(slog.DiscardHandler)
	embedded, err := broker.StartEmbedded(filepath.Join(dir, "broker"), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { embedded.Close() })
	writeCluster(t, dir, cluster{Brokers: embedded.Addrs(), Prefix: "shared.", Replication: 1})
	return newWorld(dir), broker.Options{Seeds: embedded.Addrs(), Log: log}
}

// owners waits until the instances, and no others, have partitions of the group
// between them, and returns how long that took.
func owners(t *testing.T, opts broker.Options, group string, limit time.Duration, instances ...string) time.Duration {
	t.Helper()
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	began := time.Now()
	var last map[string]int
	for time.Since(began) < limit {
		groups, err := adm.DescribeGroups(t.Context(), group)
		if broker.Passing(err) { // a new cluster has no coordinator yet
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		last = map[string]int{}
		for _, m := range groups[group].Members {
			n := 0
			if assigned, ok := m.Assigned.AsConsumer(); ok {
				for _, topic := range assigned.Topics {
					n += len(topic.Partitions)
				}
			}
			if m.InstanceID != nil {
				last[*m.InstanceID] = n
			}
		}
		settled := len(last) == len(instances) && groups[group].State == "Stable"
		for _, i := range instances {
			settled = settled && last[i] > 0
		}
		if settled {
			return time.Since(began)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("after %s the members of %s and their partitions are %v, want each of %v to have some", limit, group, last, instances)
	return 0
}

// allOwn waits until the instances share the partitions of each shared role. A role
// whose group is about to change cannot be drained in time: on the embedded broker
// that waits for who was killed.
func allOwn(t *testing.T, opts broker.Options, w *world, instances ...string) {
	t.Helper()
	for _, role := range sharedRoles {
		ids := make([]string, len(instances))
		for i, instance := range instances {
			ids[i] = "weir-" + string(role) + "-" + instance
		}
		owners(t, opts, w.config.Kafka.GroupPrefix+string(role), 2*time.Minute, ids...)
	}
}

func TestProcessesShareTheWork(t *testing.T) {
	want := undisturbed(t)
	w, opts := servedWorld(t)
	shareTheWork(t, w, opts, want)
}

// shareTheWork runs detect, correlate and store in two processes, of which one is
// killed and another added, while input comes in.
func shareTheWork(t *testing.T, w *world, opts broker.Options, want books) {
	group := w.config.Kafka.GroupPrefix + string(RoleDetect)
	// The names of members are those of transactions, too, which know no prefix.
	name := func(instance string) string { return w.config.Instance + instance }
	id := func(instance string) string { return "weir-" + string(RoleDetect) + "-" + name(instance) }
	collect := func(from, to int) {
		w.appendLogs(t, from, to, 0)
		if err := w.collectOnce(t); err != nil {
			t.Fatal(err)
		}
	}
	a, b := startMember(t, w, name("a")), startMember(t, w, name("b"))
	t.Logf("two processes share after %s", owners(t, opts, group, 2*time.Minute, id("a"), id("b")))
	collect(0, 2000)
	a.kill(t)
	collect(2000, 4000)
	t.Logf("the other has all %s after the kill", owners(t, opts, group, 2*time.Minute, id("b")))
	c := startMember(t, w, name("c"))
	t.Logf("a third has its share after %s", owners(t, opts, group, 2*time.Minute, id("b"), id("c")))
	collect(4000, worldRecords)
	b.drain(t)
	// Well within the session timeout: the drained one gave its partitions up.
	t.Logf("the other has all %s after the drain", owners(t, opts, group, sessionTimeout-time.Second, id("c")))
	c.drain(t)

	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	got := w.audit(t)
	checkBooks(t, got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the books differ from one undisturbed process' (-one +shared):\n%s", diff)
	}
}

// collectOnce takes what was appended into Kafka: collect alone, with --once.
func (w *world) collectOnce(t *testing.T) error {
	t.Helper()
	o, err := w.options(Options{Once: true, Roles: []Role{RoleCollect}, Stats: NewStats(), batchRecords: batchRecords})
	if err != nil {
		return err
	}
	o.times = o.times.orDefault()
	_, err = runOnce(t.Context(), t.Context(), o)
	return err
}
