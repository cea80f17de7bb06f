package ocsfparquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// levels are what is said of every row above a column: one entry for a row, or for
// each element of its list, or for a list that is absent.
type levels struct {
	def []int16
	rep []int16 // nil outside of lists
	// entry is where a row of the scope is in def: rows of the record outside of
	// lists, elements of all its lists inside. nil if row i is entry i.
	entry []int32
	// present is the definition level of an entry that has the parent.
	present int16
	depth   int16 // lists that the column is in
}

// writer writes the columns of a row group, one after the other.
type writer struct {
	group file.SerialRowGroupWriter
	stack *levelStack
	zeros []int16             // as many as there are rows
	texts []parquet.ByteArray // memory for the values of a column
}

// none gives the levels below a column that has no value.
func (l levels) none() levels {
	l.present++
	return l
}

// mark gives the levels below a column that has a value in some rows of its scope,
// and how to give their memory back.
func (w *writer) mark(l levels, m *marks) (below levels, done func()) {
	below = l.none()
	if m.count() == 0 {
		return below, func() {}
	}
	below.def = w.stack.push(l.def)
	for row := range m.dense {
		below.def[l.at(int32(row))] = below.present
	}
	for _, row := range m.rows {
		below.def[l.at(row)] = below.present
	}
	return below, w.stack.pop
}

// at is the entry of a row.
func (l levels) at(row int32) int32 {
	if l.entry == nil {
		return row
	}
	return l.entry[row]
}

// levelStack lends memory for levels, which nest as the columns do.
type levelStack struct {
	free [][]int16
	used int
}

// push gives a copy of def, valid until its pop.
func (s *levelStack) push(def []int16) []int16 {
	if s.used == len(s.free) {
		s.free = append(s.free, nil)
	}
	s.free[s.used] = append(s.free[s.used][:0], def...)
	s.used++
	return s.free[s.used-1]
}

func (s *levelStack) pop() { s.used-- }

func (s *levelStack) size() int {
	n := 0
	for _, l := range s.free {
		n += 2 * cap(l)
	}
	return n
}

// writeBatch writes the next column. values are those of the entries whose
// definition level is the column's.
func writeBatch[T any](w *writer, values []T, l levels) error {
	column, err := w.group.NextColumn()
	if err != nil {
		return err
	}
	out, ok := column.(interface {
		WriteBatch(values []T, def, rep []int16) (int64, error)
	})
	if !ok {
		return fmt.Errorf("column %s has another type: %v", column.Descr().Path(), column.Type())
	}
	if _, err := out.WriteBatch(values, l.def, l.rep); err != nil {
		return fmt.Errorf("column %s: %w", column.Descr().Path(), err)
	}
	return nil
}
