package pipeline

import (
	"testing"
	"time"

	"github.com/weir-security/weir/internal/config"
)

func testHeartbeats() (*heartbeats, partition, partition) {
	h := newHeartbeats(map[string]string{"raw.a": "a"}, config.Lateness{Default: time.Minute}, 30*time.Second)
	return h, partition{"raw.a", 0}, partition{"raw.a", 1}
}

// A partition that was assigned, but not read yet, is told before anything else
// moves the watermark.
func TestHeartbeatHoldsForUnreadPartitions(t *testing.T) {
	h, read, unread := testHeartbeats()
	now := time.Now()
	if got := h.unknown([]partition{read, unread}); len(got) != 2 {
		t.Fatalf("both partitions are new, got %v", got)
	}
	if !h.isDue(now, false) {
		t.Fatal("no heartbeat before the first record: correlate waits for one")
	}
	h.read(read, 5000)
	beats := h.beat(now, false)
	if len(beats) != 2 {
		t.Fatalf("want a heartbeat for both partitions, got %+v", beats)
	}
	if beats[0].Partition != "raw.a/1" {
		t.Errorf("the one that holds the watermark back must be told first, got %+v", beats)
	}
	for _, b := range beats {
		if want := map[string]int64{"raw.a/0": 5000, "raw.a/1": 0}[b.Partition]; b.MaxTime != want || b.Idle || b.Lateness != 60_000 {
			t.Errorf("heartbeat %+v, want time %d, not idle, a minute late", b, want)
		}
	}
}

func TestHeartbeatAtMostOnceASecondAndOnlyNews(t *testing.T) {
	h, p, _ := testHeartbeats()
	now := time.Now()
	h.read(p, 1000)
	if len(h.beat(now, false)) != 1 {
		t.Fatal("the first heartbeat is missing")
	}
	h.sent()
	h.read(p, 2000)
	if h.isDue(now.Add(tick/2), false) {
		t.Error("twice in a second")
	}
	if !h.isDue(now.Add(tick/2), true) {
		t.Error("none at the end")
	}
	if got := h.beat(now.Add(tick), false); len(got) != 1 || got[0].MaxTime != 2000 {
		t.Errorf("news after a second: %+v", got)
	}
	h.sent()
	if got := h.beat(now.Add(3*tick), false); got != nil {
		t.Errorf("no news, but %+v", got)
	}
	h.sent()
	if got := h.beat(now.Add(refreshAfter+2*tick), false); len(got) != 1 {
		t.Errorf("no news for long: want it repeated, got %+v", got)
	}
}

func TestHeartbeatIsToldAgainAfterAnAbort(t *testing.T) {
	h, p, _ := testHeartbeats()
	now := time.Now()
	h.read(p, 1000)
	h.beat(now, false)
	h.unsent()
	if !h.isDue(now.Add(time.Millisecond), false) || len(h.beat(now, false)) != 1 {
		t.Error("the heartbeat of an aborted transaction is lost")
	}
}

// A partition is idle when it is silent and at its end. Either alone may be so while
// records wait that are older than what the others tell.
func TestHeartbeatOfSilentPartitionIsIdle(t *testing.T) {
	h, p, _ := testHeartbeats()
	h.read(p, 1000)
	now := time.Now()
	idle := func(after time.Duration) bool {
		t.Helper()
		beats := h.beat(now.Add(after), false)
		h.sent()
		if len(beats) > 0 {
			return beats[0].Idle
		}
		return h.of(p).told.idle
	}
	h.of(p).atEnd = true
	if idle(0) {
		t.Error("idle at its end, but just read")
	}
	h.of(p).atEnd = false
	if silent := h.silent(now.Add(31 * time.Second)); len(silent) != 1 || idle(31*time.Second) {
		t.Errorf("after 31 s of silence, with records left: silent are %v, and it is idle", silent)
	}
	h.of(p).atEnd = true
	if !idle(32 * time.Second) {
		t.Error("after 32 s of silence, at its end: not idle")
	}
	h.of(p).atEnd = false
	if idle(33 * time.Second) {
		t.Error("idle although records have come")
	}
	h.of(p).atEnd = true
	h.read(p, 1000)
	if h.of(p).atEnd {
		t.Error("at its end as of before a read")
	}
}

