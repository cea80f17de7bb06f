package pipeline

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/sources"
)

// TestCursorsAreRewritten fills the topic of cursors on the embedded broker,
// which does not compact, and starts again: every cursor is still there, and the
// log is short.
func TestCursorsAreRewritten(t *testing.T) {
	w := newWorld(t.TempDir())
	p, err := open(t.Context(), Options{Config: w.config, Roles: Roles, Sources: sources.Builtin().All(), Log: slog.New(slog.DiscardHandler), Stats: NewStats(), batchRecords: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	c := &collectRole{shared: &p.shared, trimCursors: 50}
	cl, err := c.opts.New(t.Context(), kgo.TransactionalID("test"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string][]byte{"a": {}}
	for i := range 300 {
		cur := ingest.Cursor{Key: fmt.Sprint(i % 7), Value: fmt.Append(nil, i)}
		if i%7 == 6 {
			cur.Value = nil // this one was deleted
		} else {
			want["a"][cur.Key] = cur.Value
		}
		if err := cl.ProduceSync(t.Context(), c.cursorRecord("a", cur)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"rewriting", "after the rewriting"} {
		if err := c.readCursors(t.Context(), cl); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if diff := cmp.Diff(want, c.cursors.cursors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	ranges, err := c.opts.VisibleRanges(t.Context(), c.names.Cursors())
	if err != nil {
		t.Fatal(err)
	}
	if r := ranges[c.names.Cursors()][0]; r.To-r.From > 50 {
		t.Errorf("the log of cursors still holds %d offsets", r.To-r.From)
	}
}
