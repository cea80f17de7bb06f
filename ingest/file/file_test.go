package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/schemas/event"
)

func TestOnceReadsTreeInOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b", "2.json.gz"), gz(`{"Records":[{"n":2},{"n":3}]}`))
	write(t, filepath.Join(dir, "b", "10.json.zst"), zst(`{"Records":[{"n":1}]}`))
	write(t, filepath.Join(dir, "a.ndjson"), "{\"n\":0}\nbroken\n")
	write(t, filepath.Join(dir, "c.json"), gz("{\"n\":4}\n")+gz("{\"n\":5}\n"))
	write(t, filepath.Join(dir, "empty.json"), "")
	write(t, filepath.Join(dir, ".copying.json"), `{"n":99}`)
	cfg := config(dir)
	cfg.Origin = "s3://bucket/"

	k := newTopic()
	run1(t, cfg, k)
	same(t, "records", []string{
		`a.ndjson@0 {"n":0}`, `10.json.zst@12 {"n":1}`, `2.json.gz@12 {"n":2}`, `2.json.gz@20 {"n":3}`,
		`c.json@0 {"n":4}`, `c.json@8 {"n":5}`,
	}, k.records)
	same(t, "dead letters", []string{`a.ndjson@8 syntax broken`}, k.dead)
	if _, ok := k.cursors["s3://bucket/b/2.json.gz"]; !ok || len(k.cursors) != 5 {
		t.Errorf("cursors: %q", k.cursors)
	}
	if p := k.progress; p.FilesFound != 5 || p.FilesRead != 5 || p.BytesFound != p.BytesRead || p.BytesRead == 0 {
		t.Errorf("progress: %+v", p)
	}

	puts := k.puts
	run1(t, cfg, k)
	if k.puts != puts {
		t.Errorf("a second run put %d batches of what it had read", k.puts-puts)
	}
}

func TestOnceFileAndPattern(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a[1].json"), `{"n":1}`)
	write(t, filepath.Join(dir, "b.json"), `{"n":2}`)
	write(t, filepath.Join(dir, "x", "b.json"), `{"n":3}`)
	for path, want := range map[string][]string{
		"a[1].json":               {`{"n":1}`},
		"b.json":                  {`{"n":2}`},
		"*.json":                  {`{"n":1}`, `{"n":2}`},
		"[bx]*":                   {`{"n":2}`, `{"n":3}`},
		"x" + "/../b.json":        {`{"n":2}`},
		"*" + "/b.json":           {`{"n":3}`},
		"x" + "/" + "?.jso" + "n": {`{"n":3}`},
	} {
		k := newTopic()
		run1(t, config(filepath.Join(dir, path)), k)
		same(t, path, want, k.take())
	}
}

func TestOnceNothingThere(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"none.json", "*.json", "."} {
		err := tryRun(config(filepath.Join(dir, path)), newTopic())
		if !errors.Is(err, ErrNoInput) || !strings.Contains(err.Error(), "matches no file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	for _, cfg := range []Config{
		{Name: "c"},
		{Name: "c", Path: "/x/[a"},
	} {
		if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), "collector c: ") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestUnreadableFileStopsNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.json"), `{"n":2}`)
	for name, target := range map[string]string{"a.json": "a.json", "gone.json": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	wantLog, wantFailed := []string{"a.json"}, int64(1) // a link in a circle: nobody can read that
	if os.Getuid() > 0 {
		write(t, filepath.Join(dir, "secret.json"), `{"n":1}`)
		write(t, filepath.Join(dir, "locked", "c.json"), `{"n":1}`)
		os.Chmod(filepath.Join(dir, "secret.json"), 0)
		os.Chmod(filepath.Join(dir, "locked"), 0)
		defer os.Chmod(filepath.Join(dir, "locked"), 0o755)
		wantLog, wantFailed = append(wantLog, "secret.json", "locked", "permission denied"), 3
	}
	cfg := config(dir)
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	k := newTopic()
	run1(t, cfg, k)
	same(t, "records", []string{`{"n":2}`}, k.take())
	for _, want := range wantLog {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "gone.json") {
		t.Errorf("a link to nothing is no error:\n%s", &log)
	}
	if k.progress.FilesFailed != wantFailed {
		t.Errorf("progress: %+v", k.progress)
	}
	os.Remove(filepath.Join(dir, "b.json"))
	if err := tryRun(cfg, newTopic()); err == nil || !strings.Contains(err.Error(), "can be read; the log says why") {
		t.Errorf("with nothing else: %v", err)
	}
}

