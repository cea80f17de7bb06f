// Package ocsfparquet writes OCSF events as the columns of a Parquet row group.
//
// A wide class has hundreds of columns, and an event has a value in a tenth of
// them. So only columns with a value are told of an event, and what the levels of
// Parquet say of all others is shared: a column without any value has the
// definition levels of the object that it belongs to. The library's way over Arrow
// records computes them for each column; its bytes are the same, which the tests of
// sinks/lake hold.
//
// The levels are those of the Dremel paper: every attribute and list element is
// optional, and a list is `optional group / repeated group list / optional element`.
package ocsfparquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Columns collect events of one class. They are used by one goroutine at a time.
type Columns struct {
	root   eventColumns
	rows   int
	levels levelStack
	zeros  []int16 // never written
	texts  []parquet.ByteArray
}

// New gives the columns of a class. It fails for a class outside the selection.
func New(class ocsf.ClassUID) (*Columns, error) {
	root := newColumns(class)
	if root == nil {
		return nil, fmt.Errorf("columns of events: class %d is not in the selection", class)
	}
	return &Columns{root: root}, nil
}

// Len is the number of events since the last Reset.
func (c *Columns) Len() int { return c.rows }

// Append adds an event, whose attributes outside the class are left out. Nothing of
// it is kept.
func (c *Columns) Append(ev *ocsf.Event) {
	c.root.set(c.rows, ev)
	c.rows++
}

// WriteTo writes every column of a row group of the class's schema, as
// ocsfarrow.Schema has it.
func (c *Columns) WriteTo(group file.SerialRowGroupWriter) error {
	for len(c.zeros) < c.rows {
		c.zeros = append(c.zeros, 0)
	}
	w := writer{group: group, stack: &c.levels, zeros: c.zeros, texts: c.texts}
	defer func() { c.texts = w.texts[:0] }()
	return c.root.write(&w, levels{def: c.zeros[:c.rows]})
}

// Reorder makes the event that was added as from[i]-th the i-th; from has the number of
// every event once.
func (c *Columns) Reorder(from []int32) { c.root.reorder(from) }

// Reset forgets all events and keeps the memory.
func (c *Columns) Reset() {
	c.root.reset()
	c.rows = 0
}

// Size is about how much memory the columns hold, in bytes.
func (c *Columns) Size() int {
	return c.root.size() + c.levels.size() + 2*cap(c.zeros) + 24*cap(c.texts)
}

// eventColumns are the columns of a class.
type eventColumns interface {
	column
	set(row int, ev *ocsf.Event)
}
