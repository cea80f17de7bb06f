// Package replay runs rules over a lake: with the engine of live detection, and as
// little reading as the rules allow. It gives signals in an order that depends on
// the files alone; who correlates them gets the ids of live alerts.
package replay

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/scan"
)

// Lake is what to replay.
type Lake struct {
	Store lake.Store
	Rules *detections.RuleSet
	// From and To bound the hits that are of interest, [From, To); zero is no bound.
	From, To time.Time
	// Lateness is the longest that live detection waits for an event.
	Lateness time.Duration
	// Progress, if not nil, is told the bytes of each file that was done, of how many.
	Progress func(done, all int64)
}

// Result is what a replay did besides signals.
type Result struct {
	Stats  scan.Stats
	Health []detections.RuleHealth
}

// Reach is how far before From and after To events matter: the longest window and
// suppression of the rules, and the lateness.
func (l *Lake) Reach() time.Duration { return l.Rules.MaxWindow() + l.Lateness }

// query asks for the events that rules may match, within reach.
func (l *Lake) query() scan.Query {
	q := scan.Query{Table: lake.Events, From: l.From, To: l.To, Classes: map[ocsf.ClassUID]scan.Columns{}}
	if !q.From.IsZero() {
		q.From = q.From.Add(-l.Reach())
	}
	if !q.To.IsZero() {
		q.To = q.To.Add(l.Reach())
	}
	for class, reads := range l.Rules.Reads() {
		columns := scan.Columns{Attributes: reads.Attributes}
		for _, condition := range reads.Conditions {
			var equalities []scan.Equality
			for _, e := range condition {
				equalities = append(equalities, scan.Equality(e))
			}
			columns.Conditions = append(columns.Conditions, equalities)
		}
		q.Classes[class] = columns
	}
	return q
}

// part is what one file gave.
type part struct {
	signals []*detections.Signal
	stats   scan.Stats
	health  []detections.RuleHealth
}

// Signals gives every match, file by file in the order of their days. Files are
// read several at once; an error of signal ends the replay.
func (l *Lake) Signals(ctx context.Context, signal func(*detections.Signal) error) (Result, error) {
	var res Result
	q := l.query()
	files, err := q.Files(ctx, l.Store)
	if err != nil {
		return res, fmt.Errorf("list the lake %s: %w", l.Store, err)
	}
	var all, done int64
	for _, f := range files {
		all += f.Size
	}
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	parts := make(chan chan part, workers) // in order of the files, each filled when it is read
	slots := make(chan struct{}, workers)
	g.Go(func() error {
		defer close(parts)
		for _, f := range files {
			p := make(chan part, 1)
			select {
			case parts <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
			slots <- struct{}{}
			g.Go(func() error {
				defer func() { <-slots }()
				return l.read(ctx, &q, f, p)
			})
		}
		return nil
	})
	g.Go(func() error {
		at := 0
		for p := range parts {
			select {
			case p := <-p:
				if err := res.add(p, signal); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
			done += files[at].Size
			at++
			if l.Progress != nil {
				l.Progress(done, all)
			}
		}
		return nil
	})
	err = g.Wait()
	return res, err
}

func (l *Lake) read(ctx context.Context, q *scan.Query, f scan.File, to chan<- part) error {
	var p part
	engine := l.Rules.NewEngine()
	var err error
	p.stats, err = q.Read(ctx, l.Store, f, func(ev *ocsf.Event) error {
		engine.Evaluate(ev, func(s *detections.Signal) { p.signals = append(p.signals, s) })
		return nil
	})
	if err != nil {
		return err
	}
	p.health = engine.Health()
	to <- p
	return nil
}

func (r *Result) add(p part, signal func(*detections.Signal) error) error {
	r.Stats.Add(p.stats)
	if r.Health == nil {
		r.Health = p.health
	} else {
		for i, h := range p.health {
			r.Health[i].Add(h)
		}
	}
	for _, s := range p.signals {
		if err := signal(s); err != nil {
			return err
		}
	}
	return nil
}
