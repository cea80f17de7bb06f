package ocsfparquet

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
)

func newColumnsOf(t testing.TB, class ocsf.ClassUID) *Columns {
	t.Helper()
	c, err := New(class)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parquetSchema(t testing.TB, class ocsf.ClassUID) *schema.Schema {
	t.Helper()
	s, err := pqarrow.ToParquet(ocsfarrow.Schema(class), nil, pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// writeGroup writes the columns as a file of one row group.
func writeGroup(t testing.TB, s *schema.Schema, c *Columns, to io.Writer) {
	t.Helper()
	out := file.NewParquetWriter(to, s.Root())
	if err := c.WriteTo(out.AppendRowGroup()); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNewOfUnknownClass(t *testing.T) {
	if c, err := New(4711); err == nil {
		t.Errorf("have %v, want an error", c)
	}
}

// appendSample appends rows with and without values around each other, and lists in
// lists.
func appendSample(c *Columns) {
	var ev ocsf.Event
	c.Append(&ev) // nothing at all
	ev.SetTime(1_793_707_200_123)
	ev.SetMessage("")
	ev.SetCount(-7)
	ev.SetIsAlert(true)
	ev.Actor.User.SetName("Zoë")
	ev.AddResources().SetUID("arn:aws:s3:::one")
	ev.Metadata.Profiles = []string{"cloud", ""}
	ev.AddResources() // an element without anything
	ev.AddResources().Labels = []string{"x", "y"}
	ev.AddResources().SetName("last")
	ev.SetUnmapped(`{"a":1}`)
	c.Append(&ev)
	ev.Reset()
	c.Append(&ev)
	ev.SetTime(1 << 62)
	ev.SetIsAlert(false)
	ev.Actor.User.SetUID("AIDAEXAMPLE")
	ev.AddResources().Labels = []string{"z"}
	c.Append(&ev)
	ev.Reset()
	c.Append(&ev)
}

const sampleJSON = `[
{},
{"time":"2026-11-03 12:00:00.123Z","message":"","count":-7,"is_alert":true,"actor":{"user":{"name":"Zoë"}},"metadata":{"profiles":["cloud",""]},
 "resources":[{"uid":"arn:aws:s3:::one"},{},{"labels":["x","y"]},{"name":"last"}],"unmapped":"{\"a\":1}"},
{},
{"time":9223372036854775000,"is_alert":false,"actor":{"user":{"uid":"AIDAEXAMPLE"}},"resources":[{"labels":["z"]}]},
{}]`

// TestWriteTo reads what was written with the library, and compares with what its
// builders make of the same rows. sinks/lake compares bytes, for all classes.
func TestWriteTo(t *testing.T) {
	class := ocsf.ClassAPIActivity
	want, _, err := array.RecordFromJSON(memory.DefaultAllocator, ocsfarrow.Schema(class), strings.NewReader(sampleJSON))
	if err != nil {
		t.Fatal(err)
	}
	c, s := newColumnsOf(t, class), parquetSchema(t, class)
	for round := range 3 { // columns that were reset are as good as new
		appendSample(c)
		if c.Len() != 5 {
			t.Fatalf("%d rows, want 5", c.Len())
		}
		var out bytes.Buffer
		writeGroup(t, s, c, &out)
		table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(out.Bytes()), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range want.Schema().Fields() {
			chunks := table.Column(i).Data().Chunks()
			if len(chunks) != 1 || !array.Equal(chunks[0], want.Column(i)) {
				t.Errorf("round %d: %s: have %v, want %v", round, f.Name, chunks, want.Column(i))
			}
		}
		c.Reset()
	}
}

// TestAppendAllocates keeps the hot path free of allocation, once warm.
func TestAppendAllocates(t *testing.T) {
	c := newColumnsOf(t, ocsf.ClassAPIActivity)
	ev := sampleEvent()
	for range 1000 {
		c.Append(ev)
	}
	if size := c.Size(); size < 1000*10*28 {
		t.Errorf("%d bytes for 1000 rows", size)
	}
	c.Reset()
	if n := testing.AllocsPerRun(500, func() { c.Append(ev) }); n > 0 {
		t.Errorf("Append allocates %v times", n)
	}
}

// sampleEvent has the attributes that events of CloudTrail have most often.
func sampleEvent() *ocsf.Event {
	ev := new(ocsf.Event)
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
	return ev
}

func BenchmarkAppend(b *testing.B) {
	c, ev := newColumnsOf(b, ocsf.ClassAPIActivity), sampleEvent()
	b.ReportAllocs()
	for b.Loop() {
		if c.Len() == 10_000 {
			c.Reset()
		}
		c.Append(ev)
	}
}

// BenchmarkWriteTo writes 10,000 events. Most columns have no value.
func BenchmarkWriteTo(b *testing.B) {
	c, ev := newColumnsOf(b, ocsf.ClassAPIActivity), sampleEvent()
	s := parquetSchema(b, ocsf.ClassAPIActivity)
	for range 10_000 {
		c.Append(ev)
	}
	b.ReportAllocs()
	for b.Loop() {
		writeGroup(b, s, c, io.Discard)
	}
}

// BenchmarkLibrary writes the same events by way of Arrow records, which are there
// already.
func BenchmarkLibrary(b *testing.B) {
	c, ev := newColumnsOf(b, ocsf.ClassAPIActivity), sampleEvent()
	for range 10_000 {
		c.Append(ev)
	}
	var data bytes.Buffer
	writeGroup(b, parquetSchema(b, ocsf.ClassAPIActivity), c, &data)
	table, err := pqarrow.ReadTable(b.Context(), bytes.NewReader(data.Bytes()), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := pqarrow.WriteTable(table, io.Discard, 10_000, nil, pqarrow.NewArrowWriterProperties()); err != nil {
			b.Fatal(err)
		}
	}
}
