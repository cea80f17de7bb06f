package httppush

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-security/weir/ingest/internal/push"
	"github.com/weir-security/weir/schemas/event"
)

// FuzzSplit: whatever is sent, a refusal says why, and else every line is an event or in
// a dead letter, in order, as it stands in the body; sent again it has the same origin.
func FuzzSplit(f *testing.F) {
	for _, media := range []string{"text/plain", "application/json", "application/x-ndjson; charset=utf-8", "", "text/html"} {
		f.Add([]byte(line(1)+"\n"+line(2)), media, "")
		f.Add([]byte(object(1)+"\n"+object(2)+"\n"), media, "batch-1")
		f.Add([]byte("["+object(1)+`,{"a": oops},`+object(2)+"]"), media, `"batch-1"`)
		f.Add([]byte(`{"events":[{},{}],"x":`), media, "\x00")
		f.Add([]byte(gz("x")), media, "")
	}
	g := &gateway{testConfig()}
	g.Envelope = "events"
	f.Fuzz(func(t *testing.T, body []byte, media, key string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header["Content-Type"], r.Header["Idempotency-Key"] = []string{media}, []string{key}
		if key == "" {
			r.Header.Del("Idempotency-Key")
		}
		layout := push.Layout{Source: g.Source, Record: 256, Origin: event.Origin{Collector: g.Name}}
		list, err := g.Split(body, r, "blue", layout)
		if err != nil {
			if a, refused := push.Refused(err); !refused || a.Message == "" || a.Code < 400 {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := g.Split(bytes.Clone(body), r, "blue", layout)
		if err != nil || len(again.Records) != len(list.Records) {
			t.Fatalf("again: %v", err)
		}
		end := int64(0)
		for i, rec := range list.Records {
			at := rec.Origin.Position
			if at < end || !bytes.HasPrefix(body[at:], rec.Value) {
				t.Fatalf("the record at %d is not what the body has there", at)
			}
			end = at + int64(len(rec.Value))
			if again.Records[i].Origin != rec.Origin || !strings.HasPrefix(rec.Origin.Object, "http:edge/blue/") {
				t.Errorf("origins %+v and %+v", rec.Origin, again.Records[i].Origin)
			}
		}
		if media == "text/plain" {
			checkLines(t, body, list)
		}
	})
}

// checkLines compares with a plain reading: each line with something in it is there.
func checkLines(t *testing.T, body []byte, list *push.List) {
	t.Helper()
	want := 0
	for text := range bytes.SplitSeq(body, []byte("\n")) {
		if len(bytes.TrimSuffix(text, []byte("\r"))) > 0 {
			want++
		}
	}
	if got := len(list.Records) + len(list.Letters); got != want {
		t.Errorf("%d pieces of %d lines: %q", got, want, body)
	}
}
