package lake

import (
	"bytes"
	"fmt"
	"math/bits"
	"sync"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
	"github.com/weir-security/weir/schemas/ocsf/ocsfparquet"
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
	maxGroupBytes = 96 << 20
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

// schemas are the Parquet schemas of all classes.
var schemas = sync.OnceValues(func() (map[ocsf.ClassUID]*schema.Schema, error) {
	m := map[ocsf.ClassUID]*schema.Schema{}
	for _, c := range ocsf.Classes {
		s, err := pqarrow.ToParquet(ocsfarrow.Schema(c.UID), nil, pqarrow.NewArrowWriterProperties())
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", c.Name, err)
		}
		m[c.UID] = s
	}
	return m, nil
})

// writerProperties are those of a file of a class with rows rows.
func writerProperties(s *schema.Schema, rows int) *parquet.WriterProperties {
	// The filters adapt to the distinct values that they get, below this size.
	maxBloom := min(max(1<<bits.Len(uint(rows*2)), 1<<10), 1<<20)
	opts := []parquet.WriterProperty{
		parquet.WithCreatedBy(createdBy),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(1),
		parquet.WithDataPageSize(pageBytes),
		parquet.WithMaxRowGroupLength(maxGroupRows),
		parquet.WithPageIndexEnabled(true),
		// Values of 256 rows, then a look at the size of the page: the library's 1,024 make
		// pages of raw_data that no cache holds.
		parquet.WithBatchSize(256),
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
	if i := s.ColumnIndexByName("time"); i >= 0 {
		opts = append(opts, parquet.WithSortingColumns([]parquet.SortingColumn{{ColumnIdx: int32(i), NullsFirst: true}}))
	}
	return parquet.NewWriterProperties(opts...)
}

// parquetFile writes one file into memory. The file is small against the rows
// that it is made of, and whole in memory it needs one write, be it to a disk or
// to an object store.
type parquetFile struct {
	columns *ocsfparquet.Columns
	out     *file.Writer
	buf     bytes.Buffer
	text    int // bytes of JSON in the columns
}

// newParquetFile begins a file of about rows rows of a class. What is in the columns
// is in the file.
func newParquetFile(class ocsf.ClassUID, columns *ocsfparquet.Columns, rows int) (*parquetFile, error) {
	all, err := schemas()
	if err != nil {
		return nil, err
	}
	f := &parquetFile{columns: columns}
	f.out, err = file.NewParquetWriterWithError(&f.buf, all[class].Root(), file.WithWriterProps(writerProperties(all[class], rows)), file.WithWriteMetadata(metadata.KeyValueMetadata{}))
	if err != nil {
		return nil, fmt.Errorf("begin parquet file: %w", err)
	}
	return f, nil
}

// full says that the row group has to end before an event of size bytes of JSON.
func (f *parquetFile) full(size int) bool {
	return f.columns.Len() == maxGroupRows || f.columns.Len() > 0 && f.text+size > maxGroupBytes
}

// append adds an event of size bytes of JSON.
func (f *parquetFile) append(ev *ocsf.Event, size int) {
	f.columns.Append(ev)
	f.text += size
}

// flush writes the rows of the columns as a row group.
func (f *parquetFile) flush() error {
	group, err := f.out.AppendRowGroupChecked()
	if err == nil {
		err = f.columns.WriteTo(group)
	}
	if err == nil {
		err = group.Close()
	}
	if err != nil {
		return fmt.Errorf("write row group: %w", err)
	}
	f.columns.Reset()
	f.text = 0
	return nil
}

// finish writes what is left and returns the file.
func (f *parquetFile) finish() ([]byte, error) {
	if f.columns.Len() > 0 {
		if err := f.flush(); err != nil {
			return nil, err
		}
	}
	if err := f.out.Close(); err != nil {
		return nil, fmt.Errorf("end parquet file: %w", err)
	}
	return f.buf.Bytes(), nil
}
