package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/sinks/lake"
)

// How long store waits before it tries a lake again that takes no files: twice as
// long each time, within these bounds.
const (
	lakeFirst = time.Second
	lakeMost  = time.Minute
	// lakeStart is how long the start of the other roles waits for an answer.
	lakeStart = 15 * time.Second
	// lakeOnceMost is how long a run with --once waits in all: somebody is waiting
	// for its end.
	lakeOnceMost = time.Minute
)

// lakeError is an error of the lake, not of Kafka.
type lakeError struct{ err error }

func (e *lakeError) Error() string { return e.err.Error() }
func (e *lakeError) Unwrap() error { return e.err }

// passes tells whether a lake may take files again without anybody changing the
// configuration: its disk is full, or it is away.
func passes(err error) bool {
	_, ok := errors.AsType[*lakeError](err)
	return ok && lake.IsTransient(err)
}

// stall is the time in which the lake takes no files. Store reads no more then, so
// that memory is bounded, but stays in its group: what waits, waits in Kafka.
type stall struct {
	since, until time.Time
	wait         time.Duration // the last one
	tries        int           // that failed; 0: there is no stall
}

// failed notes a try that failed, and returns how long to wait.
func (s *stall) failed(now time.Time) time.Duration {
	if s.tries++; s.tries == 1 {
		s.since, s.wait = now, lakeFirst
	} else {
		s.wait = min(2*s.wait, lakeMost)
	}
	s.until = now.Add(s.wait)
	return s.wait
}

// openLake opens the lake.
func (s *storeRole) openLake(ctx context.Context) error {
	if s.lake != nil {
		return nil
	}
	opened, err := s.open(ctx)
	if err != nil {
		return &lakeError{err}
	}
	s.lake = opened
	s.writer = lake.NewWriter(faultyStore{opened, s.faults})
	return nil
}

// awaitLake opens the lake as soon as it can be.
func (s *storeRole) awaitLake(drain context.Context) error {
	err := s.openLake(drain)
	if err == nil || !passes(err) {
		return orDraining(drain, err)
	}
	observer := s.observe(RoleStore, "", "")
	defer observer.End()
	for ; passes(err); err = s.openLake(drain) {
		wait, err := s.stalled(observer, err)
		if err != nil {
			return err
		}
		if pause(drain, wait) != nil {
			return errDraining
		}
	}
	return orDraining(drain, err)
}

// orDraining is errDraining for a request that the drain has interrupted.
func orDraining(drain context.Context, err error) error {
	if err != nil && drain.Err() != nil && errors.Is(err, context.Canceled) {
		return errDraining
	}
	return err
}

// stalled tells of a try that failed. It returns how long to wait for the next, or
// the error if there is to be none.
func (s *storeRole) stalled(o *observer, err error) (time.Duration, error) {
	now := time.Now()
	wait := s.stall.failed(now)
	if s.once && now.Sub(s.stall.since) >= s.times.lakeOnce {
		return 0, fmt.Errorf("the lake has taken no files for %s: %w", s.times.lakeOnce, err)
	}
	s.log.Warn("the lake takes no files, trying again; nothing is lost, it waits in Kafka",
		slog.String(logkey.AtMost, wait.String()), slog.Any(logkey.Error, err))
	o.telemetry.LakeRetries.Inc()
	o.Waits("the lake takes no files: "+err.Error(), wait)
	return wait, nil
}

// flushUnlessStalled writes what is due, unless the lake did not take it lately. At
// a drain there is one more try, and what is not written then waits in Kafka.
func (s *storeRole) flushUnlessStalled(ctx, drain context.Context, ending bool) error {
	if s.stall.tries > 0 && drain.Err() == nil && time.Now().Before(s.stall.until) {
		return nil
	}
	err := s.flushDue(ctx, ending)
	topics := []string{s.names.Events(), s.names.Alerts()}
	switch {
	case err == nil && s.stall.tries > 0:
		s.log.Info("the lake takes files again", slog.Int(logkey.Count, s.stall.tries))
		s.stall = stall{}
		s.cl.ResumeFetchTopics(topics...)
		return nil
	case !passes(err):
		return err
	case drain.Err() != nil:
		s.log.Warn("the lake takes no files; they are written at the next start, from Kafka", slog.Any(logkey.Error, err))
		return nil
	}
	s.cl.PauseFetchTopics(topics...)
	_, err = s.stalled(s.observer, err)
	return err
}

// ended is nil for the end of a role that was told to drain.
func ended(err error) error {
	if errors.Is(err, errDraining) {
		return nil
	}
	return err
}

// faultyStore makes the creation of each file a step.
type faultyStore struct {
	lake.Store
	faults Injector
}

func (s faultyStore) Create(ctx context.Context, path string, data []byte) (bool, error) {
	if err := s.faults.At(FaultStoreCreating); err != nil {
		return false, err
	}
	created, err := s.Store.Create(ctx, path, data)
	if err == nil {
		err = s.faults.At(FaultStoreCreated)
	}
	return created, err
}
