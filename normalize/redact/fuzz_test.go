package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// FuzzRedact: whatever the record, the original is kept, and JSON stays JSON of
// the same shape in which only values differ.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		call, `{"password":"a1","p":{"token":["x","y"]},"password":7}`, `{"a":"{\"secret\":\"x\"}","cookie":"a=b; c"}`, "GET /?sig=abc&token=x HTTP/1.1", "{\"n\":\"\xff\",\"password\":\"a\"}",
		`{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"p":"eA=="}}}`, `Authorization: Bearer abcdefghi eyJhbGciOiJub25lIn0.e30. https://a:b@c/`, `{"u":"\/a?p=1\u0026sig=abc"}`,
	} {
		f.Add([]byte(seed))
	}
	r := redactor(f, Options{Key: testKey, Drop: []string{"managedFields"}, Hash: []string{"a.b"}})
	f.Fuzz(func(t *testing.T, data []byte) {
		rec := event.Record{Value: data}
		counts := r.Redact(&rec)
		if string(rec.Bytes()) != string(data) || (rec.Original == nil) != (counts == Counts{}) {
			t.Fatalf("%q: the original is %q, counts %+v", data, rec.Original, counts)
		}
		var before, after jsondoc.Doc
		if before.Parse(data) == nil && before.Root().Kind() == jsondoc.Object {
			if err := after.Parse(rec.Value); err != nil {
				t.Fatalf("%q becomes %q: %v", data, rec.Value, err)
			}
			if a, b := names(before.Root()), names(after.Root()); a != b && counts.Dropped+counts.Hashed == 0 {
				t.Fatalf("%q has the names %s, redacted %s", data, a, b)
			}
		}
		if rec.Redaction != "" && !json.Valid([]byte(rec.Redaction)) {
			t.Fatalf("%q: what was done is %q", data, rec.Redaction)
		}
	})
}

// names are the names of all members, in order.
func names(v jsondoc.Value) string {
	var b strings.Builder
	for name, m := range v.AllMembers {
		b.WriteString(name + "{" + names(m) + "}")
	}
	for e := range v.Elements {
		b.WriteString(names(e))
	}
	return b.String()
}
