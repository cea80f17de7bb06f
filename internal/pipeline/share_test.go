package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest/s3/s3fake"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
)

// shareWorld is a bucket whose objects several collectors of this process divide among
// them over a broker that it serves, too.
type shareWorld struct {
	*world
	opts   broker.Options
	server *s3fake.Server
	want   map[string]int // records
}

// The times of shared collectors in tests.
const (
	shareSession     = 6 * time.Second
	shareTransaction = 10 * time.Second
)

func newShareWorld(t *testing.T) *shareWorld {
	t.Helper()
	return shareWorldOn(t, servedWorld)
}

// brokerFor gives a test the brokers of a world of its own.
type brokerFor func(t *testing.T) (*world, broker.Options)

func shareWorldOn(t *testing.T, brokers brokerFor) *shareWorld {
	t.Helper()
	w, opts := brokers(t)
	server := s3fake.New()
	t.Cleanup(server.Close)
	server.PageSize = 7
	server.Put("logs", "first", nil, time.Now())
	return &shareWorld{world: w, opts: opts, server: server, want: map[string]int{}}
}

// add writes objects [from, to) of some records each.
func (w *shareWorld) add(from, to int) {
	for i := from; i < to; i++ {
		var body strings.Builder
		for j := range 3 + i%5 {
			r := trailRecord(i*100 + j)
			w.want[r] = 1
			body.WriteString(r + "\n")
		}
		w.server.Put("logs", fmt.Sprintf("AWSLogs/%d/x-%04d.json", i%3, i), []byte(body.String()), time.Now())
	}
}

// addUntil writes objects until a collector has ended with an error, and returns how
// many: its transactions are as large as the broker is slow.
func (w *shareWorld) addUntil(t *testing.T, ended <-chan error, want error) int {
	t.Helper()
	const portion, most = 50, 1000
	for n := 0; n < most; {
		w.add(n, n+portion)
		n += portion
		select {
		case err := <-ended:
			if !errors.Is(err, want) {
				t.Fatalf("the collector ended with %v", err)
			}
			return n
		case <-time.After(3 * time.Second):
		}
	}
	t.Fatalf("the collector goes on after %d objects", most)
	return 0
}

// collector is one process, as far as Kafka can tell.
type collector struct {
	drain context.CancelFunc
	ended chan error
	stats *Stats
}

