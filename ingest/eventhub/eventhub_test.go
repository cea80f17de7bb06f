package eventhub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/schemas/event"
)

// Each record of each message is there once, with its place; what is broken costs only
// itself.
func TestRecords(t *testing.T) {
	h := newHub(t)
	broken := `{"time": oops}`
	mixed := message(record(3), broken, record(4))
	h.send(t, 0, message(record(0), record(1)), message(record(2)))
	h.send(t, 1, mixed)
	h.send(t, 2, record(5), "["+record(6)+"]", message(), "", "no JSON", message(record(7))[:200])
	k := new(collected)
	k.once(t, h.config())

	want := map[string]event.Origin{}
	at := func(n int, partition, offset int, text string) {
		want[record(n)] = event.Origin{
			Collector: "activity", Object: fmt.Sprintf("eventhub:127.0.0.1/%s/%d/%d", hubName, partition, offset),
			Position: int64(strings.Index(text, record(n))),
		}
	}
	at(0, 0, 0, message(record(0), record(1)))
	at(1, 0, 0, message(record(0), record(1)))
	at(2, 0, 1, message(record(2)))
	at(3, 1, 0, mixed)
	at(4, 1, 0, mixed)
	at(5, 2, 0, record(5))
	at(6, 2, 1, "["+record(6)+"]")
	got := map[string]event.Origin{}
	for _, r := range k.records {
		if _, twice := got[string(r.Value)]; twice || r.Source != "azure.activity" {
			t.Errorf("record %+v", r)
		}
		got[string(r.Value)] = r.Origin
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	letters := map[string]event.Reason{}
	for _, l := range k.letters {
		letters[l.Origin.Object[strings.LastIndex(l.Origin.Object, hubName)+len(hubName):]] = l.Reason
	}
	wantLetters := map[string]event.Reason{"/1/0": event.ReasonSyntax, "/2/4": event.ReasonSyntax, "/2/5": event.ReasonTruncated}
	if diff := cmp.Diff(wantLetters, letters); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	k.once(t, h.config())
	if len(k.records) != len(want) || len(k.letters) != len(wantLetters) {
		t.Errorf("after another run there are %d records and %d dead letters", len(k.records), len(k.letters))
	}
}

// A run goes on behind the last; a hub with nothing in it has an end, too.
func TestGoesOn(t *testing.T) {
	h := newHub(t)
	k := new(collected)
	k.once(t, h.config())
	for n := range 10 {
		h.send(t, int32(n%partitions), message(record(n)))
		k.once(t, h.config())
		if records, letters := k.counts(); records != n+1 || letters != 0 {
			t.Fatalf("after message %d there are %d records and %d dead letters", n, records, letters)
		}
	}
}

// What is sent while it runs arrives, in each partition in order.
func TestFollows(t *testing.T) {
	const messages = 300
	h := newHub(t)
	k := new(collected)
	stop := k.start(t, h.config())
	for n := range messages {
		h.send(t, int32(n%partitions), message(record(2*n), record(2*n+1)))
	}
	eventually(t, "all records", func() bool { records, _ := k.counts(); return records == 2*messages })
	if err := stop(); err != nil {
		t.Error(err)
	}
	last := map[string]int{}
	for _, r := range k.records {
		_, tail, _ := strings.Cut(string(r.Value), `"n":`)
		var n int
		if _, err := fmt.Sscanf(tail, "%d", &n); err != nil {
			t.Fatal(err)
		}
		partition := r.Origin.Object[:strings.LastIndex(r.Origin.Object, "/")]
		if before, any := last[partition]; any && n <= before {
			t.Errorf("record %d of %s follows record %d", n, partition, before)
		}
		last[partition] = n
	}
}

// Processes that have other slots read other partitions, together all.
func TestSlots(t *testing.T) {
	h := newHub(t)
	for p := range partitions {
		h.send(t, int32(p), message(record(p)))
	}
	k := new(collected)
	for _, slots := range [][]int{{0, 2, 4, 6, 8}, {1, 3, 5, 7, 9, 15}} {
		cfg := h.config()
		cfg.Once = true
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		before := len(k.records)
		if err := c.RunSlots(t.Context(), slots, k.cursors, k.put); err != nil {
			t.Fatal(err)
		}
		for _, r := range k.records[before:] {
			if p := int(r.Origin.Object[len(r.Origin.Object)-3] - '0'); !slices.Contains(slots, p) {
				t.Errorf("slots %v: %s", slots, r.Origin.Object)
			}
		}
	}
	if len(k.records) != partitions {
		t.Errorf("%d records, want %d", len(k.records), partitions)
	}
}

// A partition that is added is read, too.
func TestNewPartition(t *testing.T) {
	h := newHub(t)
	k := new(collected)
	stop := k.start(t, h.config())
	h.send(t, 0, message(record(0)))
	eventually(t, "the first record", func() bool { records, _ := k.counts(); return records == 1 })
	if _, err := h.admin.CreatePartitions(t.Context(), 1, hubName); err != nil {
		t.Fatal(err)
	}
	h.send(t, 0, message(record(1)))
	eventually(t, "the sender knows the partition", func() bool {
		added := &kgo.Record{Topic: hubName, Partition: partitions, Value: []byte(message(record(2)))}
		h.client.ForceMetadataRefresh()
		return h.client.ProduceSync(t.Context(), added).FirstErr() == nil
	})
	eventually(t, "all records", func() bool { records, _ := k.counts(); return records == 3 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A put that fails ends Run with its error; the collector's name is the caller's to add.
func TestPutFails(t *testing.T) {
	h := newHub(t)
	h.send(t, 0, message(record(0)))
	c, err := New(h.config())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broker away")
	err = c.Run(t.Context(), nil, func(context.Context, ingest.Batch) error { return broken })
	if !errors.Is(err, broken) || strings.Contains(err.Error(), "collector") {
		t.Errorf("Run returned %v", err)
	}
}

// A batch ends at its size, but no message is split.
func TestBatches(t *testing.T) {
	h := newHub(t)
	many := make([]string, batchRecords-1)
	for i := range many {
		many[i] = fmt.Sprintf(`{"n":%d}`, i)
	}
	for range 4 {
		h.send(t, 0, message(many...))
	}
	k := new(collected)
	k.once(t, h.config())
	if len(k.records) != 4*len(many) || k.puts != 2 {
		t.Errorf("%d records in %d puts", len(k.records), k.puts)
	}
}

// log is what a collector logs.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// A hub that cannot be read is told of, without its key, and read as soon as it can be.
func TestTrouble(t *testing.T) {
	const secret = "d3JvbmcsIGJ1dCBhIHNlY3JldCBub25ldGhlbGVzcw=="
	for _, c := range []struct {
		name string
		cfg  func(*Config, *bool) // the bool says whether the trouble is over
		want string
	}{
		{"a wrong key", func(cfg *Config, over *bool) {
			cfg.ConnectionString = func() (string, error) {
				if *over {
					return connection, nil
				}
				return "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=weir-listen;SharedAccessKey=" + secret, nil
			}
		}, "SASL_AUTHENTICATION_FAILED"},
		{"no key", func(cfg *Config, over *bool) {
			cfg.ConnectionString = func() (string, error) {
				if *over {
					return connection, nil
				}
				return "", errors.New("the file is empty")
			}
		}, "the file is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t)
			h.send(t, 0, message(record(0)))
			var mu sync.Mutex
			over := false
			cfg, l := h.config(), new(log)
			c.cfg(&cfg, &over)
			text := cfg.ConnectionString
			cfg.ConnectionString = func() (string, error) { mu.Lock(); defer mu.Unlock(); return text() }
			cfg.Log = slog.New(slog.NewTextHandler(l, nil))
			var problem string
			cfg.Report = func(text string) { mu.Lock(); defer mu.Unlock(); problem = text }
			k := new(collected)
			stop := k.start(t, cfg)
			eventually(t, "the log says what is wrong", func() bool { return l.has(c.want) && l.has("collector=activity") })
			mu.Lock()
			over = true
			if !strings.Contains(problem, c.want) {
				t.Errorf("the report is %q", problem)
			}
			mu.Unlock()
			eventually(t, "the record", func() bool { records, _ := k.counts(); return records == 1 })
			if err := stop(); err != nil {
				t.Error(err)
			}
			if problem != "" {
				t.Errorf("in the end the report is %q", problem)
			}
			if l.has(secret) {
				t.Errorf("the log has the key:\n%s", l.text.String())
			}
		})
	}
	t.Run("no such hub", func(t *testing.T) {
		h := newHub(t)
		cfg, l := h.config(), new(log)
		cfg.Hub, cfg.Log = "insights-activity-log", slog.New(slog.NewTextHandler(l, nil))
		stop := new(collected).start(t, cfg)
		eventually(t, "the log says what is wrong", func() bool { return l.has("UNKNOWN_TOPIC_OR_PARTITION") })
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("an unknown authority", func(t *testing.T) {
		h, other := newHub(t), newHub(t)
		cfg, l := testConfig(h.namespace, other.authority), new(log)
		cfg.Log = slog.New(slog.NewTextHandler(l, nil))
		stop := new(collected).start(t, cfg)
		eventually(t, "the log says what is wrong", func() bool { return l.has("x509") })
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// One that is to end does not wait for ever.
func TestOnceGivesUp(t *testing.T) {
	cfg := newHub(t).config()
	cfg.Once, cfg.patience, cfg.refresh = true, 200*time.Millisecond, 50*time.Millisecond
	cfg.ConnectionString = func() (string, error) { return "wrong", nil }
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run(t.Context(), nil, new(collected).put)
	if err == nil || !strings.Contains(err.Error(), "SASL_AUTHENTICATION_FAILED") {
		t.Errorf("Run returned %v", err)
	}
}
