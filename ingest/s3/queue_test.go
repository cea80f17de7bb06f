package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/object"
	"github.com/weir-security/weir/ingest/s3/s3fake"
)

const (
	testBucket = "trail-logs"
	testQueue  = "trail"
)

// durable is where puts go: what Kafka is to a collector.
type durable struct {
	mu      sync.Mutex
	records map[string]int
	dead    []string
	cursors map[string][]byte
	puts    int
	fail    func(n int) error // of the nth put; what fails is not durable
}

func newDurable() *durable {
	return &durable{records: map[string]int{}, cursors: map[string][]byte{}, fail: func(int) error { return nil }}
}

func (d *durable) put(_ context.Context, b ingest.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.puts++
	if err := d.fail(d.puts); err != nil {
		return err
	}
	for _, r := range b.Records {
		d.records[string(r.Value)]++
	}
	for _, l := range b.DeadLetters {
		d.dead = append(d.dead, string(l.Reason)+" "+l.Origin.Object+" "+string(l.Value))
	}
	for _, c := range b.Cursors {
		if c.Value == nil {
			delete(d.cursors, c.Key)
		} else {
			d.cursors[c.Key] = c.Value
		}
	}
	return nil
}

func (d *durable) load(context.Context) (map[string][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.cursors), nil
}

// world is a bucket and a queue that tells of it.
type world struct {
	*s3fake.Server
	want map[string]int // records
	rest string         // of each record
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := newBareWorld()
	t.Cleanup(w.Close)
	w.Put(testBucket, "unrelated", nil, time.Time{})
	return w
}

func newBareWorld() *world {
	w := &world{Server: s3fake.New(), want: map[string]int{}}
	w.QueueURL(testQueue)
	return w
}

// object writes a log file of n records, of which every third is compressed.
func (w *world) object(t testing.TB, key string, n int) {
	t.Helper()
	var records []string
	for i := range n {
		r := fmt.Sprintf(`{"eventVersion":"1.11","eventID":"%s-%d"%s}`, key, i, w.rest)
		records = append(records, r)
		w.want[r] = 1
	}
	body := []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
	if len(key)%3 > 0 {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		body = b.Bytes()
	}
	w.Put(testBucket, key, body, time.Time{})
}

func (w *world) tell(keys ...string) {
	var records []string
	for _, key := range keys {
		records = append(records, fmt.Sprintf(`{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","awsRegion":"eu-west-1","s3":{"bucket":{"name":%q},"object":{"key":%q}}}`,
			testBucket, url.QueryEscape(key)))
	}
	w.Send(testQueue, `{"Records":[`+strings.Join(records, ",")+`]}`)
}

func (w *world) config(t testing.TB) Config {
	return Config{
		Name: "trail", Source: "aws.cloudtrail", QueueURL: w.QueueURL(testQueue),
		Access: Access{
			Region: "eu-west-1", Endpoint: w.URL, SQSEndpoint: w.URL, PathStyle: true,
			Keys: func() (Keys, error) { return Keys{ID: "AKIAEXAMPLE", Secret: "secret"}, nil },
		},
		Visibility: 2 * time.Second,
		Once:       true,
		Format:     envelope.Format{EnvelopeKeys: []string{"Records"}},
		Log:        slog.New(slog.DiscardHandler),
	}
}

// run collects until the queue is empty.
func (w *world) run(t testing.TB, d *durable, change func(*Config)) error {
	t.Helper()
	cfg := w.config(t)
	if change != nil {
		change(&cfg)
	}
	c, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.(ingest.Loader).RunLoading(t.Context(), d.load, d.put)
}

// check wants each record, once unless again is allowed, and the queue empty. A process
// that is killed may leave cursors of messages that it has deleted; they expire.
func (w *world) check(t *testing.T, d *durable, again bool) {
	t.Helper()
	for r := range w.want {
		if d.records[r] == 0 {
			t.Errorf("missing: %s", r)
		}
	}
	for r, n := range d.records {
		if w.want[r] == 0 || n > 1 && !again {
			t.Errorf("%d times: %s", n, r)
		}
	}
	if waiting, dead := w.Depth(testQueue); waiting+dead > 0 {
		t.Errorf("%d messages wait, %d are dead", waiting, dead)
	}
	for key, c := range d.cursors {
		if strings.HasPrefix(key, "slot/") {
			continue // of a listing
		}
		if cur, err := object.DecodeCursor(key, c); err != nil || !cur.Done {
			t.Errorf("the cursor %s is left: %s", key, c)
		}
	}
}

