package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
)

// heartbeats knows, for each raw partition that this process reads, how far
// event time has come, and when to tell correlate.
//
// A partition that was just assigned holds the watermark back from the start,
// with no time of its own yet: what it has to say may be older than what the
// others already said. It stops doing so when it has been silent for idleAfter and
// Kafka has nothing more of it: silence may also be that of a leader that is away.
type heartbeats struct {
	sources   map[string]string // by raw topic
	lateness  config.Lateness
	idleAfter time.Duration
	state     map[partition]*pulse
	lastBeat  time.Time
	beating   bool
}

// pulse is the state of one raw partition.
type pulse struct {
	maxTime int64 // greatest event time, milliseconds; 0 before the first event
	// sureTime is maxTime without the transaction under way. If that is aborted, its
	// records come again, perhaps in smaller portions: a time from the end of them
	// would make late what is before it.
	sureTime int64
	resumed  bool      // maxTime knows of earlier processes
	lastRead time.Time // wall clock: silence is a matter of this process
	// atEnd says that nothing was left to read when Kafka was last asked, which was
	// after lastRead; end is where the log ended then.
	atEnd bool
	end   int64
	// woke is when the partition was read after a silence; what was told before that
	// still holds for wakeFor.
	woke     time.Time
	heldTime int64
	// told and toldAt are of the last committed heartbeat, telling and tellingAt of
	// the one under way.
	told, telling     told
	toldAt, tellingAt time.Time
}

type told struct {
	ever    bool // false before the first
	idle    bool
	maxTime int64
}

func newHeartbeats(sources map[string]string, lateness config.Lateness, idleAfter time.Duration) *heartbeats {
	return &heartbeats{sources: sources, lateness: lateness, idleAfter: idleAfter, state: map[partition]*pulse{}}
}

// read notes an event, or with time 0 a dead letter.
func (h *heartbeats) read(p partition, eventTime int64) {
	s, now := h.of(p), time.Now()
	if h.isSilent(s, now) {
		s.woke, s.heldTime = now, s.told.maxTime
	}
	s.lastRead, s.atEnd = now, false
	s.maxTime = max(s.maxTime, eventTime)
}

// wakeFor is how long a partition that was silent and is read again holds the
// watermark where it was. Its records may have come together with those of others,
// which are idle by what was last told of them: here until the next look for ends, in
// another process until that has read and told. Only roll-ups wait for it.
const wakeFor = 2 * endsEvery

// It is over before the partition can be silent again; else this does not compile.
const _ = uint(config.MinIdleAfter - wakeFor)

// time is the event time to tell of a partition.
func (s *pulse) time(now time.Time, last bool) int64 {
	if !last && !s.woke.IsZero() && now.Sub(s.woke) < wakeFor {
		return s.heldTime
	}
	return s.maxTime
}

// unknown are those of the assigned partitions of which it is not known how far
// earlier processes came.
func (h *heartbeats) unknown(assigned []partition) []partition {
	var unknown []partition
	for _, p := range assigned {
		if !h.of(p).resumed {
			unknown = append(unknown, p)
		}
	}
	return unknown
}

// resume takes what an earlier process committed with its offset.
func (h *heartbeats) resume(p partition, metadata string) {
	s := h.of(p)
	s.resumed = true
	var m pulseMetadata
	if json.Unmarshal([]byte(metadata), &m) == nil && m.V == 1 {
		s.maxTime, s.sureTime = max(s.maxTime, m.MaxTime), max(s.sureTime, m.MaxTime)
	}
}

// pulseMetadata goes with the committed offset of a raw partition.
type pulseMetadata struct {
	V       int   `json:"v"`
	MaxTime int64 `json:"max_time"`
}

// metadata is what resume reads.
func (h *heartbeats) metadata(p partition) string {
	text, err := json.Marshal(pulseMetadata{V: 1, MaxTime: h.of(p).maxTime})
	if err != nil {
		panic(fmt.Sprintf("encode commit metadata: %v", err)) // integers only
	}
	return string(text)
}

func (h *heartbeats) of(p partition) *pulse {
	s := h.state[p]
	if s == nil {
		s = &pulse{lastRead: time.Now()}
		h.state[p] = s
	}
	return s
}

func (h *heartbeats) isSilent(s *pulse, now time.Time) bool {
	return now.Sub(s.lastRead) >= h.idleAfter
}

// silent are the partitions that are idle if they are at their ends.
func (h *heartbeats) silent(now time.Time) []partition {
	var silent []partition
	for p, s := range h.state {
		if h.isSilent(s, now) {
			silent = append(silent, p)
		}
	}
	return silent
}

// refreshAfter is how often a heartbeat is repeated although it says nothing new:
// correlate forgets partitions of which it hears no more, and a restart of it
// reads back to the oldest heartbeat that still counts.
const refreshAfter = time.Minute

// isDue says whether it is time for heartbeats: at most once a second, and at the
// end. The first ones come before anything was read: correlate waits for those of
// all partitions, also where other processes read and this one has nothing to.
func (h *heartbeats) isDue(now time.Time, last bool) bool {
	if h.lastBeat.IsZero() {
		return len(h.state) > 0 || last
	}
	return last || now.Sub(h.lastBeat) >= tick
}

// beat returns the heartbeats that have news for correlate, those that hold the
// watermark back the most first: correlate hears them one by one, and must not
// take the first ones for all. last says that all there is has been read: then a
// partition without any event does not hold the others back.
func (h *heartbeats) beat(now time.Time, last bool) []detections.Heartbeat {
	var beats []detections.Heartbeat
	for p, s := range h.state {
		// It is idle only when the time that it came to was told: an idle one moves the
		// watermark no more.
		idle := s.atEnd && h.isSilent(s, now) && s.told.maxTime == s.maxTime || last && s.maxTime == 0
		s.telling = told{ever: true, idle: idle, maxTime: s.time(now, last)}
		if s.telling == s.told && now.Sub(s.toldAt) < refreshAfter {
			continue
		}
		s.tellingAt = now
		beats = append(beats, detections.Heartbeat{
			Partition: fmt.Sprintf("%s/%d", p.topic, p.id),
			MaxTime:   s.telling.maxTime,
			Lateness:  h.lateness.Of(h.sources[p.topic]).Milliseconds(),
			Idle:      s.telling.idle,
			Sent:      now.UnixMilli(),
		})
	}
	slices.SortFunc(beats, func(a, b detections.Heartbeat) int {
		return cmp.Or(cmp.Compare(a.MaxTime-a.Lateness, b.MaxTime-b.Lateness), cmp.Compare(a.Partition, b.Partition))
	})
	h.lastBeat, h.beating = now, true
	return beats
}

// sent makes what was told final.
func (h *heartbeats) sent() {
	for _, s := range h.state {
		s.sureTime = s.maxTime
	}
	if !h.beating {
		return
	}
	for _, s := range h.state {
		s.told, s.toldAt = s.telling, s.tellingAt
	}
	h.beating = false
}

// unsent lets the next transaction tell it again, and forgets what was read in
// this one.
func (h *heartbeats) unsent() {
	for _, s := range h.state {
		s.maxTime = s.sureTime
	}
	if h.beating {
		h.beating, h.lastBeat = false, time.Time{}
	}
}

// keep forgets all partitions but the assigned ones. One that belongs to another
// process must not be told of by two.
func (h *heartbeats) keep(assigned []partition) {
	maps.DeleteFunc(h.state, func(p partition, _ *pulse) bool { return !slices.Contains(assigned, p) })
}

func (h *heartbeats) forget(p partition) { delete(h.state, p) }
