package pipeline

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/broker"
)

func statsFile(dir, instance string) string { return filepath.Join(dir, "stats."+instance+".json") }

// tellStats writes what a process did, for who started it: from time to time, and when
// it is ended.
func tellStats(file string, stats *Stats) (end func()) {
	tell := func() {
		data, err := json.Marshal(stats.Snapshot())
		if err == nil {
			err = os.WriteFile(file+".new", data, 0o600)
		}
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			panic(err) // the test's own directory
		}
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() { // ends with done
		defer close(ended)
		for {
			select {
			case <-time.After(50 * time.Millisecond):
				tell()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		tell()
	}
}

// did is what the process did, in each role, by what it told last.
func (m *member) did(t *testing.T) map[Role]int64 {
	t.Helper()
	var s Snapshot
	data, err := os.ReadFile(m.stats)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return nil // nothing yet
	}
	did := map[Role]int64{RoleStore: s.Rows}
	for _, c := range s.Sources {
		did[RoleCollect] += c.Read
		did[RoleDetect] += c.Normalized
		did[RoleCorrelate] += c.Alerted
	}
	for _, n := range s.Delivered {
		did[RoleDeliver] += n
	}
	return did
}

// idleRoles are the roles in which the process has done nothing yet.
func (m *member) idleRoles(t *testing.T) []Role {
	did := m.did(t)
	return slices.DeleteFunc(slices.Clone(m.roles), func(r Role) bool { return did[r] > 0 })
}

// layout is processes of different roles that run on one world, by name.
type layout struct {
	w       *world
	opts    broker.Options
	members map[string]*member
	next    int // record of the input
}

func (l *layout) instance(name string) string { return l.w.config.Instance + name }

func (l *layout) start(t *testing.T, name string, roles ...Role) {
	t.Helper()
	l.members[name] = startMember(t, l.w, l.instance(name), roles...)
}

// settle waits until the processes, and no others, share the partitions of their
// roles: until the group has noticed who came and who is gone.
func (l *layout) settle(t *testing.T) {
	t.Helper()
	for _, role := range sharedRoles {
		var ids []string
		for name, m := range l.members {
			if slices.Contains(m.roles, role) {
				ids = append(ids, "weir-"+string(role)+"-"+l.instance(name))
			}
		}
		if len(ids) > 0 {
			owners(t, l.opts, l.w.config.Kafka.GroupPrefix+string(role), 2*time.Minute, ids...)
		}
	}
}

// input appends records to the log, and waits until each of the processes has worked
// in each of its roles. Store writes when it has enough, or at its end.
func (l *layout) input(t *testing.T, records int, names ...string) {
	t.Helper()
	l.w.appendLogs(t, l.next, l.next+records, 0)
	l.next += records
	began := time.Now()
	for _, name := range names {
		m := l.members[name]
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			idle := slices.DeleteFunc(m.idleRoles(t), func(r Role) bool { return r == RoleStore })
			if len(idle) == 0 {
				break
			}
			select {
			case <-m.done:
				t.Fatalf("%s has ended: %v\n%s", name, m.err, m.out.String())
			default:
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has done nothing in the roles %v", name, idle)
			}
		}
	}
	t.Logf("%d records: %v have worked after %s", records, names, time.Since(began).Round(time.Millisecond))
}

// drain ends a process in order. By then it must have worked in each of its roles.
func (l *layout) drain(t *testing.T, name string) {
	t.Helper()
	m := l.members[name]
	m.drain(t)
	if idle := m.idleRoles(t); len(idle) > 0 {
		t.Errorf("%s has done nothing in the roles %v\n%s", name, idle, m.out.String())
	}
	t.Logf("%s did %v", name, m.did(t))
	delete(l.members, name)
}

// TestProcessesOfDifferentRoles is the layout on an embedded broker that they share.
func TestProcessesOfDifferentRoles(t *testing.T) {
	want := undisturbed(t)
	w, opts := servedWorld(t)
	layOut(t, w, opts, want)
}

// layOut runs three processes of different roles, some of which they share. One is
// killed for good, a fourth comes, and all are rolled, one after the other.
func layOut(t *testing.T, w *world, opts broker.Options, want books) {
	l := &layout{w: w, opts: opts, members: map[string]*member{}}
	roles := map[string][]Role{
		"a": {RoleCollect, RoleDetect},
		"b": {RoleDetect, RoleCorrelate},
		"c": {RoleStore, RoleDeliver},
		"d": {RoleDetect, RoleCorrelate, RoleStore},
	}
	for _, name := range []string{"a", "b", "c"} {
		l.start(t, name, roles[name]...)
	}
	l.settle(t)
	l.input(t, 1500, "a", "b", "c")
	l.members["b"].kill(t)
	t.Logf("b, which is killed, did %v", l.members["b"].did(t))
	delete(l.members, "b")
	l.start(t, "d", roles["d"]...)
	l.settle(t)
	l.input(t, 1500, "a", "c", "d")
	for _, name := range []string{"a", "c", "d"} {
		l.drain(t, name)
		l.start(t, name, roles[name]...)
		l.settle(t)
		l.input(t, 1000, "a", name)
	}
	for _, name := range []string{"a", "d", "c"} {
		l.drain(t, name)
		l.settle(t)
	}

	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	got := w.audit(t)
	checkBooks(t, got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the books differ from one undisturbed process' (-one +layout):\n%s", diff)
	}
}