// start begins to collect under an instance, with something that happens to it.
func (w *shareWorld) start(t *testing.T, instance string, faults Injector, queue string) *collector {
	t.Helper()
	cfg := *w.config
	cfg.Instance = w.instance(instance)
	s := &config.S3Collector{
		Bucket: "logs", PollInterval: 50 * time.Millisecond, Rescan: 3 * time.Second, Lookback: 72 * time.Hour, Objects: 3,
		Region: "eu-west-1", Endpoint: w.server.URL, PathStyle: true, AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret",
	}
	if queue != "" {
		s.QueueURL, s.SQSEndpoint, s.VisibilityTimeout = w.server.QueueURL(queue), w.server.URL, 10*time.Second
	}
	cfg.Collectors = []config.Collector{{Name: "bucket", Type: config.CollectorS3, Source: "aws.cloudtrail", S3: s}}
	o, err := w.options(Options{
		Roles: []Role{RoleCollect}, Stats: NewStats(), Faults: faults, batchRecords: batchRecords,
		times: times{session: shareSession, rebalance: shareSession, transaction: shareTransaction}.orDefault(),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Config = &cfg
	drain, stop := context.WithCancel(t.Context())
	o.Stats.Telemetry.Health.Expect(string(RoleCollect))
	c := &collector{drain: stop, ended: make(chan error, 1), stats: o.Stats}
	go func() {
		_, err := runOnce(t.Context(), drain, o)
		c.ended <- err
	}()
	t.Cleanup(stop)
	return c
}

// instance is a name that no other world on the cluster has.
func (w *shareWorld) instance(name string) string { return w.config.Kafka.TopicPrefix + name }

// stop drains a collector.
func (c *collector) stop(t *testing.T) {
	t.Helper()
	c.drain()
	if err := <-c.ended; err != nil {
		t.Errorf("after a drain: %v", err)
	}
}

// wait waits until every record is in its topic, for as long as more of them come.
func (w *shareWorld) wait(t *testing.T) {
	t.Helper()
	most, since := 0, time.Now()
	for {
		n := len(w.raw(t))
		switch {
		case n >= len(w.want):
			return
		case n > most:
			most, since = n, time.Now()
		case time.Since(since) > time.Minute:
			t.Fatalf("for a minute there are no more than %d of %d records", n, len(w.want))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (w *shareWorld) raw(t *testing.T) map[string]int {
	t.Helper()
	got := map[string]int{}
	eachCommitted(t, w.opts, w.names().Raw("aws.cloudtrail"), func(r *kgo.Record) { got[string(r.Value)]++ })
	return got
}

func (w *shareWorld) names() broker.Names { return broker.Names{Prefix: w.config.Kafka.TopicPrefix} }

// check wants each record once in its topic: no copy is left to detect.
func (w *shareWorld) check(t *testing.T) {
	t.Helper()
	w.wait(t)
	for r, n := range w.raw(t) {
		if n != 1 || w.want[r] == 0 {
			t.Errorf("%d times: %s", n, r[len(r)-150:])
		}
	}
}

func (w *shareWorld) share(t *testing.T, instances ...string) {
	t.Helper()
	ids := make([]string, len(instances))
	for i, instance := range instances {
		ids[i] = "weir-collect-" + w.instance(instance)
	}
	owners(t, w.opts, w.config.Kafka.GroupPrefix+"collect.bucket", time.Minute, ids...)
}

// nth makes something happen at the nth meeting of a fault.
func nth(fault Fault, n int, do func() error) Injector {
	var mu sync.Mutex
	met := 0
	return func(f Fault) error {
		mu.Lock()
		defer mu.Unlock()
		if f != fault {
			return nil
		}
		if met++; met == n {
			return do()
		}
		return nil
	}
}

// Three processes divide a bucket; one dies in a transaction, one is drained, one joins.
func TestCollectorsDivideABucket(t *testing.T) { testDivide(t, servedWorld) }

func testDivide(t *testing.T, brokers brokerFor) {
	for _, fault := range []Fault{FaultCollectProduced, FaultCollectFlushed, FaultCollectCommitted} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := shareWorldOn(t, brokers)
			a := w.start(t, "a", nth(fault, 6, func() error { return errInjected }), "")
			b := w.start(t, "b", nil, "")
			w.share(t, "a", "b")
			n := w.addUntil(t, a.ended, errInjected)
			w.add(n, n+40)
			w.wait(t)
			c := w.start(t, "c", nil, "")
			w.share(t, "b", "c")
			w.add(n+40, n+80)
			b.stop(t)
			w.add(n+80, n+120)
			w.check(t)
			c.stop(t)
			w.check(t)
		})
	}
}

// A process that stands still for longer than its session finds that its objects are
// another's. Before it has written anything, only its lost membership keeps it from
// doing so; in an open transaction, the other waits for the end of that.
func TestCollectorThatStoodStill(t *testing.T) { testStoodStill(t, servedWorld) }

func testStoodStill(t *testing.T, brokers brokerFor) {
	for _, fault := range []Fault{FaultCollectBegin, FaultCollectFlushed} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := shareWorldOn(t, brokers)
			w.add(0, 60)
			stands := make(chan struct{})
			goOn := make(chan struct{})
			a := w.start(t, "a", nth(fault, 1, func() error {
				close(stands)
				<-goOn
				return nil
			}), "")
			select {
			case <-stands:
			case err := <-a.ended:
				t.Fatalf("it ended: %v", err)
			}
			b := w.start(t, "b", nil, "")
			if fault == FaultCollectBegin {
				w.wait(t) // the other has read everything
				close(goOn)
			} else {
				time.AfterFunc(shareSession*4/3, func() { close(goOn) }) // within the transaction's timeout
			}
			w.check(t)
			w.share(t, "a", "b")
			w.add(60, 90)
			w.check(t)
			a.stop(t)
			b.stop(t)
			w.check(t)
		})
	}
}

// Processes share a queue by themselves, and go on with each other's objects.
func TestCollectorsShareAQueue(t *testing.T) {
	w := newShareWorld(t)
	w.add(0, 60)
	tell := func(from, to int) {
		for i := from; i < to; i++ {
			w.server.Send("trail", fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"logs"},"object":{"key":"AWSLogs/%d/x-%04d.json"}}}]}`, i%3, i))
		}
	}
	tell(0, 60)
	a := w.start(t, "a", nth(FaultCollectCommitted, 3, func() error { return errInjected }), "trail")
	b := w.start(t, "b", nil, "trail")
	if err := <-a.ended; !errors.Is(err, errInjected) {
		t.Fatalf("the first ended with %v", err)
	}
	w.server.Expire("trail") // as time does
	w.check(t)
	c := w.start(t, "c", nil, "trail")
	w.add(60, 90)
	tell(60, 90)
	w.check(t)
	b.stop(t)
	c.stop(t)
}

// What keeps a collector from its work is a note of readiness, for as long as it does.
func TestCollectorTellsWhatKeepsIt(t *testing.T) {
	w := newShareWorld(t)
	w.server.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
		if r.Op == "GetObject" {
			return s3fake.Trouble{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3fake.Trouble{}
	})
	w.add(0, 3)
	a := w.start(t, "a", nil, "")
	waitForNote := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			roles := a.stats.Telemetry.Health.Roles()
			if len(roles) == 1 && roles[0].Ready {
				notes := strings.Join(roles[0].Notes, "\n")
				if want == "" && notes == "" || want != "" && strings.Contains(notes, want) {
					return
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("readiness is %+v", roles)
			}
		}
	}
	waitForNote("collector bucket: 4 objects cannot be read, such as AWSLogs/0/x-0000.json: get: the store refuses")
	w.server.SetTrouble(nil)
	w.check(t)
	waitForNote("")
	a.stop(t)
}
