package rawlog

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"unicode/utf8"

	"github.com/weir-security/weir/schemas/event"
)

// DeadLetterWriter writes dead letters as NDJSON.
type DeadLetterWriter struct{ out *json.Encoder }

// NewDeadLetterWriter returns a writer to w, which it does not buffer.
func NewDeadLetterWriter(w io.Writer) DeadLetterWriter {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return DeadLetterWriter{out}
}

// Write writes one dead letter on a line. Its value stands as a string, or in
// base64 when it is no UTF-8; a value cut by the limit is the beginning, and size
// tells of how much.
func (w DeadLetterWriter) Write(d *event.DeadLetter) error {
	line := struct {
		Source      string       `json:"source,omitempty"`
		Stage       event.Stage  `json:"stage"`
		Reason      event.Reason `json:"reason"`
		Detail      string       `json:"detail"`
		Object      string       `json:"object"`
		Position    int64        `json:"position"`
		Size        int64        `json:"size"`
		SHA256      string       `json:"sha256"`
		Value       *string      `json:"value,omitempty"`
		ValueBase64 *string      `json:"value_base64,omitempty"`
	}{
		Source: d.Source, Stage: d.Stage, Reason: d.Reason, Detail: d.Detail,
		Object: d.Origin.Object, Position: d.Origin.Position, Size: d.Size, SHA256: d.SHA256,
	}
	if utf8.Valid(d.Value) {
		text := string(d.Value)
		line.Value = &text
	} else {
		text := base64.StdEncoding.EncodeToString(d.Value)
		line.ValueBase64 = &text
	}
	return w.out.Encode(line)
}
