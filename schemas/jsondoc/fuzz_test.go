package jsondoc_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// FuzzAgainstEncodingJSON holds the reader against the standard library's: the
// same texts are valid, and each reads as the same value: it keeps the last duplicate
// and repairs strings, as we do (fuzz_v2_test.go is stricter). Ours
// alone refuses what is nested above 64 and what has more than 64 duplicate keys.
func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		record, `{"a":1,"a":{"b":[]}}`, "{\"\xff\":\"\\ud800\\u0061\"}", ` [1.5e-3, -0, 1e400, true, null, "\u0000"] `,
		`{"a":{"a":1},"\u0061":[2]}`, `[[[[[]]]]]`, `"\ud83d\ude00"`, `"\ud83d\ud83d\ude00"`, "\ufeff{}", `{"a":1,}`, `01`, `[1]x`, strings.Repeat("[", 65),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d jsondoc.Doc
		if err := d.Parse(data); err != nil {
			if json.Valid(data) && !oursAlone(err) {
				t.Fatalf("valid for encoding/json: %v", err)
			}
			return
		}
		want, err := decode(data)
		if err != nil {
			t.Fatalf("invalid for encoding/json: %v", err)
		}
		if diff := cmp.Diff(want, tree(d.Root())); diff != "" {
			t.Fatalf("reads differently (-encoding/json +jsondoc):\n%s", diff)
		}
		checkRewritten(t, d.Root().AppendJSON(nil), want, d.Flags())
		checkRewritten(t, d.AppendUnused(nil), want, d.Flags())
		d.Root().Use()
		if rest := d.AppendUnused(nil); len(rest) != 0 {
			t.Fatalf("all is used, yet there remains %s", rest)
		}
	})
}

func oursAlone(err error) bool {
	return strings.Contains(err.Error(), "nested deeper") || strings.Contains(err.Error(), "duplicate keys")
}

// checkRewritten holds written JSON against the value that it was written from.
func checkRewritten(t *testing.T, written []byte, want any, flags jsondoc.Flags) {
	t.Helper()
	var again jsondoc.Doc
	if err := again.Parse(written); err != nil {
		t.Fatalf("writes what does not parse: %v\n%s", err, written)
	}
	if bad := again.Flags() &^ jsondoc.NUL; bad != 0 || !utf8.Valid(written) {
		t.Fatalf("writes what is flagged %v: %s", bad.Names(), written)
	}
	if bytes.ContainsAny(written, "\n\r\t") {
		t.Fatalf("is not compact: %q", written)
	}
	if flags&jsondoc.DuplicateKey != 0 {
		return // the shadowed members were renamed: TestDuplicateKeys
	}
	if diff := cmp.Diff(want, tree(again.Root())); diff != "" {
		t.Fatalf("writes another value (-want +got):\n%s", diff)
	}
}

func decode(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// tree is the plain reading of a value, in the shapes of encoding/json.
func tree(v jsondoc.Value) any {
	switch v.Kind() {
	case jsondoc.Object:
		m := make(map[string]any, v.Len())
		for key, member := range v.Members {
			m[key] = tree(member)
		}
		return m
	case jsondoc.Array:
		list := make([]any, 0, v.Len())
		for e := range v.Elements {
			list = append(list, tree(e))
		}
		return list
	case jsondoc.String:
		s, _ := v.Str()
		return s
	case jsondoc.Number:
		return json.Number(v.Text())
	case jsondoc.Bool:
		b, _ := v.Bool()
		return b
	}
	return nil
}
