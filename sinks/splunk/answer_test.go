package splunk

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// Whatever answers: only a 2xx with HEC's own code is a delivery, and only HEC's word on
// an event refuses it.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"text":"Success","code":0}`, `{"text":"Success","code":0,"ackId":7}`, `{"text":"Invalid data format","code":6,"invalid-event-number":3}`,
		`{"text":"Incorrect index","code":7,"invalid-event-number":-1}`, `{"code":"0"}`, `{"code":null}`, `[]`, `<html>`, ``, `{"code":0`, `{"code":99}`, `{"CODE":0}`,
	} {
		for _, status := range []int{200, 204, 302, 400, 403, 404, 413, 429, 503} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		result, id := read(&httpsend.Answer{Status: status, Header: http.Header{}, Body: body})
		if (result.Err == nil) != (result.Kind == httpsend.Delivered) {
			t.Fatalf("kind %v with error %v", result.Kind, result.Err)
		}
		says := json.Valid(body) && bytes.Contains(bytes.ToLower(body), []byte(`"c`)) || bytes.Contains(body, []byte(`\u`))
		switch {
		case result.Kind == httpsend.Delivered && (status < 200 || status > 299 || !says):
			t.Errorf("%d %q is a delivery", status, body)
		case result.Kind == httpsend.Refused && !says:
			t.Errorf("%d %q is a refusal", status, body)
		case id != -1 && result.Kind != httpsend.Delivered:
			t.Errorf("%d %q has acknowledgement %d", status, body, id)
		}
	})
}
