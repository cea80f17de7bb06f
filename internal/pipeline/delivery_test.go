package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/sinks"
)

// memoryLog is a topic of alerts in memory, with one reader's commits.
type memoryLog struct {
	t          *testing.T
	partitions [][]*kgo.Record

	mu        sync.Mutex
	committed []int64
	refused   int               // commits that are still to be refused
	letters   map[string]string // answers by alert id
	gone      map[int32]bool
}

func newMemoryLog(t *testing.T, partitions, alerts int) *memoryLog {
	m := &memoryLog{t: t, partitions: make([][]*kgo.Record, partitions), committed: make([]int64, partitions), letters: map[string]string{}, gone: map[int32]bool{}}
	for i := range alerts {
		p := i % partitions
		offset := int64(len(m.partitions[p]))
		m.partitions[p] = append(m.partitions[p], &kgo.Record{
			Topic: "alerts", Partition: int32(p), Offset: offset, Key: fmt.Appendf(nil, "a%06d", i), Value: testAlert(i),
		})
	}
	return m
}

// testAlert is an alert as far as routes look at it.
func testAlert(i int) []byte {
	return fmt.Appendf(nil, `{"metadata":{"uid":"a%06d","log_provider":"aws.cloudtrail"},"severity_id":%d,"time":1793700000000,"finding_info":{"uid":"a%06d","title":"t","analytic":{"uid":"rule.%d"}}}`, i, i%5+1, i, i%7)
}

// poll gives up to n records of each partition from what is committed.
func (m *memoryLog) poll(n int) []*kgo.Record {
	var records []*kgo.Record
	for p, all := range m.partitions {
		from := m.committed[p]
		records = append(records, all[from:min(int64(len(all)), from+int64(n))]...)
	}
	return records
}

func (m *memoryLog) mine(records []*kgo.Record) []*kgo.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(records), func(r *kgo.Record) bool { return m.gone[r.Partition] })
}

func (m *memoryLog) commit(_ context.Context, records []*kgo.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused > 0 {
		m.refused--
		return explainCommit(kerr.RebalanceInProgress)
	}
	for _, r := range records {
		m.committed[r.Partition] = max(m.committed[r.Partition], r.Offset+1)
	}
	return nil
}

func (m *memoryLog) deadLetter(_ context.Context, alert *sinks.Alert, answer error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters[alert.ID] = answer.Error()
	return nil
}

func (m *memoryLog) left() int {
	n := 0
	for p := range m.partitions {
		n += len(m.partitions[p]) - int(m.committed[p])
	}
	return n
}

// deliverFunc is a destination.
type deliverFunc func(ctx context.Context, alerts []sinks.Alert) error

func (deliverFunc) Name() string { return "test" }
func (deliverFunc) Close() error { return nil }
func (f deliverFunc) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	return f(ctx, alerts)
}

func (m *memoryLog) delivery(to deliverFunc) *delivery {
	return &delivery{
		name: "test", destination: to, most: bulk, alerts: m, log: slog.New(slog.DiscardHandler), stats: NewStats(),
		works: func() {}, waits: func(string, time.Duration) {}, retry: newBackOff(retryFirst, retryMost),
	}
}

// fickle fails in every way at random, and remembers what it was given.
type fickle struct {
	mu    sync.Mutex
	rand  *rand.Rand
	fails int            // one call in so many goes well; the others fail
	taken map[string]int // by id, how often
	bad   func(id string) bool
	pause func(time.Duration)
}

func (f *fickle) deliver(_ context.Context, alerts []sinks.Alert) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	take := func(some []sinks.Alert) {
		for _, a := range some {
			if !f.bad(a.ID) {
				f.taken[a.ID]++
			}
		}
	}
	switch f.rand.IntN(9) {
	case 0: // it is away
		return errors.New("connection refused")
	case 1: // it has them, but its answer is lost
		take(alerts)
		return errors.New("connection reset by peer")
	case 2: // it breaks in the middle
		take(alerts[:f.rand.IntN(len(alerts)+1)])
		return errors.New("500")
	case 3: // it is busy
		return fmt.Errorf("post: %w", &sinks.BusyError{After: time.Duration(f.rand.IntN(3)) * time.Millisecond, Err: errors.New("429")})
	case 4: // it hangs
		f.pause(time.Duration(f.rand.IntN(1000)) * time.Microsecond)
		return context.DeadlineExceeded
	case 5: // it takes some, and asks for others again
		partial := &sinks.PartialError{}
		for i, a := range alerts {
			if f.rand.IntN(2) == 0 {
				partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Err: errors.New("429: rejected execution")})
			} else if f.bad(a.ID) {
				partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Permanent: true, Err: errors.New("400: " + a.ID)})
			} else {
				take(alerts[i : i+1])
			}
		}
		return partial
	}
	partial := &sinks.PartialError{}
	for i, a := range alerts {
		if f.bad(a.ID) {
			partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Permanent: true, Err: errors.New("400: " + a.ID)})
		}
	}
	take(alerts)
	if len(partial.Failures) > 0 {
		return fmt.Errorf("bulk: %w", partial)
	}
	return nil
}

