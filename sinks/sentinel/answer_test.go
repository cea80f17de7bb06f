package sentinel

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// Whatever answers: only a 204 is a delivery, and only a 400 of the API's own or a 413
// refuses a row.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{``, `{"error":{"code":"InvalidRequest","message":"x"}}`, `{"error":{"code":"InvalidStream"}}`, `{"error":"text"}`, `<html>`} {
		for _, status := range []int{200, 202, 204, 302, 400, 401, 403, 404, 413, 429, 503} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		result := read(&httpsend.Answer{Status: status, Header: http.Header{}, Body: body})
		if delivered := result.Kind == httpsend.Delivered; delivered != (status == http.StatusNoContent) || delivered != (result.Err == nil) {
			t.Errorf("%d %q: kind %v, error %v", status, body, result.Kind, result.Err)
		}
		if result.Kind == httpsend.Refused && ((status != 400 && status != 422) || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))) {
			t.Errorf("%d %q is a refusal", status, body)
		}
	})
}
