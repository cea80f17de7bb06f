package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

// memoryStore is a fake store: it keeps what it is given, by path.
type memoryStore struct {
	Store
	mu    sync.Mutex
	files map[string][]byte
	err   error // of every Create
}

func (s *memoryStore) Create(ctx context.Context, name string, data []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	if _, taken := s.files[name]; taken {
		return false, ErrForeign
	}
	s.files[name] = bytes.Clone(data)
	return true, ctx.Err()
}

func newMemoryStore() *memoryStore { return &memoryStore{files: map[string][]byte{}} }

// byDir are the files by their directories, each of which has one.
func (s *memoryStore) byDir(t *testing.T) map[string][]byte {
	t.Helper()
	dirs := map[string][]byte{}
	for name, data := range s.files {
		if _, second := dirs[path.Dir(name)]; second {
			t.Errorf("%s has a second file", path.Dir(name))
		}
		dirs[path.Dir(name)] = data
	}
	return dirs
}

// TestLoaderIsAWriter loads random events of every class, of several days and in no
// order. The files are those that a Writer makes of the same events' JSON, byte for byte.
func TestLoaderIsAWriter(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 9))
			loaded, written := newMemoryStore(), newMemoryStore()
			l := NewLoader(t.Context(), loaded, noon)
			var rows []Row
			for i := range 300 {
				class := &ocsf.Classes[r.IntN(len(ocsf.Classes))]
				ev := randomEvent(t, r, class, []float64{0.02, 0.3, 0.6}[r.IntN(3)])
				when := noon.AddDate(0, 0, -r.IntN(3)).UnixMilli() + int64(r.IntN(50)) // some at the same time
				if r.IntN(20) == 0 {
					when = noon.Add(48 * time.Hour).UnixMilli()
				}
				ev.SetTime(when)
				rows = append(rows, Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: noon})
				if err := l.Add(ev, 1000); err != nil {
					t.Fatal(err)
				}
				ev.Reset() // nothing of it is kept
				ev.SetMessage("another")
			}
			got, err := l.Close()
			if err != nil {
				t.Fatal(err)
			}
			res, err := NewWriter(written).Write(t.Context(), Events, Batch{TopicID: [16]byte{1}, End: 300}, rows)
			if err != nil || len(res.Rejected) > 0 {
				t.Fatal(res.Rejected, err)
			}
			want := Loaded{Files: len(res.Files), Rows: 300}
			for _, f := range res.Files {
				want.Bytes += f.Bytes
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			have := loaded.byDir(t)
			for dir, data := range written.byDir(t) {
				if !bytes.Equal(have[dir], data) {
					t.Errorf("%s: the files differ: %d bytes loaded, %d written", dir, len(have[dir]), len(data))
				}
			}
		})
	}
}

// TestLoaderBounds goes over each bound of what a loader holds.
func TestLoaderBounds(t *testing.T) {
	event := func(day int) *ocsf.Event {
		ev := new(ocsf.Event)
		ev.SetClass(ocsf.ClassAPIActivity)
		ev.SetTime(noon.AddDate(0, 0, -day).UnixMilli())
		return ev
	}
	const few = 30 // files, to be done soon
	for _, c := range []struct {
		name       string
		events     int
		day        func(i int) int
		size       int
		open, left int // files that wait at the end, bytes of them
	}{
		{"rows", maxGroupRows + 1, func(int) int { return 0 }, 10, 1, 20},
		{"bytes of a file", 13, func(int) int { return 0 }, maxGroupBytes / 24, 1, maxGroupBytes / 12},
		// The eleventh is too much, and day 0 has six of them.
		{"bytes of all", 11, func(i int) int { return i % 2 }, maxLoading/20 - 1, 1, 10 * (maxLoading/20 - 1)},
		{"files", few + 1, func(i int) int { return i }, 10, few, 20 * few},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newMemoryStore()
			l := NewLoader(t.Context(), s, noon)
			l.maxOpen = few
			for i := range c.events {
				if err := l.Add(event(c.day(i)), c.size); err != nil {
					t.Fatal(err)
				}
			}
			if len(l.open) != c.open || l.size != c.left || l.named != 1 {
				t.Errorf("%d open files of %d bytes and %d written, want %d of %d and 1", len(l.open), l.size, l.named, c.open, c.left)
			}
			got, err := l.Close()
			if err != nil || got.Rows != c.events || got.Files != c.open+1 || len(s.files) != got.Files {
				t.Errorf("%+v with %d files in the store, %v; want %d rows in %d files", got, len(s.files), err, c.events, c.open+1)
			}
		})
	}
}

// TestLoaderOld puts logs of many years into their days, unlike a stream.
func TestLoaderOld(t *testing.T) {
	s := newMemoryStore()
	l := NewLoader(t.Context(), s, noon)
	for _, years := range []int{-1, 0, 5, 19, 21} {
		var ev ocsf.Event
		ev.SetClass(ocsf.ClassAPIActivity)
		ev.SetTime(noon.AddDate(-years, 0, 0).UnixMilli())
		if err := l.Add(&ev, 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Close(); err != nil {
		t.Fatal(err)
	}
	days := s.files // two are out of range, in one file
	for _, day := range []string{"2026-11-03", "2021-11-03", "2007-11-03", "out_of_range"} {
		dir := "events/class=api_activity/day=" + day
		found := 0
		for name := range days {
			if path.Dir(name) == dir {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d files in %s, want 1", found, dir)
		}
	}
}

// TestLoaderUnfit goes on behind events that no file can have.
func TestLoaderUnfit(t *testing.T) {
	l := NewLoader(t.Context(), newMemoryStore(), noon)
	var stranger, foreign, good ocsf.Event
	if err := stranger.UnmarshalJSON([]byte(`{"class_uid":4711,"time":1793707200000}`)); err != nil {
		t.Fatal(err)
	}
	foreign.SetClass(ocsf.ClassAuthentication)
	foreign.FindingInfo.SetUID("x")
	good.SetClass(ocsf.ClassAuthentication)
	good.SetTime(noon.UnixMilli())
	for _, ev := range []*ocsf.Event{&stranger, &foreign} {
		if err := l.Add(ev, 1); !errors.Is(err, ErrUnfit) {
			t.Errorf("%v, want ErrUnfit", err)
		}
	}
	if err := l.Add(&good, 1); err != nil {
		t.Error(err)
	}
	if got, err := l.Close(); err != nil || got.Rows != 1 {
		t.Errorf("%+v, %v; want one row", got, err)
	}
}

// TestLoaderFails tells of a store that fails, and of a caller that gives up, at the end
// and before.
func TestLoaderFails(t *testing.T) {
	full := errors.New("disk full")
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetTime(noon.UnixMilli())

	broken := newMemoryStore()
	broken.err = full
	l := NewLoader(t.Context(), broken, noon)
	var err error
	for deadline := time.Now().Add(time.Minute); err == nil && time.Now().Before(deadline); {
		err = l.Add(&ev, maxGroupBytes) // a file each
	}
	if !errors.Is(err, full) {
		t.Errorf("Add: %v, want %v", err, full)
	}
	if _, err := l.Close(); !errors.Is(err, full) {
		t.Errorf("Close: %v, want %v", err, full)
	}

	ctx, cancel := context.WithCancel(t.Context())
	l = NewLoader(ctx, newMemoryStore(), noon)
	cancel()
	if err := l.Add(&ev, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Add: %v, want %v", err, context.Canceled)
	}
	if _, err := l.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v, want %v", err, context.Canceled)
	}
}
