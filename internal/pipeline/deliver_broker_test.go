package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/sinks"
)

// deliverWorld is an embedded broker with alerts on it, and nothing that runs.
func deliverWorld(t *testing.T, waits times, alerts int, value func(i int) []byte) *pipeline {
	t.Helper()
	w := newWorld(t.TempDir())
	p, err := open(t.Context(), Options{
		Config: w.config, Roles: []Role{RoleDeliver}, Sources: sources.Builtin().All(), Log: slog.New(slog.DiscardHandler),
		Stats: NewStats(), batchRecords: batchRecords, times: waits.orDefault(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	p.produceAlerts(t, 0, alerts, value)
	return p
}

// produceAlerts puts the alerts [from, to) on the topic.
func (p *pipeline) produceAlerts(t *testing.T, from, to int, value func(i int) []byte) {
	t.Helper()
	var first error
	for i := from; i < to; i++ { // with a client that every one may be, but for groups
		p.client.Produce(t.Context(), &kgo.Record{Topic: p.names.Alerts(), Key: fmt.Appendf(nil, "a%06d", i), Value: value(i)},
			func(_ *kgo.Record, err error) { first = errors.Join(first, err) })
	}
	if err := errors.Join(p.client.Flush(t.Context()), first); err != nil {
		t.Fatal(err)
	}
}

// deliverUntil runs the role to a destination until stop is called or, with all
// alerts as the target, until they are done.
func (p *pipeline) deliverUntil(ctx, drain context.Context, name string, to deliverFunc) error {
	ends, err := p.opts.VisibleRanges(ctx, p.names.Alerts())
	if err != nil {
		return err
	}
	target := newTarget()
	target.set(ends)
	d := &deliverRole{shared: &p.shared, opened: opened{Destination: to, name: name, most: bulk}}
	return d.run(ctx, drain, target)
}

// 100,000 alerts of the embedded broker through a destination that fails in every
// way at random, with the role started anew now and then: all arrive.
func TestDeliverThroughEveryFailureFromTheBroker(t *testing.T) {
	const alerts = 100_000
	p := deliverWorld(t, times{retryFirst: 2 * time.Millisecond, retryMost: 4 * time.Millisecond}, alerts, testAlert)
	errKilled := errors.New("killed")
	random := rand.New(rand.NewPCG(3, 5))
	f := &fickle{rand: random, taken: map[string]int{}, bad: everyHundredth, pause: time.Sleep}
	starts := 0
	for {
		starts++
		steps := 0
		p.faults = func(at Fault) error {
			if steps++; at == FaultDeliverDelivered && steps > 150 && starts < 4 {
				return errKilled
			}
			return nil
		}
		err := p.deliverUntil(t.Context(), t.Context(), "soc", f.deliver)
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	letters := map[string]int{}
	eachCommitted(t, p.opts, p.names.DLQ(), func(r *kgo.Record) { letters[string(r.Value)]++ })
	for i := range alerts {
		id := fmt.Sprintf("a%06d", i)
		if everyHundredth(id) {
			if letters[string(testAlert(i))] == 0 {
				t.Fatalf("the refused alert %s is no dead letter", id)
			}
		} else if f.taken[id] == 0 {
			t.Fatalf("alert %s did not arrive", id)
		}
	}
	if n := p.stats.Snapshot().Letters[letterKind{event.StageDeliver, "", event.ReasonRefused}.String()]; n < alerts/100 {
		t.Errorf("%d dead letters are counted", n)
	}
	t.Logf("%d starts, %d alerts taken", starts, len(f.taken))
}

// While a destination is away for much longer than the session timeout, its reader
// keeps its place in the group, so that nothing is taken from it and delivered
// twice, and reads no more than a little ahead.
func TestDeliverKeepsItsPlaceWhileItWaits(t *testing.T) {
	const session, alerts = 3 * time.Second, 20_000
	value := func(i int) []byte { // of 4 kB which do not compress away
		noise := make([]byte, 3000)
		source := rand.New(rand.NewPCG(uint64(i), 1))
		for j := range noise {
			noise[j] = "0123456789abcdef"[source.IntN(16)]
		}
		return fmt.Appendf(nil, `{"finding_info":{"uid":"a%06d"},"message":"%s"}`, i, noise)
	}
	p := deliverWorld(t, times{session: session, rebalance: session}, alerts, value)
	shorter := kadm.AlterConfig{Name: "group.min.session.timeout.ms", Value: kadm.StringPtr("100")}
	if _, err := p.adm.AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{shorter}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	taken := map[string]int{}
	var generations []int32
	var most int64
	d := &deliverRole{shared: &p.shared, opened: opened{name: "soc", most: bulk}}
	waited := false
	d.opened.Destination = deliverFunc(func(ctx context.Context, some []sinks.Alert) error {
		mu.Lock()
		defer mu.Unlock()
		_, generation := d.cl.GroupMetadata()
		generations = append(generations, generation)
		if !waited { // it hangs for more than two sessions
			waited = true
			for range 25 {
				most = max(most, d.cl.BufferedFetchBytes())
				time.Sleep(session / 10)
			}
		}
		for _, a := range some {
			taken[a.ID]++
		}
		return nil
	})
	target := newTarget()
	ends, err := p.opts.VisibleRanges(t.Context(), p.names.Alerts())
	if err != nil {
		t.Fatal(err)
	}
	target.set(ends)
	if err := d.run(t.Context(), t.Context(), target); err != nil {
		t.Fatal(err)
	}
	for i := range alerts {
		if id := fmt.Sprintf("a%06d", i); taken[id] != 1 {
			t.Fatalf("alert %s was delivered %d times", id, taken[id])
		}
	}
	for _, g := range generations {
		if g != generations[0] {
			t.Fatalf("its group began anew: generations %v", generations)
		}
	}
	if most > 8<<20 {
		t.Errorf("%d bytes of alerts were read ahead", most)
	}
	t.Logf("%d bytes were read ahead, in generation %d", most, generations[0])
}
