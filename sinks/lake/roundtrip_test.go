package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// canonical is JSON with its numbers kept exactly, comparable with cmp.Diff.
func canonical(t testing.TB, data []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// readFile reads a Parquet file back into the JSON of each row's event.
func readFile(t testing.TB, path string) []any {
	t.Helper()
	class := filepath.Base(filepath.Dir(filepath.Dir(path)))[len("class="):]
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	reader, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := reader.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	var rows []any
	batches := array.NewTableReader(table, 0)
	defer batches.Release()
	for batches.Next() {
		events := array.RecordToStructArray(batches.RecordBatch())
		for i := range events.Len() {
			rows = append(rows, canonical(t, marshal(t, fromStruct(t, ocsf.ClassByName(class).Attributes, events, i))))
		}
	}
	return rows
}

func fromStruct(t testing.TB, attributes []ocsf.Attribute, s *array.Struct, row int) map[string]any {
	t.Helper()
	m := map[string]any{}
	for i, a := range attributes {
		if name := s.DataType().(*arrow.StructType).Field(i).Name; name != a.Name {
			t.Fatalf("column %d is %s, want %s", i, name, a.Name)
		}
		column := s.Field(i)
		if column.IsNull(row) {
			continue
		}
		if !a.Array {
			m[a.Name] = fromValue(t, a, column, row)
			continue
		}
		list := column.(*array.List)
		values := []any{}
		start, end := list.ValueOffsets(row)
		for e := start; e < end; e++ {
			values = append(values, fromValue(t, a, list.ListValues(), int(e)))
		}
		m[a.Name] = values
	}
	return m
}

func fromValue(t testing.TB, a ocsf.Attribute, column arrow.Array, row int) any {
	t.Helper()
	switch column := column.(type) {
	case *array.Struct:
		return fromStruct(t, ocsf.ObjectByName(a.Object).Attributes, column, row)
	case *array.String:
		if a.Kind == ocsf.KindJSON {
			return json.RawMessage(column.Value(row))
		}
		return column.Value(row)
	case *array.Timestamp:
		if a.Type != "timestamp_t" {
			t.Fatalf("%s is a timestamp and should be %s", a.Name, a.Type)
		}
		return int64(column.Value(row)) / 1000
	case *array.Int32:
		return column.Value(row)
	case *array.Int64:
		return column.Value(row)
	case *array.Float64:
		return column.Value(row)
	case *array.Boolean:
		return column.Value(row)
	}
	t.Fatalf("%s has the type %s", a.Name, column.DataType())
	return nil
}

// TestRoundTrip writes random events of every class, sparse to full, and compares
// what is read back with their JSON.
func TestRoundTrip(t *testing.T) {
	for _, class := range ocsf.Classes {
		t.Run(class.Name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(class.UID)))
			want := map[string]any{} // by file and place in it would need the sort: the uid names a row
			var rows []Row
			for i, density := range []float64{0, 0.05, 0.2, 0.4, 0} {
				ev := randomEvent(t, r, &class, density)
				ev.Metadata.SetUID(string(rune('a' + i)))
				rows = append(rows, row(i, ev))
				want[ev.Metadata.UID()] = canonical(t, rows[i].Value)
			}
			root := t.TempDir()
			res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: int64(len(rows))}, rows)
			if len(res.Rejected) > 0 {
				t.Fatal(res.Rejected[0].Err)
			}
			for _, f := range res.Files {
				for _, got := range readFile(t, filepath.Join(root, f.Path)) {
					uid := got.(map[string]any)["metadata"].(map[string]any)["uid"].(string)
					if diff := cmp.Diff(want[uid], got); diff != "" {
						t.Errorf("event %s (-want +got):\n%s", uid, diff)
					}
					delete(want, uid)
				}
			}
			if len(want) > 0 {
				t.Errorf("%d events are in no file", len(want))
			}
		})
	}
}

// TestBigValue stores a value that fills a row group by itself.
func TestBigValue(t *testing.T) {
	var ev ocsf.Event
	var rows []Row
	for i := range 3 {
		cloudTrailEvent(&ev, i)
		ev.SetRawData(string(bytes.Repeat([]byte{'a' + byte(i)}, 15<<20)))
		rows = append(rows, row(i, &ev))
	}
	root := t.TempDir()
	res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: 3}, rows)
	got := readFile(t, filepath.Join(root, res.Files[0].Path))
	if len(got) != 3 {
		t.Fatalf("%d rows, want 3", len(got))
	}
	for i, ev := range got {
		if diff := cmp.Diff(canonical(t, rows[i].Value), ev); diff != "" {
			t.Errorf("event %d differs", i) // a diff would be megabytes
		}
	}
}

func readBytes(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
