package scan

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
	"github.com/weir-security/weir/sinks/lake"
)

// timeColumn is the attribute that rows are sorted and bounded by.
const timeColumn = "time"

// reader reads one file for a query.
type reader struct {
	file       File
	from, to   int64 // microseconds, [from, to)
	in         *pqarrow.FileReader
	conditions [][]condition
	deciding   []int // the columns of conditions, and the time
	wanted     []int // all columns that are looked at

	decoder ocsf.Decoder
	event   ocsf.Event
	text    []byte
	stats   Stats
}

// condition is an equality and its column.
type condition struct {
	Equality
	column int
}

func newReader(q *Query, f File, object lake.Object) (*reader, error) {
	in, err := file.NewParquetReader(io.NewSectionReader(object, 0, object.Size()))
	if err != nil {
		return nil, err
	}
	r := &reader{file: f}
	r.from, r.to = q.micros()
	if r.in, err = pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator); err != nil {
		return nil, err
	}
	columns := r.columns()
	want := q.Classes[f.class]
	r.wanted = below(columns, want.Attributes)
	for _, equalities := range want.Conditions {
		var conditions []condition
		for _, e := range equalities {
			if at, ok := columns[e.Path]; ok {
				conditions = append(conditions, condition{e, at})
				r.deciding = append(r.deciding, at)
			}
		}
		r.conditions = append(r.conditions, conditions)
	}
	if at, ok := columns[timeColumn]; ok {
		r.deciding = append(r.deciding, at)
	}
	slices.Sort(r.deciding)
	r.deciding = slices.Compact(r.deciding)
	r.stats.Files = 1
	r.stats.Groups = int64(in.NumRowGroups())
	return r, nil
}

// columns are the leaves of the file by the path of their attribute. What is in a
// list has its path without the list's own levels.
func (r *reader) columns() map[string]int {
	schema := r.in.ParquetReader().MetaData().Schema
	columns := make(map[string]int, schema.NumColumns())
	for i := range schema.NumColumns() {
		columns[strings.ReplaceAll(schema.Column(i).Path(), ".list.element", "")] = i
	}
	return columns
}

// below are the columns of attributes and of what is below them; all for nil.
func below(columns map[string]int, attributes []string) []int {
	var list []int
	for path, i := range columns {
		if attributes == nil || slices.ContainsFunc(attributes, func(a string) bool {
			return path == a || strings.HasPrefix(path, a+".")
		}) {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	return list
}

func (r *reader) read(ctx context.Context, visit func(*ocsf.Event) error) error {
	for group := range r.in.ParquetReader().NumRowGroups() {
		if err := ctx.Err(); err != nil {
			return err
		}
		hopeless, err := r.hopeless(group)
		if err != nil {
			return r.failed(group, err)
		}
		if hopeless {
			continue
		}
		if err := r.readGroup(ctx, group, visit); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) failed(group int, err error) error {
	return fmt.Errorf("read %s, row group %d: %w", r.file.Path, group, err)
}

// readGroup reads first the columns that decide, and the others if a row passes.
func (r *reader) readGroup(ctx context.Context, group int, visit func(*ocsf.Event) error) error {
	r.stats.GroupsNow++
	deciding, err := r.load(ctx, r.deciding, group)
	if err != nil {
		return r.failed(group, err)
	}
	defer deciding.Release()
	r.stats.Rows += deciding.NumRows()
	passed := r.passed(deciding)
	if len(passed) == 0 {
		return nil
	}
	record, err := r.load(ctx, r.wanted, group)
	if err != nil {
		return r.failed(group, err)
	}
	defer record.Release()
	rows, err := ocsfarrow.NewRows(r.file.class, record)
	if err != nil {
		return r.failed(group, err)
	}
	for _, row := range passed {
		r.text = rows.AppendJSON(r.text[:0], row)
		if err := r.decoder.Decode(&r.event, r.text); err != nil {
			return r.failed(group, err)
		}
		r.stats.Events++
		if err := visit(&r.event); err != nil {
			return err
		}
	}
	return nil
}

// load reads columns of a row group as one record.
func (r *reader) load(ctx context.Context, columns []int, group int) (arrow.RecordBatch, error) {
	in, err := r.in.GetRecordReader(ctx, columns, []int{group})
	if err != nil {
		return nil, err
	}
	defer in.Release()
	if !in.Next() {
		if err := in.Err(); err != nil && err != io.EOF {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
	record := in.RecordBatch()
	record.Retain()
	return record, nil
}

// passed are the rows within the time that meet a condition whole.
func (r *reader) passed(record arrow.RecordBatch) []int {
	leaves := leaves(record)
	var rows []int
	times, _ := leaves[timeColumn].(*array.Timestamp)
	matchers := make([][]func(int) bool, len(r.conditions))
	for i, conditions := range r.conditions {
		for _, c := range conditions {
			matchers[i] = append(matchers[i], c.matcher(leaves[c.Path]))
		}
	}
	for row := range int(record.NumRows()) {
		if times != nil && !times.IsNull(row) {
			if at := int64(times.Value(row)); at < r.from || at >= r.to {
				continue
			}
		}
		if meets(matchers, row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// meets tells whether all of one condition holds; without conditions it does.
func meets(conditions [][]func(int) bool, row int) bool {
	if len(conditions) == 0 {
		return true
	}
next:
	for _, all := range conditions {
		for _, holds := range all {
			if !holds(row) {
				continue next
			}
		}
		return true
	}
	return false
}

// leaves are the columns of a record by path, outside of lists.
func leaves(record arrow.RecordBatch) map[string]arrow.Array {
	all := map[string]arrow.Array{}
	var walk func(prefix string, s *array.Struct)
	walk = func(prefix string, s *array.Struct) {
		for i, f := range s.DataType().(*arrow.StructType).Fields() {
			if child, ok := s.Field(i).(*array.Struct); ok {
				walk(prefix+f.Name+".", child)
				continue
			}
			all[prefix+f.Name] = s.Field(i)
		}
	}
	walk("", array.RecordToStructArray(record))
	return all
}

// matcher tests a row of the equality's column. A column of another kind proves
// nothing: its rows pass.
func (e Equality) matcher(column arrow.Array) func(row int) bool {
	switch c := column.(type) {
	case *array.String:
		empty := slices.Contains(e.Texts, "")
		return func(row int) bool {
			if c.IsNull(row) {
				return empty
			}
			return slices.Contains(e.Texts, c.Value(row))
		}
	case *array.Int32:
		return matchNumber(c, e.Numbers, func(row int) int64 { return int64(c.Value(row)) })
	case *array.Int64:
		return matchNumber(c, e.Numbers, c.Value)
	}
	return func(int) bool { return true }
}

func matchNumber(c arrow.Array, numbers []int64, value func(int) int64) func(int) bool {
	zero := slices.Contains(numbers, 0)
	return func(row int) bool {
		if c.IsNull(row) {
			return zero
		}
		return slices.Contains(numbers, value(row))
	}
}
