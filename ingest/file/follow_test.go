package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
)

// follower is a tailing collector that runs.
type follower struct {
	t    *testing.T
	mu   sync.Mutex
	k    *topic
	stop context.CancelFunc
	done chan error
}

func follow(t *testing.T, cfg Config, k *topic) *follower {
	t.Helper()
	cfg.Once = false
	cfg.PollInterval = 5 * time.Millisecond
	if cfg.Settle == 0 {
		cfg.Settle = 200 * time.Millisecond
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{t: t, k: k, stop: cancel, done: make(chan error, 1)}
	stored := map[string][]byte{}
	for key, value := range k.cursors {
		stored[key] = value
	}
	go func() {
		f.done <- c.Run(ctx, stored, func(ctx context.Context, b ingest.Batch) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			return k.put(ctx, b)
		})
	}()
	t.Cleanup(f.end)
	return f
}

// end stops the collector, as kill would: what was not put is not there.
func (f *follower) end() {
	f.stop()
	if err := <-f.done; err != nil {
		f.t.Error(err)
	}
	f.done <- nil
}

// wants waits until exactly these records have come since the last call.
func (f *follower) wants(what string, want ...string) {
	f.t.Helper()
	f.until(what, func() bool { return len(f.k.records) >= len(want) })
	f.mu.Lock()
	defer f.mu.Unlock()
	same(f.t, what, want, f.k.take())
}

func (f *follower) until(what string, ok func() bool) {
	f.t.Helper()
	for range 2000 {
		f.mu.Lock()
		reached := ok()
		f.mu.Unlock()
		if reached {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	f.t.Fatalf("%s: nothing came", what)
}

// nothing checks that no record comes for a few polls.
func (f *follower) nothing(what string) {
	f.t.Helper()
	time.Sleep(150 * time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	same(f.t, what, nil, f.k.take())
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestFollowGrowth(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json")
	write(t, path, "{\"n\":1}\n{\"n\"")
	cfg := config(dir)
	cfg.Settle = time.Minute
	f := follow(t, cfg, newTopic())
	f.wants("at the start", `{"n":1}`)
	appendTo(t, path, ":2}\n")
	f.wants("the rest of a record", `{"n":2}`)
	write(t, filepath.Join(dir, "sub", "y.json"), "{\"n\":3}\n")
	f.wants("a new file in a new directory", `{"n":3}`)
	appendTo(t, filepath.Join(dir, "sub", "y.json"), "{\"n\":4}\n")
	f.wants("its growth", `{"n":4}`)
	os.Remove(path)
	f.nothing("a file that vanished")
	if len(f.k.dead) > 0 {
		t.Errorf("dead letters: %q", f.k.dead)
	}
}

func TestFollowPathThatAppearsLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "later", "x.log")
	f := follow(t, config(path), newTopic())
	f.nothing("before")
	write(t, path, "{\"n\":1}\n")
	f.wants("after", `{"n":1}`)
}

func TestFollowLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	write(t, path, "one\r\ntw")
	cfg := config(path)
	cfg.Format = envelope.Format{Kind: envelope.Lines}
	f := follow(t, cfg, newTopic())
	f.wants("a whole line", "one")
	time.Sleep(2 * 200 * time.Millisecond)
	f.nothing("half a line waits, however long")
	appendTo(t, path, "o\nthree\n")
	f.wants("the rest", "two", "three")
	appendTo(t, path, "fo")
	rename(t, path, path+".1")
	write(t, path, "five\n")
	f.wants("the new file", "five")
	f.wants("the old one's last line", "fo")
}

func TestFollowIncompleteRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, `{"Records":[{"n":1},{"n":`)
	f := follow(t, config(path), newTopic())
	f.wants("what is whole", `{"n":1}`)
	f.until("a dead letter", func() bool { return len(f.k.dead) == 1 })
	same(t, "dead letters", []string{`x.json@20 truncated {"n":`}, f.k.dead)
	appendTo(t, path, `2}]}`)
	f.wants("the rest after all", `{"n":2}`)
	write(t, path, `{"Records":[{"n":1},{"n":2},{"n":3}]}`)
	f.wants("the same file written anew with one more", `{"n":3}`)
}

func TestFollowCompressed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json.gz")
	whole := gz(numbered(0, 500))
	write(t, path, "")
	f := follow(t, config(dir), newTopic())
	for i := 0; i < len(whole); i += 1 + len(whole)/5 { // a slow copy
		appendTo(t, path, whole[i:min(len(whole), i+1+len(whole)/5)])
		time.Sleep(50 * time.Millisecond)
	}
	// If the copy pauses for longer than Settle there is a dead letter, but no loss.
	f.wants("when it is whole", lines(numbered(0, 500))...)
}

