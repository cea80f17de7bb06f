package gateway_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/schemas/ocsf"
)

// TestNothingLostOfMutants puts an odd text, a big number and an object in the place
// of each scalar of each JSON golden record: whatever comes of it is a valid event that
// holds every leaf, or an error.
func TestNothingLostOfMutants(t *testing.T) {
	for name := range vendors {
		t.Run(name, func(t *testing.T) {
			suite := suiteOf(name)
			mapper := suite.New()
			mutants, events := 0, 0
			files, err := filepath.Glob(filepath.Join("testdata", name, "*.txtar"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				archive, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var record any
				decoder := json.NewDecoder(bytes.NewReader(archive.Files[0].Data))
				if decoder.UseNumber(); archive.Files[0].Name != "record.json" || decoder.Decode(&record) != nil {
					continue
				}
				eachScalar(record, func() {
					text, err := json.Marshal(record)
					if err != nil {
						t.Fatal(err)
					}
					var ev ocsf.Event
					if mutants++; mapper.Map(suite.Record(text), &ev) == nil {
						events++
						suite.Check(t, text, &ev)
					}
				})
				if t.Failed() {
					return
				}
			}
			t.Logf("%d mutants, %d events", mutants, events)
		})
	}
}

// eachScalar calls then with each scalar below v in turn replaced.
func eachScalar(v any, then func()) {
	replace := func(old any, set func(any)) {
		switch old.(type) {
		case map[string]any, []any:
			eachScalar(old, then)
		default:
			for _, odd := range []any{"an odd text", json.Number("987654321098765"), map[string]any{"odd": "member"}} {
				set(odd)
				then()
			}
			set(old)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, old := range v {
			replace(old, func(odd any) { v[key] = odd })
		}
	case []any:
		for i, old := range v {
			replace(old, func(odd any) { v[i] = odd })
		}
	}
}