func TestTruncatedGzip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json.gz")
	text := numbered(0, 2000)
	whole := gz(text)
	write(t, path, whole[:len(whole)*2/3])
	write(t, filepath.Join(dir, "y.json"), `{"y":1}`)

	k := newTopic()
	run1(t, config(dir), k)
	before := k.take()
	n := len(before) - 1
	if n < 100 || before[n] != `{"y":1}` {
		t.Fatalf("%d records before the cut, or the other file is missing", n)
	}
	same(t, "before the cut", lines(text)[:n], before[:n])
	if len(k.dead) != 1 || !strings.Contains(k.dead[0], " truncated ") {
		t.Errorf("dead letters: %q", k.dead)
	}
	puts := k.puts
	run1(t, config(dir), k)
	if k.puts != puts {
		t.Errorf("rejected again at a restart: %q", k.dead[1:])
	}
	write(t, path, whole)
	run1(t, config(dir), k)
	same(t, "after it was copied again", lines(text)[n:], k.take())
}

// A file that is taken for complete gives an unfinished end out as a dead letter.
// When it grows, the same bytes are no second one; other bytes are.
func TestGrowsAfterOnce(t *testing.T) {
	for _, tt := range []struct {
		name, end, rest string
		records, dead   []string
	}{
		{"broken as it was", "{\"n\":\n", "{\"n\":9}\n", []string{`{"n":0}`, `{"n":9}`}, []string{`x.json@8 truncated {"n":` + "\n"}},
		{"broken otherwise", "{\"n\":", " x\n{\"n\":9}\n", []string{`{"n":0}`, `{"n":9}`}, []string{`x.json@8 truncated {"n":`, `x.json@8 syntax {"n": x`}},
		{"completed", "{\"n\":", "1}\n", []string{`{"n":0}`, `{"n":1}`}, []string{`x.json@8 truncated {"n":`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.json")
			k := newTopic()
			write(t, path, "{\"n\":0}\n"+tt.end)
			run1(t, config(path), k)
			run1(t, config(path), k)
			appendTo(t, path, tt.rest)
			run1(t, config(path), k)
			run1(t, config(path), k)
			same(t, "records", tt.records, k.take())
			same(t, "dead letters", tt.dead, k.dead)
		})
	}
}

func TestTruncatedJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, `{"Records":[{"n":1},{"n":2},{"n":`)
	k := newTopic()
	run1(t, config(path), k)
	run1(t, config(path), k)
	same(t, "records", []string{`x.json@12 {"n":1}`, `x.json@20 {"n":2}`}, k.records)
	same(t, "dead letters", []string{`x.json@28 truncated {"n":`}, k.dead)
	k.records = nil
	appendTo(t, path, `3},{"n":4}]}`)
	run1(t, config(path), k)
	same(t, "the rest", []string{`x.json@28 {"n":3}`, `x.json@36 {"n":4}`}, k.records)
	// A program that writes the whole file anew, with one record more.
	k.records = nil
	write(t, path, `{"Records":[{"n":1},{"n":2},{"n":3},{"n":4},{"n":5}]}`)
	run1(t, config(path), k)
	same(t, "one more", []string{`x.json@44 {"n":5}`}, k.records)
}

func TestDamagedGzip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json.gz")
	whole := []byte(gz(numbered(0, 3)))
	whole[len(whole)-8] ^= 1 // the checksum
	write(t, path, string(whole))
	k := newTopic()
	run1(t, config(path), k)
	if len(k.records) != 3 || len(k.dead) != 1 {
		t.Errorf("got %d records, dead letters %q", len(k.records), k.dead)
	}
}

// Whatever put fails, a new collector from the durable cursors puts exactly the rest.
func TestKillAtEveryPut(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 1500)
	var trail, plain strings.Builder
	trail.WriteString(`{"note":"` + long + `","Records":[`)
	for i := range 12000 {
		if i > 0 {
			trail.WriteString(",")
		}
		fmt.Fprintf(&trail, `{"n":%d,"x":"%s"}`, i, long)
		fmt.Fprintf(&plain, "{\"n\":%d}\n", i)
		if i%4000 == 17 {
			plain.WriteString("broken\n")
		}
	}
	trail.WriteString(`]}`)
	write(t, filepath.Join(dir, "a.json.gz"), gz(trail.String()))
	write(t, filepath.Join(dir, "b.json"), trail.String())
	write(t, filepath.Join(dir, "c.ndjson"), plain.String())
	write(t, filepath.Join(dir, "d.json.gz"), gz(plain.String())[:10000])

	whole := newTopic()
	run1(t, config(dir), whole)
	if whole.puts < 8 || len(whole.records) < 36000 {
		t.Fatalf("only %d puts of %d records", whole.puts, len(whole.records))
	}
	for failAt := 1; failAt <= whole.puts; failAt++ {
		k := newTopic()
		k.failAt = failAt
		if err := tryRun(config(dir), k); !errors.Is(err, errRefused) {
			t.Fatalf("put %d: %v", failAt, err)
		}
		run1(t, config(dir), k)
		if !slices.Equal(whole.records, k.records) || !slices.Equal(whole.dead, k.dead) {
			t.Errorf("after a failure of put %d: %d records instead of %d, %d dead letters instead of %d",
				failAt, len(k.records), len(whole.records), len(k.dead), len(whole.dead))
		}
	}
}

func TestBatchLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, strings.Repeat(`{"x":"`+strings.Repeat("y", 100<<10)+`"}`, 200)+strings.Repeat("1\n", 12000))
	cfg := config(path)
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	err = c.Run(context.Background(), nil, func(_ context.Context, b ingest.Batch) error {
		size := 0
		for _, r := range b.Records {
			size += len(r.Value)
		}
		total += len(b.Records)
		if len(b.Records) > batchRecords || size > batchBytes+100<<10+10 {
			t.Errorf("a batch of %d records, %d bytes", len(b.Records), size)
		}
		return nil
	})
	if err != nil || total != 12200 {
		t.Errorf("%d records, %v", total, err)
	}
}

func TestSymlinks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pods", "x.log"), `{"n":1}`)
	write(t, filepath.Join(dir, "logs", "z.log"), `{"n":2}`)
	for name, target := range map[string]string{
		"logs/x.log":     "../pods/x.log", // as kubelet does
		"logs/again.log": "x.log",
		"logs/dir":       "../pods",
		"logs/gone.log":  "nothing",
		"tree":           "logs",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	for _, path := range []string{"logs", "tree"} {
		k := newTopic()
		run1(t, config(filepath.Join(dir, path)), k)
		same(t, path, []string{`again.log@0 {"n":1}`, `z.log@0 {"n":2}`}, k.records)
	}
	k := newTopic()
	run1(t, config(filepath.Join(dir, "logs", "dir")), k)
	same(t, "a link to a directory as the path", []string{`x.log@0 {"n":1}`}, k.records)
}

func TestCursorOfNewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, `{"n":1}`)
	for _, value := range []string{`{"v":2}`, `no cursor`} {
		k := newTopic()
		k.cursors["file:/x"] = []byte(value)
		if err := tryRun(config(path), k); err == nil || !strings.Contains(err.Error(), "cursor of file:/x") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestForgottenCursor(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"old.json", "new.json", "there.json"} {
		write(t, filepath.Join(dir, name), `{"n":1}`)
	}
	past := time.Now().Add(-2 * forgetAfter)
	os.Chtimes(filepath.Join(dir, "old.json"), past, past)
	os.Chtimes(filepath.Join(dir, "there.json"), past, past)
	k := newTopic()
	run1(t, config(dir), k)
	os.Remove(filepath.Join(dir, "old.json"))
	os.Remove(filepath.Join(dir, "new.json"))
	run1(t, config(dir), k)
	var left []string
	for key := range k.cursors {
		left = append(left, filepath.Base(key))
	}
	slices.Sort(left)
	same(t, "cursors", []string{"new.json", "there.json"}, left)
}

func TestEndOfContextIsADrain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, numbered(0, 20000))
	c, err := New(config(path))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := newTopic()
	err = c.Run(ctx, k.cursors, func(ctx context.Context, b ingest.Batch) error {
		cancel()
		return k.put(ctx, b)
	})
	if err != nil || k.puts != 1 {
		t.Fatalf("%d puts, %v", k.puts, err)
	}
	run1(t, config(path), k)
	same(t, "records", lines(numbered(0, 20000)), k.take())
}

func TestFamily(t *testing.T) {
	for _, names := range [][]string{
		{"/var/log/access.log", "/var/log/access.log.1", "/var/log/access.log.12.gz", "/var/log/access.log-20260312.gz", "/var/log/access-2026-03-12.log"},
		{"/audit.log", "/audit-2026-03-12T10-00-00.000.log"},
		{"/2026-1.json", "/2026-1.json"},
	} {
		for _, name := range names {
			if family(name) != family(names[0]) {
				t.Errorf("%s and %s: %q, %q", names[0], name, family(names[0]), family(name))
			}
		}
	}
	for _, name := range []string{"/var/log/error.log", "/var/access.log", "/2026-1.json"} {
		if family(name) == family("/var/log/access.log.1") || family(name) == family("/2026-2.json") {
			t.Errorf("%s is of another family", name)
		}
	}
}

// event.Record is what the pipeline gets: its origin names collector and position.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, ` {"n":1}`)
	c, err := New(config(path))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run(context.Background(), nil, func(_ context.Context, b ingest.Batch) error {
		want := []event.Record{{
			Source: "aws.cloudtrail",
			Value:  []byte(`{"n":1}`),
			Origin: event.Origin{Collector: "c", Object: "file:" + filepath.ToSlash(path), Position: 1},
		}}
		if diff := cmp.Diff(want, b.Records); diff != "" {
			t.Error(diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
