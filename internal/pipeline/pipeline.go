// Package pipeline wires the five roles to Kafka: it owns their goroutines,
// transactions and shutdown.
//
//	collect ──► raw.<source> ──► detect ──► events  ──► store
//	                               │  └───► dlq
//	                               └──────► signals ──► correlate ──► alerts ──► deliver, store
//
// Kafka is the only thing that roles share. One process may run all of them or
// some; what a role guarantees does not depend on that.
package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize/redact"
)

// Options is what a pipeline is made of.
type Options struct {
	Config  *config.Config
	Sources []sources.Source
	Rules   *detections.RuleSet
	// Redact is what detect does to records before it maps them; nil for nothing.
	Redact *redact.Policy
	// Reload says where other rules come from while detect runs; nil for none.
	Reload *Reload
	// Roles to run; all if empty.
	Roles []Role
	// Once ends the run when everything that is there has gone through every role.
	// It needs all roles.
	Once bool
	// Terminal is where the terminal destination prints, one call at a time.
	Terminal io.Writer
	Color    bool
	// Workers is how many records detect maps at the same time; 0 for one a core.
	Workers int
	Log     *slog.Logger
	Stats   *Stats   // nil for none that anybody reads
	Faults  Injector // nil but in tests

	batchRecords int // of one transaction; 0 for the default
	times        times
	trimCursors  int // 0 for the default
	trimTerms    int // 0 for the default
	clientID     string
	rules        *rulesNow
}

// ErrRoles is returned for a choice of roles that cannot do what is asked.
var ErrRoles = errors.New("--once needs all roles in one process")

// runner is a role, ready to run. It returns nil when drain is done and what it
// had begun is finished, or when target is reached.
type runner struct {
	role Role
	run  func(ctx, drain context.Context, target *target) error
}

// Run runs until drain is done (the roles stop reading, finish what they began
// and commit), until ctx is done (they stop where they are), or with Once until
// all input has gone through. A failing role ends the others by a drain.
func Run(ctx, drain context.Context, o Options) error {
	if len(o.Roles) == 0 {
		o.Roles = Roles
	}
	if o.Once && len(o.Roles) < len(Roles) {
		return ErrRoles
	}
	if o.Stats == nil {
		o.Stats = NewStats()
	}
	if o.batchRecords == 0 {
		o.batchRecords = batchRecords
	}
	o.clientID = "weir-" + rand.Text()[:8] // the same when the pipeline starts over
	o.times = o.times.orDefault()
	if o.trimCursors == 0 {
		o.trimCursors = maxCursorRecords
	}
	if o.trimTerms == 0 {
		o.trimTerms = maxTermRecords
	}
	expected := make([]string, len(o.Roles))
	for i, r := range o.Roles {
		expected[i] = string(r)
	}
	o.Stats.Telemetry.Health.Expect(expected...)
	if o.rules = newRulesNow(o.Rules); slices.Contains(o.Roles, RoleDetect) {
		notes := &detectNotes{health: &o.Stats.Telemetry.Health}
		defer startReload(drain, &o, notes)()
		defer startMappingWatch(drain, &o, notes, reloadPoll)()
	}
	return runAgain(ctx, drain, o)
}

// supervise runs the roles, each in a goroutine that ends with the role.
func (p *pipeline) supervise(ctx, drain context.Context, runners []runner) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	drain, stop := context.WithCancel(drain)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	// A drain that takes too long becomes an abort.
	defer context.AfterFunc(drain, func() {
		time.AfterFunc(p.Config.ShutdownTimeout, func() { abort(p.shutdownTimedOut()) })
	})()
	if p.embedded != nil { // so does the end of the broker
		go func() { // ends with the roles
			select {
			case <-p.embedded.Failed():
				abort(p.embedded.Failure())
			case <-ctx.Done():
			}
		}()
	}

	watching, unwatch := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { p.watchLag(watching) }) // ends with unwatch
	defer watcher.Wait()
	defer unwatch()

	ends := newStages(p, runners)
	var group errgroup.Group
	for _, r := range runners {
		group.Go(func() error {
			err := r.run(ctx, drain, ends.target(r.role))
			if err != nil {
				stop()
				return fmt.Errorf("role %s: %w", r.role, err)
			}
			if p.Once && drain.Err() == nil {
				if err := ends.done(ctx, r.role); err != nil {
					stop() // the roles behind it would wait for ever
					return fmt.Errorf("role %s: %w", r.role, err)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		if onlyCanceled(err) {
			return cause // all that the roles could say is that they were told to stop
		}
		return errors.Join(err, cause)
	}
	return err
}

// onlyCanceled tells whether err says nothing but that a context was cancelled,
// alone or in each of several errors.
func onlyCanceled(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !onlyCanceled(err) })
	case interface{ Unwrap() error }:
		return onlyCanceled(e.Unwrap())
	}
	return err == context.Canceled
}

// errUndrained is in the error of a drain that took too long.
var errUndrained = errors.New("nothing is lost, the next start goes on from what is committed; if it happens often, raise shutdown_timeout")

func (p *pipeline) shutdownTimedOut() error {
	return fmt.Errorf("shutdown_timeout (%s) passed before the roles had finished what they had begun; %w", p.Config.ShutdownTimeout, errUndrained)
}

// stages hands the end of one role's input to the role behind it, with Once.
type stages struct {
	*pipeline
	targets map[Role]*target
	mu      sync.Mutex
	running map[Role]int // deliver runs once for each destination
}

func newStages(p *pipeline, runners []runner) *stages {
	s := &stages{pipeline: p, targets: map[Role]*target{}, running: map[Role]int{}}
	for _, r := range Roles {
		s.targets[r] = newTarget()
	}
	for _, r := range runners {
		s.running[r.role]++
	}
	return s
}

func (s *stages) target(r Role) *target { return s.targets[r] }

// done takes the end offsets of what the role wrote, now that it has committed
// its last transaction, as the target of those that read it.
func (s *stages) done(ctx context.Context, r Role) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[r]--
	if s.running[r] > 0 {
		return nil
	}
	switch r {
	case RoleCollect:
		return s.end(ctx, s.rawTopics(), RoleDetect)
	case RoleDetect:
		return s.end(ctx, []string{s.names.Signals()}, RoleCorrelate)
	case RoleCorrelate:
		return errors.Join(
			s.end(ctx, []string{s.names.Alerts()}, RoleDeliver),
			s.end(ctx, []string{s.names.Events(), s.names.Alerts()}, RoleStore))
	}
	return nil
}

func (s *stages) end(ctx context.Context, topics []string, next Role) error {
	ends, err := s.opts.VisibleRanges(ctx, topics...)
	if err != nil {
		return err
	}
	s.targets[next].set(ends)
	return nil
}

// roles makes the roles that are to run here.
func (p *pipeline) roles(ctx context.Context) ([]runner, error) {
	var all []runner
	for _, role := range Roles {
		if !slices.Contains(p.Roles, role) {
			continue
		}
		made, err := p.role(ctx, role)
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", role, err)
		}
		all = append(all, made...)
	}
	return all, nil
}