var errKilled = errors.New("killed")

func TestQueueFaults(t *testing.T) {
	throttled := func(op string, every int) func(*world, *durable) {
		return func(w *world, _ *durable) {
			var mu sync.Mutex
			n := 0
			w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
				mu.Lock()
				defer mu.Unlock()
				if n++; r.Op == op && n%every == 0 {
					return s3fake.Trouble{Status: http.StatusServiceUnavailable, Code: "SlowDown"}
				}
				return s3fake.Trouble{}
			})
		}
	}
	first := func(op string, trouble s3fake.Trouble) func(*world, *durable) {
		return func(w *world, _ *durable) {
			var mu sync.Mutex
			met := map[string]bool{}
			w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
				mu.Lock()
				defer mu.Unlock()
				if r.Op != op || met[r.Key] {
					return s3fake.Trouble{}
				}
				met[r.Key] = true
				return trouble
			})
		}
	}
	killedAt := func(which func(n int) bool) func(*world, *durable) {
		return func(_ *world, d *durable) {
			d.fail = func(n int) error {
				if which(n) {
					return errKilled
				}
				return nil
			}
		}
	}
	for _, c := range []struct {
		name  string
		set   func(*world, *durable)
		again bool // records may come twice, for detect to drop
	}{
		{"nothing", func(*world, *durable) {}, false},
		{"a put fails", killedAt(func(n int) bool { return n == 2 }), false},
		{"every second put fails", killedAt(func(n int) bool { return n%2 == 1 && n < 10 }), false},
		{"the answer to a delete is lost", first("DeleteMessage", s3fake.Trouble{Lost: true}), false},
		{"a delete is refused", first("DeleteMessage", s3fake.Trouble{Status: http.StatusForbidden, Code: "AccessDenied"}), false},
		{"the answer to a receive is lost", first("ReceiveMessage", s3fake.Trouble{Lost: true}), false},
		{"receives are throttled", throttled("ReceiveMessage", 2), false},
		{"reads are throttled", throttled("GetObject", 2), false},
		{"a connection breaks in the body", first("GetObject", s3fake.Trouble{Cut: 25}), false},
		{"a connection breaks before the body", first("GetObject", s3fake.Trouble{Lost: true}), false},
		{"access is denied for a while", first("GetObject", s3fake.Trouble{Status: http.StatusForbidden, Code: "AccessDenied"}), false},
		{"visibility runs out during a read", func(w *world, _ *durable) {
			var once sync.Once
			w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
				if r.Op == "GetObject" {
					once.Do(func() { w.Expire(testQueue) })
				}
				return s3fake.Trouble{}
			})
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, d := newWorld(t), newDurable()
			for i := range 12 {
				key := fmt.Sprintf("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/22/%d+ %%.json.gz", i)
				w.object(t, key, 5)
				w.tell(key)
			}
			w.object(t, "AWSLogs/a.json", 3)
			w.object(t, "AWSLogs/bb.json", 3)
			w.tell("AWSLogs/a.json", "AWSLogs/bb.json")
			c.set(w, d)
			for deadline := time.Now().Add(30 * time.Second); ; {
				err := w.run(t, d, func(c *Config) { c.Objects = 4 })
				waiting, _ := w.Depth(testQueue)
				if err == nil && waiting == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d messages wait, %v", waiting, err)
				}
				w.Expire(testQueue) // as time does
			}
			w.check(t, d, c.again)
			if len(d.dead) > 0 {
				t.Errorf("dead letters: %q", d.dead)
			}
		})
	}
}

// What is no notification, and what tells of nothing to read.
func TestQueueOtherMessages(t *testing.T) {
	w, d := newWorld(t), newDurable()
	w.object(t, "AWSLogs/1/CloudTrail/x.json", 2)
	w.Send(testQueue, testEvent)
	w.Send(testQueue, `hello`)
	w.Send(testQueue, wrap(`{"hello":"world"}`))
	w.tell("AWSLogs/1/CloudTrail-Digest/x.json", "AWSLogs/1/CloudTrail/x.json")
	w.Put(testBucket, "AWSLogs/1/CloudTrail-Digest/x.json", []byte(`{"digest":1}`), time.Time{})
	if err := w.run(t, d, func(c *Config) { c.Filter.Exclude = []string{"*/CloudTrail-Digest/*"} }); err != nil {
		t.Fatal(err)
	}
	w.check(t, d, false)
	if len(d.dead) != 2 {
		t.Fatalf("dead letters: %q", d.dead)
	}
	for _, l := range d.dead {
		if !strings.HasPrefix(l, "wrong_source sqs://") || !strings.Contains(l, "hello") {
			t.Errorf("dead letter %q", l)
		}
	}
}

