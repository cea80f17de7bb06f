package lake

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
)

// TestReference reads files back with the library, and wants the library's own way,
// from Arrow records, to write the same pages and filters byte for byte, and the same
// index of all pages that have a value.
func TestReference(t *testing.T) {
	for _, class := range ocsf.Classes {
		for _, density := range []float64{0, 0.02, 0.3, 1} {
			t.Run(fmt.Sprintf("%s/%v", class.Name, density), func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, uint64(class.UID)))
				n := 40
				if density < 0.1 {
					n = 3000 // several of the library's batches
				}
				rows := make([]Row, n)
				p := &partitionRows{class: class.UID}
				for i := range rows {
					rows[i] = row(i, randomEvent(t, r, &class, density*r.Float64()*2))
					p.rows = append(p.rows, placed{index: i})
				}
				var w written
				data, err := newEncoder(1, &columnsPool{}).encode(p, rows, &w)
				if err != nil || w.Rows != n {
					t.Fatalf("%d rows: %v", w.Rows, err)
				}
				sameFiles(t, data, rewrite(t, class.UID, data, n))
			})
		}
	}
}

func openBytes(t *testing.T, data []byte) *file.Reader {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func sameFiles(t *testing.T, got, want []byte) {
	t.Helper()
	have, lib := openBytes(t, got), openBytes(t, want)
	if have.NumRowGroups() != lib.NumRowGroups() {
		t.Fatalf("%d row groups, the library's way has %d", have.NumRowGroups(), lib.NumRowGroups())
	}
	end := int64(len(got)) // of pages and filters
	for i := range have.MetaData().Schema.NumColumns() {
		chunk, err := have.MetaData().RowGroup(0).ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		if at := chunk.GetColumnIndexLocation(); at != nil {
			end = min(end, at.Offset)
		}
	}
	if int(end) > len(want) || !bytes.Equal(got[:end], want[:end]) {
		t.Errorf("the first %d bytes are not those of the library's way", end)
	}
	for g := range have.NumRowGroups() {
		haveIndex, libIndex := pageIndex(t, have, g), pageIndex(t, lib, g)
		for i := range have.MetaData().Schema.NumColumns() {
			chunk, err := have.MetaData().RowGroup(g).ColumnChunk(i)
			if err != nil {
				t.Fatal(err)
			}
			sameIndex(t, chunk, haveIndex, libIndex, i)
		}
	}
}

func pageIndex(t *testing.T, r *file.Reader, group int) *metadata.RowGroupPageIndexReader {
	t.Helper()
	index, err := r.GetPageIndexReader().RowGroup(group)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// sameIndex compares what the index says of a column's pages. Of numbers in a page
// without any the library's way says that they reach from the greatest to the least
// there is; weir's says that there are none.
func sameIndex(t *testing.T, chunk *metadata.ColumnChunkMetaData, have, lib *metadata.RowGroupPageIndexReader, i int) {
	t.Helper()
	path := chunk.PathInSchema().String()
	got, gotPages := columnIndexes(t, have, i)
	want, wantPages := columnIndexes(t, lib, i)
	if diff := cmp.Diff(wantPages.GetPageLocations(), gotPages.GetPageLocations()); diff != "" {
		t.Errorf("%s: places of pages (-want +got):\n%s", path, diff)
	}
	if want == nil {
		if got != nil && slices.Contains(got.GetNullPages(), false) {
			t.Errorf("%s has an index", path)
		}
		return
	}
	if got == nil {
		t.Fatalf("%s has no index", path)
	}
	if diff := cmp.Diff(want.GetNullCounts(), got.GetNullCounts()); diff != "" {
		t.Errorf("%s: numbers of nulls (-want +got):\n%s", path, diff)
	}
	nulls := int64(0)
	for page, null := range got.GetNullPages() {
		nulls += got.GetNullCounts()[page]
		if null == want.GetNullPages()[page] && bytes.Equal(got.GetMinValues()[page], want.GetMinValues()[page]) && bytes.Equal(got.GetMaxValues()[page], want.GetMaxValues()[page]) {
			continue
		}
		if !null || !slices.Contains(nothing, string(want.GetMinValues()[page])+string(want.GetMaxValues()[page])) {
			t.Errorf("%s: page %d: null %v, %x to %x, want %v, %x to %x", path, page, null, got.GetMinValues()[page], got.GetMaxValues()[page],
				want.GetNullPages()[page], want.GetMinValues()[page], want.GetMaxValues()[page])
		}
	}
	if empty := !slices.Contains(got.GetNullPages(), false); empty != (nulls == chunk.NumValues()) {
		t.Errorf("%s: %d nulls of %d, and the index says that there is nothing else: %v", path, nulls, chunk.NumValues(), empty)
	}
}

// nothing is what the library's way says of the numbers in a page that has none:
// the minimum, then the maximum, for 32 bits, 64 bits, floating point and booleans.
var nothing = []string{
	"\xff\xff\xff\x7f" + "\x00\x00\x00\x80",
	"\xff\xff\xff\xff\xff\xff\xff\x7f" + "\x00\x00\x00\x00\x00\x00\x00\x80",
	"\x01" + "\x00",
}

func columnIndexes(t *testing.T, r *metadata.RowGroupPageIndexReader, i int) (metadata.ColumnIndex, metadata.OffsetIndex) {
	t.Helper()
	values, err := r.GetColumnIndex(i)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := r.GetOffsetIndex(i)
	if err != nil {
		t.Fatal(err)
	}
	return values, pages
}

// rewrite reads a file and writes its rows over Arrow records, a row group for each.
func rewrite(t *testing.T, class ocsf.ClassUID, data []byte, rows int) []byte {
	t.Helper()
	in, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	reader, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	out, err := pqarrow.NewFileWriter(ocsfarrow.Schema(class), &buf, writerProperties(all[class], rows), pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	leaves := make([]int, all[class].NumColumns())
	for i := range leaves {
		leaves[i] = i
	}
	for g := range in.NumRowGroups() {
		table, err := reader.ReadRowGroups(t.Context(), leaves, []int{g})
		if err != nil {
			t.Fatal(err)
		}
		defer table.Release()
		batches := array.NewTableReader(table, 0)
		defer batches.Release()
		for batches.Next() {
			record := array.NewRecordBatch(ocsfarrow.Schema(class), batches.RecordBatch().Columns(), batches.RecordBatch().NumRows())
			if err := out.Write(record); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
