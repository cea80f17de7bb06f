package lake

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfparquet"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestLayoutIsPinned holds what is written for fixed events of every class
// against a digest. A batch begun by one weir may be finished by the next, and
// both must write the same bytes if they say the same layout.
func TestLayoutIsPinned(t *testing.T) {
	var got strings.Builder
	for _, class := range ocsf.Classes {
		r := rand.New(rand.NewPCG(uint64(Layout), uint64(class.UID)))
		var rows []Row
		for i := range 4 {
			rows = append(rows, row(i, randomEvent(t, r, &class, 0.1)))
		}
		root := t.TempDir()
		res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: 4}, rows)
		for _, f := range res.Files {
			fmt.Fprintf(&got, "%s %x\n", class.Name, sha256.Sum256(readBytes(t, filepath.Join(root, f.Path))))
		}
	}
	golden := filepath.Join("testdata", fmt.Sprintf("layout-%d.txt", Layout))
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readBytes(t, golden)), got.String()); diff != "" {
		t.Errorf("layout %d writes other bytes than before (-want +got):\n%s"+
			"If a weir that writes layout %d was ever released, raise Layout. Then run this test with -update.", Layout, diff, Layout)
	}
}

// openParquet opens a file of a result for a look at its metadata.
func openParquet(t *testing.T, path string) *file.Reader {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func columnIndex(t *testing.T, r *file.Reader, path string) int {
	t.Helper()
	i := r.MetaData().Schema.ColumnIndexByName(path)
	if i < 0 {
		t.Fatalf("no column %s", path)
	}
	return i
}

func TestFileFormat(t *testing.T) {
	root := t.TempDir()
	res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: 2000}, cloudTrailRows(2000))
	path := filepath.Join(root, res.Files[0].Path)
	r := openParquet(t, path)
	if got := r.MetaData().GetCreatedBy(); got != createdBy {
		t.Errorf("created by %q, want %q", got, createdBy)
	}
	group := r.MetaData().RowGroup(0)
	timeColumn := columnIndex(t, r, "time")
	if want := []parquet.SortingColumn{{ColumnIdx: int32(timeColumn), NullsFirst: true}}; !slices.Equal(group.SortingColumns(), want) {
		t.Errorf("sorted by %v, want %v", group.SortingColumns(), want)
	}
	for i := range group.NumColumns() {
		chunk, err := group.ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		name := chunk.PathInSchema().String()
		if id := r.MetaData().Schema.Column(i).SchemaNode().FieldID(); id <= 0 {
			t.Errorf("%s has the field id %d", name, id)
		}
		if chunk.Compression() != compress.Codecs.Zstd {
			t.Errorf("%s is compressed with %v", name, chunk.Compression())
		}
		if chunk.HasDictionaryPage() {
			t.Errorf("%s has a dictionary", name)
		}
		if chunk.GetOffsetIndexLocation() == nil {
			t.Errorf("%s has no page index", name)
		}
		if got, want := chunk.BloomFilterOffset() > 0, slices.Contains(bloomColumns, name); got != want {
			t.Errorf("%s has a bloom filter: %v, want %v", name, got, want)
		}
	}
}

// TestBloomFilters asks the filters for values that are there and for some that
// are not.
func TestBloomFilters(t *testing.T) {
	rows := cloudTrailRows(2000)
	root := t.TempDir()
	res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: 2000}, rows)
	r := openParquet(t, filepath.Join(root, res.Files[0].Path))
	group, err := r.GetBloomFilterReader().RowGroup(0)
	if err != nil {
		t.Fatal(err)
	}
	var ev ocsf.Event
	cloudTrailEvent(&ev, 1234)
	for path, there := range map[string]string{
		"metadata.uid":                   ev.Metadata.UID(),
		"actor.user.uid":                 ev.Actor.User.UID(),
		"src_endpoint.ip":                ev.SrcEndpoint.IP(),
		"resources.list.element.uid":     ev.Resources[0].UID(),
		"observables.list.element.value": ev.SrcEndpoint.IP(),
	} {
		filter, err := group.GetColumnBloomFilter(columnIndex(t, r, path))
		if err != nil || filter == nil {
			t.Errorf("%s: no filter (%v)", path, err)
			continue
		}
		has := func(v string) bool {
			return filter.CheckHash(metadata.GetHash(filter.Hasher(), parquet.ByteArray(v)))
		}
		if !has(there) {
			t.Errorf("%s: the filter denies %q, which is there", path, there)
		}
		wrong := 0
		for i := range 1000 {
			if has(fmt.Sprintf("203.0.113.%d", i)) {
				wrong++
			}
		}
		if wrong > 100 {
			t.Errorf("%s: the filter claims %d of 1000 values that are not there", path, wrong)
		}
	}
}

// TestBloomColumnsExist notices a column that left the selection or is misspelt.
func TestBloomColumnsExist(t *testing.T) {
	for _, path := range slices.Concat(bloomColumns, wholeColumns) {
		names := strings.Split(strings.ReplaceAll(path, ".list.element", ""), ".")
		if !slices.ContainsFunc(ocsf.Classes, func(c ocsf.Class) bool { return hasPath(c.Attributes, names) }) {
			t.Errorf("no class has the column %s", path)
		}
	}
}

func hasPath(attributes []ocsf.Attribute, names []string) bool {
	for _, a := range attributes {
		if a.Name == names[0] {
			return len(names) == 1 || a.Kind == ocsf.KindObject && hasPath(ocsf.ObjectByName(a.Object).Attributes, names[1:])
		}
	}
	return false
}

// TestRowGroups writes more rows than a row group may have.
func TestRowGroups(t *testing.T) {
	const n = maxGroupRows + 10
	rows := make([]Row, n)
	value := fmt.Appendf(nil, `{"class_uid":0,"time":%d}`, noon.UnixMilli())
	for i := range rows {
		rows[i] = Row{Offset: int64(i), Value: value, KafkaTime: noon}
	}
	root := t.TempDir()
	res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: n}, rows)
	r := openParquet(t, filepath.Join(root, res.Files[0].Path))
	meta := r.MetaData()
	var sizes []int64
	for i := range meta.RowGroups {
		sizes = append(sizes, meta.RowGroup(i).NumRows())
	}
	if want := []int64{maxGroupRows, 10}; !slices.Equal(sizes, want) {
		t.Errorf("row groups of %v rows, want %v", sizes, want)
	}
	index, err := r.GetPageIndexReader().RowGroup(0)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := index.GetOffsetIndex(columnIndex(t, r, "time"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(pages.GetPageLocations()), maxGroupRows*8/pageBytes; got != want {
		t.Errorf("%d pages of time, want %d", got, want)
	}
}

// TestRowGroupBytes bounds a row group by the size of its rows, too.
func TestRowGroupBytes(t *testing.T) {
	columns, err := ocsfparquet.New(ocsf.ClassBaseEvent)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newParquetFile(ocsf.ClassBaseEvent, columns, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{maxGroupBytes / 2, maxGroupBytes / 2, 1, 2 * maxGroupBytes} {
		if f.full(size) {
			if err := f.flush(); err != nil {
				t.Fatal(err)
			}
		}
		f.append(new(ocsf.Event), size)
	}
	data, err := f.finish()
	if err != nil {
		t.Fatal(err)
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := r.NumRowGroups(); got != 3 {
		t.Errorf("%d row groups, want 3: two halves, one byte, one too big for any", got)
	}
}
