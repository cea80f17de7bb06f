package normalize

import (
	"testing"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

func TestAddContext(t *testing.T) {
	const transport, redaction = `{"cloudwatch":{"id":"1"}}`, `{"key":"k"}`
	for _, tt := range []struct{ unmapped, envelope, redaction, want string }{
		{"", "", "", ""},
		{`{"a":1}`, "", "", `{"a":1}`},
		{"", transport, "", `{"weir":{"transport":{"cloudwatch":{"id":"1"}}}}`},
		{`{"a":1}`, transport, redaction, `{"a":1,"weir":{"transport":{"cloudwatch":{"id":"1"}},"redaction":{"key":"k"}}}`},
		{`{"weir":"mine","b":[]}`, "", redaction, `{"weir#duplicate1":"mine","b":[],"weir":{"redaction":{"key":"k"}}}`},
		{`{"we\u0069r":1}`, "", redaction, `{"we\u0069r#duplicate1":1,"weir":{"redaction":{"key":"k"}}}`},
	} {
		var ev ocsf.Event
		if tt.unmapped != "" {
			ev.SetUnmapped(ocsf.JSON(tt.unmapped))
		}
		AddContext(&event.Record{Origin: event.Origin{Envelope: tt.envelope}, Redaction: tt.redaction}, &ev)
		if got := string(ev.Unmapped()); got != tt.want {
			t.Errorf("%s with %s %s becomes\n%s, want\n%s", tt.unmapped, tt.envelope, tt.redaction, got, tt.want)
		}
	}
}

// What a transport says of a record is its identity, wherever it is delivered.
func TestOriginUIDOfTransport(t *testing.T) {
	a := event.Record{Value: []byte("x"), Origin: event.Origin{Object: "s3://b/1", Position: 7, Envelope: `{"cloudwatch":{"id":"1"}}`}}
	b := a
	b.Origin.Object, b.Origin.Position = "s3://b/2", 9
	c := a
	c.Origin.Envelope = `{"cloudwatch":{"id":"2"}}`
	redacted := a
	redacted.Value, redacted.Original = []byte("y"), a.Value
	if OriginUID(&a) != OriginUID(&b) || OriginUID(&a) == OriginUID(&c) || OriginUID(&a) != OriginUID(&redacted) {
		t.Errorf("uids are %s %s %s %s", OriginUID(&a), OriginUID(&b), OriginUID(&c), OriginUID(&redacted))
	}
}
