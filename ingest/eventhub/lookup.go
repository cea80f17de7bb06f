package eventhub

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weir-security/weir/ingest"
)

// refresh looks for partitions of the reader's slots that it does not read yet. An
// error of the hub is a *hubError.
func (r *reader) refresh(ctx context.Context) error {
	topics, err := r.admin.ListTopics(ctx, r.cfg.Hub)
	if err == nil {
		err = topics[r.cfg.Hub].Err
	}
	if err != nil {
		return &hubError{"look up the hub", err}
	}
	r.found = len(topics[r.cfg.Hub].Partitions) > 0
	added := map[int32]*partition{}
	for n := range topics[r.cfg.Hub].Partitions {
		if r.partitions[n] != nil || !slices.Contains(r.slots, int(n)%ingest.Slots) {
			continue
		}
		p, known, err := r.position(r.cursors, n)
		if err != nil {
			return err
		}
		added[n] = &partition{position: p, fresh: !known, checked: p.Digest == ""}
	}
	if len(added) == 0 {
		return nil
	}
	return r.add(ctx, added)
}

// add begins to read partitions. One that ends before the position at which it is to be
// read is another one than that which was read before.
func (r *reader) add(ctx context.Context, added map[int32]*partition) error {
	all, err := r.bounds(ctx)
	if err != nil {
		return err
	}
	for n := range added {
		if _, found := all[n]; !found {
			return &hubError{fmt.Sprintf("look up partition %d", n), kerr.UnknownTopicOrPartition}
		}
	}
	for n, p := range added {
		b := all[n]
		p.end = b.visible
		if p.fresh && b.first == b.visible {
			p.end = 0 // it is empty: nothing will come
		}
		r.partitions[n], r.stale = p, true
		if p.Next > b.end {
			if err := r.anew(ctx, n, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// hubError is an error of the hub, or on the way there: it may pass.
type hubError struct {
	doing string
	err   error
}

func (e *hubError) Error() string { return e.doing + ": " + e.err.Error() }

func (e *hubError) Unwrap() error { return e.err }

// bounds are offsets of a partition.
type bounds struct {
	first   int64 // of the oldest message
	visible int64 // behind the last one that can be read now; asked for with Once only
	end     int64 // behind the last one
}

// bounds are those of all partitions of which the hub says them.
func (r *reader) bounds(ctx context.Context) (map[int32]bounds, error) {
	const doing = "look up where the hub begins and ends"
	starts, err := r.admin.ListStartOffsets(ctx, r.cfg.Hub)
	if err != nil {
		return nil, &hubError{doing, err}
	}
	ends, err := r.admin.ListEndOffsets(ctx, r.cfg.Hub)
	if err != nil {
		return nil, &hubError{doing, err}
	}
	visible := ends
	if r.cfg.Once {
		if visible, err = r.admin.ListCommittedOffsets(ctx, r.cfg.Hub); err != nil {
			return nil, &hubError{doing, err}
		}
	}
	if err := errors.Join(starts.Error(), visible.Error(), ends.Error()); err != nil {
		return nil, &hubError{doing, err}
	}
	all := map[int32]bounds{}
	for n, end := range ends[r.cfg.Hub] {
		start, known := starts.Lookup(r.cfg.Hub, n)
		last, too := visible.Lookup(r.cfg.Hub, n)
		if known && too {
			all[n] = bounds{start.Offset, last.Offset, end.Offset}
		}
	}
	return all, nil
}

// bound are those of one partition.
func (r *reader) bound(ctx context.Context, n int32) (bounds, error) {
	all, err := r.bounds(ctx)
	if err != nil {
		return bounds{}, err
	}
	b, found := all[n]
	if !found {
		return b, &hubError{fmt.Sprintf("look up partition %d", n), kerr.UnknownTopicOrPartition}
	}
	return b, nil
}
