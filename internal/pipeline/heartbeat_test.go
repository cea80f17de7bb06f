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
	assigned := []partition{read, unread}
	if got := h.due(now, assigned, false); got != nil {
		t.Fatalf("a heartbeat although nothing was read: %+v", got)
	}
	h.read(read, 5000)
	beats := h.due(now, assigned, true)
	if len(beats) != 2 {
		t.Fatalf("want a heartbeat for both partitions, got %+v", beats)
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
	if len(h.due(now, nil, true)) != 1 {
		t.Fatal("the first heartbeat is missing")
	}
	h.sent()
	h.read(p, 2000)
	if got := h.due(now.Add(tick/2), nil, true); got != nil {
		t.Errorf("twice in a second: %+v", got)
	}
	if got := h.due(now.Add(tick), nil, true); len(got) != 1 || got[0].MaxTime != 2000 {
		t.Errorf("news after a second: %+v", got)
	}
	h.sent()
	if got := h.due(now.Add(3*tick), nil, false); got != nil {
		t.Errorf("no news, but %+v", got)
	}
	if got := h.due(now.Add(refreshAfter+2*tick), nil, false); len(got) != 1 {
		t.Errorf("no news for long: want it repeated, got %+v", got)
	}
}

func TestHeartbeatIsToldAgainAfterAnAbort(t *testing.T) {
	h, p, _ := testHeartbeats()
	now := time.Now()
	h.read(p, 1000)
	h.due(now, nil, true)
	h.unsent()
	if got := h.due(now.Add(time.Millisecond), nil, true); len(got) != 1 {
		t.Errorf("the heartbeat of an aborted transaction is lost: %+v", got)
	}
}

func TestHeartbeatOfSilentPartitionIsIdle(t *testing.T) {
	h, p, _ := testHeartbeats()
	h.read(p, 1000)
	now := time.Now()
	h.due(now, nil, true)
	h.sent()
	got := h.due(now.Add(31*time.Second), nil, false)
	if len(got) != 1 || !got[0].Idle {
		t.Errorf("after 31 s of silence: %+v", got)
	}
}
