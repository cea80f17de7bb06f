package elastic

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// Whatever answers: an alert counts as delivered only if its own item says so.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"errors":false,"items":[{"create":{"_id":"a","status":201}},{"create":{"_id":"b","status":201}}]}`,
		`{"errors":true,"items":[{"create":{"_id":"a","status":409,"error":{"type":"version_conflict_engine_exception"}}},{"create":{"_id":"b","status":400,"error":"text"}}]}`,
		`{"error":{"type":"illegal_argument_exception","reason":"x"},"status":400}`, `{"error":"text","status":400}`, `{"items":[{},{}]}`, `{"items":null}`, `<html>`, ``,
	} {
		for _, status := range []int{200, 201, 302, 400, 403, 404, 413, 429, 503} {
			f.Add(status, []byte(body))
		}
	}
	part := []httpsend.Item{{Index: 0, ID: "a"}, {Index: 1, ID: "b"}}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		result := read(&httpsend.Answer{Status: status, Header: http.Header{}, Body: body}, part)
		if (result.Err == nil) != (result.Kind == httpsend.Delivered) {
			t.Fatalf("kind %v with error %v", result.Kind, result.Err)
		}
		for _, failure := range result.Failures {
			if failure.Index < 0 || failure.Index >= len(part) || failure.Err == nil {
				t.Fatalf("failure %+v", failure)
			}
		}
		delivered := result.Kind == httpsend.Delivered && len(result.Failures) < len(part)
		lower := bytes.ToLower(body) // as encoding/json takes keys
		if delivered && (status != 200 || !bytes.Contains(lower, []byte("item")) && !bytes.Contains(body, []byte(`\u`))) {
			t.Errorf("%d %q delivers", status, body)
		}
	})
}
