package normalize

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Source is what a mapper's events say about where they come from.
type Source struct {
	Name    string // "aws.cloudtrail": metadata.log_provider, for rules and lake
	Product string
	Vendor  string
}

// Begin resets ev and sets what is equal in all events of the source.
func (s Source) Begin(ev *ocsf.Event) {
	ev.Reset()
	m := &ev.Metadata
	m.SetVersion(ocsf.Version)
	m.SetLogProvider(s.Name)
	m.Product.SetName(s.Product)
	m.Product.SetVendorName(s.Vendor)
	ev.SetSeverityID(ocsf.SeverityIDInformational)
}

// JSONRecord reads records that are JSON objects. A mapper holds one and calls
// Begin and Finish around its own work.
type JSONRecord struct {
	doc     jsondoc.Doc
	scratch []byte // unmapped is written here before it becomes a string
}

// Begin parses the record and sets raw_data. The root is an object, its values
// valid until the next Begin.
func (r *JSONRecord) Begin(rec *event.Record, ev *ocsf.Event) (root jsondoc.Value, err error) {
	text := string(rec.Value)
	if err := r.doc.ParseString(text); err != nil {
		return jsondoc.Value{}, syntaxError(err)
	}
	root = r.doc.Root()
	if root.Kind() != jsondoc.Object {
		return jsondoc.Value{}, WrongSource("want a JSON object, got " + root.Kind().String())
	}
	ev.SetRawData(ValidText(text))
	return root, nil
}

func syntaxError(err error) *Error {
	var parseErr *jsondoc.Error
	if errors.As(err, &parseErr) {
		return &Error{Reason: event.ReasonSyntax, Detail: parseErr.Msg, Offset: parseErr.Offset}
	}
	return &Error{Reason: event.ReasonSyntax, Detail: err.Error()}
}

// Finish sets unmapped from what was not used, labels from the reader's flags,
// and the observables.
func (r *JSONRecord) Finish(ev *ocsf.Event) {
	r.scratch = r.doc.AppendUnused(r.scratch[:0])
	if len(r.scratch) > 0 {
		ev.SetUnmapped(ocsf.JSON(r.scratch))
	}
	for _, flag := range r.doc.Flags().Names() {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "json:"+flag)
	}
	AddObservables(ev)
}

// ValidText is s with U+FFFD for each byte that is not UTF-8, as jsondoc reads it:
// an event's text must be storable.
func ValidText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune { return r }, s)
}
