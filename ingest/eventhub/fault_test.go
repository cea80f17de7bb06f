package eventhub

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/ingest/internal/ingesttest"
)

const (
	messages = 60
	size     = 7 // records of a message, one of them broken
)

// mixed is message n: size-1 records and a piece that is none.
func mixed(n int) string {
	var records []string
	for i := range size - 1 {
		records = append(records, record(n*size+i))
	}
	return message(append(records, fmt.Sprintf(`{"broken": %d, oops}`, n))...)
}

// world is a hub, and a collector that is started again whenever it ends.
type world struct {
	*hub
	t      *testing.T
	ledger string
	now    *ingesttest.Process
	starts int
}

func newWorld(t *testing.T) *world {
	return &world{hub: newHub(t), t: t, ledger: filepath.Join(t.TempDir(), "ledger")}
}

func (w *world) run(fault ingesttest.Fault, nth int64) {
	w.t.Helper()
	w.starts++
	args := map[string]string{"namespace": w.namespace, "authority": w.authority}
	w.now = ingesttest.Start(w.t, ingesttest.Victim{Ledger: w.ledger, Fault: fault, Nth: nth, Args: args})
}

// fill sends a part of all messages.
func (w *world) fill(from, to int) {
	w.t.Helper()
	for n := from; n < to; n++ {
		w.send(w.t, int32(n%partitions), mixed(n))
	}
}

// settle waits until the ledger has n messages, and meanwhile starts what has ended.
func (w *world) settle(n int) {
	w.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); len(ingesttest.Read(w.t, w.ledger)) < n*size; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the ledger has %d entries after two minutes, want %d", len(ingesttest.Read(w.t, w.ledger)), n*size)
		}
		select {
		case <-w.now.Gone():
			w.now.Ended(w.t)
			w.run(ingesttest.None, 0)
		default:
		}
	}
}

// check holds the ledger to the hub: each record and each broken piece once, with its
// place.
func (w *world) check() {
	w.t.Helper()
	want := map[ingesttest.Entry]bool{}
	offsets := map[int]int64{}
	for n := range messages {
		p := n % partitions
		text := mixed(n)
		for i := range size - 1 {
			value := record(n*size + i)
			want[ingesttest.Entry{Object: w.object(p, offsets[p]), Position: int64(strings.Index(text, value)), Value: value}] = true
		}
		broken := fmt.Sprintf(`{"broken": %d, oops}`, n)
		want[ingesttest.Entry{Object: w.object(p, offsets[p]), Position: int64(strings.Index(text, broken)), Value: broken, Letter: "syntax"}] = true
		offsets[p]++
	}
	got := ingesttest.Read(w.t, w.ledger)
	for e, n := range got {
		if !want[e] || n != 1 {
			w.t.Errorf("%d times: %+v", n, e)
		}
	}
	for e := range want {
		if got[e] == 0 {
			w.t.Errorf("lost: %+v", e)
		}
	}
}

func (w *world) object(partition int, offset int64) string {
	return fmt.Sprintf("eventhub:127.0.0.1/%s/%d/%d", hubName, partition, offset)
}

// TestFaults: whatever ends the collector, or comes between it and the hub, each
// record of the hub is put once.
func TestFaults(t *testing.T) {
	for _, fault := range ingesttest.Faults {
		for nth := range int64(3) {
			t.Run(fmt.Sprintf("%s %d", fault, nth+1), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.fill(0, messages/2)
				w.run(fault, nth+1)
				for n := messages / 2; n < messages; n += 6 {
					w.fill(n, n+6)
					w.settle(n + 6)
				}
				if w.starts != 2 {
					t.Errorf("the collector was started %d times: the fault was not met", w.starts)
				}
				w.check()
			})
		}
	}
	for _, c := range []struct {
		name string
		key  int16
		kill bool // the collector, else the request
	}{
		{"killed before it asks for messages", (*kmsg.FetchRequest)(nil).Key(), true},
		{"killed while it looks the hub up", (*kmsg.ListOffsetsRequest)(nil).Key(), true},
		{"no answer with messages", (*kmsg.FetchRequest)(nil).Key(), false},
		{"no answer of the hub's bounds", (*kmsg.ListOffsetsRequest)(nil).Key(), false},
		{"no answer to a key", (*kmsg.SASLAuthenticateRequest)(nil).Key(), false},
		{"no answer about the hub", (*kmsg.MetadataRequest)(nil).Key(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(0, messages/2)
			var now atomic.Pointer[ingesttest.Process]
			var armed atomic.Int32
			armed.Store(3)
			w.cluster.ControlKey(c.key, func(kmsg.Request) (kmsg.Response, error, bool) {
				w.cluster.KeepControl()
				p := now.Load()
				if p == nil || armed.Add(-1) < 0 {
					return nil, nil, false
				}
				if c.kill {
					p.Kill()
				}
				return nil, errors.New("the connection is lost"), true
			})
			w.run(ingesttest.None, 0)
			now.Store(w.now)
			w.settle(messages / 2)
			w.fill(messages/2, messages)
			w.settle(messages)
			if armed.Load() > 0 {
				t.Errorf("%d faults were not met", armed.Load())
			}
			w.check()
		})
	}
}

// What the hub answers instead of messages is no loss: it is asked again.
func TestFetchErrors(t *testing.T) {
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.UnknownServerError, kerr.RequestTimedOut, kerr.TopicAuthorizationFailed, kerr.PolicyViolation,
	} {
		t.Run(e.Message, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			h.send(t, 0, mixed(0))
			var answered atomic.Int32
			h.cluster.ControlKey((*kmsg.FetchRequest)(nil).Key(), func(r kmsg.Request) (kmsg.Response, error, bool) {
				h.cluster.KeepControl()
				if answered.Add(1) > 2 {
					return nil, nil, false
				}
				return refuseFetch(r.(*kmsg.FetchRequest), e.Code), nil, true
			})
			k := new(collected)
			stop := k.start(t, h.config())
			eventually(t, "the message", func() bool { records, letters := k.counts(); return records == size-1 && letters == 1 })
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// refuseFetch answers each partition of a request with an error.
func refuseFetch(req *kmsg.FetchRequest, code int16) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	for _, t := range req.Topics {
		answer := kmsg.NewFetchResponseTopic()
		answer.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.Partition, partition.ErrorCode, partition.HighWatermark = p.Partition, code, -1
			answer.Partitions = append(answer.Partitions, partition)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return resp
}
