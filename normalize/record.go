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

	// memory holds the record's text, and behind it the texts that are made for its
	// event, so that most events are one allocation. Written texts never change: a
	// strings.Builder only appends.
	memory strings.Builder

	inner    jsondoc.Doc // of the record in a text of the record
	innerKey string      // the member of the root that holds it; "" if there is none
}

// spare is how much memory is taken beyond a record's text for unmapped and what
// else is written for the event, at most: it is as long as the event.
const spare = 2 << 10

// Begin parses the record and sets raw_data. The root is an object, its values
// valid until the next Begin.
func (r *JSONRecord) Begin(rec *event.Record, ev *ocsf.Event) (root jsondoc.Value, err error) {
	r.innerKey = ""
	r.memory = strings.Builder{}
	r.memory.Grow(len(rec.Value) + min(len(rec.Value)/2+128, spare))
	r.memory.Write(rec.Value)
	text := r.memory.String()
	if err := r.doc.ParseString(text); err != nil {
		return jsondoc.Value{}, syntaxError(err)
	}
	root = r.doc.Root()
	if root.Kind() != jsondoc.Object {
		return jsondoc.Value{}, WrongSource("want a JSON object, got " + root.Kind().String())
	}
	if r.doc.Flags()&jsondoc.InvalidUTF8 != 0 {
		text = ValidText(text)
	}
	ev.SetRawData(text)
	return root, nil
}

func syntaxError(err error) *Error {
	var parseErr *jsondoc.Error
	if errors.As(err, &parseErr) {
		return &Error{Reason: event.ReasonSyntax, Detail: parseErr.Msg, Offset: parseErr.Offset}
	}
	return &Error{Reason: event.ReasonSyntax, Detail: err.Error()}
}

// Join makes one text of several, in the memory of the record where there is room.
func (r *JSONRecord) Join(parts ...string) string {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	if r.memory.Cap()-r.memory.Len() < n {
		return strings.Join(parts, "")
	}
	start := r.memory.Len()
	for _, part := range parts {
		r.memory.WriteString(part)
	}
	return r.memory.String()[start:]
}

// Respell gives the known keys of the record their own case: see jsondoc. It tells
// whether it changed any.
func (r *JSONRecord) Respell(spelling map[string]string) bool { return r.doc.Respell(spelling) }

// Inner reads the record that a member of the root holds as a text of JSON, one a
// record. What of it is not used is in unmapped under that member's key. ok is false,
// and nothing is done, if it holds no object.
func (r *JSONRecord) Inner(root jsondoc.Value, key string) (inner jsondoc.Value, ok bool) {
	member := root.Get(key)
	text, ok := member.Str()
	if !ok || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") || r.inner.ParseString(text) != nil {
		return jsondoc.Value{}, false
	}
	if r.inner.Root().Kind() != jsondoc.Object {
		return jsondoc.Value{}, false
	}
	member.Use()
	r.innerKey = key
	return r.inner.Root(), true
}

// Finish sets unmapped from what was not used, labels from the reader's flags,
// and the observables.
func (r *JSONRecord) Finish(ev *ocsf.Event) {
	flags := r.doc.Flags()
	r.scratch = r.doc.AppendUnused(r.scratch[:0])
	if r.innerKey != "" {
		flags |= r.inner.Flags()
		r.appendInner()
	}
	if len(r.scratch) > 0 {
		ev.SetUnmapped(ocsf.JSON(r.text(r.scratch)))
	}
	for _, flag := range flags.Names() {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "json:"+flag)
	}
	AddObservables(ev)
}

// appendInner puts what is unused of the inner record at the end of the unused of
// the outer one, which is in scratch.
func (r *JSONRecord) appendInner() {
	start := len(r.scratch)
	if start > 0 {
		r.scratch[start-1] = ',' // instead of the closing brace
	} else {
		r.scratch = append(r.scratch, '{')
	}
	r.scratch = append(r.scratch, '"')
	r.scratch = append(r.scratch, r.innerKey...) // a known key: nothing to escape
	r.scratch = append(r.scratch, '"', ':')
	before := len(r.scratch)
	if r.scratch = r.inner.AppendUnused(r.scratch); len(r.scratch) > before {
		r.scratch = append(r.scratch, '}')
		return
	}
	if r.scratch = r.scratch[:start]; start > 0 {
		r.scratch[start-1] = '}'
	}
}

// text is b as a string, in the memory of the record where there is room.
func (r *JSONRecord) text(b []byte) string {
	if r.memory.Cap()-r.memory.Len() < len(b) {
		return string(b)
	}
	start := r.memory.Len()
	r.memory.Write(b)
	return r.memory.String()[start:]
}

// ValidText is s with U+FFFD for each byte that is not UTF-8, as jsondoc reads it:
// an event's text must be storable.
func ValidText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune { return r }, s)
}