// An object that is gone is given up when its message has come three times; one that may
// not be read is left to the queue's own policy.
func TestQueueUnreadable(t *testing.T) {
	w, d := newWorld(t), newDurable()
	w.Redrive(testQueue, 5)
	w.tell("gone.json")
	w.tell("denied.json")
	w.Put(testBucket, "denied.json", []byte(`{"id":1}`), time.Time{})
	w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
		if r.Key == "denied.json" {
			return s3fake.Trouble{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3fake.Trouble{}
	})
	var problems []string
	for range 8 {
		w.Expire(testQueue)
		if err := w.run(t, d, func(c *Config) { c.Report = func(p string) { problems = append(problems, p) } }); err != nil {
			t.Fatal(err)
		}
	}
	waiting, dead := w.Depth(testQueue)
	if waiting != 0 || dead != 1 || len(d.dead) != 1 || !strings.Contains(d.dead[0], "gone.json") {
		t.Errorf("%d wait, %d dead, dead letters %q", waiting, dead, d.dead)
	}
	if len(d.records) > 0 {
		t.Errorf("records %v", d.records)
	}
	if all := strings.Join(problems, "\n"); !strings.Contains(all, "denied.json: get: the store refuses") {
		t.Errorf("reported: %s", all)
	}
}

// While an object is read its message stays with its reader, however long that takes.
func TestQueueHeartbeat(t *testing.T) {
	w, d := newWorld(t), newDurable()
	w.object(t, "slow.json", 3)
	w.tell("slow.json")
	changed := make(chan struct{}, 16)
	w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
		switch r.Op {
		case "ChangeMessageVisibility":
			changed <- struct{}{}
		case "GetObject":
			return s3fake.Trouble{Wait: func() { // until the message would have come back
				<-changed
				<-changed
				<-changed
			}}
		}
		return s3fake.Trouble{}
	})
	if err := w.run(t, d, nil); err != nil {
		t.Fatal(err)
	}
	w.check(t, d, false)
	if received, _ := w.Counts(testQueue); received != 1 {
		t.Errorf("received %d times", received)
	}
}

// A drain gives messages back at once, and nothing is lost or doubled.
func TestQueueDrain(t *testing.T) {
	w, d := newWorld(t), newDurable()
	for i := range 30 {
		key := fmt.Sprintf("AWSLogs/%02d.json.gz", i)
		w.object(t, key, 4)
		w.tell(key)
	}
	for {
		ctx, drain := context.WithCancel(t.Context())
		after := d.puts + 2
		d.fail = func(n int) error {
			if n >= after {
				drain()
			}
			return nil
		}
		cfg := w.config(t)
		cfg.Visibility, cfg.Objects = time.Hour, 3
		c, err := New(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.(ingest.Loader).RunLoading(ctx, d.load, d.put); err != nil {
			t.Fatal(err)
		}
		ended := ctx.Err() == nil
		drain()
		if waiting, _ := w.Depth(testQueue); ended && waiting > 0 {
			w.Expire(testQueue) // the answer to a receive came when nobody heard it any more
			continue
		}
		if ended {
			break
		}
	}
	w.check(t, d, false)
	if len(d.cursors) > 0 {
		t.Errorf("cursors left: %q", d.cursors)
	}
}

// A large object makes progress although every process is killed at its second chunk.
func TestQueueLargeObject(t *testing.T) {
	w, d := newWorld(t), newDurable()
	w.object(t, "large.json.gz", 30_000)
	w.tell("large.json.gz")
	runs := 0
	for ; ; runs++ {
		after := d.puts + 1
		d.fail = func(n int) error {
			if n > after {
				return errKilled
			}
			return nil
		}
		err := w.run(t, d, nil)
		if err == nil {
			if waiting, _ := w.Depth(testQueue); waiting == 0 {
				break
			}
		} else if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if runs > 20 {
			t.Fatal("no end")
		}
		w.Expire(testQueue)
	}
	d.fail = func(int) error { return nil }
	if err := w.run(t, d, nil); err != nil {
		t.Fatal(err)
	}
	w.check(t, d, false)
	if runs < 4 {
		t.Errorf("%d runs", runs)
	}
}

// TestMain makes the end of a queue quick to see: the fake has one server to ask.
func TestMain(m *testing.M) {
	lastPoll = 0
	os.Exit(m.Run())
}
