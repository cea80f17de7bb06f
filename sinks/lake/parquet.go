package lake

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
)

// Everything in this file is part of Layout: a change of a constant here changes
// the bytes of files, and so needs a new layout.
const (
	// createdBy is in every file. It names no version of weir, for two versions
	// with the same layout write the same bytes.
	createdBy = "weir version 1.0.0 (build layout-1)"
	// A row group ends at the first of these. The bytes are those of the rows'
	// JSON: they bound the memory of a flush, whatever the rows hold.
	maxGroupRows  = 32 << 10
	maxGroupBytes = 64 << 20
	// pageBytes makes a page of `time` 4,096 rows, so that the page index skips most
	// of a row group for a narrow range of time. It costs 5 % of size against 256 KiB.
	pageBytes = 32 << 10
	// bloomFPP is the wanted share of row groups that a bloom filter fails to skip.
	bloomFPP = 0.01
)

// bloomColumns are the columns that a search names exactly and whose minimum and
// maximum tell nothing: uids, IPs, principals, resources, operations.
var bloomColumns = []string{
	"metadata.uid",
	"actor.user.uid", "actor.user.name", "actor.session.uid", "actor.session.credential_uid",
	"actor.user.credential_uid",
	"user.uid", "user.name",
	"src_endpoint.ip", "dst_endpoint.ip", "device.ip",
	"cloud.account.uid",
	"resources.list.element.uid", "resources.list.element.name",
	"resource.uid", "resource.name",
	"entity.uid", "entity.name",
	"observables.list.element.value",
	"api.operation",
	"finding_info.uid", "finding_info.analytic.uid",
}

// wholeColumns hold long text that is different in every row: its minimum and
// maximum would only cost.
var wholeColumns = []string{"raw_data", "unmapped", "evidences.list.element.data"}

// writerProperties are those of a file of a class with rows rows.
func writerProperties(schema *arrow.Schema, rows int) *parquet.WriterProperties {
	// The filters adapt to the distinct values that they get, below this size.
	maxBloom := min(max(1<<bits.Len(uint(rows*2)), 1<<10), 1<<20)
	opts := []parquet.WriterProperty{
		parquet.WithCreatedBy(createdBy),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(1),
		parquet.WithDataPageSize(pageBytes),
		parquet.WithMaxRowGroupLength(maxGroupRows),
		parquet.WithPageIndexEnabled(true),
		// Behind zstd a dictionary makes files 10 % larger and writing 1.3 times as
		// slow: BenchmarkWrite.
		parquet.WithDictionaryDefault(false),
		parquet.WithBloomFilterFPP(bloomFPP),
		parquet.WithMaxBloomFilterBytes(int64(maxBloom)),
	}
	for _, path := range bloomColumns {
		opts = append(opts, parquet.WithBloomFilterEnabledFor(path, true), parquet.WithAdaptiveBloomFilterEnabledFor(path, true))
	}
	for _, path := range wholeColumns {
		opts = append(opts, parquet.WithStatsFor(path, false))
	}
	if i, ok := leafIndex(schema, "time"); ok {
		opts = append(opts, parquet.WithSortingColumns([]parquet.SortingColumn{{ColumnIdx: int32(i), NullsFirst: true}}))
	}
	return parquet.NewWriterProperties(opts...)
}

// leafIndex is the number of a top-level column among the leaves of the schema,
// as Parquet counts.
func leafIndex(schema *arrow.Schema, name string) (int, bool) {
	n := 0
	for _, f := range schema.Fields() {
		if f.Name == name {
			return n, true
		}
		n += leaves(f.Type)
	}
	return 0, false
}

// leaves counts the Parquet columns of a type.
func leaves(t arrow.DataType) int {
	switch t := t.(type) {
	case *arrow.StructType:
		n := 0
		for _, f := range t.Fields() {
			n += leaves(f.Type)
		}
		return n
	case *arrow.ListType:
		return leaves(t.Elem())
	}
	return 1
}

// parquetFile writes one file into memory. The file is small against the rows
// that it is made of, and whole in memory it needs one write, be it to a disk or
// to an object store.
type parquetFile struct {
	builder *ocsfarrow.Builder
	out     *pqarrow.FileWriter
	buf     bytes.Buffer
	text    int // bytes of JSON in the builder
}

// newParquetFile begins a file of at most rows rows of the builder's class.
func newParquetFile(builder *ocsfarrow.Builder, rows int) (*parquetFile, error) {
	f := &parquetFile{builder: builder}
	builder.Reset()
	out, err := pqarrow.NewFileWriter(builder.Schema(), &f.buf, writerProperties(builder.Schema(), rows), pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, fmt.Errorf("begin parquet file: %w", err)
	}
	f.out = out
	return f, nil
}

// append adds an event of size bytes of JSON. It first ends the row group if that
// is as large as one may be.
func (f *parquetFile) append(ev *ocsf.Event, size int) error {
	if f.builder.Len() == maxGroupRows || f.builder.Len() > 0 && f.text+size > maxGroupBytes {
		if err := f.flush(); err != nil {
			return err
		}
	}
	f.builder.Append(ev)
	f.text += size
	return nil
}

// flush writes the rows of the builder as a row group.
func (f *parquetFile) flush() error {
	if err := f.out.Write(f.builder.Record()); err != nil {
		return fmt.Errorf("write row group: %w", err)
	}
	f.builder.Reset()
	f.text = 0
	return nil
}

// finish writes what is left and returns the file.
func (f *parquetFile) finish() ([]byte, error) {
	if f.builder.Len() > 0 {
		if err := f.flush(); err != nil {
			return nil, err
		}
	}
	if err := f.out.Close(); err != nil {
		return nil, fmt.Errorf("end parquet file: %w", err)
	}
	return f.buf.Bytes(), nil
}
