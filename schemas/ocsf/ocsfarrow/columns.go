package ocsfarrow

import (
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// column collects the values of one column. Only rows with a value are told to
// it; the rows between are null. That is what makes wide classes cheap: a column
// that a batch does not use costs nothing per row (BenchmarkAppend 0.5 us, least
// of the library's builders 9 us: BenchmarkLibraryAppend).
type column interface {
	// data gives the first rows rows as Arrow data of type t. It shares the
	// column's memory until reset.
	data(rows int, t arrow.DataType) arrow.ArrayData
	// reset forgets all rows and keeps the memory.
	reset()
}

// validity is the bitmap of the rows that have a value.
type validity struct {
	bits  []byte
	valid int // rows that have one
}

// mark says that row has a value. Rows come in increasing order.
func (v *validity) mark(row int) {
	for len(v.bits) <= row/8 {
		v.bits = append(v.bits, 0)
	}
	v.bits[row/8] |= 1 << (row % 8)
	v.valid++
}

func (v *validity) reset() { v.bits, v.valid = v.bits[:0], 0 }

// bitmap is the validity of rows rows, nil if all have a value.
func (v *validity) bitmap(rows int) *memory.Buffer {
	switch v.valid {
	case rows:
		return nil
	case 0:
		return zeros((rows + 7) / 8)
	}
	v.bits = grow(v.bits, (rows+7)/8)
	return memory.NewBufferBytes(v.bits)
}

// newData makes the data of a column whose further buffers are given.
func (v *validity) newData(rows int, t arrow.DataType, children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.ArrayData {
	all := append([]*memory.Buffer{v.bitmap(rows)}, buffers...)
	return array.NewData(t, rows, all, children, rows-v.valid, 0)
}

// nothing is what columns without a value have for their buffers: most columns of a
// class have none in a batch, and nobody writes into it. It suffices for 64 bits of
// each row that the lake has in a record. 20 times less memory on BenchmarkRecord.
var nothing [(32<<10 + 1) * 8]byte

// zeros are n bytes of zeros, not to be written.
func zeros(n int) *memory.Buffer {
	if n <= len(nothing) {
		return memory.NewBufferBytes(nothing[:n:n])
	}
	return memory.NewBufferBytes(make([]byte, n))
}

// grow lengthens s to n elements, with zeros.
func grow[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	return append(s, make([]T, n-len(s))...)
}

// offsets are the ends of variable-length values: offsets[0] is 0, and row i
// reaches from offsets[i] to offsets[i+1].
type offsets struct{ ends []int32 }

// pad repeats end until there are the starts of row+1 rows.
func (o *offsets) pad(row int, end int32) {
	for len(o.ends) <= row {
		o.ends = append(o.ends, end)
	}
}

// last is the end of the last row so far.
func (o *offsets) last() int32 {
	if len(o.ends) == 0 {
		return 0
	}
	return o.ends[len(o.ends)-1]
}

// buffer is the offsets of rows rows.
func (o *offsets) buffer(rows int) *memory.Buffer {
	if o.last() == 0 {
		return zeros((rows + 1) * arrow.Int32SizeBytes)
	}
	o.pad(rows, o.last())
	return memory.NewBufferBytes(arrow.GetBytes(o.ends))
}

func (o *offsets) reset() { o.ends = o.ends[:0] }

// stringColumn holds strings. All of them together must stay below 2 GiB.
type stringColumn struct {
	validity
	offsets
	text []byte
}

func (c *stringColumn) set(row int, v string) {
	c.mark(row)
	c.pad(row, c.last())
	if len(c.text)+len(v) > cap(c.text) {
		// append itself grows by a quarter, and so copies four times what there is in
		// the end, a tenth of the time of BenchmarkFused.
		c.text = slices.Grow(c.text, len(c.text)+len(v))
	}
	c.text = append(c.text, v...)
	c.ends = append(c.ends, int32(len(c.text)))
}

func (c *stringColumn) data(rows int, t arrow.DataType) arrow.ArrayData {
	return c.newData(rows, t, nil, c.buffer(rows), memory.NewBufferBytes(c.text))
}

func (c *stringColumn) reset() {
	c.validity.reset()
	c.offsets.reset()
	c.text = c.text[:0]
}

// numberColumn holds numbers of one width.
type numberColumn[T int32 | int64 | float64] struct {
	validity
	values []T
}

func (c *numberColumn[T]) set(row int, v T) {
	c.mark(row)
	c.values = append(grow(c.values, row), v)
}

func (c *numberColumn[T]) data(rows int, t arrow.DataType) arrow.ArrayData {
	if c.valid == 0 {
		return c.newData(rows, t, nil, zeros(rows*t.(arrow.FixedWidthDataType).Bytes()))
	}
	c.values = grow(c.values, rows)
	return c.newData(rows, t, nil, memory.NewBufferBytes(arrow.GetBytes(c.values)))
}

func (c *numberColumn[T]) reset() {
	c.validity.reset()
	c.values = c.values[:0]
}

// timeColumn holds microseconds and is given milliseconds.
type timeColumn struct{ numberColumn[int64] }

// set saturates at what 64 bits of microseconds hold, 292,277 years from 1970.
func (c *timeColumn) set(row int, millis int64) {
	const limit = math.MaxInt64 / 1000
	c.numberColumn.set(row, min(max(millis, -limit), limit)*1000)
}

// boolColumn holds booleans, one bit each.
type boolColumn struct {
	validity
	truth []byte
}

func (c *boolColumn) set(row int, v bool) {
	c.mark(row)
	c.truth = grow(c.truth, row/8+1)
	if v {
		c.truth[row/8] |= 1 << (row % 8)
	}
}

func (c *boolColumn) data(rows int, t arrow.DataType) arrow.ArrayData {
	if c.valid == 0 {
		return c.newData(rows, t, nil, zeros((rows+7)/8))
	}
	c.truth = grow(c.truth, (rows+7)/8)
	return c.newData(rows, t, nil, memory.NewBufferBytes(c.truth))
}

func (c *boolColumn) reset() {
	c.validity.reset()
	c.truth = c.truth[:0]
}

// structColumn is the part of an object's columns that all objects share: which
// rows have the object.
type structColumn struct{ validity }

func (c *structColumn) structData(rows int, t arrow.DataType, children []column) arrow.ArrayData {
	fields := t.(*arrow.StructType).Fields()
	data := make([]arrow.ArrayData, len(children))
	for i, child := range children {
		data[i] = child.data(rows, fields[i].Type)
	}
	return c.newData(rows, t, data)
}

func (c *structColumn) structReset(children []column) {
	c.validity.reset()
	for _, child := range children {
		child.reset()
	}
}

// listColumn holds lists of what the column E holds. The elements of all rows
// are rows of E; no element is null.
type listColumn[E any, P interface {
	*E
	column
}] struct {
	validity
	offsets
	element E
}

// begin starts a list of n elements in row and returns the element's row of the
// first. The caller sets all n.
func (c *listColumn[E, P]) begin(row, n int) int {
	c.mark(row)
	start := c.last()
	c.pad(row, start)
	c.ends = append(c.ends, start+int32(n))
	return int(start)
}

func (c *listColumn[E, P]) data(rows int, t arrow.DataType) arrow.ArrayData {
	elements := P(&c.element).data(int(c.last()), t.(*arrow.ListType).Elem())
	return c.newData(rows, t, []arrow.ArrayData{elements}, c.buffer(rows))
}

func (c *listColumn[E, P]) reset() {
	c.validity.reset()
	c.offsets.reset()
	P(&c.element).reset()
}
