// Package replay runs rules over a lake: with the engine of live detection, and as
// little reading as the rules allow. It gives signals in an order that depends on
// the files alone; who correlates them gets the ids of live alerts.
package replay

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
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
	// Advance, if not nil, is told the event time in milliseconds before which no further
	// signal comes, each time it grows: who correlates can let go of what is older.
	Advance func(ms int64) error
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
	q := scan.Query{Table: lake.Events, From: l.From, To: l.To, Classes: classesOf(l.Rules)}
	if !q.From.IsZero() {
		q.From = q.From.Add(-l.Reach())
	}
	if !q.To.IsZero() {
		q.To = q.To.Add(l.Reach())
	}
	return q
}

// past asks for the events before those of query from which first_seen rules learn: as
// long before as they remember and learn, so that each of them decides as if it had
// seen all there ever was. ok is false without such rules, and without a bound there
// is nothing before.
func (l *Lake) past() (q scan.Query, rules *detections.RuleSet, ok bool) {
	rules = l.Rules.FirstSeen()
	if rules == nil || l.From.IsZero() {
		return q, nil, false
	}
	to := l.From.Add(-l.Reach())
	return scan.Query{Table: lake.Events, From: to.Add(-rules.MaxTerm()), To: to, Classes: classesOf(rules)}, rules, true
}

// classesOf is what of the events of each class the rules read.
func classesOf(rules *detections.RuleSet) map[ocsf.ClassUID]scan.Columns {
	classes := map[ocsf.ClassUID]scan.Columns{}
	for class, reads := range rules.Reads() {
		columns := scan.Columns{Attributes: reads.Attributes}
		for _, condition := range reads.Conditions {
			var equalities []scan.Equality
			for _, e := range condition {
				equalities = append(equalities, scan.Equality(e))
			}
			columns.Conditions = append(columns.Conditions, equalities)
		}
		classes[class] = columns
	}
	return classes
}

// Empty tells whether the place holds no events at all, of any time: it is no lake, or
// another one was meant.
func (l *Lake) Empty(ctx context.Context) (bool, error) {
	for info, err := range l.Store.List(ctx, lake.Events.String()+"/") {
		if err != nil {
			return false, fmt.Errorf("list the lake %s: %w", l.Store, err)
		}
		if strings.HasSuffix(info.Path, ".parquet") {
			return false, nil
		}
	}
	return true, nil
}

// part is what one file gave.
type part struct {
	signals []*detections.Signal
	stats   scan.Stats
	health  []detections.RuleHealth
}

// task is a file to be read for some rules.
type task struct {
	query *scan.Query
	rules *detections.RuleSet
	file  scan.File
	// from is the least time of an event in this file and in those behind it.
	from time.Time
}

// tasks are the files to read, what first_seen learns from before the others.
func (l *Lake) tasks(ctx context.Context) ([]task, error) {
	var tasks []task
	add := func(q scan.Query, rules *detections.RuleSet) error {
		files, err := q.Files(ctx, l.Store)
		if err != nil {
			return fmt.Errorf("list the lake %s: %w", l.Store, err)
		}
		for _, f := range byTime(files) {
			tasks = append(tasks, task{query: &q, rules: rules, file: f})
		}
		return nil
	}
	if q, rules, ok := l.past(); ok {
		if err := add(q, rules); err != nil {
			return nil, err
		}
	}
	if err := add(l.query(), l.Rules); err != nil {
		return nil, err
	}
	setFrom(tasks)
	return tasks, nil
}

// Signals gives every match, file by file in the order of their days. Files are
// read several at once; an error of signal ends the replay.
func (l *Lake) Signals(ctx context.Context, signal func(*detections.Signal) error) (Result, error) {
	var res Result
	tasks, err := l.tasks(ctx)
	if err != nil {
		return res, err
	}
	var all, done int64
	for _, t := range tasks {
		all += t.file.Size
	}
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	parts := make(chan chan part, workers) // in order of the files, each filled when it is read
	slots := make(chan struct{}, workers)
	g.Go(func() error {
		defer close(parts)
		for _, t := range tasks {
			p := make(chan part, 1)
			select {
			case parts <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
			slots <- struct{}{}
			g.Go(func() error {
				defer func() { <-slots }()
				return l.read(ctx, t, p)
			})
		}
		return nil
	})
	g.Go(func() error {
		at := 0
		for p := range parts {
			select {
			case p := <-p:
				if err := l.advance(tasks, at); err != nil {
					return err
				}
				if err := res.add(p, signal); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
			done += tasks[at].file.Size
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

func (l *Lake) read(ctx context.Context, t task, to chan<- part) error {
	var p part
	engine := t.rules.NewEngine()
	var err error
	p.stats, err = t.query.Read(ctx, l.Store, t.file, func(ev *ocsf.Event) error {
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
	for _, h := range p.health {
		i := slices.IndexFunc(r.Health, func(o detections.RuleHealth) bool { return o.RuleID == h.RuleID })
		if i < 0 {
			r.Health = append(r.Health, h)
			continue
		}
		r.Health[i].Add(h)
	}
	for _, s := range p.signals {
		if err := signal(s); err != nil {
			return err
		}
	}
	return nil
}
