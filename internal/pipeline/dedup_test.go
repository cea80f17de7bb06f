package pipeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSeenAgainstPlainMap compares seen with a map that never forgets and looks
// at the horizon itself.
func TestSeenAgainstPlainMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const horizon = 100 * time.Millisecond
	s := newSeen(horizon, 1<<20)
	plain := map[seenKey]int64{}
	now, duplicates := int64(1000), 0
	for range 100_000 {
		now += rnd.Int64N(3)
		key := seenKey{byte(rnd.IntN(200))}
		first, ok := plain[key]
		isNew := !ok || now-first > horizon.Milliseconds()
		if isNew {
			plain[key] = now
		} else {
			duplicates++
		}
		if got := s.add(key, now); got != isNew {
			t.Fatalf("at %d, key %d of %d: new is %t, want %t", now, key[0], first, got, isNew)
		}
	}
	if duplicates == 0 {
		t.Fatal("the test made no duplicates")
	}
	if n := len(s.order) - s.head; n > 300 {
		t.Errorf("%d entries are kept for a horizon of %s", n, horizon)
	}
}

func TestSeenRollsBack(t *testing.T) {
	s := newSeen(time.Hour, 100)
	s.add(seenKey{1}, 10)
	s.add(seenKey{2}, 20)
	s.add(seenKey{3}, 30)
	s.remove(2)
	if s.add(seenKey{1}, 40) {
		t.Error("what was there before the aborted transaction is forgotten")
	}
	if !s.add(seenKey{2}, 40) || !s.add(seenKey{3}, 40) {
		t.Error("what the aborted transaction added is still there")
	}
}

func TestSeenIsBounded(t *testing.T) {
	s := newSeen(time.Hour, 10)
	for i := range 1000 {
		s.add(seenKey{byte(i), byte(i >> 8)}, int64(i))
	}
	if len(s.at) > 10 {
		t.Errorf("%d keys are kept, want at most 10", len(s.at))
	}
	if s.add(seenKey{byte(999 & 0xff), byte(999 >> 8)}, 1000) {
		t.Error("the newest key is forgotten")
	}
}

func TestSeenKeyNeedsUIDAndBytes(t *testing.T) {
	a := newSeenKey("uid", []byte("value"))
	if a != newSeenKey("uid", []byte("value")) {
		t.Error("equal records have different keys")
	}
	if a == newSeenKey("uid", []byte("other")) || a == newSeenKey("other", []byte("value")) {
		t.Error("different records have one key")
	}
}

func TestSeenCodec(t *testing.T) {
	want := []seenEntry{{seenKey{1, 2}, 5}, {seenKey{0xff}, 1 << 50}}
	var got []seenEntry
	decodeSeen(appendSeen(nil, want), func(e seenEntry) { got = append(got, e) })
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(seenEntry{})); diff != "" {
		t.Error(diff)
	}
	decodeSeen([]byte{9, 1, 2}, func(seenEntry) { t.Error("a record of an unknown version has entries") })
}
