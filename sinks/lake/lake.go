// Package lake writes batches of OCSF events as Parquet files, exactly once for
// readers that know nothing of weir.
//
// A batch is a range of offsets [a, b) of one Kafka partition. What files it
// becomes is a pure function of its records and of [Layout]: the same batch
// written twice, by two processes, before and after a crash, gives the same
// names and bytes, and a file that exists already is left as it is. The caller
// (the store role) makes the range itself stable: it commits the intent [a, b)
// before it calls Write and the offset b after it, and after a restart finishes
// exactly the intended range first.
//
//	events/class=api_activity/day=2026-11-03/<topic id>-<partition>-<a>-<b>-<layout>.parquet
//	findings/class=detection_finding/day=2026-11-03/...
//
// The day is that of each row's event time (UTC). A time more than a day after
// or 400 days before its Kafka record's goes to day=out_of_range, so that nobody
// who can write a log can open thousands of partitions.
package lake

import (
	"fmt"
	"time"
)

// Layout is the number of the function from records to files: columns, order,
// encoding, compression, partitioning, decoding. A batch that was begun in one
// layout can only be finished in the same; any change to what Write produces
// for some input needs a new number. TestLayoutIsPinned watches over it.
const Layout = 1

// Table is one of the lake's two tables.
type Table uint8

// The tables.
const (
	Events   Table = iota + 1 // the events topic, any class
	Findings                  // the alerts topic, class detection_finding only
)

// String is the table's directory.
func (t Table) String() string {
	switch t {
	case Events:
		return "events"
	case Findings:
		return "findings"
	}
	return fmt.Sprintf("table(%d)", uint8(t))
}

// Batch names the offsets [Start, End) of one partition of one topic.
type Batch struct {
	// TopicID is Kafka's topic id, not its name: a wiped broker or a second
	// cluster has other ids, so that its files cannot collide in silence.
	TopicID   [16]byte
	Partition int32
	Start     int64
	End       int64
}

// String names the batch in errors and logs: topic id, partition and offsets.
func (b Batch) String() string {
	return fmt.Sprintf("%x-%d [%d, %d)", b.TopicID, b.Partition, b.Start, b.End)
}

// fileName is the name that every file of the batch has in its directory.
func (b Batch) fileName() string {
	return fmt.Sprintf("%x-%d-%d-%d-%d.parquet", b.TopicID, b.Partition, b.Start, b.End, Layout)
}

// Row is one Kafka record of events or alerts.
type Row struct {
	// Offset is the record's offset. The rows of a batch are in its order; gaps
	// (transaction markers, aborted records) are normal.
	Offset int64
	// Value is the OCSF event as JSON. It must not change during Write.
	Value []byte
	// KafkaTime is the timestamp of the Kafka record.
	KafkaTime time.Time
}

// File is one file of a batch, as it is after Write.
type File struct {
	Path    string // below the lake's root, with slashes
	Rows    int
	Bytes   int64
	Created bool // false: it was there already, from an earlier try
}

// Rejected is a row that is in no file, because its value is no OCSF event of
// this build's selection. Which rows are rejected is as pure as the files are:
// a repeated Write rejects the same rows for the same reasons. The caller
// dead-letters them before it commits the batch's end; committing both in one
// Kafka transaction makes that exactly once, too.
type Rejected struct {
	Index int // into the rows given to Write
	Err   error
}

// Result is what became of a batch. Sum of Files' rows plus Rejected is always
// the number of rows given.
type Result struct {
	Files    []File
	Rejected []Rejected
}
