// Package maptest is what the tests of all mappers have in common: golden files,
// the corpus, and the properties that every event has.
package maptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

var update = flag.Bool("update", false, "rewrite the events of testdata/*.txtar")

// Suite tests one mapper.
type Suite struct {
	Source string
	New    func() normalize.Mapper
	// Dir is where below testdata the golden files are; empty: in testdata itself.
	Dir string
	// Kept lists what of the record's text is not found in the event's JSON, which
	// is given without raw_data. It is for records of text; of JSON objects every
	// leaf is looked for.
	Kept func(record []byte, eventJSON []byte) (lost []string)
	// Converted gives the texts that a leaf of this text may have become, beyond
	// times as milliseconds and texts as bools. It may be nil.
	Converted func(text string) []string
	// Hands lists other sources to which the mapper hands what is theirs.
	Hands []string
}

// Record is a record as a collector would have given it.
func (s Suite) Record(value []byte) *event.Record {
	return &event.Record{Source: s.Source, Value: value, Origin: event.Origin{Object: "file:/var/log/test.log", Position: 4096}}
}

// goldenFile is the path of a golden file.
func (s Suite) goldenFile(name string) string { return filepath.Join("testdata", s.Dir, name+".txtar") }

// Golden maps the record of each testdata/*.txtar and compares the event. A file
// holds record.json or record.txt (without its last newline) and event.json, or
// error.txt for a record that is refused. -update rewrites what the mapper gives.
func (s Suite) Golden(t *testing.T) {
	files, err := filepath.Glob(s.goldenFile("*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", s.goldenFile("*"), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			s.golden(t, file)
		})
	}
}

func (s Suite) golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) == 0 {
		t.Fatal("no record in the file")
	}
	record := goldenRecord(archive)
	var ev ocsf.Event
	want := txtar.File{Name: "event.json"}
	if err := s.New().Map(s.Record(record), &ev); err != nil {
		want.Name, want.Data = "error.txt", []byte(err.Error()+"\n")
	} else {
		s.Check(t, record, &ev)
		want.Data = pretty(t, ev.AppendJSON(nil))
	}
	if *update {
		archive.Files = []txtar.File{archive.Files[0], want}
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if len(archive.Files) != 2 || archive.Files[1].Name != want.Name {
		t.Fatalf("the file has no %s: run go test -update\n%s", want.Name, want.Data)
	}
	if diff := cmp.Diff(string(archive.Files[1].Data), string(want.Data)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", want.Name, diff)
	}
}

// GoldenRecord is the record of the golden file of that name.
func (s Suite) GoldenRecord(t testing.TB, name string) []byte {
	t.Helper()
	archive, err := txtar.ParseFile(s.goldenFile(name))
	if err != nil {
		t.Fatal(err)
	}
	return goldenRecord(archive)
}

// goldenRecord is the record of a golden file, which may be indented there.
func goldenRecord(archive *txtar.Archive) []byte {
	record := bytes.TrimSuffix(archive.Files[0].Data, []byte("\n"))
	var compact bytes.Buffer
	if json.Compact(&compact, record) == nil {
		return compact.Bytes()
	}
	return record
}

func pretty(t testing.TB, event []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, event, "", "  "); err != nil {
		t.Fatalf("event is no JSON: %v\n%s", err, event)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// Check holds an event against the facts of OCSF, its own codec, its profiles and
// the record that it was mapped from.
func (s Suite) Check(t testing.TB, record []byte, ev *ocsf.Event) {
	t.Helper()
	text := ev.AppendJSON(nil)
	for _, v := range facts.Validate(text) {
		t.Errorf("invalid: %s: %s", v.Path, v.Message)
	}
	var again ocsf.Event
	if err := again.UnmarshalJSON(text); err != nil {
		t.Errorf("does not decode: %v", err)
	} else if diff := cmp.Diff(string(text), string(again.AppendJSON(nil))); diff != "" {
		t.Errorf("does not survive its codec:\n%s", diff)
	}
	if ev.Metadata.UID() == "" || ev.Metadata.LogProvider() != s.Source && !slices.Contains(s.Hands, ev.Metadata.LogProvider()) || !ev.HasTime() {
		t.Errorf("no uid, log_provider or time: %s", text)
	}
	ev.ClearRawData()
	text = ev.AppendJSON(nil)
	var lost []string
	if s.Kept != nil && !bytes.HasPrefix(record, []byte("{")) {
		lost = s.Kept(record, text)
	} else {
		lost = s.lostLeaves(t, record, text)
	}
	if len(lost) > 0 {
		t.Errorf("lost outside of raw_data: %q\nin %s", lost, text)
	}
	if t.Failed() {
		t.Logf("record: %s", record)
	}
}

func reason(t testing.TB, err error) string {
	t.Helper()
	var mapErr *normalize.Error
	if !errors.As(err, &mapErr) {
		t.Fatalf("error is no *normalize.Error: %v", err)
	}
	return string(mapErr.Reason)
}

// Fuzz maps anything: no panic, and an event that passes Check or an error. Seeds
// are the golden records and those given.
func (s Suite) Fuzz(f *testing.F, seeds ...string) {
	files, err := filepath.Glob(s.goldenFile("*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(goldenRecord(archive))
	}
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	mapper := s.New()
	f.Fuzz(func(t *testing.T, record []byte) {
		var ev ocsf.Event
		if err := mapper.Map(s.Record(record), &ev); err != nil {
			reason(t, err)
			return
		}
		s.Check(t, record, &ev)
	})
}

// Benchmark measures raw -> event and raw -> OCSF JSON over the records of the
// named golden files.
func (s Suite) Benchmark(b *testing.B, names ...string) {
	records, size := make([]*event.Record, len(names)), 0
	for i, name := range names {
		records[i] = s.Record(s.GoldenRecord(b, name))
		size += len(records[i].Value)
	}
	mapper := s.New()
	run := func(b *testing.B, write bool) {
		var ev ocsf.Event
		var out []byte
		b.SetBytes(int64(size / len(records)))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := mapper.Map(records[i%len(records)], &ev); err != nil {
				b.Fatal(err)
			}
			if write {
				out = ev.AppendJSON(out[:0])
			}
		}
	}
	b.Run("event", func(b *testing.B) { run(b, false) })
	b.Run("json", func(b *testing.B) { run(b, true) })
}
