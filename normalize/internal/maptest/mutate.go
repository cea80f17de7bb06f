package maptest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// kinds are a value of each kind of JSON, and some that are odd for their kind.
var kinds = []any{nil, true, json.Number("-1"), json.Number("1e999"), json.Number("9007199254740993"), "", "-", "a b\x00\ufffd", []any{}, []any{map[string]any{"a": "b"}, nil}, map[string]any{}, map[string]any{"name": []any{json.Number("1")}}}

// Mutate replaces each value of each named golden record by a value of each kind:
// every event that comes of it is valid, and every refusal an *Error. A panic fails
// the test by itself.
func (s Suite) Mutate(t *testing.T, names ...string) {
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
		n := 0
		replaceEach(record, func(path string, kind int) {
			n++
			s.checkMutant(t, mapper, record, name, path, kind)
		})
		t.Logf("%s: %d mutants", name, n)
	}
}

func (s Suite) checkMutant(t *testing.T, mapper normalize.Mapper, record any, name, path string, kind int) {
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var ev ocsf.Event
	if err := mapper.Map(s.Record(text), &ev); err != nil {
		reason(t, err)
		return
	}
	for _, v := range facts.Validate(ev.AppendJSON(nil)) {
		t.Errorf("%s with %s as %#v: %s: %s", name, path, kinds[kind], v.Path, v.Message)
	}
}

// replaceEach calls then with each value below v in turn replaced by each kind.
func replaceEach(v any, then func(path string, kind int)) {
	replace := func(path string, old any, set func(any)) {
		for i, k := range kinds {
			set(k)
			then(path, i)
		}
		set(old)
		replaceEach(old, func(below string, kind int) { then(path+"."+below, kind) })
	}
	switch v := v.(type) {
	case map[string]any:
		for key, old := range v {
			replace(key, old, func(k any) { v[key] = k })
		}
	case []any:
		for i, old := range v {
			replace("[]", old, func(k any) { v[i] = k })
		}
	}
}
