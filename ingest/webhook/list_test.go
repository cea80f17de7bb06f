package webhook

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/weir-security/weir/ingest/internal/push"
)

func FuzzParseList(f *testing.F) {
	f.Add([]byte(batchOf(0, 2)))
	f.Add([]byte(listOf()))
	f.Add([]byte(listOf(auditEvent(1), `{"auditID": oops}`, auditEvent(2))))
	f.Add([]byte(`{"apiVersion":"audit.k8s.io/v1","items":[{"a":[1,"]"]},1,"x",null],"kind":"EventList"}`))
	f.Add([]byte(`{"kind":"EventList","items":[` + strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70) + `]}`))
	f.Add([]byte("{\"kind\":\"EventList\",\"items\":[{\"a\":\n{\"b\":1},{}]}{\"kind\":\"EventList\",\"items\":[{}]}"))
	f.Add([]byte(`{"items":[{}],"kind":"PodList"}`))
	f.Add([]byte("[{}]"))
	f.Add([]byte("\xef\xbb\xbf" + listOf(`{"x":"`+strings.Repeat("y", 300)+`"}`)))
	cfg := testConfig()
	cfg.Limits.Record = 256
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := audit{}.Split(body, nil, "fuzz", push.Layout{Source: cfg.Source, Record: cfg.Limits.Record})
		if err != nil {
			if a, refused := push.Refused(err); !refused || a.Message == "" {
				t.Fatalf("error %v", err)
			}
		} else {
			checkPieces(t, list, body)
		}
		checkItems(t, list, body, cfg.Limits.Record)
	})
}

// checkPieces holds a list to the body: pieces are parts of it, in order and apart, and
// records are JSON.
func checkPieces(t *testing.T, list *push.List, body []byte) {
	t.Helper()
	end := int64(0)
	for _, r := range list.Records {
		at := r.Origin.Position
		if at < end || !bytes.HasPrefix(body[at:], r.Value) {
			t.Fatalf("the record at %d is not what the body has there", at)
		}
		end = at + int64(len(r.Value))
		if !json.Valid(r.Value) {
			t.Errorf("a record is no JSON: %q", r.Value)
		}
	}
	end = 0
	for _, l := range list.Letters {
		at := l.Origin.Position
		if at < end || !bytes.HasPrefix(body[at:], l.Value) {
			t.Fatalf("the dead letter at %d is not what the body has there", at)
		}
		end = at + l.Size
	}
}

// checkItems compares with encoding/json: a body that is a list to it has the same
// events, and one that is none is none.
func checkItems(t *testing.T, list *push.List, body []byte, limit int) {
	t.Helper()
	var whole map[string]json.RawMessage
	if bytes.ContainsRune(body, '\\') || bytes.Count(body, []byte(`"items"`)) > 1 || bytes.Count(body, []byte(`"kind"`)) > 1 ||
		json.Unmarshal(body, &whole) != nil || deep(body) {
		return // the two may differ
	}
	var kind string
	_ = json.Unmarshal(whole["kind"], &kind)
	var items []json.RawMessage
	isList := kind == "EventList" && bytes.HasPrefix(whole["items"], []byte("[")) && json.Unmarshal(whole["items"], &items) == nil
	if isList != (list != nil) {
		t.Fatalf("a list: %v, want %v", list != nil, isList)
	}
	if !isList {
		return
	}
	records := list.Records
	for _, item := range items {
		if len(item) > limit {
			continue
		}
		if len(records) == 0 || !bytes.Equal(records[0].Value, item) {
			t.Fatalf("the item %q is missing", item)
		}
		records = records[1:]
	}
	if len(records) != 0 || len(list.Records)+len(list.Letters) != len(items) {
		t.Fatalf("%d records and %d dead letters of %d items", len(list.Records), len(list.Letters), len(items))
	}
}

// deep reports whether a body may nest deeper than the readers take.
func deep(body []byte) bool {
	return bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > 60
}
