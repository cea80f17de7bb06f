package eventhub

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/logkey"
)

// outOfRange is called when the hub does not have the offset at which a partition was
// to be read. It puts what is lost, and goes on where the hub begins. The error is that
// of the put; while the hub does not say where it begins, the partition stays as it is.
func (r *reader) outOfRange(ctx context.Context, n int32, p *partition) error {
	b, err := r.bound(ctx, n)
	switch {
	case err != nil:
		r.trouble.note(reading, err)
		return nil
	case p.Next > b.end:
		return r.anew(ctx, n, p)
	case p.Next < b.first:
		return r.gap(ctx, n, p, b, b.first, "offsets %d to %d of partition %d were deleted by the hub's retention before they were read: "+
			"lengthen the retention, or let weir be away for less long", p.Next, b.first-1, n)
	}
	p.checked, r.stale = true, true // the last message that was read is gone, the next is there
	return nil
}

// anew is called when what was read of a partition is not what the hub has there: it was
// deleted and made again. What it held and was not read is unknown.
func (r *reader) anew(ctx context.Context, n int32, p *partition) error {
	b, err := r.bound(ctx, n)
	if err != nil {
		r.trouble.note(reading, err)
		r.stale = true // it is asked again for the message at which this was found
		return nil
	}
	return r.gap(ctx, n, p, b, b.first, "partition %d has other messages than before offset %d, where reading was to go on: the hub was deleted and made again. "+
		"What the old one still held is lost; the new one is read from its beginning", n, p.Next)
}

// wentBack is called when the hub has lost messages at its end, some of which were read.
func (r *reader) wentBack(ctx context.Context, n int32, p *partition, loss *kgo.ErrDataLoss) error {
	b, err := r.bound(ctx, n)
	if err != nil {
		b.visible = loss.ResetTo // the loss is told once: it cannot wait
	}
	return r.gap(ctx, n, p, b, min(loss.ResetTo, p.Next), "the hub lost messages of partition %d that it had taken, from offset %d on at the latest; "+
		"it is read again from there", n, loss.ResetTo)
}

// gap makes durable that messages are missing at a partition's position, and that it goes
// on at another offset.
func (r *reader) gap(ctx context.Context, n int32, p *partition, b bounds, next int64, format string, args ...any) error {
	letter := r.lost(n, p.Next, format, args...)
	r.cfg.Log.Error("messages of the hub are lost, see the dead letter", slog.Int(logkey.Partition, int(n)), slog.Int64(logkey.Offset, p.Next))
	r.batch.DeadLetters = append(r.batch.DeadLetters, letter)
	*p = partition{position: position{Next: next}, checked: true, moved: true, end: b.visible}
	r.stale = true
	return r.flush(ctx)
}