// rotations are the ways in which a log of ten records, of which the collector may
// have seen five, gives way to another of five.
var rotations = map[string]func(t *testing.T, path string){
	"rename and create": func(t *testing.T, path string) {
		appendTo(t, path, numbered(5, 10))
		rename(t, path, path+".1")
		write(t, path, numbered(10, 15))
	},
	"rename, create, and the writer is slow to change": func(t *testing.T, path string) {
		rename(t, path, path+".1")
		write(t, path, numbered(10, 15))
		time.Sleep(30 * time.Millisecond)
		appendTo(t, path+".1", numbered(5, 10))
	},
	"copy and truncate": func(t *testing.T, path string) {
		appendTo(t, path, numbered(5, 10))
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path+".1", string(content))
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, numbered(10, 15))
	},
	"shifted numbers": func(t *testing.T, path string) {
		write(t, path+".2", "")
		rename(t, path, path+".1")
		appendTo(t, path+".1", numbered(5, 8))
		time.Sleep(30 * time.Millisecond)
		rename(t, path+".1", path+".2")
		appendTo(t, path+".2", numbered(8, 10))
		write(t, path+".1", "")
		write(t, path, numbered(10, 15))
	},
	"rename and compress": func(t *testing.T, path string) {
		appendTo(t, path, numbered(5, 10))
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(path)
		write(t, path+".1.gz", gz(string(content)))
		write(t, path, numbered(10, 15))
	},
}

// Whether it runs or not while a log is rotated, the collector of the directory reads
// each record once.
func TestRotationInTree(t *testing.T) {
	for name, rotate := range rotations {
		for _, running := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", running", false: ", stopped"}[running], func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				path := filepath.Join(dir, "audit.log")
				write(t, path, numbered(0, 5))
				f := follow(t, config(dir), newTopic())
				f.wants("before", lines(numbered(0, 5))...)
				if !running {
					f.end()
				}
				rotate(t, path)
				if !running {
					f = follow(t, config(dir), f.k)
				}
				f.until("after", func() bool { return len(f.k.records) >= 10 })
				f.nothingMore(lines(numbered(5, 15)))
			})
		}
	}
}

// A listing may miss a file that is being renamed. It is read on as one that is leaving,
// and must not be read a second time when it is listed again.
func TestMissedByAListing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	write(t, path, numbered(0, 5))
	cfg := config(dir)
	cfg.Settle = time.Minute // it does not end as left
	f := follow(t, cfg, newTopic())
	f.wants("before", lines(numbered(0, 5))...)
	hidden := filepath.Join(dir, ".audit.log") // as good as missed
	rename(t, path, hidden)
	time.Sleep(100 * time.Millisecond) // several polls
	appendTo(t, hidden, numbered(5, 8))
	f.wants("while it is not listed", lines(numbered(5, 8))...)
	rename(t, hidden, path+".1")
	appendTo(t, path+".1", numbered(8, 10))
	write(t, path, numbered(10, 15))
	f.until("after", func() bool { return len(f.k.records) >= 7 })
	f.nothingMore(lines(numbered(8, 15)))
}

// The same where only the log itself is configured; what is renamed is read to its
// end, unless it was compressed or copied.
func TestRotationOfFile(t *testing.T) {
	for _, name := range []string{"rename and create", "rename, create, and the writer is slow to change"} {
		for _, running := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", running", false: ", stopped"}[running], func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "audit.log")
				write(t, path, numbered(0, 5))
				cfg := config(path)
				cfg.Settle = time.Second // the writer is not slower than that
				f := follow(t, cfg, newTopic())
				f.wants("before", lines(numbered(0, 5))...)
				if !running {
					f.end()
				}
				rotations[name](t, path)
				if !running {
					f = follow(t, cfg, f.k)
				}
				f.until("after", func() bool { return len(f.k.records) >= 10 })
				f.nothingMore(lines(numbered(5, 15)))
				f.until("the old file is let go", func() bool { return len(f.k.cursors) == 1 })
			})
		}
	}
}

// nothingMore checks that exactly these records came, in whatever order of files.
func (f *follower) nothingMore(want []string) {
	f.t.Helper()
	time.Sleep(100 * time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.k.take()
	slices.Sort(got)
	slices.Sort(want)
	same(f.t, "each record once", want, got)
	if len(f.k.dead) > 0 {
		f.t.Errorf("dead letters: %q", f.k.dead)
	}
}

// What was incomplete when the file was truncated is a dead letter, not the beginning
// of what comes next.
func TestTruncatedWithinRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write(t, path, numbered(0, 5)+`{"n":`)
	cfg := config(path)
	cfg.Settle = time.Minute
	f := follow(t, cfg, newTopic())
	f.wants("before", lines(numbered(0, 5))...)
	write(t, path, numbered(100, 102))
	f.wants("after", lines(numbered(100, 102))...)
	if len(f.k.dead) > 1 {
		t.Errorf("dead letters: %q", f.k.dead)
	}
}

func TestTruncatedAndLongerThanBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write(t, path, numbered(0, 5))
	f := follow(t, config(path), newTopic())
	f.wants("before", lines(numbered(0, 5))...)
	write(t, path, numbered(100, 120))
	f.wants("after", lines(numbered(100, 120))...)
}

// A program that writes its JSON file anew each time, with more records.
func TestFileWrittenAnewWithMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	text := func(to int) string {
		var b []byte
		for i, line := range lines(numbered(0, to)) {
			if i > 0 {
				b = append(b, ",\n"...)
			}
			b = append(b, line...)
		}
		return "{\"Records\":[\n" + string(b) + "\n]}\n"
	}
	for _, atomically := range []bool{false, true} {
		os.Remove(path)
		f := follow(t, config(path), newTopic())
		write(t, path, text(10))
		f.wants("before", lines(numbered(0, 10))...)
		if atomically {
			write(t, path+"~", text(12))
			rename(t, path+"~", path)
		} else {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			file.WriteString(text(12)) // over the old text
			file.Close()
		}
		f.wants("after", lines(numbered(10, 12))...)
		f.end()
	}
}

func TestPutErrorEndsFollowing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	write(t, path, "{\"n\":1}\n")
	cfg := config(path)
	cfg.Once = false
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	k := newTopic()
	k.failAt = 1
	if err := c.Run(context.Background(), nil, k.put); err == nil {
		t.Error("the error of a put is lost")
	}
}

// Restarts at random moments while a log grows and is rotated.
func TestRestartsWhileRotating(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	write(t, path, numbered(0, 5))
	k := newTopic()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := 5; i < 400; i += 5 {
			if i%100 == 0 {
				rename(t, path, path+"."+string(rune('0'+i/100)))
				write(t, path, numbered(i, i+5))
				continue
			}
			appendTo(t, path, numbered(i, i+5))
			time.Sleep(3 * time.Millisecond)
		}
	}()
	for running := true; running; {
		f := follow(t, config(dir), k)
		select {
		case <-written:
			running = false
		case <-time.After(30 * time.Millisecond):
		}
		f.end()
	}
	f := follow(t, config(dir), k)
	f.until("all", func() bool { return len(k.records) >= 400 })
	f.nothingMore(lines(numbered(0, 400)))
}

func TestFollowManyFiles(t *testing.T) {
	dir := t.TempDir()
	const files = maxOpen + 50
	var want []string
	for i := range files {
		text := numbered(i, i+1)
		write(t, filepath.Join(dir, fmt.Sprintf("x%d.json", i)), text)
		want = append(want, lines(text)...)
	}
	cfg := config(dir)
	cfg.Settle = time.Minute
	f := follow(t, cfg, newTopic())
	f.until("all", func() bool { return len(f.k.records) >= files })
	f.nothingMore(want)
	appendTo(t, filepath.Join(dir, "x0.json"), "{\"more\":0}\n")
	appendTo(t, filepath.Join(dir, fmt.Sprintf("x%d.json", files-1)), "{\"more\":1}\n")
	f.until("growth", func() bool { return len(f.k.records) >= 2 })
	f.nothingMore([]string{`{"more":0}`, `{"more":1}`})
}

// A log that was rotated while nothing ran is read to its end by a run that ends, too.
func TestRotatedBeforeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write(t, path, numbered(0, 5))
	k := newTopic()
	run1(t, config(path), k)
	k.records = nil
	rotations["rename and create"](t, path)
	run1(t, config(path), k)
	same(t, "records", lines(numbered(5, 15)), k.take())
	if len(k.cursors) != 1 {
		t.Errorf("cursors: %q", k.cursors)
	}
	run1(t, config(path), k)
	same(t, "records of a third run", nil, k.take())
}

// A tree that is not there when the collector is made has the same object names.
func TestOriginOfTreeThatAppearsLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	cfg := config(dir)
	cfg.Origin = "s3://bucket"
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "x.json"), `{"n":1}`)
	k := newTopic()
	if err := c.Run(context.Background(), nil, k.put); err != nil {
		t.Fatal(err)
	}
	if _, ok := k.cursors["s3://bucket/x.json"]; !ok {
		t.Errorf("cursors: %q", k.cursors)
	}
}
