package gateway

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

func TestDecode(t *testing.T) {
	tests := []struct{ text, want string }{
		{`plain`, `plain`},
		{`\x22\x5c`, `"\`},
		{`\"q\" \\`, `"q" \`},
		{`caf\xC3\xA9 \xc3`, "café \\xC3"},
		{`\xF0\x9F\x98\x80`, "😀"},
		{`\xED\xA0\x80`, `\xED\xA0\x80`}, // a surrogate, encoded
		{`\x0A\x00`, "\n\x00"},
		{`\xZZ \x1 \n \`, `\xZZ \x1 \n \`},
		{"\xc3\xa9\\xA9", "\u00e9\\xA9"},
	}
	for _, tt := range tests {
		if got := decode(tt.text); got != tt.want {
			t.Errorf("decode(%q) is %q, want %q", tt.text, got, tt.want)
		}
	}
}

// A line that is not UTF-8, which NGINX does not write, is repaired and labelled.
func TestInvalidUTF8(t *testing.T) {
	line := "192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] \"GET /caf\xe9 HTTP/1.1\" 200 1 \"-\" \"-\""
	var ev ocsf.Event
	if err := NGINX.NewMapper().Map(&event.Record{Value: []byte(line)}, &ev); err != nil {
		t.Fatal(err)
	}
	if got := ev.HTTPRequest.URL.Path(); got != "/caf\ufffd" {
		t.Errorf("path is %q", got)
	}
	if got := strings.Join(ev.Metadata.Labels, " "); got != "text:invalid_utf8" {
		t.Errorf("labels are %q", got)
	}
	if got := ev.RawData(); got != strings.ReplaceAll(line, "\xe9", "\ufffd") {
		t.Errorf("raw_data is %q", got)
	}
}
