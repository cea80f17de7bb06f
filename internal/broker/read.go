package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Range is a range [From, To) of offsets of one partition.
type Range struct{ From, To int64 }

// ReadRange gives visit every committed record of the ranges, in order within
// each partition. A range whose To is an end offset must be of a topic that is
// not compacted: compaction may take away the record by which the end is known.
func (o Options) ReadRange(ctx context.Context, topic string, ranges map[int32]Range, visit func(*kgo.Record)) error {
	remaining := map[int32]int64{}
	consume := map[int32]kgo.Offset{}
	for partition, r := range ranges {
		if r.From < r.To {
			remaining[partition] = r.To
			consume[partition] = kgo.NewOffset().At(r.From)
		}
	}
	if len(remaining) == 0 {
		return nil
	}
	return o.read(ctx, topic, consume, func(r *kgo.Record) bool {
		end, wanted := remaining[r.Partition]
		if wanted && r.Offset < end && !r.Attrs.IsControl() {
			visit(r)
		}
		if r.Offset+1 >= end {
			delete(remaining, r.Partition)
		}
		return len(remaining) == 0
	})
}

// ReadUntil gives visit the committed records of one partition from its
// beginning, until visit returns true.
func (o Options) ReadUntil(ctx context.Context, topic string, partition int32, visit func(*kgo.Record) bool) error {
	return o.read(ctx, topic, map[int32]kgo.Offset{partition: kgo.NewOffset().AtStart()}, func(r *kgo.Record) bool {
		return !r.Attrs.IsControl() && visit(r)
	})
}

// read consumes partitions outside of any group. Markers of transactions are
// visited too: they carry the position past the last record.
func (o Options) read(ctx context.Context, topic string, from map[int32]kgo.Offset, visit func(*kgo.Record) (done bool)) error {
	cl, err := kgo.NewClient(o.Client(
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)...)
	if err != nil {
		return fmt.Errorf("configure kafka client: %w", err)
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), FetchError(fetches)); err != nil {
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			if visit(it.Next()) {
				return nil
			}
		}
	}
}

// Ends are the offsets that bound the committed records of a topic now.
type Ends map[int32]Range

// CommittedRanges lists, per partition of topics, the first offset and the
// read_committed end offset.
func CommittedRanges(ctx context.Context, adm *kadm.Client, topics ...string) (map[string]Ends, error) {
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list start offsets of %v: %w", topics, err)
	}
	ends, err := adm.ListCommittedOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list end offsets of %v: %w", topics, err)
	}
	out := map[string]Ends{}
	ends.Each(func(end kadm.ListedOffset) {
		if out[end.Topic] == nil {
			out[end.Topic] = Ends{}
		}
		start, _ := starts.Lookup(end.Topic, end.Partition)
		out[end.Topic][end.Partition] = Range{From: start.Offset, To: end.Offset}
	})
	return out, nil
}

// FetchError is the first error of a poll that the client will not get over by
// itself; the end of a poll's own context is none.
func FetchError(fetches kgo.Fetches) error {
	for _, fe := range fetches.Errors() {
		switch {
		case errors.Is(fe.Err, context.DeadlineExceeded), errors.Is(fe.Err, context.Canceled):
			continue
		case errors.Is(fe.Err, kerr.OffsetOutOfRange):
			return fmt.Errorf("fetch %s/%d: %w: the log was cut before it was read; raise its retention, and commit an offset of %s to go on behind the loss", fe.Topic, fe.Partition, fe.Err, fe.Topic)
		}
		return fmt.Errorf("fetch %s/%d: %w", fe.Topic, fe.Partition, fe.Err)
	}
	return nil
}
