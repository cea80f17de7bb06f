// Package storetest is what every store of a lake must do, as tests: the contract
// of lake.Store, and the fault table of a store that is reached over HTTP.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/weir-security/weir/sinks/lake"
)

// Contract tests a store that is empty. large is more than the store puts in one
// piece.
func Contract(t *testing.T, s lake.Store, large int) {
	files := map[string][]byte{
		"events/class=a/day=2026-11-03/x-0-0-1-1.parquet":   []byte("one"),
		"events/class=a/day=2026-11-04/x-0-0-1-1.parquet":   Content(large),
		"events/class=ab/day=2026-11-03/x-0-0-1-1.parquet":  []byte("three"),
		"findings/class=a/day=2026-11-03/x-0-0-1-1.parquet": []byte("four"),
	}
	ctx := t.Context()
	if got := list(t, s, ""); len(got) > 0 {
		t.Errorf("a new lake holds %v", got)
	}
	for path, data := range files {
		for i, want := range []bool{true, false} {
			if created, err := s.Create(ctx, path, data); err != nil || created != want {
				t.Errorf("create %s, time %d: created %v, %v", path, i+1, created, err)
			}
		}
	}
	t.Run("foreign", func(t *testing.T) { foreign(t, s, files) })
	t.Run("list", func(t *testing.T) {
		for _, prefix := range []string{"", "events/", "events", "events/class=a/", "events/class=a", "events/class=a/day=2026-11", "find", "none", "none/at/all/"} {
			want := map[string]int64{}
			for path, data := range files {
				if len(path) >= len(prefix) && path[:len(prefix)] == prefix {
					want[path] = int64(len(data))
				}
			}
			if got := list(t, s, prefix); !maps.Equal(got, want) {
				t.Errorf("list %q: %v, want %v", prefix, got, want)
			}
		}
		for range s.List(ctx, "") {
			break // a reader may have enough
		}
	})
	t.Run("read", func(t *testing.T) {
		for path, data := range files {
			read(t, s, path, data)
		}
		if _, err := s.Open(ctx, "events/none.parquet"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of no file: %v", err)
		}
	})
	t.Run("paths", func(t *testing.T) {
		for _, path := range []string{"../outside", "/absolute", "a//b", ""} {
			if _, err := s.Create(ctx, path, nil); err == nil {
				t.Errorf("create %q: no error", path)
			}
			if _, err := s.Open(ctx, path); err == nil {
				t.Errorf("open %q: no error", path)
			}
		}
	})
	t.Run("race", func(t *testing.T) { race(t, s, large) })
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Create(ctx, "events/cancelled.parquet", []byte("x")); !errors.Is(err, context.Canceled) || lake.IsTransient(err) {
			t.Errorf("create: %v, want %v, which is not transient", err, context.Canceled)
		}
	})
}

// Content is n bytes that are not the same everywhere.
func Content(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*i>>7 ^ i)
	}
	return data
}

func foreign(t *testing.T, s lake.Store, files map[string][]byte) {
	for path, data := range files {
		changed := bytes.Clone(data)
		changed[len(changed)-1] ^= 1
		for _, other := range [][]byte{changed, data[:len(data)-1], append(bytes.Clone(data), 0)} {
			if _, err := s.Create(t.Context(), path, other); !errors.Is(err, lake.ErrForeign) || lake.IsTransient(err) {
				t.Errorf("create %s with other content: %v, want a permanent %v", path, err, lake.ErrForeign)
			}
		}
		read(t, s, path, data)
	}
}

// race lets several writers create one file: one has created it, all find it.
func race(t *testing.T, s lake.Store, large int) {
	for _, data := range [][]byte{[]byte("small"), Content(large)} {
		path := "events/race/" + string(rune('a'+len(data)%26)) + ".parquet"
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := 0
		for range 4 {
			wg.Go(func() {
				created, err := s.Create(t.Context(), path, data)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if created {
					count++
				}
			})
		}
		wg.Wait()
		if count != 1 {
			t.Errorf("%d writers say that they created %s, want 1", count, path)
		}
		read(t, s, path, data)
	}
}

func list(t *testing.T, s lake.Store, prefix string) map[string]int64 {
	t.Helper()
	got := map[string]int64{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		if _, twice := got[info.Path]; twice {
			t.Errorf("list %q: %s is there twice", prefix, info.Path)
		}
		got[info.Path] = info.Size
	}
	return got
}

// read reads a file in ranges and past its end.
func read(t *testing.T, s lake.Store, path string, want []byte) {
	t.Helper()
	o, err := s.Open(t.Context(), path)
	if err != nil {
		t.Errorf("open %s: %v", path, err)
		return
	}
	defer o.Close()
	if o.Size() != int64(len(want)) {
		t.Errorf("%s has %d bytes, want %d", path, o.Size(), len(want))
		return
	}
	all, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil || !bytes.Equal(all, want) {
		t.Errorf("%s: other content than was written (%v)", path, err)
	}
	for _, r := range []struct{ from, n int }{{0, 1}, {1, len(want)}, {len(want) - 1, 1}, {len(want) / 2, len(want)}, {len(want), 1}, {0, 0}} {
		p := make([]byte, r.n)
		n, err := o.ReadAt(p, int64(r.from))
		expected := want[r.from:min(r.from+r.n, len(want))]
		if !bytes.Equal(p[:n], expected) || err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.EOF) != (r.from+r.n > len(want)) {
			t.Errorf("%s: read of %d bytes at %d: %d bytes, %v", path, r.n, r.from, n, err)
		}
	}
	if _, err := o.ReadAt(make([]byte, 1), -1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%s: read before the beginning: %v", path, err)
	}
}

// Files reads all files of a store.
func Files(t *testing.T, s lake.Store) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(list(t, s, ""))) {
		o, err := s.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err = errors.Join(err, o.Close()); err != nil {
			t.Fatal(err)
		}
		files[path] = string(data)
	}
	return files
}
