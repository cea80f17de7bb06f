package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
)

// Event times further from the time of their Kafka record go to outOfRange.
const (
	maxAhead   = 24 * time.Hour
	maxBehind  = 400 * 24 * time.Hour
	outOfRange = "out_of_range"
)

// Writer writes batches into a directory. It is used by one goroutine at a time,
// for it owns scratch space; several writers may share a Dir.
type Writer struct {
	dir      *Dir
	doc      jsondoc.Doc
	event    ocsf.Event
	builders map[ocsf.ClassUID]*ocsfarrow.Builder
}

// NewWriter gives a writer into dir.
func NewWriter(dir *Dir) *Writer {
	return &Writer{
		dir:      dir,
		doc:      jsondoc.Doc{Wrapped: jsondoc.MaxWrapped},
		builders: map[ocsf.ClassUID]*ocsfarrow.Builder{},
	}
}

// Write makes every file of the batch exist and returns them all. rows are all
// records of the batch in offset order; none is valid and gives no file.
//
// If Write fails, some files of the batch may exist and others not. Calling it
// again with the same batch completes it. The error of a full disk or a missing
// permission says what to do.
func (w *Writer) Write(ctx context.Context, table Table, b Batch, rows []Row) (Result, error) {
	if err := check(table, b, rows); err != nil {
		return Result{}, fmt.Errorf("write batch %s: %w", b, err)
	}
	var res Result
	for _, p := range w.partition(table, rows, &res) {
		if err := ctx.Err(); err != nil {
			return res, fmt.Errorf("write batch %s: %w", b, err)
		}
		data, n, err := w.encode(p, rows, &res)
		if err != nil {
			return res, fmt.Errorf("write batch %s: %s: %w", b, p.dir, err)
		}
		if n == 0 {
			continue
		}
		file, err := w.dir.create(p.dir, b.fileName(), data)
		if err != nil {
			return res, fmt.Errorf("write batch %s: %w", b, err)
		}
		file.Rows = n
		res.Files = append(res.Files, file)
	}
	slices.SortFunc(res.Rejected, func(x, y Rejected) int { return cmp.Compare(x.Index, y.Index) })
	return res, nil
}

// check refuses a call that cannot be right: its files would stay.
func check(table Table, b Batch, rows []Row) error {
	if table != Events && table != Findings {
		return fmt.Errorf("no such table: %v", table)
	}
	if b.TopicID == [16]byte{} {
		return errors.New("the topic id is zero")
	}
	next := b.Start
	for i, r := range rows {
		if r.Offset < next || r.Offset >= b.End {
			return fmt.Errorf("row %d has offset %d, which is not in [%d, %d)", i, r.Offset, next, b.End)
		}
		next = r.Offset + 1
	}
	return nil
}

// partition is what becomes one file.
type partition struct {
	dir   string // below the lake: events/class=api_activity/day=2026-11-03
	class ocsf.ClassUID
	rows  []placed
}

// placed is a row in its partition.
type placed struct {
	time  int64 // of the event, milliseconds
	index int   // in the batch
}

// partition sorts rows into files: by directory, and in each by event time, then
// offset. What is no event at all is rejected.
func (w *Writer) partition(table Table, rows []Row, res *Result) []*partition {
	byDir := map[string]*partition{}
	for i, row := range rows {
		class, millis, err := w.head(table, row.Value)
		if err != nil {
			res.Rejected = append(res.Rejected, Rejected{Index: i, Err: err})
			continue
		}
		dir := fmt.Sprintf("%s/class=%s/day=%s", table, class.Name(), day(millis, row.KafkaTime))
		p := byDir[dir]
		if p == nil {
			p = &partition{dir: dir, class: class}
			byDir[dir] = p
		}
		p.rows = append(p.rows, placed{time: millis, index: i})
	}
	list := make([]*partition, 0, len(byDir))
	for _, p := range byDir {
		slices.SortFunc(p.rows, func(x, y placed) int {
			return cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.index, y.index))
		})
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y *partition) int { return cmp.Compare(x.dir, y.dir) })
	return list
}

// head reads of an event what places it.
func (w *Writer) head(table Table, value []byte) (ocsf.ClassUID, int64, error) {
	if err := w.doc.Parse(value); err != nil {
		return 0, 0, err
	}
	uid, ok := w.doc.Root().Get("class_uid").Int()
	class := ocsf.ClassUID(uid)
	if !ok || int64(class) != uid || class.Descriptor() == nil {
		return 0, 0, fmt.Errorf("class_uid %s is no class of the selection", w.doc.Root().Get("class_uid").Raw())
	}
	if table == Findings && class != ocsf.ClassDetectionFinding {
		return 0, 0, fmt.Errorf("class %s in the table of findings", class)
	}
	millis, ok := w.doc.Root().Get("time").Int()
	if !ok {
		return 0, 0, fmt.Errorf("time %s is no number of milliseconds", w.doc.Root().Get("time").Raw())
	}
	return class, millis, nil
}

// day is the partition of an event time in UTC.
func day(millis int64, kafka time.Time) string {
	now := kafka.UnixMilli()
	if millis > now+maxAhead.Milliseconds() || millis < now-maxBehind.Milliseconds() {
		return outOfRange
	}
	return time.UnixMilli(millis).UTC().Format(time.DateOnly)
}

// encode makes the file of a partition, and returns the number of rows in it.
func (w *Writer) encode(p *partition, rows []Row, res *Result) ([]byte, int, error) {
	builder, err := w.builder(p.class)
	if err != nil {
		return nil, 0, err
	}
	file, err := newParquetFile(builder, len(p.rows))
	if err != nil {
		return nil, 0, err
	}
	n := 0
	for _, r := range p.rows {
		if err := w.decode(p.class, rows[r.index].Value); err != nil {
			res.Rejected = append(res.Rejected, Rejected{Index: r.index, Err: err})
			continue
		}
		if err := file.append(&w.event, len(rows[r.index].Value)); err != nil {
			return nil, 0, err
		}
		n++
	}
	if n == 0 {
		return nil, 0, nil
	}
	data, err := file.finish()
	return data, n, err
}

// builder gives the builder of a class. Each is made once, its memory is reused.
func (w *Writer) builder(class ocsf.ClassUID) (*ocsfarrow.Builder, error) {
	if b := w.builders[class]; b != nil {
		return b, nil
	}
	b, err := ocsfarrow.NewBuilder(class)
	if err != nil {
		return nil, err
	}
	w.builders[class] = b
	return b, nil
}

// decode reads an event of the class into w.event, valid until the next call.
func (w *Writer) decode(class ocsf.ClassUID, value []byte) error {
	if err := w.doc.Parse(value); err != nil {
		return err
	}
	if w.doc.Flags()&jsondoc.DuplicateKey != 0 {
		return errors.New("an attribute is there twice")
	}
	if err := w.event.DecodeJSON(w.doc.Root()); err != nil {
		return err
	}
	// The columns of a class hold nothing else: what they would leave out must not
	// be lost in silence.
	var foreign error
	known := class.Descriptor()
	w.doc.Root().Members(func(key string, _ jsondoc.Value) bool {
		if known.Attribute(key) == nil {
			foreign = fmt.Errorf("%s is no attribute of the class %s", key, class)
		}
		return foreign == nil
	})
	return foreign
}