// everyHundredth alert is one that the destination refuses for good.
func everyHundredth(id string) bool { return id[len(id)-2:] == "42" }

// 100,000 alerts through a destination that fails in every way at random, with the
// process killed now and then: all arrive, but for those that it refuses for good,
// which are dead letters with its answer.
func TestDeliveryThroughEveryFailure(t *testing.T) {
	const alerts = 100_000
	synctest.Test(t, func(t *testing.T) {
		m := newMemoryLog(t, 3, alerts)
		random := rand.New(rand.NewPCG(7, 11))
		f := &fickle{rand: random, taken: map[string]int{}, bad: everyHundredth, pause: time.Sleep}
		errKilled := errors.New("killed")
		kills := 0
		for m.left() > 0 {
			d := m.delivery(f.deliver)
			d.faults = func(Fault) error {
				if random.IntN(40) == 0 {
					kills++
					return errKilled
				}
				return nil
			}
			for m.left() > 0 {
				if err := d.run(t.Context(), t.Context(), m.poll(bulk)); errors.Is(err, errKilled) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range alerts {
			id := fmt.Sprintf("a%06d", i)
			answer, dead := m.letters[id]
			switch {
			case everyHundredth(id) && answer != "400: "+id:
				t.Fatalf("alert %s is refused, its dead letter says %q", id, answer)
			case !everyHundredth(id) && (dead || f.taken[id] == 0):
				t.Fatalf("alert %s: delivered %d times, dead-lettered %v", id, f.taken[id], dead)
			}
		}
		if kills == 0 {
			t.Error("nothing was killed")
		}
		t.Logf("%d kills, %d alerts delivered, %d refused", kills, len(f.taken), len(m.letters))
	})
}

// A destination that is away for an hour gets everything when it is back, in order,
// and is asked about once a minute until then. One beside it waits for nothing.
func TestDeliveryAwayForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const alerts = 2000
		began, tries := time.Now(), 0
		var notes []string
		var got []string
		away := newMemoryLog(t, 1, alerts)
		d := away.delivery(func(_ context.Context, some []sinks.Alert) error {
			if tries++; time.Since(began) < time.Hour {
				return errors.New("connection refused")
			}
			for _, a := range some {
				got = append(got, a.ID)
			}
			return nil
		})
		d.waits = func(note string, _ time.Duration) { notes = append(notes, note) }
		var other time.Duration
		beside := newMemoryLog(t, 1, alerts)
		go func() {
			healthy := beside.delivery(func(context.Context, []sinks.Alert) error { return nil })
			for beside.left() > 0 {
				if err := healthy.run(t.Context(), t.Context(), beside.poll(bulk)); err != nil {
					t.Error(err)
				}
			}
			other = time.Since(began)
		}()
		for away.left() > 0 {
			if err := d.run(t.Context(), t.Context(), away.poll(bulk)); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != alerts || !slices.IsSorted(got) {
			t.Errorf("%d of %d alerts arrived, in order: %v", len(got), alerts, slices.IsSorted(got))
		}
		if tries < 45 || tries > 150 {
			t.Errorf("it was asked %d times in an hour", tries)
		}
		if late := time.Since(began) - time.Hour; late > 90*time.Second {
			t.Errorf("the last alert came %s after it was back", late)
		}
		if other != 0 {
			t.Errorf("the destination beside it had everything after %s", other)
		}
		if want := "the destination does not take alerts since " + began.UTC().Format(time.RFC3339); len(notes) == 0 || notes[len(notes)-1] != want {
			t.Errorf("the last of %d notes is not %q", len(notes), want)
		}
	})
}

func TestDeliveryWaitsAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemoryLog(t, 1, 1)
		asked := []time.Duration{90 * time.Second, 26 * time.Hour, 0}
		want := []time.Duration{90 * time.Second, time.Hour, 0}
		var last time.Time
		err := m.delivery(func(context.Context, []sinks.Alert) error {
			if n := len(want) - len(asked); !last.IsZero() && time.Since(last) < want[n-1] {
				t.Errorf("try %d came after %s, want %s", n, time.Since(last), want[n-1])
			}
			last = time.Now()
			if len(asked) == 0 {
				return nil
			}
			after := asked[0]
			asked = asked[1:]
			return &sinks.PartialError{Failures: []sinks.Failure{{Index: 0, Err: &sinks.BusyError{After: after, Err: errors.New("429")}}}}
		}).run(t.Context(), t.Context(), m.poll(1))
		if err != nil || m.left() != 0 {
			t.Errorf("%v, %d left", err, m.left())
		}
	})
}

// What a route leaves out is committed and counted; what cannot be read is not left
// out but refused.
func TestDeliveryByRoute(t *testing.T) {
	m := newMemoryLog(t, 2, 100)
	m.partitions[0][3].Value = []byte("{broken")
	var got []string
	d := m.delivery(func(_ context.Context, some []sinks.Alert) error {
		partial := &sinks.PartialError{}
		for i, a := range some {
			if a.Attributes.Finding == "" {
				partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Permanent: true, Err: errors.New("no JSON")})
				continue
			}
			got = append(got, a.ID)
		}
		return partial
	})
	d.route = sinks.Route{MinSeverity: 5}
	if err := d.run(t.Context(), t.Context(), m.poll(100)); err != nil {
		t.Fatal(err)
	}
	snap := d.stats.Snapshot()
	if len(got) != 20 || snap.Delivered["test"] != 20 || snap.Skipped["test"] != 79 || m.left() != 0 {
		t.Errorf("%d delivered (%d counted), %d skipped, %d left", len(got), snap.Delivered["test"], snap.Skipped["test"], m.left())
	}
	if m.letters["a000006"] != "no JSON" {
		t.Errorf("dead letters: %v", m.letters)
	}
}

// A drain ends between two calls, with what is done committed.
func TestDeliveryDrains(t *testing.T) {
	m := newMemoryLog(t, 1, 100)
	drain, stop := context.WithCancel(t.Context())
	calls := 0
	d := m.delivery(func(context.Context, []sinks.Alert) error {
		if calls++; calls == 3 {
			stop()
		}
		return nil
	})
	d.most = 10
	if err := d.run(t.Context(), drain, m.poll(100)); !errors.Is(err, errDraining) {
		t.Errorf("the error is %v", err)
	}
	if m.left() != 70 {
		t.Errorf("%d alerts are left, want 70", m.left())
	}
}

// A partition that goes to another process while its alerts wait is not delivered
// here any more, and its commit is left to the other.
func TestDeliveryForgetsWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemoryLog(t, 2, 20)
		var got []string
		d := m.delivery(func(_ context.Context, some []sinks.Alert) error {
			if !m.gone[1] {
				m.gone[1] = true
				return errors.New("connection refused")
			}
			for _, a := range some {
				got = append(got, a.ID)
			}
			return nil
		})
		if err := d.run(t.Context(), t.Context(), m.poll(20)); err != nil {
			t.Fatal(err)
		}
		if len(got) != 10 || m.committed[0] != 10 || m.committed[1] != 0 {
			t.Errorf("%d delivered, committed %v", len(got), m.committed)
		}
	})
}

// A commit that is refused between two tries, because the group rebalances, must not
// make the role pass over what is not delivered yet.
func TestDeliveryGoesOnAfterARefusedCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemoryLog(t, 1, 10)
		m.refused = 2
		tries, got := 0, 0
		err := m.delivery(func(_ context.Context, some []sinks.Alert) error {
			if tries++; tries < 4 {
				return errors.New("connection refused")
			}
			got += len(some)
			return nil
		}).run(t.Context(), t.Context(), m.poll(10))
		if err != nil || got != 10 || m.left() != 0 {
			t.Errorf("%v, %d alerts delivered, %d left", err, got, m.left())
		}
	})
}
