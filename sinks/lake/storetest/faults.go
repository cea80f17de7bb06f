package storetest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/weir-security/weir/sinks/lake"
)

// World is a store behind a Breaker.
type World struct {
	Breaker *Breaker
	// Open opens the store as a new process does, with short waits.
	Open func(t *testing.T) lake.Store
	// Objects is what the service holds, by path below the lake, and how many uploads
	// there are that have not ended.
	Objects func() (files map[string]string, unfinished int)
	// Part is the size above which a file is put in pieces.
	Part int
	// Orphans says that the pieces of an upload in vain cannot be taken back.
	Orphans bool
}

// Faults lets each request of the writing of three files fail in every way, once
// and for good, and as the death of the process; then the files are written
// again. At no moment is there a file that is not whole, and in the end there are
// exactly the files of a run without faults.
func Faults(t *testing.T, world func(t *testing.T) *World) {
	w := world(t)
	files := []file{
		{"events/class=a/day=1/x.parquet", []byte("first")},
		{"events/class=a/day=2/x.parquet", Content(2*w.Part + 1)},
		{"events/class=b/day=1/x.parquet", []byte("third")},
	}
	store := w.Open(t)
	w.Breaker.Plan(nil)
	if err := writeAll(t, store, files); err != nil {
		t.Fatal(err)
	}
	steps := w.Breaker.Requests()
	if len(steps) < 6 {
		t.Fatalf("only %d requests: %q", len(steps), steps)
	}
	for n, step := range steps {
		for _, fault := range slices.Concat(Passing, []Fault{Conflict}) {
			t.Run(fmt.Sprintf("once/%02d %s/%s", n, step, fault), func(t *testing.T) {
				t.Parallel()
				once(t, world(t), files, n, fault)
			})
		}
		for _, fault := range slices.Concat(Passing, Lasting) {
			t.Run(fmt.Sprintf("lasting/%02d %s/%s", n, step, fault), func(t *testing.T) {
				t.Parallel()
				lasting(t, world(t), files, n, fault)
			})
		}
	}
}

type file struct {
	path string
	data []byte
}

func writeAll(t *testing.T, s lake.Store, files []file) error {
	for _, f := range files {
		if _, err := s.Create(t.Context(), f.path, f.data); err != nil {
			return err
		}
	}
	return nil
}

// once lets one request fail. What passes is tried again at once by the store.
func once(t *testing.T, w *World, files []file, n int, fault Fault) {
	store := w.Open(t)
	w.Breaker.Plan(func(i int, r *http.Request) Fault {
		if i == n {
			return fault
		}
		return None
	})
	if err := writeAll(t, store, files); err != nil {
		// Not everything can be tried again within a call, but then the caller does.
		if !lake.IsTransient(err) {
			t.Errorf("%v, want an error that passes", err)
		}
		w.hold(t, files)
		if err := writeAll(t, store, files); err != nil {
			t.Fatal(err)
		}
	}
	w.holdAll(t, files)
	// Only of an upload whose id was lost nobody knows.
	if w.Orphans {
		return
	}
	if lost := fault == LostAnswer || fault == HalfAnswer; w.unfinished() > 1 || w.unfinished() > 0 && !lost {
		t.Errorf("%d uploads are unfinished", w.unfinished())
	}
}

// lasting lets all requests from one on fail, then starts anew.
func lasting(t *testing.T, w *World, files []file, n int, fault Fault) {
	store := w.Open(t)
	w.Breaker.Plan(func(i int, r *http.Request) Fault {
		if i >= n {
			return fault
		}
		return None
	})
	err := writeAll(t, store, files)
	if err == nil && fault == LostAnswer || err == nil && fault == HalfAnswer {
		err = lake.Transient(fmt.Errorf("no error")) // the object is there, and found to be
	}
	if lake.IsTransient(err) == slices.Contains(Lasting, fault) {
		t.Errorf("%v: transient %v", err, lake.IsTransient(err))
	}
	w.Breaker.Plan(nil)
	w.hold(t, files)
	if err := writeAll(t, w.Open(t), files); err != nil { // another process
		t.Fatal(err)
	}
	w.holdAll(t, files)
}

// hold wants what the service holds to be whole. It returns that.
func (w *World) hold(t *testing.T, files []file) map[string]string {
	t.Helper()
	want := contents(files)
	got, _ := w.Objects()
	for path, content := range got {
		if content != want[path] {
			t.Errorf("%s is there and is not whole", path)
		}
	}
	return got
}

// holdAll wants the service to hold the files and nothing else.
func (w *World) holdAll(t *testing.T, files []file) {
	t.Helper()
	got, want := w.hold(t, files), contents(files)
	if !maps.Equal(got, want) {
		t.Errorf("the lake holds %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func contents(files []file) map[string]string {
	m := map[string]string{}
	for _, f := range files {
		m[f.path] = string(f.data)
	}
	return m
}

func (w *World) unfinished() int {
	_, n := w.Objects()
	return n
}
