package ocsfparquet

import "slices"

// order says of every row of a scope which one it was: rows of the record outside of
// lists, elements of all its lists inside.
type order []int32

// reorder gives, in the new order of the rows, which value each mark has.
func (m *marks) reorder(o order) (values []int32) {
	marked := make([]int32, len(o)) // by row: the number of its mark, from 1
	for i := range m.count() {
		marked[m.row(i)] = int32(i) + 1
	}
	values = make([]int32, 0, m.count())
	m.resetMarks()
	for row, was := range o {
		if i := marked[was]; i > 0 {
			m.mark(row)
			values = append(values, i-1)
		}
	}
	return values
}

func (c *valueColumn[T]) reorder(o order) {
	if c.count() == 0 {
		return
	}
	was := slices.Clone(c.values)
	for i, v := range c.marks.reorder(o) {
		c.values[i] = was[v]
	}
}

func (c *stringColumn) reorder(o order) {
	if c.count() == 0 {
		return
	}
	was := stringColumn{text: slices.Clone(c.text), ends: slices.Clone(c.ends)}
	c.text, c.ends = c.text[:0], c.ends[:0]
	for _, v := range c.marks.reorder(o) {
		c.text = append(c.text, was.value(int(v))...)
		c.ends = append(c.ends, int32(len(c.text)))
	}
}

func (c *objectColumn) reorderObject(o order, children []column) {
	if c.count() > 0 { // else no child has a value
		c.marks.reorder(o)
		reorderAll(o, children)
	}
}

func reorderAll(o order, children []column) {
	for _, child := range children {
		child.reorder(o)
	}
}

func (c *listColumn[E, P]) reorder(o order) {
	if c.count() == 0 {
		return
	}
	ends := slices.Clone(c.ends)
	elements := make(order, 0, c.elements())
	for i, list := range c.marks.reorder(o) {
		start := int32(0)
		if list > 0 {
			start = ends[list-1]
		}
		for k := start; k < ends[list]; k++ {
			elements = append(elements, k)
		}
		c.ends[i] = int32(len(elements))
	}
	P(&c.element).reorder(elements)
}
