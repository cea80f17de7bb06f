package mapping

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// New makes a mapper of the mapping's records.
func (m *Mapping) New() normalize.Mapper {
	return &mapper{Mapping: m, scope: m.language.NewScope()}
}

type mapper struct {
	*Mapping
	json  normalize.JSONRecord
	scope ocsfcel.Scope
	run   run
	line  []byte       // the fields of a line as JSON
	inner event.Record // the record that they make
}

// Map turns a record into an event.
func (m *mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	m.origin.Begin(ev)
	root, err := m.begin(rec, ev)
	if err != nil {
		return err
	}
	m.scope.Reset(root)
	for i := range m.plans {
		p := &m.plans[i]
		if p.when != nil {
			holds, err := p.when.Holds(m.scope)
			if err != nil {
				return errorOf("when", err)
			}
			if !holds {
				continue
			}
		}
		if err := p.apply(&m.run, root, m.scope, ev); err != nil {
			return err
		}
		m.setUID(root, rec, ev)
		m.json.Finish(ev)
		normalize.ObserveDestination(ev)
		return nil
	}
	return normalize.WrongSource("no element of the mapping's events takes it")
}

// setUID sets the record's own id, or one that follows from where and what it is.
func (m *mapper) setUID(root jsondoc.Value, rec *event.Record, ev *ocsf.Event) {
	if len(m.uid) > 0 {
		v := follow(root, m.uid)
		if uid := v.Text(); uid != "" {
			v.Use()
			ev.Metadata.SetUID(uid)
			return
		}
	}
	ev.Metadata.SetUID(normalize.OriginUID(rec))
}

// begin reads the record: a JSON object, or a line as the object of its fields.
func (m *mapper) begin(rec *event.Record, ev *ocsf.Event) (jsondoc.Value, error) {
	if !m.Lines {
		return m.json.Begin(rec, ev)
	}
	line := normalize.ValidText(string(rec.Value))
	var ok bool
	if m.line, ok = m.appendFields(m.line[:0], line); !ok {
		return jsondoc.Value{}, &normalize.Error{Reason: event.ReasonSyntax, Detail: "the line is not of the mapping's pattern"}
	}
	m.inner = event.Record{Source: rec.Source, Value: m.line}
	root, err := m.json.Begin(&m.inner, ev)
	ev.SetRawData(line)
	return root, err
}

// appendFields appends the fields of a line as a JSON object; ok is false if the
// pattern does not take the whole line. A group that took no part is absent.
func (m *Mapping) appendFields(dst []byte, line string) (out []byte, ok bool) {
	match := m.pattern.FindStringSubmatchIndex(line)
	if match == nil {
		return dst, false
	}
	dst = append(dst, '{')
	for i, name := range m.pattern.SubexpNames() {
		if name == "" || match[2*i] < 0 {
			continue
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = normalize.AppendString(dst, name)
		dst = append(dst, ':')
		dst = normalize.AppendString(dst, line[match[2*i]:match[2*i+1]])
	}
	return append(dst, '}'), true
}

// Dialect is the word for a record that `recognise` takes; empty for others.
func (m *Mapping) Dialect(root jsondoc.Value) string {
	if m.recognise == nil || root.Kind() != jsondoc.Object {
		return ""
	}
	scope, ok := m.pool.Get().(ocsfcel.Scope)
	if !ok {
		scope = m.language.NewScope()
	}
	defer m.pool.Put(scope)
	scope.Reset(root)
	if holds, err := m.recognise.Holds(scope); err != nil || !holds {
		return ""
	}
	return dialect
}

// LineDialect is Dialect for lines, which must be of the pattern as well.
func (m *Mapping) LineDialect(line string) string {
	if m.recognise == nil {
		return ""
	}
	fields, ok := m.appendFields(nil, line)
	if !ok {
		return ""
	}
	var doc jsondoc.Doc
	if doc.Parse(fields) != nil {
		return ""
	}
	return m.Dialect(doc.Root())
}

const dialect = "mapping"
