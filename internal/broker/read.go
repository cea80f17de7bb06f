package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Range is a range [From, To) of offsets of one partition.
type Range struct{ From, To int64 }

// ReadRange gives visit every committed record of the ranges, in order within
// each partition. What it reads is no matter of groups or commits.
func (o Options) ReadRange(ctx context.Context, topic string, ranges map[int32]Range, visit func(*kgo.Record)) error {
	return o.withReader(ctx, topic, func(r *reader) error {
		for partition, span := range ranges {
			for at := span.From; at < span.To; {
				records, next, err := r.fetch(ctx, partition, at)
				if err != nil {
					return err
				}
				for _, rec := range records {
					if rec.Offset < span.To && !rec.Attrs.IsControl() {
						visit(rec)
					}
				}
				at = next
			}
		}
		return nil
	})
}

// ReadUntil gives visit the committed records of one partition from its
// beginning, until visit returns true. It waits for records that are not there
// yet.
func (o Options) ReadUntil(ctx context.Context, topic string, partition int32, visit func(*kgo.Record) bool) error {
	return o.withReader(ctx, topic, func(r *reader) error {
		starts, err := r.adm.ListStartOffsets(ctx, topic)
		if err == nil {
			err = starts.Error()
		}
		if err != nil {
			return fmt.Errorf("list start offsets of %s: %w", topic, err)
		}
		start, _ := starts.Lookup(topic, partition)
		for at := start.Offset; ; {
			records, next, err := r.fetch(ctx, partition, at)
			if err != nil {
				return err
			}
			for _, rec := range records {
				if !rec.Attrs.IsControl() && visit(rec) {
					return nil
				}
			}
			at = next
		}
	})
}

// Ends are, by partition, the offsets that bound what a topic holds.
type Ends map[int32]Range

