package object

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // as stores make ETags
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
)

// memory is a store in memory that can be made to fail.
type memory struct {
	mu      sync.Mutex
	objects map[string]stored
	// trouble is asked before each answer to a request of that kind; an error is the
	// answer.
	trouble func(what, key string) error
	// cut is after how many bytes a body breaks; 0 for never.
	cut func(key string) int
	// reverse lists keys in no useful order.
	reverse bool
	opened  int
}

type stored struct {
	body    []byte
	at      time.Time
	created time.Time
	grows   bool
}

func newMemory() *memory {
	return &memory{
		objects: map[string]stored{},
		trouble: func(string, string) error { return nil },
		cut:     func(string) int { return 0 },
	}
}

func (m *memory) put(key, body string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[key] = stored{body: []byte(body), at: at, created: at}
}

func (s stored) etag() string {
	sum := md5.Sum(s.body) //nolint:gosec // no secret
	return hex.EncodeToString(sum[:])
}

func (m *memory) Open(_ context.Context, ref Ref, offset int64) (Body, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	if err := m.trouble("open", ref.Key); err != nil {
		return Body{}, err
	}
	s, ok := m.objects[ref.Key]
	switch {
	case !ok:
		return Body{}, ErrGone
	case ref.ETag != "" && ref.ETag != s.etag():
		return Body{}, ErrChanged
	case offset > int64(len(s.body)):
		return Body{}, fmt.Errorf("offset %d of %d", offset, len(s.body))
	}
	var r io.Reader = bytes.NewReader(s.body[offset:])
	if n := m.cut(ref.Key); n > 0 && n < len(s.body)-int(offset) {
		r = io.MultiReader(io.LimitReader(r, int64(n)), broken{})
	}
	return Body{ReadCloser: io.NopCloser(r), ETag: s.etag(), Size: int64(len(s.body))}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

func (m *memory) Head(_ context.Context, key string) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.objects[key]
	if !ok {
		return Entry{}, ErrGone
	}
	return s.entry(key), m.trouble("head", key)
}

func (s stored) entry(key string) Entry {
	return Entry{Key: key, ETag: s.etag(), Size: int64(len(s.body)), At: s.at, Created: s.created, Append: s.grows}
}

func (m *memory) Walk(_ context.Context, after string, _ time.Time, visit func(Entry) error) error {
	m.mu.Lock()
	keys := slices.Sorted(maps.Keys(m.objects))
	if m.reverse {
		slices.Reverse(keys)
		after = ""
	}
	var entries []Entry
	for _, key := range keys {
		if key > after {
			entries = append(entries, m.objects[key].entry(key))
		}
	}
	m.mu.Unlock()
	for i, e := range entries {
		m.mu.Lock()
		err := m.trouble("list", fmt.Sprint(i))
		m.mu.Unlock()
		if err = cmp.Or(err, visit(e)); err != nil {
			return err
		}
	}
	return nil
}

// durable is where puts go: what Kafka is to a collector.
type durable struct {
	mu      sync.Mutex
	records map[string]int // how often each is there
	dead    []string       // details
	cursors map[string][]byte
	puts    int
	fail    func(n int) error // of the nth put; what fails is not durable
	owned   func(cursor string) bool
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
		d.records[r.Origin.Object+" "+string(r.Value)]++
	}
	for _, l := range b.DeadLetters {
		d.dead = append(d.dead, l.Origin.Object+": "+l.Detail)
	}
	keys := map[string]bool{}
	for _, c := range b.Cursors {
		if keys[c.Key] {
			return fmt.Errorf("the batch has the cursor %s twice", c.Key)
		}
		keys[c.Key] = true
		if c.Value == nil {
			delete(d.cursors, c.Key)
		} else {
			d.cursors[c.Key] = c.Value
		}
	}
	return nil
}

func (d *durable) stored() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.cursors)
}

// check wants each record once and no others.
func (d *durable) check(t *testing.T, want map[string]int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	missing, extra := 0, 0
	for r := range want {
		if d.records[r] == 0 {
			missing++
		}
	}
	for r, n := range d.records {
		if n > 1 || want[r] == 0 {
			extra += n - min(want[r], 1)
		}
	}
	if missing > 0 || extra > 0 {
		t.Errorf("%d of %d records are missing, %d are there too often", missing, len(want), extra)
	}
}

func testListing(m *memory, change func(*Config)) *Listing {
	cfg := Config{
		Input:  Input{Collector: "test", Source: "aws.cloudtrail", Format: envelope.Format{EnvelopeKeys: []string{"Records"}}},
		Bucket: "logs", Store: m, Origin: func(key string) string { return "s3://logs/" + key },
		Settle: time.Hour, Lookback: 72 * time.Hour, PollInterval: time.Millisecond, Once: true, Objects: 4,
		Report: func(string) {}, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	return NewListing(cfg)
}

func ndjson(prefix string, from, to int) (string, []string) {
	var b bytes.Buffer
	var records []string
	for i := from; i < to; i++ {
		r := fmt.Sprintf(`{"id":"%s-%d"}`, prefix, i)
		records = append(records, r)
		b.WriteString(r + "\n")
	}
	return b.String(), records
}
