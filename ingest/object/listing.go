package object

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/logkey"
)

// Config is the configuration of a listing collector.
type Config struct {
	Input
	Bucket string
	Store  interface {
		Opener
		Lister
	}
	// Origin is the name of an object in the origin of its records.
	Origin func(key string) string
	Filter Filter
	// Growing says that objects get longer until they are settled.
	Growing bool
	// Settle is how long behind Entry.At an object counts as settled: it is then read
	// to its end, and its cursor becomes part of its slot's.
	Settle time.Duration
	// Lookback is how far before what is settled a folder named by a date is still
	// listed.
	Lookback time.Duration
	// PollInterval is the time between two passes.
	PollInterval time.Duration
	// Once ends the run after a pass.
	Once bool
	// Objects is how many are read at the same time.
	Objects int
	// Report is told what keeps the collector from working, and "" when it works.
	Report func(problem string)
	Log    *slog.Logger
}

// Listing collects objects by listing them. Objects are divided into slots by their
// keys; a process reads those of its slots.
type Listing struct{ cfg Config }

var _ ingest.Sharer = (*Listing)(nil)

// NewListing makes a collector of a configuration that is complete.
func NewListing(cfg Config) *Listing { return &Listing{cfg: cfg} }

// Run implements ingest.Collector: it reads every slot.
func (l *Listing) Run(ctx context.Context, cursors map[string][]byte, put ingest.Put) error {
	slots := make([]int, ingest.Slots)
	for i := range slots {
		slots[i] = i
	}
	return l.RunSlots(ctx, slots, cursors, put)
}

// RunSlots implements ingest.Sharer.
func (l *Listing) RunSlots(ctx context.Context, slots []int, cursors map[string][]byte, put ingest.Put) error {
	mine := map[int]bool{}
	for _, s := range slots {
		mine[s] = true
	}
	states, objects, err := decodeState(cursors, mine)
	if err != nil {
		return err
	}
	r := &listingRun{Config: &l.cfg, slots: states, objects: objects, committer: NewCommitter(), problems: map[string]string{}}
	group, groupCtx := errgroup.WithContext(ctx)
	passes, stop := context.WithCancel(groupCtx)
	group.Go(func() error { return r.committer.Run(passes, put, r.progress) }) // ends with the passes
	group.Go(func() error {
		defer stop()
		return r.passes(groupCtx)
	})
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// listingRun is the state of one Run. What mu guards changes only in the committer's
// goroutine or before the object is handed to a reader.
type listingRun struct {
	*Config
	committer *Committer

	unordered bool // keys are not listed in order
	mu        sync.Mutex
	slots     map[int]*slotState
	objects   map[string]Cursor // by key, as they are durable
	problems  map[string]string // by key, as they were logged
	handed    map[string]bool   // by key, the leftovers of this pass
	failed    int               // objects in a row that could not be read
	found     int64
	read      int64
	missed    int64
	bytes     atomic.Int64
	size      atomic.Int64
}

// passes lists and reads until ctx is done.
func (r *listingRun) passes(ctx context.Context) error {
	wait := r.PollInterval
	for {
		err := r.pass(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errPut):
			return err
		case err != nil && r.Once:
			return err
		case err != nil:
			r.Log.Error("objects cannot be listed or read", slog.String(logkey.Collector, r.Collector), slog.Any(logkey.Error, err))
			r.Report(err.Error())
			wait = min(max(2*wait, time.Second), max(5*time.Minute, r.PollInterval))
		default:
			r.Report(r.problem())
			wait = r.PollInterval
		}
		if r.Once {
			return r.outcome()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// outcome is the error of a pass of which no object could be read.
func (r *listingRun) outcome() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) > 0 && r.read == 0 {
		return fmt.Errorf("none of %d objects could be read; the log says why", len(r.problems))
	}
	return nil
}

// problem says what cannot be read, if anything.
func (r *listingRun) problem() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) == 0 {
		return ""
	}
	key := slices.Min(slices.Collect(maps.Keys(r.problems)))
	return fmt.Sprintf("%d objects cannot be read, such as %s: %s", len(r.problems), key, r.problems[key])
}

func (r *listingRun) progress() ingest.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ingest.Progress{
		FilesFound: r.found, FilesRead: r.read, FilesFailed: r.missed,
		BytesFound: r.size.Load(), BytesRead: r.bytes.Load(),
	}
}

// errPut marks the error of a put, which ends the run.
var errPut = errors.New("put")
