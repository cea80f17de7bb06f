// Package file is the collector of log files: one file, a tree, or a pattern; plain,
// gzip or zstd; once, or tailed while files grow, appear and are rotated.
//
// What makes a file is its content, not its name. The cursor of a file holds a
// digest of what stands before the position, so that the collector goes on where it
// was after a rename, a copy to another disk, or the compression of a rotated log,
// and begins anew where a file was truncated and written again, even if it is longer
// than before. The inode only helps where there is too little content to tell.
//
// # When a file is complete
//
// With Once, the end of each file is its end, and a last line of text without a line
// end is a line. Otherwise a plain file is followed: what
// is incomplete at its end waits for the rest. A compressed file is read when it has
// not changed for Settle; until then it may be half a copy. A JSON record that is still
// incomplete after Settle is dead-lettered as truncated, once; the cursor stays before
// it, so nothing is lost if the rest comes after all. An incomplete line of text waits
// until the file is rotated, because a server that buffers its log may pause within a
// line.
//
// # Rotation
//
// A file that was renamed is followed under its new name, or if that is outside of
// Path, until it has not changed for Settle. A file that became shorter, or whose
// content before the position changed, is read from its beginning. What a program
// wrote between the last read and a truncation in place is lost only if no copy of it is
// below Path; a copy, plain or compressed, is read from where the original was left. So
// a log that was copied beside itself by hand is not read twice either.
package file

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/logkey"
)

// Config is the configuration of one collector.
type Config struct {
	// Name is the collector's, Source the kind of its logs.
	Name   string
	Source string
	// Path is a file, a directory, which is read with all below it, or a pattern of
	// path/filepath.
	Path string
	// Origin stands before the path of a file below Path in the origins of its records,
	// and in cursors: "s3://bucket" for the copy of a bucket. Empty is "file:" and the
	// absolute path.
	Origin string
	// Once ends Run when all files have been read to their end.
	Once bool
	// PollInterval is how often the files are listed; 0 is one second. Where the system
	// tells of changes the collector does not wait for it.
	PollInterval time.Duration
	// Settle is how long a file must not change to be taken for complete; 0 is 10 s.
	Settle time.Duration
	Format envelope.Format
	Limits envelope.Limits
	// Log gets a line for each file that cannot be read; nil is slog.Default().
	Log *slog.Logger
}

// Collector reads files. It keeps nothing between two calls of Run.
type Collector struct {
	cfg   Config
	place place
}

var _ ingest.Collector = (*Collector)(nil)

// ErrNoInput is returned by Run with Once if there is no file to read.
var ErrNoInput = errors.New("nothing to read")

