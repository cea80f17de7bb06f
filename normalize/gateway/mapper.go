package gateway

import (
	"errors"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Mapper maps the access log of one vendor, in its own formats and in those of a
// configuration. It implements normalize.Mapper.
type Mapper struct {
	vendor *Vendor
	custom []*Format
	json   normalize.JSONRecord
	inner  jsondoc.Doc // of an object that is a text in another one
	access access
	values [maxFields]string
	out    []byte
}

// NewMapper is a mapper for one goroutine. The formats, from Compile, are tried in
// their order before the vendor's own.
func (v *Vendor) NewMapper(formats ...*Format) *Mapper {
	return &Mapper{vendor: v, custom: formats}
}

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	m.vendor.source.Begin(ev)
	m.access.reset(ev)
	if m.vendor.begin != nil {
		m.vendor.begin(&m.access)
	}
	if len(rec.Value) > 0 && rec.Value[0] == '{' {
		err := m.mapObject(rec, ev)
		var mapErr *normalize.Error
		if !errors.As(err, &mapErr) || mapErr.Reason != event.ReasonSyntax || !m.hasTemplate() {
			return err
		}
		// A template that looks like JSON gives none where a variable is not escaped.
		m.vendor.source.Begin(ev)
		m.access.reset(ev)
	}
	text := normalize.ValidText(string(rec.Value))
	if len(text) != len(rec.Value) {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "text:invalid_utf8")
	}
	ev.SetRawData(text)
	if !m.mapText(text) {
		return m.vendor.noFormat()
	}
	if err := m.finish(rec); err != nil {
		return err
	}
	if unmapped := m.access.appendUnmapped(m.out[:0]); len(unmapped) > 0 {
		ev.SetUnmapped(ocsf.JSON(unmapped))
		m.out = unmapped
	}
	normalize.AddObservables(ev)
	return nil
}

func (m *Mapper) finish(rec *event.Record) error {
	if m.vendor.end != nil {
		m.vendor.end(&m.access)
	}
	return m.access.finish(rec)
}

func (m *Mapper) hasTemplate() bool {
	for _, f := range m.custom {
		if f.object != nil {
			return true
		}
	}
	return false
}

func (v *Vendor) noFormat() error {
	what := "no line of a known format of " + v.source.Name
	if v.custom {
		what += ": a format of your own belongs into sources." + v.source.Name + ".formats"
	}
	return &normalize.Error{Reason: event.ReasonSyntax, Detail: what}
}

// mapText maps a line, behind the headers that it may have.
func (m *Mapper) mapText(line string) bool {
	line = strings.TrimRight(line, "\r\n")
	for range maxHeaders {
		for _, f := range m.custom {
			if m.tryLine(&f.line, line) {
				return true
			}
		}
		header, rest, ok := cutDated(line)
		if !ok && m.tryLines(line) {
			return true
		}
		if !ok {
			header, rest, ok = cutHeader(line)
		}
		if !ok {
			return false
		}
		m.access.keep("syslog_header", header)
		line = rest
		if strings.HasPrefix(line, "{") && m.inner.ParseString(line) == nil && m.mapMembers(m.inner.Root()) {
			m.keepUnused(&m.inner)
			return true
		}
	}
	return false
}

func (m *Mapper) tryLines(line string) bool {
	for i := range m.vendor.lines {
		if m.tryLine(&m.vendor.lines[i], line) {
			return true
		}
	}
	return false
}

func (m *Mapper) tryLine(d *lineDialect, line string) bool {
	values, rest, ok := d.match.match(line, m.values[:])
	if ok {
		m.vendor.mapLine(d, values, rest, &m.access)
	}
	return ok
}

// mapObject maps a JSON record: an object of the vendor's, or one around its line.
func (m *Mapper) mapObject(rec *event.Record, ev *ocsf.Event) error {
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	wrapper := ""
	if !m.mapMembers(root) {
		text, key, ok := wrappedText(root)
		if !ok || !m.mapWrapped(text) {
			return normalize.WrongSource("no object of a known format of " + m.vendor.source.Name)
		}
		root.Get(key).Use()
		wrapper = key
	}
	if err := m.finish(rec); err != nil {
		return err
	}
	m.json.Finish(ev)
	if own := m.access.appendUnmapped(m.out[:0]); len(own) > 0 {
		m.out = own
		ev.SetUnmapped(mergeUnmapped(ev.Unmapped(), wrapper, string(own)))
	}
	return nil
}

// mapWrapped maps a line, or an object, that is a text in another object.
func (m *Mapper) mapWrapped(text string) bool {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") && m.inner.ParseString(text) == nil {
		if !m.mapMembers(m.inner.Root()) {
			return false
		}
		m.keepUnused(&m.inner)
		return true
	}
	return m.mapText(text)
}

// keepUnused keeps what of an object inside of the record was not used.
func (m *Mapper) keepUnused(doc *jsondoc.Doc) {
	m.access.object = string(doc.AppendUnused(nil))
	for _, flag := range doc.Flags().Names() {
		m.access.ev.Metadata.Labels = append(m.access.ev.Metadata.Labels, "json:"+flag)
	}
}

// mapMembers maps an object's members by the first table that knows the object.
func (m *Mapper) mapMembers(root jsondoc.Value) bool {
	for _, f := range m.custom {
		if f.object != nil && f.object.is(root) {
			f.object.table.read(&m.access, root)
			return true
		}
	}
	for i := range m.vendor.objects {
		if d := &m.vendor.objects[i]; d.is(root) {
			if d.first != nil {
				d.first(&m.access, root)
			}
			m.access.network = d.network != nil && d.network(root)
			d.table.read(&m.access, root)
			return true
		}
	}
	return false
}

// wrappers are the members in which shippers of logs put a line: exports of Log
// Analytics, container runtimes, journald, and those that follow them.
var wrappers = [...]string{"RawData", "log", "message", "MESSAGE", "Message", "line", "msg"}

// wrappedText is the line that an object is wrapped around.
func wrappedText(root jsondoc.Value) (text, key string, ok bool) {
	for _, key := range wrappers {
		if text, isText := root.Get(key).Str(); isText && len(text) > 8 {
			return text, key, true
		}
	}
	return "", "", false
}
