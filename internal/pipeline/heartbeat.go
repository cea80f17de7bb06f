package pipeline

import (
	"fmt"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
)

// heartbeats knows, for each raw partition that this process reads, how far
// event time has come, and when to tell correlate.
//
// A partition that was just assigned holds the watermark back from the start,
// with no time of its own yet: what it has to say may be older than what the
// others already said. It stops doing so when it has been silent for idleAfter.
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
	maxTime  int64     // greatest event time, milliseconds; 0 before the first event
	lastRead time.Time // wall clock: silence is a matter of this process
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
	s := h.of(p)
	s.lastRead = time.Now()
	s.maxTime = max(s.maxTime, eventTime)
}

func (h *heartbeats) of(p partition) *pulse {
	s := h.state[p]
	if s == nil {
		s = &pulse{lastRead: time.Now()}
		h.state[p] = s
	}
	return s
}

// refreshAfter is how often a heartbeat is repeated although it says nothing new:
// correlate forgets partitions of which it hears no more, and a restart of it
// reads back to the oldest heartbeat that still counts.
const refreshAfter = time.Minute

// due returns the heartbeats that are to be sent, at most once a second. As long
// as nothing was read there are none: nobody waits for them.
func (h *heartbeats) due(now time.Time, assigned []partition, reading bool) []detections.Heartbeat {
	for _, p := range assigned {
		h.of(p)
	}
	first := h.lastBeat.IsZero()
	if first && !reading || !first && now.Sub(h.lastBeat) < tick {
		return nil
	}
	var beats []detections.Heartbeat
	for p, s := range h.state {
		s.telling = told{ever: true, idle: now.Sub(s.lastRead) >= h.idleAfter, maxTime: s.maxTime}
		if s.telling == s.told && now.Sub(s.toldAt) < refreshAfter {
			continue
		}
		s.tellingAt = now
		beats = append(beats, detections.Heartbeat{
			Partition: fmt.Sprintf("%s/%d", p.topic, p.id),
			MaxTime:   s.maxTime,
			Lateness:  h.lateness.Of(h.sources[p.topic]).Milliseconds(),
			Idle:      s.telling.idle,
			Sent:      now.UnixMilli(),
		})
	}
	h.beating = len(beats) > 0
	if h.beating {
		h.lastBeat = now
	}
	return beats
}

// sent makes what was told final.
func (h *heartbeats) sent() {
	if !h.beating {
		return
	}
	for _, s := range h.state {
		s.told, s.toldAt = s.telling, s.tellingAt
	}
	h.beating = false
}

// unsent lets the next transaction tell it again.
func (h *heartbeats) unsent() {
	if h.beating {
		h.beating, h.lastBeat = false, time.Time{}
	}
}

func (h *heartbeats) forget(p partition) { delete(h.state, p) }