// New checks the configuration. It does not demand that Path exists.
func New(cfg Config) (*Collector, error) {
	if cfg.Path == "" {
		return nil, fmt.Errorf("collector %s: path is empty", cfg.Name)
	}
	if cfg.PollInterval <= 0 {
		cfg.PollInterval = time.Second
	}
	if cfg.Settle <= 0 {
		cfg.Settle = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p, err := newPlace(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("collector %s: path %s: %w", cfg.Name, cfg.Path, err)
	}
	return &Collector{cfg: cfg, place: p}, nil
}

// Run implements ingest.Collector.
func (c *Collector) Run(ctx context.Context, cursors map[string][]byte, put ingest.Put) error {
	known, err := decodeCursors(cursors)
	if err != nil {
		return err
	}
	r := &run{
		cfg:      &c.cfg,
		place:    c.place,
		put:      put,
		known:    known,
		tails:    map[string]*tail{},
		problems: map[string]string{},
	}
	defer r.close()
	if c.cfg.Once {
		err = r.once(ctx)
	} else {
		err = r.follow(ctx)
	}
	if err != nil && ctx.Err() == nil {
		return err // the role says which collector it is
	}
	return nil
}

// run is the state of one Run.
type run struct {
	cfg      *Config
	place    place
	put      ingest.Put
	batch    batch
	known    *register
	tails    map[string]*tail // by path: the files that Path leads to now
	leaving  []*tail          // files that were rotated out of Path and are read to their end
	order    []*tail          // all of them, in the order in which they are read
	problems map[string]string
	progress ingest.Progress
	watch    *watch
	spare    []*envelope.Splitter // of files that were closed
	opened   int                  // files that are open
}

// once reads every file to its end.
func (r *run) once(ctx context.Context) error {
	r.scan(time.Now())
	if len(r.order) == 0 && len(r.problems) == 0 {
		return fmt.Errorf("%w: %s matches no file", ErrNoInput, r.cfg.Path)
	}
	for _, t := range r.order {
		for again := t.dirty; again; {
			var err error
			if again, err = r.turn(ctx, t); err != nil {
				return err
			}
		}
		if t.leaving {
			r.letGo(t)
		}
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	if n := len(r.problems); n > 0 && r.progress.FilesRead == 0 && n >= len(r.order) {
		return fmt.Errorf("none of %d files of %s can be read; the log says why", n, r.cfg.Path)
	}
	return nil
}

// follow reads what is there and then what comes, until ctx is done.
func (r *run) follow(ctx context.Context) error {
	r.watch = newWatch(r.cfg.Log)
	defer r.watch.close()
	poll := time.NewTicker(r.cfg.PollInterval)
	defer poll.Stop()
	for rescan := true; ctx.Err() == nil; {
		if rescan {
			r.scan(time.Now())
			r.settle(time.Now())
		}
		again, err := r.round(ctx)
		if err != nil {
			return err
		}
		if !r.batch.empty() && time.Since(r.batch.since) >= batchAge {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
		rescan = false
		if !again {
			rescan = r.wait(ctx, poll.C)
		} else {
			select {
			case <-poll.C:
				rescan = true
			default:
			}
		}
	}
	return nil
}

// round gives each file that may have more a turn, and reports whether one of them
// has more at once.
func (r *run) round(ctx context.Context) (again bool, err error) {
	for _, t := range r.order {
		if !t.dirty {
			continue
		}
		more, err := r.turn(ctx, t)
		if err != nil {
			return false, err
		}
		again = again || more
	}
	return again, nil
}

// wait returns when a file may have changed, a batch has become old, or ctx is done,
// and reports whether the files must be listed again.
func (r *run) wait(ctx context.Context, poll <-chan time.Time) (rescan bool) {
	var old <-chan time.Time
	if !r.batch.empty() {
		timer := time.NewTimer(batchAge - time.Since(r.batch.since))
		defer timer.Stop()
		old = timer.C
	}
	select {
	case <-ctx.Done():
	case <-old:
	case <-poll:
		return true
	case path := <-r.watch.changed:
		rescan = r.poke(path)
		for range len(r.watch.changed) {
			rescan = r.poke(<-r.watch.changed) || rescan
		}
	}
	return rescan
}

// flush makes the batch durable.
func (r *run) flush(ctx context.Context) error {
	b := &r.batch
	if b.empty() {
		return nil
	}
	for i := 0; i < len(b.moved); i++ {
		t := b.moved[i]
		if t.unnamed {
			if heir := r.tails[t.path]; heir != nil && heir.cur.Before == &t.cur {
				b.touch(heir)
			}
			continue
		}
		b.Cursors = append(b.Cursors, ingest.Cursor{Key: t.object, Value: t.cur.encode()})
	}
	b.Progress = r.progress
	if err := r.put(ctx, b.Batch); err != nil {
		return err
	}
	b.reset()
	return nil
}

// report logs why an object cannot be read, once for each reason.
func (r *run) report(object string, err error) {
	if r.problems[object] == err.Error() {
		return
	}
	if r.problems[object] == "" {
		r.progress.FilesFailed++
	}
	r.problems[object] = err.Error()
	r.cfg.Log.Error("cannot read log file", slog.String(logkey.Collector, r.cfg.Name),
		slog.String(logkey.Object, object), slog.Any(logkey.Error, err))
}

func (r *run) close() {
	for _, t := range r.order {
		r.release(t)
	}
}
