package ocsfarrow

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// schemaLine is one line of a schema: what a table format needs to know of it.
type schemaLine struct{ id, path, typ string }

// describe lists a schema's columns with their ids, parents first.
func describe(t *testing.T, prefix string, fields []arrow.Field) []schemaLine {
	t.Helper()
	var lines []schemaLine
	for _, f := range fields {
		id, ok := f.Metadata.GetValue(fieldIDKey)
		if !ok || !f.Nullable {
			t.Errorf("%s%s: field id %q, nullable %v", prefix, f.Name, id, f.Nullable)
		}
		line := schemaLine{id, prefix + f.Name, f.Type.Name()}
		switch typ := f.Type.(type) {
		case *arrow.StructType:
			lines = append(append(lines, line), describe(t, line.path+".", typ.Fields())...)
		case *arrow.ListType:
			lines = append(append(lines, line), describe(t, line.path+".", []arrow.Field{typ.ElemField()})...)
		case *arrow.TimestampType:
			line.typ = f.Type.String()
			lines = append(lines, line)
		default:
			lines = append(lines, line)
		}
	}
	return lines
}

// TestSchemaGolden shows the schema of one class whole, with its field ids.
func TestSchemaGolden(t *testing.T) {
	var got strings.Builder
	for _, l := range describe(t, "", Schema(ocsf.ClassAPIActivity).Fields()) {
		fmt.Fprintf(&got, "%s %s %s\n", l.id, l.path, l.typ)
	}
	golden := filepath.Join("testdata", "api_activity.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

// TestFieldIDs wants every column of every class to have the id of its path, the
// same in all classes, and no id twice.
func TestFieldIDs(t *testing.T) {
	pathOf := map[string]string{}
	for _, c := range ocsf.Classes {
		seen := map[string]bool{}
		for _, l := range describe(t, "", Schema(c.UID).Fields()) {
			if want := strconv.Itoa(int(fieldIDs()[l.path])); l.id != want {
				t.Errorf("%s: %s has the id %s, want %s", c.Name, l.path, l.id, want)
			}
			if other := pathOf[l.id]; other != "" && other != l.path {
				t.Errorf("%s and %s have the id %s", other, l.path, l.id)
			}
			if seen[l.id] {
				t.Errorf("%s: the id %s twice", c.Name, l.id)
			}
			pathOf[l.id], seen[l.id] = l.path, true
		}
	}
}

func TestNewBuilderOfUnknownClass(t *testing.T) {
	if b, err := NewBuilder(4711); err == nil {
		t.Errorf("have %v, want an error", b)
	}
	if s := Schema(4711); s != nil {
		t.Errorf("have a schema: %v", s)
	}
}

// appendSample appends rows with and without values around each other.
func appendSample(b *Builder) {
	var ev ocsf.Event
	b.Append(&ev) // nothing at all
	ev.SetTime(1_793_707_200_123)
	ev.SetMessage("")
	ev.SetCount(-7)
	ev.Actor.User.SetName("Zoë")
	ev.AddResources().SetUID("arn:aws:s3:::one")
	ev.Metadata.Profiles = []string{"cloud", ""}
	ev.AddResources() // an element without anything
	ev.AddResources().Labels = []string{"x"}
	ev.SetUnmapped(`{"a":1}`)
	b.Append(&ev)
	ev.Reset()
	b.Append(&ev)
	ev.SetTime(1 << 62)
	ev.Actor.User.SetUID("AIDAEXAMPLE")
	ev.AddResources().SetName("two")
	b.Append(&ev)
	ev.Reset()
	b.Append(&ev)
}

const sampleJSON = `[
{},
{"time":"2026-11-03 12:00:00.123Z","message":"","count":-7,"actor":{"user":{"name":"Zoë"}},"metadata":{"profiles":["cloud",""]},
 "resources":[{"uid":"arn:aws:s3:::one"},{},{"labels":["x"]}],"unmapped":"{\"a\":1}"},
{},
{"time":9223372036854775000,"actor":{"user":{"uid":"AIDAEXAMPLE"}},"resources":[{"name":"two"}]},
{}]`

// TestAppend compares with what the library's own builders make of the same rows.
func TestAppend(t *testing.T) {
	b, err := NewBuilder(ocsf.ClassAPIActivity)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 { // a builder that was reset is as good as new
		appendSample(b)
		if b.Len() != 5 {
			t.Fatalf("%d rows, want 5", b.Len())
		}
		got := b.Record()
		for i, c := range got.Columns() {
			if err := array.ValidateFull(c); err != nil {
				t.Errorf("round %d: %s: %v", round, got.ColumnName(i), err)
			}
		}
		want, _, err := array.RecordFromJSON(memory.DefaultAllocator, b.Schema(), strings.NewReader(sampleJSON))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range got.Columns() {
			if !array.Equal(c, want.Column(i)) {
				t.Errorf("round %d: %s: have %v, want %v", round, got.ColumnName(i), c, want.Column(i))
			}
		}
		b.Reset()
	}
}

// TestAppendAllocates keeps the hot path free of allocation, once warm.
func TestAppendAllocates(t *testing.T) {
	b, err := NewBuilder(ocsf.ClassAPIActivity)
	if err != nil {
		t.Fatal(err)
	}
	var ev ocsf.Event
	ev.Actor.User.SetName("alice")
	ev.SetTime(1)
	ev.AddResources().SetUID("arn:aws:s3:::one")
	for range 1000 {
		b.Append(&ev)
	}
	b.Reset()
	if n := testing.AllocsPerRun(500, func() { b.Append(&ev) }); n > 0 {
		t.Errorf("Append allocates %v times", n)
	}
}

func TestSchemasOfAllClasses(t *testing.T) {
	for _, c := range ocsf.Classes {
		b, err := NewBuilder(c.UID)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range c.Attributes {
			names = append(names, a.Name)
		}
		var ev ocsf.Event
		ev.SetClass(c.UID)
		b.Append(&ev)
		rec := b.Record()
		var columns []string
		for _, f := range rec.Schema().Fields() {
			columns = append(columns, f.Name)
		}
		if !slices.Equal(columns, names) {
			t.Errorf("%s: columns %v, want %v", c.Name, columns, names)
		}
		if got := rec.Column(slices.Index(names, "class_uid")).(*array.Int32).Value(0); got != int32(c.UID) {
			t.Errorf("%s: class_uid is %d, want %d", c.Name, got, c.UID)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	builder, err := NewBuilder(ocsf.ClassAPIActivity)
	if err != nil {
		b.Fatal(err)
	}
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetTime(1_793_707_200_123)
	ev.Metadata.SetUID("0a1b2c3d-2f0e-4c1a-9a51-000000000001")
	ev.API.SetOperation("GetObject")
	ev.API.Service.SetName("s3.amazonaws.com")
	ev.Actor.User.SetName("alice")
	ev.Actor.User.SetUID("AIDAEXAMPLE00001")
	ev.SrcEndpoint.SetIP("198.51.100.7")
	ev.AddResources().SetUID("arn:aws:s3:::example-bucket")
	ev.SetRawData(strings.Repeat("x", 1300))
	b.ReportAllocs()
	for b.Loop() {
		if builder.Len() == 10_000 {
			builder.Reset()
		}
		builder.Append(&ev)
	}
}

// BenchmarkRecord makes the record of a builder that was just filled, of which most
// columns have no value.
func BenchmarkRecord(b *testing.B) {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetTime(1_793_707_200_123)
	ev.API.SetOperation("GetObject")
	b.ReportAllocs()
	for b.Loop() {
		builder, err := NewBuilder(ocsf.ClassAPIActivity)
		if err != nil {
			b.Fatal(err)
		}
		for range 10_000 {
			builder.Append(&ev)
		}
		builder.Record()
	}
}

// BenchmarkLibraryAppend is the least that the library's builders need for a row:
// every column is told that it is null.
func BenchmarkLibraryAppend(b *testing.B) {
	builder := array.NewStructBuilder(memory.DefaultAllocator, arrow.StructOf(Schema(ocsf.ClassAPIActivity).Fields()...))
	defer builder.Release()
	b.ReportAllocs()
	for b.Loop() {
		if builder.Len() == 10_000 {
			builder.NewArray().Release()
		}
		builder.AppendNull()
	}
}
