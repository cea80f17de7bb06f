// Package ingest is the contract between weir and the places that logs come
// from. One package below it per mechanism: file, and later s3, azureblob,
// eventhub, webhook. A collector turns what it reads into batches of records; it
// knows nothing of Kafka, and whoever runs it knows nothing of files.
package ingest

import (
	"context"
	"hash/fnv"

	"github.com/weir-security/weir/schemas/event"
)

// Batch is what becomes durable together: one Kafka transaction. Either all of
// its records, dead letters and cursors are there afterwards or none is, so that
// a collector that starts again from the cursors it finds neither loses nor
// doubles a record.
type Batch struct {
	// Records are in the order in which they stood in their object.
	Records []event.Record
	// DeadLetters are the pieces of input that are no record (StageCollect).
	DeadLetters []event.DeadLetter
	// Cursors holds at most one entry per key. A batch may consist of cursors
	// only, as for a file that was empty.
	Cursors []Cursor
	// Progress is how far the collector is once the batch is durable.
	Progress Progress
}

// Empty reports whether there is nothing to make durable.
func (b *Batch) Empty() bool {
	return len(b.Records) == 0 && len(b.DeadLetters) == 0 && len(b.Cursors) == 0
}

// Cursor is one entry of the compacted topic weir.cursors: how far an object has
// been read. A nil Value deletes the entry.
type Cursor struct {
	// Key is unique within the collector. Who stores it prefixes the
	// collector's name.
	Key string
	// Value belongs to the collector; nobody else looks into it.
	Value []byte
}

// Progress counts what a collector has found and read since its Run began, for
// progress bars and metrics. Each batch carries the counts as a whole, not their
// increase. What an earlier run has read counts neither as found nor as read.
type Progress struct {
	FilesFound  int64 `json:"files_found"`
	FilesRead   int64 `json:"files_read"`   // read to their end, the end of a damaged file included
	FilesFailed int64 `json:"files_failed"` // could not be opened or read; the log says why
	BytesFound  int64 `json:"bytes_found"`  // as stored: compressed files count compressed
	BytesRead   int64 `json:"bytes_read"`
}

// Put hands a batch over and returns nil when it is durable. After an error
// nothing of the batch is durable, or it is not known to be: the collector ends
// its Run with that error, and the next Run goes on from the cursors that are
// found then. The batch, with everything it points to, is the callee's until Put
// returns; the collector reuses its memory afterwards. A callee that keeps a
// record's Value for longer copies it.
type Put func(ctx context.Context, b Batch) error

// Collector reads log events from one configured place.
type Collector interface {
	// Run reads until its input is exhausted (a collector that is told to read
	// once) or ctx is done, and calls put for each batch, one at a time.
	// cursors is what earlier runs left: the collector's own entries, by
	// Cursor.Key.
	//
	// Run returns nil after its last put has returned. The end of ctx is a drain
	// and no error: what was read but not yet put is read again by the next run.
	// Input that cannot be read (no permission, broken compression) is a dead
	// letter or a log line and does not end Run; an error means that the
	// collector cannot work at all, or is the error of a put. The caller puts the
	// collector's name before it.
	Run(ctx context.Context, cursors map[string][]byte, put Put) error
}

// Slots is into how many parts the objects of a collector are divided that several
// processes share. Cursors depend on it.
const Slots = 16

// Slot is the part that an object belongs to, by its key.
func Slot(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // cannot fail
	return int(h.Sum32() % Slots)
}

// Sharer is a Collector whose objects are divided among the processes that run it.
// Each object belongs to a slot, each slot at a time to one process, and a cursor is
// moved only by the process that has its slot.
type Sharer interface {
	Collector
	// RunSlots is Run for the objects of some slots. It is called again when the
	// process has others, with the cursors that are found then.
	RunSlots(ctx context.Context, slots []int, cursors map[string][]byte, put Put) error
}

// Load returns a collector's cursors as they are now, with those that other processes
// have written.
type Load func(ctx context.Context) (map[string][]byte, error)

// Loader is a Collector whose source hands the same work to one process after the
// other: what one has begun, another goes on with.
type Loader interface {
	Collector
	// RunLoading is Run with a way to read the cursors again.
	RunLoading(ctx context.Context, load Load, put Put) error
}
