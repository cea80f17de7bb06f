package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
)

// topic is a stand-in for Kafka: what was put in full is durable, what failed is not
// there.
type topic struct {
	cursors  map[string][]byte
	records  []string // object@position value
	dead     []string // object@position reason value
	puts     int
	failAt   int // the put that fails, counted from 1; 0 is none
	progress ingest.Progress
}

var errRefused = errors.New("the broker is gone")

func (k *topic) put(_ context.Context, b ingest.Batch) error {
	if k.puts++; k.puts == k.failAt {
		return errRefused
	}
	keys := map[string]bool{}
	for _, r := range b.Records {
		k.records = append(k.records, fmt.Sprintf("%s@%d %s", filepath.Base(r.Origin.Object), r.Origin.Position, r.Value))
	}
	for _, d := range b.DeadLetters {
		k.dead = append(k.dead, fmt.Sprintf("%s@%d %s %s", filepath.Base(d.Origin.Object), d.Origin.Position, d.Reason, d.Value))
	}
	for _, c := range b.Cursors {
		if keys[c.Key] {
			return fmt.Errorf("cursor %s twice in a batch", c.Key)
		}
		keys[c.Key] = true
		if c.Value == nil {
			delete(k.cursors, c.Key)
			continue
		}
		k.cursors[c.Key] = bytes.Clone(c.Value)
	}
	k.progress = b.Progress
	return nil
}

func newTopic() *topic { return &topic{cursors: map[string][]byte{}} }

// take returns the values of the records that came since the last call.
func (k *topic) take() []string {
	var values []string
	for _, r := range k.records {
		_, value, _ := strings.Cut(r, " ")
		values = append(values, value)
	}
	k.records = nil
	return values
}

func config(path string) Config {
	return Config{
		Name: "c", Source: "aws.cloudtrail", Path: path, Once: true,
		Format: envelope.Format{EnvelopeKeys: []string{"Records", "records", "items"}},
		Log:    slog.New(slog.DiscardHandler),
	}
}

func run1(t *testing.T, cfg Config, k *topic) {
	t.Helper()
	if err := tryRun(cfg, k); err != nil {
		t.Fatal(err)
	}
}

func tryRun(cfg Config, k *topic) error {
	c, err := New(cfg)
	if err != nil {
		return err
	}
	return c.Run(context.Background(), k.cursors, k.put)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func gz(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func zst(text string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

// numbered is an NDJSON log with the records from, from+1, ..., to-1, long enough for
// a mark to tell files apart.
func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "{\"n\":%d,\"user\":\"arn:aws:iam::111122223333:user/alice\"}\n", i)
	}
	return b.String()
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
