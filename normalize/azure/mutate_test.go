package azure_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// kinds are what a value is replaced by: each kind of JSON, and texts that look like
// others.
var kinds = []any{nil, true, 7, -1.5, 12345678901234567890.0, "", "x", "<null>", "0", "[1,{}]", `{"a":1}`, []any{}, []any{"a", 1, nil}, map[string]any{}, map[string]any{"value": 3, "id": []any{}}}

// Whatever kind a value of a record has, there is an event that is valid OCSF, or an
// error: no panic, nothing of the wrong kind in an attribute. Every value of every
// golden record is replaced by some kind, and with WEIR_KINDS=1 by every one.
func TestKinds(t *testing.T) {
	for _, s := range suites {
		files, err := filepath.Glob(filepath.Join("testdata", s.Dir, "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		mapper, total, n := s.New(), 0, 0
		var ev ocsf.Event
		for _, file := range files {
			var record any
			if json.Unmarshal(s.GoldenRecord(t, strings.TrimSuffix(filepath.Base(file), ".txtar")), &record) != nil {
				continue // keys that come twice, and such
			}
			mutate(record, func() {
				if n++; os.Getenv("WEIR_KINDS") == "" && n%11 != 0 { // 11 and the number of kinds have no divisor in common
					return
				}
				total++
				text, err := json.Marshal(record)
				if err != nil {
					t.Fatal(err)
				}
				if err := mapper.Map(s.Record(text), &ev); err != nil {
					if refused := new(normalize.Error); !errors.As(err, &refused) {
						t.Fatalf("%v: %s", err, text)
					}
					return
				}
				for _, v := range facts.Validate(ev.AppendJSON(nil)) {
					t.Fatalf("invalid: %s: %s\nof %s", v.Path, v.Message, text)
				}
			})
		}
		t.Logf("%s: %d records", s.Source, total)
	}
}

// mutate calls try with each value below v replaced by each kind, one at a time.
func mutate(v any, try func()) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			old := v[key]
			for _, kind := range kinds {
				v[key] = kind
				try()
			}
			v[key] = old
			mutate(old, try)
		}
	case []any:
		for i, old := range v {
			for _, kind := range kinds {
				v[i] = kind
				try()
			}
			v[i] = old
			mutate(old, try)
		}
	}
}
