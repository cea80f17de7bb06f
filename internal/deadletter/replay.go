package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
)

// What bounds one transaction of a replay.
const (
	batchLetters = 500
	batchBytes   = 8 << 20
)

// Replay is what is to go back.
type Replay struct {
	Filter Filter
	Judge  Judge
	// DryRun only counts: nothing is written.
	DryRun bool

	step func(string) // told of each step, in tests
}

// Result is what became of the letters of the filter. Each is in one of the
// counts.
type Result struct {
	// Replayed letters went back, or with DryRun would; Records is how many raw
	// records they became.
	Replayed int `json:"replayed"`
	Records  int `json:"records"`
	// Before counts those that an earlier replay took.
	Before int `json:"replayed_before"`
	// Kept are those that stay, by cause.
	Kept []Kept `json:"kept,omitempty"`
}

// Kept counts letters that stay for one cause, and shows the first of them.
type Kept struct {
	Cause
	Letters int    `json:"letters"`
	First   Place  `json:"-"`
	Sample  string `json:"sample"` // Place of the first
}

// Total is the number of letters of the filter.
func (r *Result) Total() int {
	n := r.Replayed + r.Before
	for _, k := range r.Kept {
		n += k.Letters
	}
	return n
}

// Run sends the open letters of the filter back to the raw topics, in
// transactions with their markers: a letter went back and is marked, or neither.
// It returns what was committed, also beside an error.
func (o Replay) Run(ctx context.Context, opts broker.Options, names broker.Names) (*Result, error) {
	r := &replay{Replay: o, names: names, kept: map[Cause]*Kept{}}
	if !o.DryRun {
		// Two replays at the same time would take the same letters. They have one
		// transactional id, so that the later one fences the earlier one, whose open
		// transaction is aborted before the log is read here.
		cl, err := opts.New(ctx, kgo.TransactionalID("weir-dlq-"+names.Prefix), kgo.TransactionTimeout(broker.TransactionTimeout))
		if err != nil {
			return nil, err
		}
		defer cl.Close()
		if _, _, err := cl.ProducerID(ctx); err != nil {
			return nil, fmt.Errorf("begin replay: %w", err)
		}
		r.cl = cl
	}
	log, err := Open(ctx, opts, names.DLQ())
	if err != nil {
		return nil, err
	}
	err = log.Each(ctx, o.Filter, func(l *Letter) error { return r.letter(ctx, l) })
	if err == nil {
		err = r.commit(ctx)
	}
	return r.result(), err
}

// replay is a Run under way.
type replay struct {
	Replay
	names  broker.Names
	cl     *kgo.Client // nil with DryRun
	before int
	kept   map[Cause]*Kept

	done, open batch // committed, and gathered for the next transaction
}

// batch is letters that go back together.
type batch struct {
	out              []*kgo.Record
	letters, records int
	bytes            int64
}

func (r *replay) letter(ctx context.Context, l *Letter) error {
	if l.Replayed {
		r.before++
		return nil
	}
	v := r.Judge.of(l)
	if !v.goes() {
		r.keep(l, v.cause)
		return nil
	}
	b := &r.open
	b.letters++
	b.records += len(v.records)
	b.bytes += l.Size
	if !r.DryRun {
		for i := range v.records {
			b.out = append(b.out, broker.EncodeRaw(r.names, &v.records[i]))
		}
		for i := range v.rejects {
			b.out = append(b.out, Encode(r.names.DLQ(), &v.rejects[i]))
		}
		b.out = append(b.out, marker(r.names.DLQ(), l))
	}
	if b.letters < batchLetters && b.bytes < batchBytes {
		return nil
	}
	return r.commit(ctx)
}

// keep counts a letter that stays. Letters that would fail for the same reason
// have one cause, whatever the detail.
func (r *replay) keep(l *Letter, c Cause) {
	key := c
	if c.Now != "" {
		key.Why = ""
	}
	if r.kept[key] == nil {
		r.kept[key] = &Kept{Cause: c, First: l.Place, Sample: l.Place.String()}
	}
	r.kept[key].Letters++
}

// commit makes the gathered letters and their markers durable together.
func (r *replay) commit(ctx context.Context) error {
	b := r.open
	r.open = batch{}
	if len(b.out) > 0 {
		if err := r.transact(ctx, b.out); err != nil {
			return explain(err)
		}
	}
	r.done.letters += b.letters
	r.done.records += b.records
	return nil
}

func (r *replay) transact(ctx context.Context, records []*kgo.Record) error {
	r.at("begin")
	if err := r.cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// Ending the transaction does not tell of a record that was refused.
	results := r.cl.ProduceSync(ctx, records...)
	r.at("produced")
	if err := results.FirstErr(); err != nil {
		abort := r.cl.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort)
		return errors.Join(fmt.Errorf("produce: %w", err), abort)
	}
	if err := r.cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	r.at("committed")
	return nil
}

func (r *replay) at(step string) {
	if r.step != nil {
		r.step(step)
	}
}

// explain adds what to do where the cause is known.
func explain(err error) error {
	switch {
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch):
		return fmt.Errorf("%w; another weir dlq replay has taken over", err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%w; a raw topic is missing: weir run makes it", err)
	}
	return err
}

func (r *replay) result() *Result {
	res := &Result{Replayed: r.done.letters, Records: r.done.records, Before: r.before}
	for _, k := range slices.SortedFunc(maps.Values(r.kept), func(a, b *Kept) int { return comparePlaces(a.First, b.First) }) {
		res.Kept = append(res.Kept, *k)
	}
	return res
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}
