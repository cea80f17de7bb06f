package eventhub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
)

// A batch is put when it holds this much: one transaction that is large enough to be
// cheap. A message is never split.
const (
	batchRecords = 5000
	batchBytes   = 8 << 20
	pollMessages = 1000
)

// reader reads some partitions of a hub.
type reader struct {
	*Collector
	admin    *kadm.Client
	consumer *kgo.Client // of partitions; nil before the first
	slots    []int
	cursors  map[string][]byte
	put      ingest.Put

	trouble  trouble
	progress time.Time // when a message was read last

	found      bool // the hub's partitions were looked up
	partitions map[int32]*partition
	// stale: consumer does not read the partitions, or not where they are to be read.
	stale    bool
	splitter *envelope.Splitter
	batch    ingest.Batch
	bytes    int // of the batch's messages
}

// partition is one that is read.
type partition struct {
	position
	fresh bool // nothing is known of it: it is read from its beginning
	// checked: what the hub has at Last is known to be what was read there.
	checked bool
	moved   bool  // by the batch
	end     int64 // with Once, the offset at which it is read
}

func newReader(c *Collector, admin *kgo.Client, slots []int, cursors map[string][]byte, put ingest.Put) *reader {
	return &reader{
		Collector: c, admin: kadm.NewClient(admin), slots: slots, cursors: cursors, put: put,
		trouble: trouble{log: c.cfg.Log, report: c.cfg.Report}, progress: time.Now(),
		partitions: map[int32]*partition{}, splitter: new(envelope.Splitter),
	}
}

// run reads until ctx is done, or with Once until everything is read.
func (r *reader) run(ctx context.Context) error {
	defer r.close()
	for ctx.Err() == nil {
		err := r.refresh(ctx)
		if _, passes := errors.AsType[*hubError](err); err != nil && !passes {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		r.trouble.note(looking, err)
		if err != nil {
			r.doubt()
		}
		if problem := r.trouble.problem(); r.cfg.Once && problem != "" && time.Since(r.progress) > r.cfg.patience {
			return errors.New(problem)
		}
		if err := r.open(); err != nil {
			return err
		}
		if over, err := r.readFor(ctx, r.cfg.refresh); over || err != nil {
			return err
		}
	}
	return nil
}

// open makes a consumer of the partitions, each from where it is to be read.
func (r *reader) open() error {
	if !r.stale {
		return nil
	}
	r.close()
	from := map[int32]kgo.Offset{}
	for n, p := range r.partitions {
		switch {
		case p.fresh:
			from[n] = kgo.NewOffset().AtStart()
		case p.checked:
			from[n] = kgo.NewOffset().At(p.Next)
		default:
			from[n] = kgo.NewOffset().At(p.Last) // to see that it is still the message that was read
		}
	}
	var err error
	r.consumer, err = kgo.NewClient(append(r.options(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.cfg.Hub: from}))...)
	if err != nil {
		return fmt.Errorf("configure client: %w", err)
	}
	r.stale = false
	r.cfg.Log.Info("reading the hub", slog.Int(logkey.Count, len(from)))
	return nil
}

func (r *reader) close() {
	if r.consumer != nil {
		r.consumer.Close()
		r.consumer = nil
	}
}

// readFor reads for some time, or until the consumer is stale.
func (r *reader) readFor(ctx context.Context, d time.Duration) (over bool, err error) {
	limited, stop := context.WithTimeout(ctx, d)
	defer stop()
	for limited.Err() == nil && !r.stale {
		if r.over() {
			return true, nil
		}
		if r.consumer == nil { // no partition is known yet
			wait(limited, retryEvery)
			return false, nil
		}
		fetches := r.consumer.PollRecords(limited, pollMessages)
		if ctx.Err() != nil {
			return true, nil
		}
		failed, err := r.take(ctx, fetches)
		if err != nil {
			return true, err
		}
		if failed {
			wait(limited, retryEvery)
		}
	}
	return ctx.Err() != nil, nil
}

// retryEvery is the pause after an error of the hub.
const retryEvery = time.Second

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// doubt makes sure again that the partitions are those that were read: while the hub gave
// errors it may have been deleted and made again.
func (r *reader) doubt() {
	for _, p := range r.partitions {
		p.checked = p.Digest == ""
		r.stale = true
	}
}

