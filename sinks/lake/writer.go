package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Bounds of what is written at a time, over all calls of a Writer's Write.
const (
	// flushMemory is for files from the moment that they are begun until they are in
	// the store. A file that needs more is written when no other is.
	flushMemory = 192 << 20
	// uploads are the files of one batch on their way to the store: an object store
	// takes 50 ms for any of them.
	uploads = 16
)

// Writer writes batches into a store. Several goroutines may use one.
type Writer struct {
	store   Store
	workers chan *encoder // those that are free
	memory  *semaphore.Weighted
	uploads int
}

// NewWriter gives a writer into a store.
func NewWriter(store Store) *Writer { return newWriter(store, runtime.GOMAXPROCS(0), uploads) }

func newWriter(store Store, workers, uploads int) *Writer {
	w := &Writer{store: store, workers: make(chan *encoder, workers), memory: semaphore.NewWeighted(flushMemory), uploads: uploads}
	columns := &columnsPool{most: keptColumns}
	for range workers {
		w.workers <- newEncoder(workers, columns)
	}
	return w
}

// Write makes every file of the batch exist and returns them all. rows are all
// records of the batch in offset order; none is valid and gives no file.
//
// If Write fails, some files of the batch may exist and others not. Calling it
// again with the same batch completes it. The error of a full disk or a missing
// permission says what to do; IsTransient tells whether to wait.
func (w *Writer) Write(ctx context.Context, table Table, b Batch, rows []Row) (Result, error) {
	if err := check(table, b, rows); err != nil {
		return Result{}, fmt.Errorf("write batch %s: %w", b, err)
	}
	res, err := w.files(ctx, table, b, rows)
	slices.SortFunc(res.Rejected, func(x, y Rejected) int { return cmp.Compare(x.Index, y.Index) })
	if err != nil {
		return res, fmt.Errorf("write batch %s: %w", b, err)
	}
	return res, nil
}

// files writes the files of a batch, several at a time. Its goroutines end before
// it returns.
func (w *Writer) files(ctx context.Context, table Table, b Batch, rows []Row) (Result, error) {
	var res Result
	heads, err := w.heads(ctx, table, rows)
	if err != nil {
		return res, err
	}
	parts := partition(table, rows, heads, &res)
	files := make([]written, len(parts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(w.uploads)
	for i, p := range parts {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error { return w.file(groupCtx, p, b, rows, &files[i]) })
	}
	err = group.Wait()
	if err == nil {
		err = ctx.Err() // the loop may have ended early
	}
	for i := range files {
		res.Rejected = append(res.Rejected, files[i].rejected...)
		if files[i].done {
			res.Files = append(res.Files, files[i].File)
		}
	}
	return res, err
}

// written is what became of a partition. It is done if it has a file, which is in
// the store.
type written struct {
	File
	done     bool
	rejected []Rejected
}

// file makes the file of a partition exist, unless all of its rows are rejected.
func (w *Writer) file(ctx context.Context, p *partitionRows, b Batch, rows []Row, to *written) error {
	memory := min(p.memory(), flushMemory)
	if err := w.memory.Acquire(ctx, memory); err != nil {
		return err
	}
	defer func() { w.memory.Release(memory) }()
	data, err := w.encode(ctx, p, rows, to)
	if err != nil {
		return fmt.Errorf("%s: %w", p.dir, err)
	}
	if to.Rows == 0 {
		return nil
	}
	if kept := int64(len(data)); kept < memory { // the file itself, on its way
		w.memory.Release(memory - kept)
		memory = kept
	}
	to.Path, to.Bytes = p.dir+"/"+b.fileName(), int64(len(data))
	to.Created, err = upload(ctx, w.store, to.Path, data)
	to.done = err == nil
	return err
}

// encode waits for a free worker and lets it make the file of a partition.
func (w *Writer) encode(ctx context.Context, p *partitionRows, rows []Row, to *written) ([]byte, error) {
	e, err := w.worker(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { w.workers <- e }()
	return e.encode(p, rows, to)
}

func (w *Writer) worker(ctx context.Context) (*encoder, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case e := <-w.workers:
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
