package pipeline

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weir-security/weir/internal/broker"
)

// How often detect asks whether silent partitions have been read to their ends, and
// how long it waits for the answer, in which it does nothing else.
const (
	endsEvery = 5 * time.Second
	endsMost  = time.Second
)

// lookForEnds finds out which of the silent partitions have nothing left to read. One
// of which Kafka does not tell has: its leader may be away, with records in it that
// would be late if the others went on.
func (d *detectRole) lookForEnds(ctx context.Context) {
	silent := d.heartbeats.silent(time.Now())
	if len(silent) == 0 || time.Since(d.looked) < endsEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endsMost)
	defer cancel()
	l := d.listOffsets(ctx)
	for _, p := range silent {
		s := d.heartbeats.of(p)
		var end int64
		if end, s.atEnd = d.atEnd(ctx, l, p); s.atEnd {
			s.end = end
		}
	}
	d.looked = time.Now()
}

// logOffsets are offsets of raw partitions; those that could not be had are missing.
type logOffsets struct {
	starts, ends kadm.ListedOffsets
	stable       kadm.ListedOffsets // before them no transaction is open
	committed    kadm.OffsetResponses
}

func (d *detectRole) listOffsets(ctx context.Context) logOffsets {
	var l logOffsets
	// Errors are of some partitions, or all: those are missing.
	l.starts, _ = d.adm.ListStartOffsets(ctx, d.session.topics...)
	l.ends, _ = d.adm.ListEndOffsets(ctx, d.session.topics...)
	l.stable, _ = d.adm.ListCommittedOffsets(ctx, d.session.topics...)
	l.committed, _ = committedNow(ctx, d.adm, d.group(string(RoleDetect)))
	return l
}

// atEnd tells whether the group has read all of a partition, and where that ends.
// A log may end with an aborted transaction, past which no offset is committed.
func (d *detectRole) atEnd(ctx context.Context, l logOffsets, p partition) (end int64, yes bool) {
	var offsets [3]int64
	for i, listed := range []kadm.ListedOffsets{l.starts, l.ends, l.stable} {
		o, ok := listed.Lookup(p.topic, p.id)
		if !ok || o.Err != nil {
			return 0, false
		}
		offsets[i] = o.Offset
	}
	start, end, stable := offsets[0], offsets[1], offsets[2]
	left := broker.Range{From: max(start, d.heartbeats.of(p).end), To: end}
	if o, ok := l.committed.Lookup(p.topic, p.id); ok {
		left.From = max(left.From, o.At)
	}
	switch {
	case left.From >= left.To:
		return end, true
	case stable < end:
		return 0, false
	}
	last, err := d.opts.LastRecord(ctx, p.topic, p.id, left)
	return end, err == nil && last == left.From
}