// After a silence, records may have come to several partitions at once. The first that
// is read must not make late what waits in those that are still taken for idle.
func TestHeartbeatHoldsAfterASilence(t *testing.T) {
	h, p, q := testHeartbeats()
	long := time.Now().Add(-time.Minute)
	for _, s := range []*pulse{h.of(p), h.of(q)} {
		s.lastRead, s.atEnd, s.maxTime = long, true, 1000
	}
	h.beat(time.Now(), false)
	h.sent()
	told := func(after time.Duration, last bool) int64 {
		t.Helper()
		h.beat(time.Now().Add(after), last)
		return h.of(p).telling.maxTime
	}
	h.read(p, 90_000)
	h.read(p, 95_000)
	if got := told(0, false); got != 1000 {
		t.Errorf("just read again, it tells of %d: want what was told before", got)
	}
	if h.of(p).telling.idle || !h.of(q).telling.idle {
		t.Error("only the partition that was not read is idle")
	}
	if got := told(0, true); got != 95_000 {
		t.Errorf("at the end of all, it tells of %d", got)
	}
	if got := told(wakeFor, false); got != 95_000 {
		t.Errorf("after a while, it tells of %d: the watermark stands still", got)
	}
}

// A partition that is silent again before it may tell what it has read tells that first:
// an idle one moves the watermark no more, and windows would never end.
func TestHeartbeatTellsBeforeItIsIdle(t *testing.T) {
	h, p, _ := testHeartbeats()
	h.idleAfter = time.Second // less than wakeFor
	h.of(p).lastRead = time.Now().Add(-time.Minute)
	h.beat(time.Now(), false)
	h.sent()
	h.read(p, 90_000)
	h.of(p).atEnd = true
	var moved bool
	for after := 2 * time.Second; after < 2*wakeFor; after += tick {
		h.beat(time.Now().Add(after), false)
		told := h.of(p).telling
		h.sent()
		if moved = moved || !told.idle && told.maxTime == 90_000; told.idle {
			break
		}
	}
	if !moved || !h.of(p).told.idle {
		t.Errorf("it told of what it has read: %v; then it was idle: %v; want both", moved, h.of(p).told.idle)
	}
}

// At the end of all input, a partition that never had an event waits for nothing.
func TestLastHeartbeatLetsEmptyPartitionsGo(t *testing.T) {
	h, read, unread := testHeartbeats()
	h.unknown([]partition{read, unread})
	h.read(read, 5000)
	for _, b := range h.beat(time.Now(), true) {
		if want := b.Partition == "raw.a/1"; b.Idle != want {
			t.Errorf("%s is idle: %t, want %t", b.Partition, b.Idle, want)
		}
	}
}

// Another process goes on with the time that the first one committed.
func TestHeartbeatResumes(t *testing.T) {
	h, p, _ := testHeartbeats()
	h.read(p, 7000)
	metadata := h.metadata(p)

	next, _, _ := testHeartbeats()
	next.read(p, 6000)
	next.resume(p, metadata)
	if got := next.beat(time.Now(), false); len(got) != 1 || got[0].MaxTime != 7000 {
		t.Errorf("want the committed time, got %+v", got)
	}
	if got := next.unknown([]partition{p}); got != nil {
		t.Errorf("still unknown: %v", got)
	}
}

// An aborted batch comes again, perhaps in smaller portions: its last time may not
// be told before what is in front of it.
func TestHeartbeatForgetsTimesOfAnAbort(t *testing.T) {
	h, p, _ := testHeartbeats()
	now := time.Now()
	h.read(p, 1000)
	h.beat(now, false)
	h.sent()
	h.read(p, 9000)
	h.unsent()
	h.read(p, 2000)
	if got := h.beat(now.Add(2*tick), false); len(got) != 1 || got[0].MaxTime != 2000 {
		t.Errorf("want the time of what was read since the abort, got %+v", got)
	}
}

// A partition that was given away is its new owner's to tell of.
func TestHeartbeatOnlyOfAssignedPartitions(t *testing.T) {
	h, p, gone := testHeartbeats()
	h.read(p, 1000)
	h.read(gone, 500)
	h.keep([]partition{p})
	if got := h.beat(time.Now(), false); len(got) != 1 || got[0].Partition != "raw.a/0" {
		t.Errorf("want a heartbeat of the assigned partition only, got %+v", got)
	}
}