// over reports whether everything is read that Once asks for.
func (r *reader) over() bool {
	if !r.cfg.Once || len(r.partitions) == 0 {
		return r.cfg.Once && r.found
	}
	for _, p := range r.partitions {
		if p.Next < p.end || !p.checked {
			return false
		}
	}
	return true
}

// take puts what was fetched. failed says that the hub did not give all that was asked
// for; the error is that of a put.
func (r *reader) take(ctx context.Context, fetches kgo.Fetches) (failed bool, err error) {
	fetches.EachError(func(_ string, n int32, e error) {
		if errors.Is(e, context.DeadlineExceeded) || errors.Is(e, context.Canceled) || err != nil {
			return
		}
		failed = true
		p := r.partitions[n]
		var loss *kgo.ErrDataLoss
		switch {
		case errors.Is(e, kerr.OffsetOutOfRange) && p != nil:
			err = r.outOfRange(ctx, n, p)
		case errors.As(e, &loss) && p != nil:
			err = r.wentBack(ctx, n, p, loss)
		default:
			r.trouble.note(reading, fmt.Errorf("partition %d: %w", n, e))
			r.doubt()
		}
	})
	if err != nil || r.stale {
		return failed, err
	}
	for it := fetches.RecordIter(); !it.Done(); {
		if err := r.message(ctx, it.Next()); err != nil || r.stale {
			return failed, err
		}
		if len(r.batch.Records)+len(r.batch.DeadLetters) >= batchRecords || r.bytes >= batchBytes {
			if err := r.flush(ctx); err != nil {
				return failed, err
			}
		}
	}
	return failed, r.flush(ctx)
}

// message adds a message to the batch.
func (r *reader) message(ctx context.Context, m *kgo.Record) error {
	p := r.partitions[m.Partition]
	r.trouble.note(reading, nil)
	r.progress = time.Now()
	if !p.checked && m.Offset == p.Last && digest(m) != p.Digest {
		return r.anew(ctx, m.Partition, p)
	}
	p.checked, p.fresh = true, false
	if m.Offset < p.Next {
		return nil
	}
	p.moved = true
	if m.Attrs.IsControl() {
		p.Next = m.Offset + 1
		return nil
	}
	p.position = after(m)
	r.bytes += len(m.Value)
	r.batch.Progress.BytesFound += int64(len(m.Value))
	r.batch.Progress.BytesRead += int64(len(m.Value))
	return r.split(m)
}

// split adds the records of a message, which point into it.
func (r *reader) split(m *kgo.Record) error {
	r.splitter.Reset(bytes.NewReader(m.Value), envelope.Options{Format: r.cfg.Format, Limits: r.cfg.Limits})
	origin := r.origin(m.Partition, m.Offset)
	for {
		p, err := r.splitter.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("split %s: %w", origin.Object, err)
		}
		p.Value = p.In(m.Value)
		if p.Reason != "" {
			r.batch.DeadLetters = append(r.batch.DeadLetters, p.DeadLetter(r.cfg.Source, origin))
			continue
		}
		at := origin
		at.Position, at.Envelope = p.Offset, p.Envelope
		r.batch.Records = append(r.batch.Records, event.Record{Source: r.cfg.Source, Value: p.Value, Origin: at})
	}
}

// flush puts the batch with the cursors that it moves.
func (r *reader) flush(ctx context.Context) error {
	for n, p := range r.partitions {
		if p.moved {
			r.batch.Cursors = append(r.batch.Cursors, ingest.Cursor{Key: r.cursorKey(n), Value: p.encode()})
			p.moved = false
		}
	}
	if r.batch.Empty() {
		return nil
	}
	err := r.put(ctx, r.batch)
	clear(r.batch.Records)
	clear(r.batch.DeadLetters)
	r.batch.Records, r.batch.DeadLetters, r.batch.Cursors = r.batch.Records[:0], r.batch.DeadLetters[:0], r.batch.Cursors[:0]
	r.bytes = 0
	return err
}
