package normalize

import (
	"strings"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// AddContext puts what is known of a record beside its text into unmapped.weir: what
// the document of a transport said of it (the log group is all that tells one EKS
// cluster from another), and what redaction did. It is called once behind a mapper.
func AddContext(rec *event.Record, ev *ocsf.Event) {
	if rec.Origin.Envelope == "" && rec.Redaction == "" {
		return
	}
	var own strings.Builder
	own.WriteByte('{')
	if rec.Origin.Envelope != "" {
		own.WriteString(`"transport":` + rec.Origin.Envelope)
		if rec.Redaction != "" {
			own.WriteByte(',')
		}
	}
	if rec.Redaction != "" {
		own.WriteString(`"redaction":` + rec.Redaction)
	}
	own.WriteByte('}')
	addUnmapped(ev, "weir", own.String())
}

// addUnmapped adds a member to unmapped, which is an object if it is there. A member
// of the record with its name is kept as a duplicate is: a record must not speak for
// weir.
func addUnmapped(ev *ocsf.Event, name, value string) {
	member := `"` + name + `":` + value + "}"
	unmapped := string(ev.Unmapped())
	if len(unmapped) <= len("{}") {
		ev.SetUnmapped(ocsf.JSON("{" + member))
		return
	}
	whole := unmapped[:len(unmapped)-1] + "," + member
	if strings.Contains(unmapped, `"`+name+`"`) || strings.Contains(unmapped, `\u`) { // perhaps a name in escapes
		doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
		if doc.ParseString(whole) == nil {
			whole = string(doc.AppendUnused(nil))
		}
	}
	ev.SetUnmapped(ocsf.JSON(whole))
}