// VisibleRanges lists, per partition of topics, the first offset and the offset
// behind the last record or marker that a read_committed consumer is shown. That
// may lie before the read_committed end offset: an aborted transaction at the end
// of a log is passed over without a trace, and a consumer that waited to come
// past it would wait for ever. Transactions that are open now are waited for: Kafka
// answers a commit before it has marked the partitions, and until then a reader is
// shown less than what is committed.
func (o Options) VisibleRanges(ctx context.Context, topics ...string) (map[string]Ends, error) {
	out := map[string]Ends{}
	for _, topic := range topics {
		err := o.withReader(ctx, topic, func(r *reader) error {
			ends, err := endedRanges(ctx, r.adm, topic)
			if err != nil {
				return err
			}
			for partition, span := range ends {
				if span.To, err = r.visibleEnd(ctx, partition, span); err != nil {
					return err
				}
				ends[partition] = span
			}
			out[topic] = ends
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// WholeRange is all of a partition, with what is not committed yet. Whoever reads
// it waits for the transactions that are open now.
func WholeRange(ctx context.Context, adm *kadm.Client, topic string, partition int32) (Range, error) {
	all, err := ranges(ctx, adm.ListEndOffsets, adm, topic)
	return all[partition], err
}

// How long a transaction may be open: until its timeout, and until the brokers,
// who look every 10 s by default, notice.
const (
	openMost = TransactionTimeout + 20*time.Second
	openStep = 20 * time.Millisecond
)

// endedRanges are the committed ranges once every transaction that is open now has
// ended.
func endedRanges(ctx context.Context, adm *kadm.Client, topic string) (Ends, error) {
	written, err := adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = written.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list end offsets of %s: %w", topic, err)
	}
	for deadline := time.Now().Add(openMost); ; {
		ends, err := committedRanges(ctx, adm, topic)
		if err != nil {
			return nil, err
		}
		open := false
		for partition, span := range ends {
			end, _ := written.Lookup(topic, partition)
			open = open || span.To < end.Offset
		}
		if !open {
			return ends, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("a transaction on %s has been open for %s; look for a producer that hangs", topic, openMost)
		}
		select {
		case <-time.After(openStep):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func committedRanges(ctx context.Context, adm *kadm.Client, topic string) (Ends, error) {
	return ranges(ctx, adm.ListCommittedOffsets, adm, topic)
}

func ranges(ctx context.Context, listEnds func(context.Context, ...string) (kadm.ListedOffsets, error), adm *kadm.Client, topic string) (Ends, error) {
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list start offsets of %s: %w", topic, err)
	}
	ends, err := listEnds(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list end offsets of %s: %w", topic, err)
	}
	out := Ends{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(topic, end.Partition)
		out[end.Partition] = Range{From: start.Offset, To: end.Offset}
	})
	return out, nil
}

// reader fetches from partitions directly. A consuming kgo.Client does not tell
// how far it has come where the log has nothing to show; a fetch does.
type reader struct {
	cl      *kgo.Client
	adm     *kadm.Client
	topic   string
	id      kadm.TopicID
	leaders map[int32]int32
}

func (o Options) withReader(ctx context.Context, topic string, do func(*reader) error) error {
	cl, err := kgo.NewClient(o.Client()...)
	if err != nil {
		return fmt.Errorf("configure kafka client: %w", err)
	}
	defer cl.Close()
	r := &reader{cl: cl, adm: kadm.NewClient(cl), topic: topic}
	if err := r.findLeaders(ctx); err != nil {
		return err
	}
	if err := do(r); err != nil {
		return fmt.Errorf("read topic %s: %w", topic, err)
	}
	return nil
}

func (r *reader) findLeaders(ctx context.Context) error {
	topics, err := r.adm.ListTopics(ctx, r.topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return fmt.Errorf("look up topic %s: %w", r.topic, err)
	}
	detail := topics[r.topic]
	r.id, r.leaders = detail.ID, map[int32]int32{}
	for _, p := range detail.Partitions {
		r.leaders[p.Partition] = p.Leader
	}
	return nil
}

// fetch returns committed records and markers from an offset on, perhaps none,
// and the offset to go on from.
func (r *reader) fetch(ctx context.Context, partition int32, from int64) ([]*kgo.Record, int64, error) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 500, 1, 2*MaxMessageBytes
	req.IsolationLevel = 1 // read_committed
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, from, MaxMessageBytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = r.topic, r.id
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)

	resp, err := req.RequestWith(ctx, r.cl.Broker(int(r.leaders[partition])))
	if err != nil {
		return nil, 0, fmt.Errorf("fetch partition %d: %w", partition, err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, from, errors.Join(ctx.Err(), kerr.ErrorForCode(resp.ErrorCode))
	}
	records, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true, Offset: from, IsolationLevel: kgo.ReadCommitted(), Topic: r.topic, Partition: partition,
	}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	switch {
	case errors.Is(records.Err, kerr.NotLeaderForPartition), errors.Is(records.Err, kerr.LeaderNotAvailable):
		return nil, from, r.findLeaders(ctx)
	case records.Err != nil:
		return nil, 0, fmt.Errorf("partition %d from offset %d: %w", partition, from, explainFetch(r.topic, records.Err))
	}
	return records.Records, max(next, from), nil
}

// LastRecord is the offset behind the last committed record in a range of offsets
// of a partition, its beginning if there is none: what lies behind it are markers
// and records of aborted transactions, with which nothing is to be done.
func (o Options) LastRecord(ctx context.Context, topic string, partition int32, span Range) (behind int64, err error) {
	err = o.withReader(ctx, topic, func(r *reader) error {
		behind, err = r.lastSeen(ctx, partition, span, func(rec *kgo.Record) bool { return !rec.Attrs.IsControl() })
		return err
	})
	return behind, err
}

// visibleEnd looks back from the end of a partition for the last thing to see.
func (r *reader) visibleEnd(ctx context.Context, partition int32, span Range) (int64, error) {
	return r.lastSeen(ctx, partition, span, func(*kgo.Record) bool { return true })
}

// lastSeen is the offset behind the last record or marker in a range that counts.
func (r *reader) lastSeen(ctx context.Context, partition int32, span Range, counts func(*kgo.Record) bool) (int64, error) {
	for window := int64(100); span.From < span.To; window *= 10 {
		begin := max(span.From, span.To-window)
		visible := int64(-1)
		for at := begin; at < span.To; {
			records, next, err := r.fetch(ctx, partition, at)
			if err != nil {
				return 0, err
			}
			for _, rec := range records {
				if rec.Offset < span.To && counts(rec) {
					visible = rec.Offset
				}
			}
			at = next
		}
		if visible >= 0 {
			return visible + 1, nil
		}
		if begin == span.From {
			break
		}
	}
	return span.From, nil
}

// FetchError is the first error of a poll that the client will not get over by
// itself; the end of a poll's own context is none.
func FetchError(fetches kgo.Fetches) error {
	for _, fe := range fetches.Errors() {
		if errors.Is(fe.Err, context.DeadlineExceeded) || errors.Is(fe.Err, context.Canceled) || rejoins(fe.Err) {
			continue
		}
		return fmt.Errorf("fetch %s/%d: %w", fe.Topic, fe.Partition, explainFetch(fe.Topic, fe.Err))
	}
	return nil
}

// rejoins tells whether an error is one of a group that the client goes on to
// join: its coordinator cannot be reached or is about to be another, or has
// forgotten this member.
func rejoins(err error) bool {
	session, ok := errors.AsType[*kgo.ErrGroupSession](err)
	if !ok || Refused(session.Err) {
		return false
	}
	return Passing(session.Err) || errors.Is(session.Err, kerr.UnknownMemberID) || errors.Is(session.Err, kerr.IllegalGeneration)
}

// explainFetch adds what to do where the log was cut before it was read: that is
// never passed over in silence.
func explainFetch(topic string, err error) error {
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return fmt.Errorf("%w: records were deleted before they were read; raise the retention of %s, then commit an offset behind the loss to go on", err, topic)
	}
	return err
}
