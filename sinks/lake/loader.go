package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfparquet"
)

// Bounds of what a Loader holds. Its memory is about six times maxLoading: columns that
// have grown, those of the file that is written meanwhile, and garbage.
const (
	// maxLoading is for the events that wait for others of their file, as bytes of raw
	// records twice: an event has its record's text and what was made of it.
	maxLoading = 112 << 20
	// maxOpen is how many files wait for events, 80 kB each: those of two years of five
	// classes, in any order. Beyond it a file may get one event.
	maxOpen = 4000
	// maxOld is the age of the oldest day: that of logs that somebody has kept, not of a
	// stream. What is older goes to outOfRange.
	maxOld = (20*365 + 5) * 24 * time.Hour
)

// ErrUnfit is of an event that no file of the lake has the columns for.
var ErrUnfit = errors.New("not in the lake")

// Loader makes a lake of events that are in no topic, such as those of log files on a
// laptop. Its files are those that a [Writer] would make of the same events, by other
// names: loaded-1-1.parquet and so on. It does not know what the lake has already,
// so that one Loader fills a new lake. One goroutine uses it.
type Loader struct {
	caller  context.Context
	ctx     context.Context // ends with the caller's, or when a file could not be written
	files   *errgroup.Group
	store   Store
	now     time.Time
	columns columnsPool
	open    map[place]*loading
	maxOpen int
	size    int // of all that are open
	added   int
	named   int
	rows    int // of all files
	bytes   atomic.Int64
}

// loading is a file that waits for events.
type loading struct {
	columns *ocsfparquet.Columns
	times   []int64 // of the events, in the order of their arrival
	size    int     // of the records, twice
	last    int     // what Loader.added was at the last event
}

// Loaded is what a Loader has written.
type Loaded struct {
	Files int
	Rows  int
	Bytes int64 // of the files
}

// NewLoader gives a loader into an empty store. now is the time of arrival: events that
// are a day ahead of it belong to no day. Files are written behind Add's back until ctx
// ends.
func NewLoader(ctx context.Context, store Store, now time.Time) *Loader {
	l := &Loader{caller: ctx, store: store, now: now, columns: columnsPool{most: 2 * maxGroupBytes}, open: map[place]*loading{}, maxOpen: maxOpen}
	l.files, l.ctx = errgroup.WithContext(ctx)
	l.files.SetLimit(1) // while the next are made, which takes as long
	return l
}

// Add puts an event into its file; nothing of ev is kept. size is that of its raw record
// in bytes. After ErrUnfit, that of an event which no file can have, the next one may be
// added; every other error is that of a file that could not be written, and final.
func (l *Loader) Add(ev *ocsf.Event, size int) error {
	if l.ctx.Err() != nil {
		return l.failure()
	}
	class := ocsf.ClassUID(ev.ClassUID())
	if class.Descriptor() == nil {
		return fmt.Errorf("%w: class_uid %d is no class of the selection", ErrUnfit, class)
	}
	if err := fits(class, ev); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	at := place{class, day(ev.Time(), l.now, maxOld)}
	p := l.open[at]
	if p == nil {
		columns, err := l.columns.get(class)
		if err != nil {
			return err
		}
		p = &loading{columns: columns}
		l.open[at] = p
	}
	p.columns.Append(ev)
	p.times = append(p.times, ev.Time())
	p.size, l.size = p.size+2*size, l.size+2*size
	l.added++
	p.last = l.added
	l.bound(at, p)
	return nil
}

// bound writes the file that got an event if it is full, and another if there is too
// much in all: the one with the most in it, or the one that got none for longest.
func (l *Loader) bound(at place, p *loading) {
	switch {
	case len(p.times) == maxGroupRows || p.size >= maxGroupBytes:
		l.write(at, p)
	case l.size > maxLoading:
		l.writeMost(func(p *loading) int { return p.size })
	case len(l.open) > l.maxOpen:
		l.writeMost(func(p *loading) int { return -p.last })
	}
}

// writeMost writes the file that has the most of something.
func (l *Loader) writeMost(of func(*loading) int) {
	var at place
	var most *loading
	for where, p := range l.open {
		if most == nil || cmp.Or(cmp.Compare(of(p), of(most)), cmp.Compare(most.last, p.last)) > 0 {
			at, most = where, p
		}
	}
	l.write(at, most)
}

// write lets a file be written.
func (l *Loader) write(at place, p *loading) {
	delete(l.open, at)
	l.size -= p.size
	l.named++
	l.rows += len(p.times)
	path := fmt.Sprintf("%s/loaded-%d-%d.parquet", at.dir(Events), l.named, Layout)
	l.files.Go(func() error {
		data, err := p.file(at.class)
		if err == nil {
			_, err = upload(l.ctx, l.store, path, data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		l.bytes.Add(int64(len(data)))
		l.columns.put(at.class, p.columns)
		return nil
	})
}

// file is the Parquet file of the events, by their time as those of a Writer.
func (p *loading) file(class ocsf.ClassUID) ([]byte, error) {
	if !slices.IsSorted(p.times) {
		from := make([]int32, len(p.times))
		for i := range from {
			from[i] = int32(i)
		}
		slices.SortFunc(from, func(a, b int32) int {
			return cmp.Or(cmp.Compare(p.times[a], p.times[b]), cmp.Compare(a, b))
		})
		p.columns.Reorder(from)
	}
	file, err := newParquetFile(class, p.columns, len(p.times))
	if err != nil {
		return nil, err
	}
	return file.finish()
}

// Close writes what waits, and returns when all is in the store or an error has ended
// it, that of ctx included.
func (l *Loader) Close() (Loaded, error) {
	for len(l.open) > 0 {
		l.writeMost(func(p *loading) int { return -p.last })
	}
	err := l.failure()
	return Loaded{Files: l.named, Rows: l.rows, Bytes: l.bytes.Load()}, err
}

// failure waits for what was begun and says what went wrong.
func (l *Loader) failure() error { return cmp.Or(l.files.Wait(), l.caller.Err()) }
