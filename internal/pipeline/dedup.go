package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// seenKey identifies a raw record by its event's uid and its bytes. Neither alone
// would do: a client may choose its own audit id, and dropping by that would be a
// way around detection; and two equal lines of an access log are two requests.
type seenKey [16]byte

func newSeenKey(uid string, value []byte) seenKey {
	h := sha256.New()
	sum := sha256.Sum256(value)
	h.Write(sum[:])
	h.Write([]byte(uid))
	return seenKey(h.Sum(nil)[:16])
}

// seen remembers the records of one raw partition for the dedup horizon, bounded
// in number. Time is that of the Kafka records, so that what it drops depends on
// the log alone.
type seen struct {
	horizon time.Duration
	max     int
	at      map[seenKey]int64 // Kafka time of the first, milliseconds
	order   []seenEntry       // oldest first; order[:head] is gone
	head    int
}

type seenEntry struct {
	key seenKey
	at  int64
}

func newSeen(horizon time.Duration, limit int) *seen {
	return &seen{horizon: horizon, max: limit, at: map[seenKey]int64{}}
}

// add reports whether the key is new at that time, and remembers it if so.
func (s *seen) add(key seenKey, at int64) bool {
	s.expire(at)
	if first, ok := s.at[key]; ok && at-first <= s.horizon.Milliseconds() {
		return false
	}
	s.at[key] = at
	s.order = append(s.order, seenEntry{key, at})
	return true
}

// remove takes back the newest n additions, after an abort.
func (s *seen) remove(n int) {
	for _, e := range s.order[len(s.order)-n:] {
		delete(s.at, e.key)
	}
	s.order = s.order[:len(s.order)-n]
	s.head = min(s.head, len(s.order))
}

// expire forgets what is older than the horizon, and the oldest above the bound.
func (s *seen) expire(now int64) {
	for s.head < len(s.order) {
		e := s.order[s.head]
		if now-e.at <= s.horizon.Milliseconds() && len(s.order)-s.head < s.max {
			break
		}
		if s.at[e.key] == e.at {
			delete(s.at, e.key)
		}
		s.head++
	}
	if s.head > 1024 && s.head > len(s.order)/2 {
		s.order = append(s.order[:0], s.order[s.head:]...)
		s.head = 0
	}
}

// A record of weir.seen holds keys that one transaction added for one raw
// partition: version 1, then 24 bytes for each, key and Kafka time.
const (
	seenVersion   = 1
	seenEntrySize = 16 + 8
)

func appendSeen(dst []byte, entries []seenEntry) []byte {
	dst = append(dst, seenVersion)
	for _, e := range entries {
		dst = append(dst, e.key[:]...)
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.at))
	}
	return dst
}

// decodeSeen calls f for each entry; a record of another version has none.
func decodeSeen(b []byte, f func(seenEntry)) {
	if len(b) == 0 || b[0] != seenVersion {
		return
	}
	for b = b[1:]; len(b) >= seenEntrySize; b = b[seenEntrySize:] {
		var e seenEntry
		copy(e.key[:], b)
		e.at = int64(binary.BigEndian.Uint64(b[16:]))
		f(e)
	}
}
