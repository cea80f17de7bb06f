package kubernetes

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// rewriter writes an audit event from the parts of a record of another form.
type rewriter struct{ text []byte }

func (w *rewriter) begin(key string) {
	if n := len(w.text); n > 0 && w.text[n-1] != '{' && w.text[n-1] != '[' {
		w.text = append(w.text, ',')
	}
	w.text = append(w.text, '"')
	w.text = append(w.text, key...)
	w.text = append(w.text, `":`...)
}

func (w *rewriter) open(key string) {
	w.begin(key)
	w.text = append(w.text, '{')
}

func (w *rewriter) close() { w.text = append(w.text, '}') }

// move writes a member and marks the value as held.
func (w *rewriter) move(key string, v jsondoc.Value) {
	if v.Kind() > jsondoc.Null {
		w.begin(key)
		w.text = append(w.text, v.Use().JSON()...)
	}
}

// str writes a member unless its text is empty.
func (w *rewriter) str(key, text string) {
	if text != "" {
		w.begin(key)
		w.text = normalize.AppendString(w.text, text)
	}
}

// tableColumns are the columns of AKSAudit and AKSAuditAdmin and the members of
// an audit event that they are.
var tableColumns = [...]struct{ column, member string }{
	{"AuditId", "auditID"}, {"Level", "level"}, {"Stage", "stage"}, {"Verb", "verb"},
	{"RequestUri", "requestURI"}, {"UserAgent", "userAgent"}, {"User", "user"},
	{"ImpersonatedUser", "impersonatedUser"}, {"SourceIps", "sourceIPs"}, {"ObjectRef", "objectRef"},
	{"RequestObject", "requestObject"}, {"ResponseObject", "responseObject"},
	{"ResponseStatus", "responseStatus"}, {"Annotations", "annotations"},
	{"RequestReceivedTime", "requestReceivedTimestamp"}, {"StageReceivedTime", "stageTimestamp"},
}

// tableRow writes the audit event of a row of AKSAudit. Exports write a dynamic
// column as a value or as JSON in a text.
func (m *Mapper) tableRow(row jsondoc.Value) string {
	w := rewriter{text: append(m.text[:0], '{')}
	for _, c := range tableColumns {
		v := row.Get(c.column)
		if text, ok := v.Str(); ok && len(text) > 1 && (text[0] == '{' || text[0] == '[') && m.nested.ParseString(text) == nil {
			v.Use()
			w.begin(c.member)
			w.text = append(w.text, m.nested.Root().JSON()...)
			continue
		}
		w.move(c.member, v)
	}
	if !row.Get("RequestReceivedTime").Exists() {
		w.move("timestamp", row.Get("TimeGenerated"))
	}
	w.close()
	m.text = w.text
	return string(w.text)
}
