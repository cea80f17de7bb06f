package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/sinks"
)

// putOut takes a member out of its group, as the group does with one that was silent
// for too long, and waits until the group has settled without it. It may be in the
// group again by then, as another member.
func putOut(t *testing.T, opts broker.Options, group, instance string) {
	t.Helper()
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	var id string
	for _, m := range describe(t, adm, group).Members {
		if m.InstanceID != nil && *m.InstanceID == instance {
			id = m.MemberID
		}
	}
	if id == "" {
		t.Fatalf("%s is not in %s", instance, group)
	}
	left, err := adm.LeaveGroup(t.Context(), kadm.LeaveGroup(group).InstanceIDs(instance))
	if err == nil {
		err = left.Error()
	}
	if err != nil {
		t.Fatalf("put %s out of %s: %v", instance, group, err)
	}
	until(t, group+" without the member "+id, func() bool {
		g := describe(t, adm, group)
		return g.State == "Stable" && !slices.ContainsFunc(g.Members, func(m kadm.DescribedGroupMember) bool { return m.MemberID == id })
	})
}

func describe(t *testing.T, adm *kadm.Client, group string) kadm.DescribedGroup {
	t.Helper()
	groups, err := adm.DescribeGroups(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return groups[group]
}

// TestPutOut has the group put a member out in the middle of a batch, so that another
// has its partitions. What it was about to commit must not count, whether it has
// heard of that or learns it by its commit.
func TestPutOut(t *testing.T) {
	for _, tt := range []struct {
		fault   Fault
		noticed bool
	}{
		{FaultDetectProduced, true}, {FaultDetectFlushed, false}, {FaultDetectOffsets, false},
		{FaultCorrelateProduced, false}, {FaultCorrelateFlushed, true}, {FaultCorrelateOffsets, false},
		{FaultStoreIntent, false},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			slow(t, tt.fault == FaultDetectOffsets)
			t.Parallel()
			h := hostBroker(t)
			w := h.world(t)
			w.config.Lake.Flush.Rows = 100
			role := roleOf(tt.fault)
			group := w.config.Kafka.GroupPrefix + string(role)
			o := faultOptions(RoleDetect, RoleCorrelate, RoleStore)
			o.times.transaction = 0 // Kafka is to lose patience with the member, not with the transaction
			g := newGate(tt.fault, 2)
			o.Faults = g.at
			a := w.start(t, o)
			other := *w.config
			other.Instance = "other"
			o.Stats, o.Faults = NewStats(), nil
			b := (&world{dir: w.dir, config: &other}).start(t, o)
			mine, theirs := "weir-"+string(role)+"-"+w.config.Instance, "weir-"+string(role)+"-other"
			owners(t, h.options(), group, faultPatience, mine, theirs)

			w.appendLogs(t, 0, faultRecords, 0)
			if err := w.collectOnce(t); err != nil {
				t.Fatal(err)
			}
			g.wait(t, a)
			putOut(t, h.options(), group, mine)
			if tt.noticed {
				owners(t, h.options(), group, faultPatience, mine, theirs)
			}
			close(g.open)
			untilStored(t, w)
			owners(t, h.options(), group, faultPatience, mine, theirs)
			a.drain(t)
			b.drain(t)
			w.settle(t)
		})
	}
}

// held is a destination that waits in its first call until it is let go, and
// remembers what it was given.
type held struct {
	mu             sync.Mutex
	taken          map[string]int
	calls, first   int // of the first, how many alerts
	reached, letGo chan struct{}
}

func newHeld() *held {
	return &held{taken: map[string]int{}, reached: make(chan struct{}), letGo: make(chan struct{})}
}

func (h *held) deliver(_ context.Context, alerts []sinks.Alert) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls++; h.calls == 1 {
		h.first = len(alerts)
		close(h.reached)
		<-h.letGo
	}
	for _, a := range alerts {
		h.taken[a.ID]++
	}
	return nil
}

// TestDeliverGivesUpInTheMiddle gives partitions of a deliver to another process while
// it is in the middle of a batch: by a rebalance, and by the group's putting it out.
// Every alert arrives, again only what was in the middle, and what the other
// process has committed stays committed.
func TestDeliverGivesUpInTheMiddle(t *testing.T) {
	const before, alerts = 400, 2000 // before: of all partitions in one batch
	waits := times{session: 6 * time.Second}
	for name, lost := range map[string]bool{"rebalance": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := deliverWorld(t, waits, before, testAlert)
			cfg := *p.Config
			cfg.Kafka.Embedded, cfg.Kafka.Brokers, cfg.Instance = nil, p.opts.Seeds, "other"
			other, err := open(t.Context(), Options{
				Config: &cfg, Roles: []Role{RoleDeliver}, Sources: sources.Builtin().All(), Log: slog.New(slog.DiscardHandler),
				Stats: NewStats(), batchRecords: batchRecords, times: waits.orDefault(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer other.close()

			a, b := newHeld(), newHeld()
			close(b.letGo)
			drain, stop := context.WithCancel(t.Context())
			finished := make(chan error, 2)
			serve := func(p *pipeline, to deliverFunc) { // ends with drain
				d := &deliverRole{shared: &p.shared, opened: opened{Destination: to, name: "soc", most: bulk}}
				finished <- d.run(t.Context(), drain, newTarget())
			}
			go serve(p, a.deliver)
			<-a.reached
			p.produceAlerts(t, before, alerts, testAlert)
			if lost {
				putOut(t, p.opts, p.group("deliver.soc"), p.memberID(RoleDeliver))
			}
			go serve(other, b.deliver)
			done := func() int { return p.delivered(t, "soc") }
			awaited(t, func() string {
				if done() == 0 {
					return "the other process has finished no partition"
				}
				return ""
			})
			had := done()
			close(a.letGo)
			awaited(t, func() string {
				now := done()
				if now < had {
					t.Fatalf("%d partitions were done, now %d", had, now)
				}
				if had = now; now < int(p.Config.Kafka.Partitions.Alerts) {
					return fmt.Sprintf("only %d partitions are committed to their ends", now)
				}
				return ""
			})
			stop()
			if err := errors.Join(<-finished, <-finished); err != nil {
				t.Error(err)
			}
			all, again := map[string]int{}, 0
			for _, h := range []*held{a, b} {
				for id, n := range h.taken {
					all[id] += n
				}
			}
			for _, n := range all {
				again += n - 1
			}
			if len(all) != alerts || again == 0 || again > a.first {
				t.Errorf("%d of %d alerts arrived, %d of them again, when %d were in the middle", len(all), alerts, again, a.first)
			}
		})
	}
}

// delivered is how many partitions of alerts are committed to their ends, for a
// destination.
func (p *pipeline) delivered(t *testing.T, destination string) (partitions int) {
	t.Helper()
	topic := p.names.Alerts()
	ends, err := p.adm.ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := committedOffsets(t.Context(), p.adm, p.group("deliver."+destination))
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if o, ok := offsets.Lookup(topic, end.Partition); ok && o.At == end.Offset {
			partitions++
		}
	})
	return partitions
}
