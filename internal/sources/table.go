package sources

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize/mapping"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Options is what a configuration says of sources.
type Options struct {
	// Formats are the custom formats of sources, by name, in the vendor's own syntax.
	Formats map[string][]string
	// Mappings are sources that are mapped by files. They are asked first which records
	// are theirs: what a user says of his own goes before what weir knows.
	Mappings []*mapping.Mapping
}

// Table is the sources of one configuration. Nothing changes it: any number of
// goroutines may use it.
type Table struct {
	rows []Source // in the order of recognition
}

// Builtin is the table without a configuration.
func Builtin() *Table { return &Table{slices.Clone(builtin)} }

// New makes the table of a configuration. The error names the source that is
// unknown, takes no formats, or has one that cannot be compiled.
func New(o Options) (*Table, error) {
	t := Builtin()
	for i, m := range o.Mappings {
		if _, known := t.Lookup(m.Source); known {
			return nil, fmt.Errorf("source %s: %s is a second mapping of it, or it is a built-in one", m.Source, m.File)
		}
		t.rows = slices.Insert(t.rows, i, rowOf(m))
	}
	for name, formats := range o.Formats {
		i := slices.IndexFunc(t.rows, func(s Source) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown source %q", name)
		}
		row, err := t.rows[i].withFormats(formats)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", name, err)
		}
		t.rows[i] = row
	}
	return t, nil
}

// rowOf is the row of a mapping.
func rowOf(m *mapping.Mapping) Source {
	s := Source{Name: m.Source, Title: m.Title, NewMapper: m.New,
		Format: envelope.Format{Kind: envelope.JSON, EnvelopeKeys: m.EnvelopeKeys, Transports: envelope.Transports}}
	switch {
	case m.Lines:
		s.Format.Kind = envelope.Lines
		s.Line = m.LineDialect
	default:
		s.JSON = m.Dialect
	}
	return s
}

func (s Source) withFormats(formats []string) (Source, error) {
	switch {
	case len(formats) == 0:
		return s, nil
	case s.Formats == nil:
		return s, fmt.Errorf("takes no custom formats (those that do: %s)", strings.Join(customizable(), ", "))
	}
	return s.Formats(s, formats)
}

// CheckFormat tells what is wrong with one custom format of a source.
func CheckFormat(source, format string) error {
	s, known := Builtin().Lookup(source)
	if !known {
		return fmt.Errorf("unknown source %q", source)
	}
	_, err := s.withFormats([]string{format})
	return err
}

// customizable are the names of the sources that take custom formats.
func customizable() []string {
	var names []string
	for _, s := range Builtin().All() {
		if s.Formats != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// All returns the sources by name. The slice is the caller's.
func (t *Table) All() []Source {
	list := slices.Clone(t.rows)
	slices.SortFunc(list, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Some are those of All that are named.
func (t *Table) Some(names []string) []Source {
	return slices.DeleteFunc(t.All(), func(s Source) bool { return !slices.Contains(names, s.Name) })
}

// Names returns the names of all sources, sorted.
func (t *Table) Names() []string {
	list := t.All()
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return names
}

// Lookup finds a source by name.
func (t *Table) Lookup(name string) (Source, bool) {
	for _, s := range t.rows {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// Detecting is the format of logs of which the source is not known yet: JSON in
// any of the envelopes, or lines.
func (t *Table) Detecting() envelope.Format {
	f := envelope.Format{Kind: envelope.Detect}
	for _, s := range t.rows {
		f.EnvelopeKeys = append(f.EnvelopeKeys, s.Format.EnvelopeKeys...)
		f.Transports |= s.Format.Transports
		if len(s.Format.Header.Fields) > 0 { // VPC Flow Logs are the only ones
			f.Header = s.Format.Header
		}
		if s.Format.Comment != "" {
			f.Comment = s.Format.Comment
		}
	}
	slices.Sort(f.EnvelopeKeys)
	f.EnvelopeKeys = slices.Compact(f.EnvelopeKeys)
	return f
}

// Detect tells the source of a record, without its envelope, and which of the
// source's shapes it has; both are empty if no source knows it.
func (t *Table) Detect(record []byte) (source, dialect string) {
	return NewDetector(t).Detect(record)
}

// Detector is Table.Detect with memory of its own, for one goroutine that asks for
// many records.
type Detector struct {
	table *Table
	doc   jsondoc.Doc
}

// NewDetector returns a detector of the table's sources.
func NewDetector(t *Table) *Detector { return &Detector{table: t} }

// Detect is Table.Detect.
func (d *Detector) Detect(record []byte) (source, dialect string) {
	line := string(record)
	isJSON := d.doc.ParseString(line) == nil
	for i := range d.table.rows {
		s := &d.table.rows[i]
		switch {
		case isJSON && s.JSON != nil:
			dialect = s.JSON(d.doc.Root())
		case !isJSON && s.Line != nil:
			dialect = s.Line(line)
		}
		if dialect != "" {
			return s.Name, dialect
		}
	}
	return "", ""
}
