package detections

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Term is what a Correlator remembers, beyond the signals that it keeps, of one value
// of one group of a first_seen rule. Times are events', in milliseconds.
type Term struct {
	Group, Value Digest
	// Since is when the group was new, Last when it last had the value.
	Since, Last int64
	// For is how long the value is known after Last. Zero says that the term is a bucket
	// of the group that has alerted, of a rule whose hits are decided at the watermark;
	// it ends at Last.
	For int64
	// Gone says that the term is forgotten.
	Gone bool
}

// Digest stands for a group or a value, whatever its length.
type Digest [16]byte

func digestOf(text string) (d Digest) {
	sum := sha256.Sum256([]byte(text))
	copy(d[:], sum[:])
	return d
}

// termVersion is the version of the encoding of a Term.
const termVersion = 1

// Key is the key of the term's record: the digests of group and value.
func (t *Term) Key() []byte { return append(t.Group[:len(t.Group):len(t.Group)], t.Value[:]...) }

// Encode is the value of the term's record, nil for one that is gone.
func (t *Term) Encode() []byte {
	if t.Gone {
		return nil
	}
	b := []byte{termVersion}
	for _, n := range []int64{t.Since, t.Last, t.For} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// ParseTerm reads what Key and Encode wrote.
func ParseTerm(key, value []byte) (Term, error) {
	var t Term
	if len(key) != len(t.Group)+len(t.Value) {
		return t, fmt.Errorf("parse term: key of %d bytes", len(key))
	}
	copy(t.Group[:], key)
	copy(t.Value[:], key[len(t.Group):])
	if len(value) == 0 {
		t.Gone = true
		return t, nil
	}
	if value[0] != termVersion {
		return t, fmt.Errorf("parse term: version %d, this program reads %d", value[0], termVersion)
	}
	value = value[1:]
	for _, to := range []*int64{&t.Since, &t.Last, &t.For} {
		n, size := binary.Varint(value)
		if size <= 0 {
			return t, errors.New("parse term: cut off")
		}
		*to, value = n, value[size:]
	}
	return t, nil
}

// Term is the term of a value that a group of the rule had before: what a test, or a
// migration, lets be known. group and value are as rules compute them, as JSON scalars.
func (r *Rule) Term(group []string, value string, since, last int64) (Term, error) {
	if r.FirstSeen == nil {
		return Term{}, fmt.Errorf("rule %s has no first_seen", r.ID)
	}
	if len(group) != len(r.Alert.Group) {
		return Term{}, fmt.Errorf("rule %s: %d values of `by`, want %d", r.ID, len(group), len(r.Alert.Group))
	}
	s := Signal{Identity: r.Identity(), Version: r.Version}
	if len(group) > 0 {
		text := []byte{'['}
		for i, v := range group {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(text, v...)
		}
		s.Group = string(append(text, ']'))
	}
	return Term{Group: digestOf(s.groupKey()), Value: digestOf(bounded(value)), Since: since, Last: last, For: r.FirstSeen.For.Milliseconds()}, nil
}

// terms is what first_seen rules have learnt. It has two layers: what is settled,
// which is of events that are no longer kept and is written down, and what is live,
// which adds the events that are kept and decided. A new process reads the settled
// one, is given the kept events again, and has the same.
type terms struct {
	groups  map[Digest]*termGroup
	size    int              // values of all groups
	buckets map[termID]int64 // when they end
	limits  Limits
	dirty   map[termID]bool // settled since they were taken
	swept   int64           // watermark of the last look for what is forgotten

	forgotten int64 // values that were given up for the limits
}

type termID struct{ group, value Digest }

// termGroup is one group.
type termGroup struct {
	period        int64 // `for`
	settled, live lifetime
	values        map[Digest]termTimes
}

// lifetime is the time from when a group was new to its last event.
type lifetime struct{ since, last int64 }

// termTimes are when a value was last had, never is none.
type termTimes struct{ settled, live int64 }

const never = math.MinInt64 / 2 // far from overflow

func newTerms(limits Limits) *terms {
	return &terms{groups: map[Digest]*termGroup{}, buckets: map[termID]int64{}, limits: limits, dirty: map[termID]bool{}, swept: beforeAll}
}

func (t *terms) of(id Digest, period int64) *termGroup {
	tg := t.groups[id]
	if tg == nil {
		tg = &termGroup{period: period, settled: lifetime{never, never}, live: lifetime{never, never}, values: map[Digest]termTimes{}}
		t.groups[id] = tg
	}
	return tg
}

// touch moves a lifetime on to an event. After a silence of the period a group is new.
func (l *lifetime) touch(time, period int64) {
	if time-l.last >= period {
		l.since = time
	}
	l.last = time
}

// isNew decides one event of a group; events are decided in order. It is new if the
// group did not have the value in the period before, and is not learning any more.
func (t *terms) isNew(g *group, e *entry) bool {
	id := digestOf(g.key)
	tg := t.of(id, g.rule.For)
	value := digestOf(e.signal.Value)
	times, known := tg.values[value]
	if !known {
		times = termTimes{never, never}
		if !t.makeRoom(id, tg) {
			return e.time-tg.live.since >= g.rule.Learn && tg.live.since != never
		}
		t.size++
	}
	tg.live.touch(e.time, tg.period)
	isNew := e.time-times.live >= tg.period && e.time-tg.live.since >= g.rule.Learn
	times.live = e.time
	tg.values[value] = times
	return isNew
}

// settle takes in a decided event that is no longer kept.
func (t *terms) settle(g *group, e *entry) {
	id := digestOf(g.key)
	tg := t.of(id, g.rule.For)
	value := digestOf(e.signal.Value)
	times, known := tg.values[value]
	if !known {
		return // given up for the limits
	}
	tg.settled.touch(e.time, tg.period)
	times.settled = e.time
	tg.values[value] = times
	t.dirty[termID{id, value}] = true
}

// isSettled tells whether an event of a group is part of what was read back.
func (t *terms) isSettled(key string, time int64) bool {
	tg := t.groups[digestOf(key)]
	return tg != nil && time <= tg.settled.last
}

// load takes in a term that was written down. The last record of a term counts.
func (t *terms) load(term Term) {
	tg := t.groups[term.Group]
	if !term.Gone && term.For == 0 {
		t.buckets[termID{term.Group, term.Value}] = term.Last
		return
	}
	if term.Gone {
		delete(t.buckets, termID{term.Group, term.Value})
		if tg != nil {
			t.drop(term.Group, tg, term.Value)
		}
		return
	}
	tg = t.of(term.Group, term.For)
	if _, known := tg.values[term.Value]; !known {
		t.size++
	}
	tg.values[term.Value] = termTimes{term.Last, term.Last}
	if term.Last >= tg.settled.last {
		tg.settled = lifetime{term.Since, term.Last}
		tg.live = tg.settled
	}
}

// take gives what was settled since it was last asked, in an order of its own.
func (t *terms) take() []Term {
	if len(t.dirty) == 0 {
		return nil
	}
	all := make([]Term, 0, len(t.dirty))
	for id := range t.dirty {
		all = append(all, t.term(id))
	}
	clear(t.dirty)
	sortTerms(all)
	return all
}

// all is every term that is settled.
func (t *terms) all() []Term {
	var all []Term
	for group, tg := range t.groups {
		for value, times := range tg.values {
			if times.settled != never {
				all = append(all, t.term(termID{group, value}))
			}
		}
	}
	for id := range t.buckets {
		all = append(all, t.term(id))
	}
	sortTerms(all)
	return all
}

func sortTerms(all []Term) {
	slices.SortFunc(all, func(a, b Term) int {
		return cmp.Or(bytes.Compare(a.Group[:], b.Group[:]), bytes.Compare(a.Value[:], b.Value[:]))
	})
}

func (t *terms) term(id termID) Term {
	out := Term{Group: id.group, Value: id.value, Gone: true}
	if end, ok := t.buckets[id]; ok {
		out.Last, out.Gone = end, false
		return out
	}
	if tg := t.groups[id.group]; tg != nil {
		if times, known := tg.values[id.value]; known && times.settled != never {
			out.Since, out.Last, out.For, out.Gone = tg.settled.since, times.settled, tg.period, false
		}
	}
	return out
}

// bucketID is what a bucket of a group is written down by.
func bucketID(g *group, key bucketKey) termID {
	return termID{digestOf(g.key), digestOf(fmt.Sprintf("%d/%d/%s", key.severity, key.start, key.uid))}
}

func (t *terms) hasBucket(g *group, key bucketKey) bool {
	_, ok := t.buckets[bucketID(g, key)]
	return ok
}

func (t *terms) openBucket(g *group, key bucketKey, end int64) {
	id := bucketID(g, key)
	t.buckets[id] = end
	t.dirty[id] = true
}

func (t *terms) closeBucket(g *group, key bucketKey) {
	id := bucketID(g, key)
	delete(t.buckets, id)
	t.dirty[id] = true
}

// makeRoom makes room for another value. A group that has as many as it may gives up
// those that it had longest ago: they will be new again, which is an alert too many
// and none too few. Where all groups together have as many as they may, the value is
// not learnt.
func (t *terms) makeRoom(id Digest, tg *termGroup) bool {
	if most := t.limits.Values; most > 0 && len(tg.values) >= most {
		type had struct {
			value Digest
			at    int64
		}
		all := make([]had, 0, len(tg.values))
		for value, times := range tg.values {
			all = append(all, had{value, times.live})
		}
		slices.SortFunc(all, func(a, b had) int { return cmp.Or(cmp.Compare(a.at, b.at), bytes.Compare(a.value[:], b.value[:])) })
		for _, h := range all[:max(1, len(all)/16)] {
			t.drop(id, tg, h.value)
			t.forgotten++
		}
	}
	if t.limits.Terms > 0 && t.size >= t.limits.Terms {
		t.forgotten++
		return false
	}
	return true
}

// drop forgets a value.
func (t *terms) drop(id Digest, tg *termGroup, value Digest) {
	times, known := tg.values[value]
	if !known {
		return
	}
	delete(tg.values, value)
	t.size--
	if times.settled != never {
		t.dirty[termID{id, value}] = true
	}
}

// sweepEvery is how often expired terms are looked for, in event time.
const sweepEvery = 60 * 60 * 1000

// sweep forgets what the watermark has left behind for longer than its period. That
// needs no record: a reader of the terms can tell as well.
func (t *terms) sweep(now int64) {
	if now == afterAll || t.swept != beforeAll && now-t.swept < sweepEvery {
		return
	}
	t.swept = now
	for id, tg := range t.groups {
		for value, times := range tg.values {
			if times.live+tg.period <= now {
				delete(tg.values, value)
				t.size--
				delete(t.dirty, termID{id, value})
			}
		}
		if len(tg.values) == 0 {
			delete(t.groups, id)
		}
	}
}
