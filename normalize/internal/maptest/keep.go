package maptest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/schemas/ocsf"
)

// MutateKept does as Mutate, and demands that no event loses a leaf of its record.
func (s Suite) MutateKept(t *testing.T, names ...string) {
	mapper := s.New()
	for _, name := range names {
		archive, err := txtar.ParseFile(s.goldenFile(name))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(goldenRecord(archive)))
		decoder.UseNumber()
		var record any
		if err := decoder.Decode(&record); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		replaceEach(record, func(path string, kind int) {
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			var ev ocsf.Event
			if mapper.Map(s.Record(text), &ev) != nil {
				return // Mutate looks at refusals
			}
			ev.ClearRawData()
			if lost := s.lostLeaves(t, text, ev.AppendJSON(nil)); len(lost) > 0 {
				t.Errorf("%s with %s as %#v: lost %q", name, path, kinds[kind], lost)
			}
		})
	}
}
