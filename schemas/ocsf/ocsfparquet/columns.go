package ocsfparquet

import (
	"math"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet"
)

// column collects the values of an attribute, and writes those columns of a row
// group that it consists of.
type column interface {
	// write writes the columns; l is what is said of their parent.
	write(w *writer, l levels) error
	// reorder sorts the rows of the scope that the column is in.
	reorder(o order)
	// reset forgets all rows and keeps the memory.
	reset()
	// size is how many bytes of memory that is.
	size() int
}

// marks are the rows of a column that have a value.
type marks struct {
	dense int     // the first ones: many a column has a value in every row
	rows  []int32 // those behind, in increasing order
}

func (m *marks) mark(row int) {
	if row == m.dense && len(m.rows) == 0 {
		m.dense++
		return
	}
	m.rows = push(m.rows, int32(row))
}

// count is how many rows there are.
func (m *marks) count() int { return m.dense + len(m.rows) }

// row is the i-th of them.
func (m *marks) row(i int) int32 {
	if i < m.dense {
		return int32(i)
	}
	return m.rows[i-m.dense]
}

// push is append that doubles: append itself grows by a quarter, and so copies four
// times what there is in the end.
func push[T any](list []T, v T) []T {
	if len(list) == cap(list) {
		list = slices.Grow(list, max(len(list), 64))
	}
	return append(list, v)
}

func (m *marks) resetMarks() { m.dense, m.rows = 0, m.rows[:0] }

func (m *marks) size() int { return 4 * cap(m.rows) }

// valueColumn holds values as Parquet stores them.
type valueColumn[T int32 | int64 | float64 | bool] struct {
	marks
	values []T
}

func (c *valueColumn[T]) set(row int, v T) {
	c.mark(row)
	c.values = push(c.values, v)
}

func (c *valueColumn[T]) write(w *writer, l levels) error {
	l, done := w.mark(l, &c.marks)
	defer done()
	return writeBatch(w, c.values, l)
}

func (c *valueColumn[T]) reset() {
	c.resetMarks()
	c.values = c.values[:0]
}

func (c *valueColumn[T]) size() int {
	var v T
	return c.marks.size() + int(unsafe.Sizeof(v))*cap(c.values)
}

// largeText is what text doubles to; larger grows by a half, for it is most of the memory.
const largeText = 4 << 20

// stringColumn holds text, all of it in one piece: a pointer for each value would cost
// more than the copy.
type stringColumn struct {
	marks
	text []byte
	ends []int32 // of the values, in text
}

func (c *stringColumn) set(row int, v string) {
	c.mark(row)
	if c.text == nil || cap(c.text)-len(c.text) < len(v) {
		more := len(c.text)
		if more > largeText {
			more /= 2
		}
		c.text = slices.Grow(c.text, max(more, len(v), 64))
	}
	c.text = append(c.text, v...)
	c.ends = push(c.ends, int32(len(c.text)))
}

// value is the i-th one. It is never nil, which the library takes for none.
func (c *stringColumn) value(i int) parquet.ByteArray {
	start := int32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return parquet.ByteArray(c.text[start:c.ends[i]:c.ends[i]])
}

func (c *stringColumn) write(w *writer, l levels) error {
	if c.count() == 0 {
		return writeBatch[parquet.ByteArray](w, nil, l.none()) // not w.texts[:0], in which the library looks at each level
	}
	l, done := w.mark(l, &c.marks)
	defer done()
	w.texts = w.texts[:0]
	for i := range c.ends {
		w.texts = push(w.texts, c.value(i))
	}
	return writeBatch(w, w.texts, l)
}

func (c *stringColumn) reset() {
	c.resetMarks()
	c.text, c.ends = c.text[:0], c.ends[:0]
}

func (c *stringColumn) size() int { return c.marks.size() + cap(c.text) + 4*cap(c.ends) }

// timeColumn holds microseconds and is given milliseconds.
type timeColumn struct{ valueColumn[int64] }

