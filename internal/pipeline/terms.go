package pipeline

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
)

// What first_seen rules have learnt is kept for longer than signals are: a record for
// each term in the partition of terms that has the number of its signals' partition,
// in the transaction that commits the signals. Whoever is assigned the partition reads
// it back. On a cluster the topic is compacted. kfake's compaction is not to be trusted
// with a kill, so there correlate writes all terms again when there are too many records,
// and then deletes what lies before.

// terms is the log of terms of one partition.
type terms struct {
	records int   // that were read
	end     int64 // behind them
	// rewritten says that the transaction under way has all terms; what lies before
	// deletable is of no use once it is committed.
	rewritten bool
	deletable int64
}

// When the embedded broker's terms are written again: with this many records at least,
// and several of each term; and how many terms are too many for one transaction.
const (
	maxTermRecords    = 20_000
	recordsPerTerm    = 4
	maxTermsRewritten = 200_000
)

// checkTerms demands a partition of terms for each of signals.
func (c *correlateRole) checkTerms(ctx context.Context) error {
	names := []string{c.names.Signals(), c.names.Terms()}
	topics, err := c.adm.ListTopics(ctx, names...)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return fmt.Errorf("look up %s and %s: %w", names[0], names[1], err)
	}
	if want, have := len(topics[names[0]].Partitions), len(topics[names[1]].Partitions); have < want {
		return fmt.Errorf("topic %s has %d partitions, and %s has %d: give it as many", names[1], have, names[0], want)
	}
	return nil
}

// readTerms reads what was learnt of a partition of signals: all that is committed, and
// what a transaction that is open now may still commit.
func (c *correlateRole) readTerms(ctx context.Context, p partition) ([]detections.Term, terms, error) {
	var known []detections.Term
	log := terms{}
	span, err := broker.WholeRange(ctx, c.adm, c.names.Terms(), p.id)
	if err != nil {
		return nil, log, err
	}
	err = c.opts.ReadRange(ctx, c.names.Terms(), map[int32]broker.Range{p.id: span}, func(r *kgo.Record) {
		log.records++
		term, err := detections.ParseTerm(r.Key, r.Value)
		if err != nil {
			c.log.Error("record of terms is not weir's", slog.String(logkey.Topic, r.Topic),
				slog.Int(logkey.Partition, int(r.Partition)), slog.Int64(logkey.Offset, r.Offset), slog.Any(logkey.Error, err))
			return
		}
		known = append(known, term)
	})
	if err != nil {
		return nil, log, fmt.Errorf("read terms: %w", err)
	}
	log.end = span.To
	return known, log, nil
}

// produceTerms writes terms down.
func (c *correlateRole) produceTerms(ctx context.Context, b *batch, p partition, changed []detections.Term) {
	for i := range changed {
		b.produce(ctx, &kgo.Record{
			Topic: c.names.Terms(), Partition: p.id, Key: changed[i].Key(), Value: changed[i].Encode(),
		}, nil)
	}
}

// trim does what compaction does on a cluster, in two steps that a kill cannot hurt: it
// writes all terms again, and after the commit of that deletes what lies before.
func (c *correlateRole) trim(ctx context.Context, b *batch, p partition, s *correlation) error {
	if s.deletable > 0 {
		if err := c.faults.At(FaultCorrelateRewritten); err != nil {
			return err
		}
		var offsets kadm.Offsets
		offsets.AddOffset(c.names.Terms(), p.id, s.deletable, -1)
		s.deletable = 0
		deleted, err := c.adm.DeleteRecords(ctx, offsets)
		if err == nil {
			err = deleted.Error()
		}
		if err != nil {
			return fmt.Errorf("delete records of %s: %w", c.names.Terms(), err)
		}
		if err := c.faults.At(FaultCorrelateDeleted); err != nil {
			return err
		}
	}
	if c.trimTerms == 0 || s.terms.records <= c.trimTerms {
		return nil
	}
	all := s.AllTerms()
	if s.terms.records <= recordsPerTerm*len(all) || len(all) > maxTermsRewritten {
		s.terms.records = 0
		return nil
	}
	c.produceTerms(ctx, b, p, all)
	s.rewritten = true
	return c.faults.At(FaultCorrelateRewriting)
}

// committed notes that what was written is durable.
func (t *terms) committed() {
	if t.rewritten {
		t.deletable, t.records, t.rewritten = t.end, 0, false
	}
}
