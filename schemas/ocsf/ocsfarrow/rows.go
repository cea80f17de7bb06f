package ocsfarrow

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Rows reads the events of a record of a class back, of which any columns may be
// missing: what was left out is absent. Package ocsfparquet writes them.
type Rows struct {
	root object
	rows int
}

// NewRows makes the reader of a record, which it refers to. The columns have the
// names and types of [Schema]; others are an error.
func NewRows(class ocsf.ClassUID, record arrow.RecordBatch) (*Rows, error) {
	descriptor := class.Descriptor()
	if descriptor == nil {
		return nil, fmt.Errorf("read arrow record: class %d is not in the selection", class)
	}
	root, err := newObject(descriptor.Attributes, array.RecordToStructArray(record))
	if err != nil {
		return nil, fmt.Errorf("read arrow record: %w", err)
	}
	return &Rows{root: root, rows: int(record.NumRows())}, nil
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.rows }

// AppendJSON appends the event of a row as OCSF JSON.
func (r *Rows) AppendJSON(dst []byte, row int) []byte {
	before := len(dst)
	if dst = r.root.append(dst, row); len(dst) == before {
		return append(dst, "{}"...)
	}
	return dst
}

// value appends what a column holds in a row, nothing if that is absent.
type value interface {
	append(dst []byte, row int) []byte
}

// object is a struct's columns by the beginning of their JSON: `"name":`.
type object struct {
	keys   []string
	values []value
}

func newObject(attributes []ocsf.Attribute, s *array.Struct) (object, error) {
	var o object
	for i, f := range s.DataType().(*arrow.StructType).Fields() {
		a := attribute(attributes, f.Name)
		if a == nil {
			return o, fmt.Errorf("%s is no attribute", f.Name)
		}
		v, err := newValue(a, s.Field(i))
		if err != nil {
			return o, fmt.Errorf("%s: %w", f.Name, err)
		}
		o.keys = append(o.keys, strconv.Quote(f.Name)+":")
		o.values = append(o.values, v)
	}
	return o, nil
}

func attribute(attributes []ocsf.Attribute, name string) *ocsf.Attribute {
	for i := range attributes {
		if attributes[i].Name == name {
			return &attributes[i]
		}
	}
	return nil
}

// append leaves out an object without attributes: there are none in an event.
func (o object) append(dst []byte, row int) []byte {
	before := len(dst)
	for i, v := range o.values {
		start := len(dst)
		if start == before {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, o.keys[i]...)
		filled := len(dst)
		if dst = v.append(dst, row); len(dst) == filled {
			dst = dst[:start]
		}
	}
	if len(dst) == before {
		return dst
	}
	return append(dst, '}')
}

func newValue(a *ocsf.Attribute, column arrow.Array) (value, error) {
	if !a.Array {
		return newElement(a, column)
	}
	l, ok := column.(*array.List)
	if !ok {
		return nil, fmt.Errorf("want a list, have %s", column.DataType())
	}
	element, err := newElement(a, l.ListValues())
	return list{l, element}, err
}

// newElement reads one value of an attribute.
func newElement(a *ocsf.Attribute, column arrow.Array) (value, error) {
	switch c := column.(type) {
	case *array.Struct:
		if a.Kind == ocsf.KindObject {
			return newObject(ocsf.ObjectByName(a.Object).Attributes, c)
		}
	case *array.String:
		switch a.Kind {
		case ocsf.KindString:
			return scalar[*array.String]{c, func(dst []byte, row int) []byte { return ocsf.AppendString(dst, c.Value(row)) }}, nil
		case ocsf.KindJSON:
			return scalar[*array.String]{c, func(dst []byte, row int) []byte { return append(dst, c.Value(row)...) }}, nil
		}
	case *array.Timestamp:
		if a.Type == "timestamp_t" {
			return scalar[*array.Timestamp]{c, func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(c.Value(row))/1000, 10) }}, nil
		}
	case *array.Int32:
		if a.Kind == ocsf.KindInt32 {
			return scalar[*array.Int32]{c, func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(c.Value(row)), 10) }}, nil
		}
	case *array.Int64:
		if a.Kind == ocsf.KindInt64 {
			return scalar[*array.Int64]{c, func(dst []byte, row int) []byte { return strconv.AppendInt(dst, c.Value(row), 10) }}, nil
		}
	case *array.Float64:
		if a.Kind == ocsf.KindFloat64 {
			return scalar[*array.Float64]{c, func(dst []byte, row int) []byte { return ocsf.AppendFloat(dst, c.Value(row)) }}, nil
		}
	case *array.Boolean:
		if a.Kind == ocsf.KindBool {
			return scalar[*array.Boolean]{c, func(dst []byte, row int) []byte { return strconv.AppendBool(dst, c.Value(row)) }}, nil
		}
	}
	return nil, fmt.Errorf("a column of type %s holds no %s", column.DataType(), a.Type)
}

// scalar is a column of single values.
type scalar[A arrow.Array] struct {
	column A
	text   func(dst []byte, row int) []byte
}

func (s scalar[A]) append(dst []byte, row int) []byte {
	if s.column.IsNull(row) {
		return dst
	}
	return s.text(dst, row)
}

// list is a column of lists. An element of which every column was left out is an
// empty object: that it is there counts.
type list struct {
	column  *array.List
	element value
}

func (l list) append(dst []byte, row int) []byte {
	if l.column.IsNull(row) {
		return dst
	}
	start, end := l.column.ValueOffsets(row)
	dst = append(dst, '[')
	for at := start; at < end; at++ {
		if at > start {
			dst = append(dst, ',')
		}
		before := len(dst)
		if dst = l.element.append(dst, int(at)); len(dst) == before {
			dst = append(dst, "{}"...)
		}
	}
	return append(dst, ']')
}