// set saturates at what 64 bits of microseconds hold, 292,277 years from 1970.
func (c *timeColumn) set(row int, millis int64) {
	const limit = math.MaxInt64 / 1000
	c.valueColumn.set(row, min(max(millis, -limit), limit)*1000)
}

// objectColumn is what the columns of all objects share: which rows have the object.
type objectColumn struct{ marks }

func (c *objectColumn) writeObject(w *writer, l levels, children []column) error {
	l, done := w.mark(l, &c.marks)
	defer done()
	return writeAll(w, l, children)
}

func (c *objectColumn) resetObject(children []column) {
	c.resetMarks()
	resetAll(children)
}

func (c *objectColumn) sizeOfObject(children []column) int {
	return c.marks.size() + sizeOfAll(children)
}

func writeAll(w *writer, l levels, children []column) error {
	for _, child := range children {
		if err := child.write(w, l); err != nil {
			return err
		}
	}
	return nil
}

func resetAll(children []column) {
	for _, child := range children {
		child.reset()
	}
}

func sizeOfAll(children []column) int {
	n := 0
	for _, child := range children {
		n += child.size()
	}
	return n
}

// listColumn holds lists of what the column E holds. The elements of all lists are
// the rows of E; no list is empty, no element null.
type listColumn[E any, P interface {
	*E
	column
}] struct {
	marks
	ends    []int32 // of the list of rows[i], in elements
	element E
	below   levels // memory for those of the elements
}

// begin starts a list of n elements in row and returns the element's row of the
// first. The caller sets all n.
func (c *listColumn[E, P]) begin(row, n int) int {
	c.mark(row)
	start := c.elements()
	c.ends = append(c.ends, start+int32(n))
	return int(start)
}

func (c *listColumn[E, P]) elements() int32 {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

func (c *listColumn[E, P]) write(w *writer, l levels) error {
	if c.count() > 0 {
		return P(&c.element).write(w, c.unfold(l))
	}
	l.present, l.depth = l.present+2, l.depth+1
	if l.rep == nil {
		l.rep = w.zeros[:len(l.def)]
	}
	return P(&c.element).write(w, l)
}

// unfold gives the levels of the elements: an entry for each, and one for each entry
// of l without a list.
func (c *listColumn[E, P]) unfold(l levels) levels {
	below := levels{
		def: c.below.def[:0], rep: c.below.rep[:0], entry: c.below.entry[:0],
		present: l.present + 2, // the list, and that it is not empty
		depth:   l.depth + 1,
	}
	from, start := 0, int32(0)
	for i := range c.count() {
		at := int(l.at(c.row(i)))
		below.copy(l, from, at)
		for k := start; k < c.ends[i]; k++ {
			below.entry = append(below.entry, int32(len(below.def)))
			below.def = append(below.def, below.present)
			below.rep = append(below.rep, below.depth)
		}
		below.rep[below.entry[start]] = l.repetition(at)
		from, start = at+1, c.ends[i]
	}
	below.copy(l, from, len(l.def))
	c.below = below
	return below
}

// copy appends the entries [from, to) of what is above.
func (l *levels) copy(above levels, from, to int) {
	l.def = append(l.def, above.def[from:to]...)
	if above.rep != nil {
		l.rep = append(l.rep, above.rep[from:to]...)
		return
	}
	for range to - from {
		l.rep = append(l.rep, 0)
	}
}

func (l levels) repetition(entry int) int16 {
	if l.rep == nil {
		return 0
	}
	return l.rep[entry]
}

func (c *listColumn[E, P]) reset() {
	c.resetMarks()
	c.ends = c.ends[:0]
	P(&c.element).reset()
}

func (c *listColumn[E, P]) size() int {
	return c.marks.size() + 4*cap(c.ends) + 2*cap(c.below.def) + 2*cap(c.below.rep) + 4*cap(c.below.entry) + P(&c.element).size()
}
