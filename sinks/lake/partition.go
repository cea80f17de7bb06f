package lake

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Event times further from the time of their Kafka record go to outOfRange.
const (
	maxAhead   = 24 * time.Hour
	maxBehind  = 400 * 24 * time.Hour
	outOfRange = "out_of_range"
)

// head is what of an event places it; err says why it is none.
type head struct {
	class  ocsf.ClassUID
	millis int64
	err    error
}

// headRows is how many rows a worker places at a time.
const headRows = 4096

// heads reads what places each row.
func (w *Writer) heads(ctx context.Context, table Table, rows []Row) ([]head, error) {
	heads := make([]head, len(rows))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(w.workers))
	for begin := 0; begin < len(rows); begin += headRows {
		group.Go(func() error {
			e, err := w.worker(ctx)
			if err != nil {
				return err
			}
			defer func() { w.workers <- e }()
			for i := begin; i < min(begin+headRows, len(rows)); i++ {
				h := &heads[i]
				h.class, h.millis, h.err = e.head(table, rows[i].Value)
			}
			return nil
		})
	}
	return heads, group.Wait()
}

// partitionRows is what becomes one file.
type partitionRows struct {
	dir   string // below the lake: events/class=api_activity/day=2026-11-03
	class ocsf.ClassUID
	rows  []placed
	bytes int64 // of their JSON
}

// placed is a row in its partition.
type placed struct {
	time  int64 // of the event, milliseconds
	index int   // in the batch
}

// partition sorts rows into files: by directory, and in each by event time, then
// offset. What is no event at all is rejected.
func partition(table Table, rows []Row, heads []head, res *Result) []*partitionRows {
	byPlace := map[place]*partitionRows{}
	for i, h := range heads {
		if h.err != nil {
			res.Rejected = append(res.Rejected, Rejected{Index: i, Err: h.err})
			continue
		}
		at := place{h.class, day(h.millis, rows[i].KafkaTime, maxBehind)}
		p := byPlace[at]
		if p == nil {
			p = &partitionRows{dir: at.dir(table), class: h.class}
			byPlace[at] = p
		}
		p.rows = append(p.rows, placed{time: h.millis, index: i})
		p.bytes += int64(len(rows[i].Value))
	}
	list := make([]*partitionRows, 0, len(byPlace))
	for _, p := range byPlace {
		slices.SortFunc(p.rows, func(x, y placed) int {
			return cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.index, y.index))
		})
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y *partitionRows) int { return cmp.Compare(x.dir, y.dir) })
	return list
}

// memory is about what the file costs while it is made, as TestMemory has seen it.
func (p *partitionRows) memory() int64 {
	return fileMemory + memoryPerByte*min(p.bytes, maxGroupBytes) + p.bytes/8
}

const (
	fileMemory    = 12 << 20
	memoryPerByte = 2
)

// place is where a row belongs.
type place struct {
	class ocsf.ClassUID
	day   int64 // since 1970, or noDay
}

// noDay is the day of what is out of range.
const noDay = 1<<63 - 1

func (p place) dir(table Table) string {
	name := outOfRange
	if p.day != noDay {
		name = time.Unix(p.day*secondsPerDay, 0).UTC().Format(time.DateOnly)
	}
	return fmt.Sprintf("%s/class=%s/day=%s", table, p.class.Name(), name)
}

const secondsPerDay = 24 * 60 * 60

// day is the partition of an event time in UTC, of which none is older than behind when
// it arrives.
func day(millis int64, arrival time.Time, behind time.Duration) int64 {
	now := arrival.UnixMilli()
	if millis > now+maxAhead.Milliseconds() || millis < now-behind.Milliseconds() {
		return noDay
	}
	d := millis / (secondsPerDay * 1000)
	if millis%(secondsPerDay*1000) < 0 {
		d-- // before 1970
	}
	return d
}
