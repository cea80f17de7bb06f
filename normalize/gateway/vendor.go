package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Vendor is all that is particular to one kind of gateway: which variables there
// are and what they mean, in which formats it writes them unless told otherwise,
// and the syntax in which it is told. Any number of goroutines may use it.
type Vendor struct {
	source normalize.Source
	// lookup finds what a variable of the vendor's formats means.
	lookup func(name string) variable
	// parse takes a format in the vendor's syntax apart. custom says whether users of
	// the vendor write such formats.
	custom bool
	parse  func(text string) (format.Options, []format.Part, error)
	// decode reads the escapes of a variable's text; nil if there are none.
	decode func(text string) string
	// begin sets what is equal in all events; nil for most.
	begin func(a *access)
	// end sees an event before it is finished; nil for most.
	end func(a *access)

	lines   []lineDialect
	objects []objectDialect
	// names are words that name the vendor where shippers say what a line is, in lower
	// case.
	names []string
}

// variable is what a vendor's table says of one variable. The zero value is one
// that no attribute holds.
type variable struct {
	set   setter
	shape format.Shape
	check func(text string) bool
	// time is set for a variable that can tell when the event was.
	time bool
}

// lineDialect is one form of a line of text.
type lineDialect struct {
	name    string
	match   matcher
	fields  []field
	network bool
	// shared dialects are read, but not recognised: they are another vendor's, too.
	shared bool
	// tails are the known forms of what may stand behind an open format and a space, so that what many formats begin with is matched once.
	tails []lineDialect
	// tail maps what is none of tails; nil keeps it.
	tail func(a *access, rest string)
}

// is names the dialect of a line, which may be one of the tails'; "" if it is none.
func (d *lineDialect) is(line string, room []string) string {
	_, rest, ok := d.match.match(line, room)
	if !ok {
		return ""
	}
	for i := range d.tails {
		if rest == "" {
			break
		}
		if name := d.tails[i].is(rest[1:], room); name != "" {
			return name
		}
	}
	return d.name
}

// field is a variable at its place in a dialect.
type field struct {
	name string
	set  setter
}

// matcher finds the texts of a dialect's fields in a line: it appends them to
// values, as many as there are fields or fewer, and gives what is left of the line.
type matcher interface {
	match(line string, values []string) (found []string, rest string, ok bool)
}

// objectDialect is one form of a JSON object.
type objectDialect struct {
	name  string
	is    func(root jsondoc.Value) bool
	table node
	// first is read before the table: members that decide which of several is meant.
	first   func(a *access, root jsondoc.Value)
	network func(root jsondoc.Value) bool
}

// template is the matcher of a format whose fields stand between literals.
type template struct {
	line   *format.Line
	fields int
}

func (t template) match(line string, values []string) ([]string, string, bool) {
	if t.fields > cap(values) {
		values = make([]string, t.fields)
	}
	rest, ok := t.line.Match(line, values[:t.fields])
	return values[:t.fields], rest, ok
}

// columns is the matcher of lines of columns.
type columns struct {
	separator byte
	least     int
	brackets  bool // around the time
	is        func(columns []string) bool
}

func (c columns) match(line string, values []string) ([]string, string, bool) {
	values = format.Split(line, c.separator, c.brackets, values[:0])
	return values, "", len(values) >= c.least && (c.is == nil || c.is(values))
}

// Dialect names the shape of a JSON record; "" if it is none of the vendor's.
func (v *Vendor) Dialect(root jsondoc.Value) string {
	for i := range v.objects {
		if d := &v.objects[i]; d.is(root) {
			return d.name
		}
	}
	text, _, ok := wrappedText(root)
	if !ok {
		return ""
	}
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") && len(v.objects) > 0 {
		return v.textDialect(text)
	}
	return v.lineDialect(text, v.isNamed(root.Get("Type").Text()))
}

// textDialect names the shape of an object that is a text in something else.
func (v *Vendor) textDialect(text string) string {
	var inner jsondoc.Doc
	if inner.ParseString(text) != nil {
		return ""
	}
	for i := range v.objects {
		if d := &v.objects[i]; d.is(inner.Root()) {
			return d.name
		}
	}
	return ""
}

// isNamed tells whether a text (the name of a table, the tag of syslog) names the
// vendor.
func (v *Vendor) isNamed(text string) bool {
	text = strings.ToLower(text)
	for _, name := range v.names {
		if strings.Contains(text, name) {
			return true
		}
	}
	return false
}

// LineDialect names the format of a line, with or without a header of syslog; "" if
// it is none of the vendor's own.
func (v *Vendor) LineDialect(line string) string { return v.lineDialect(line, false) }

// lineDialect is LineDialect. Of a line that is known to be the vendor's, dialects
// that are others' too count.
func (v *Vendor) lineDialect(line string, named bool) string {
	var room [maxFields]string
	line = strings.TrimRight(line, "\r\n")
	for range maxHeaders {
		header, rest, cut := cutDated(line)
		for i := range v.lines {
			if d := &v.lines[i]; !cut && (named || !d.shared) {
				if name := d.is(line, room[:]); name != "" {
					return name
				}
			}
		}
		if !cut {
			header, rest, cut = cutHeader(line)
		}
		if !cut {
			return ""
		}
		if strings.HasPrefix(rest, "{") {
			return v.textDialect(rest)
		}
		line, named = rest, named || v.isNamed(header)
	}
	return ""
}

// maxFields is how many fields of a line fit without an allocation.
const maxFields = 64

// lineOf is a dialect in the vendor's own syntax. A mistake in it is one of this
// program.
func (v *Vendor) lineOf(name, text string) lineDialect {
	d, err := v.compileLine(name, text, false)
	if err != nil {
		panic("gateway: " + name + ": " + err.Error())
	}
	return d
}

// openLineOf is lineOf for a format that more may follow.
func (v *Vendor) openLineOf(name, text string, tail func(a *access, rest string)) lineDialect {
	d, err := v.compileLine(name, text, true)
	if err != nil {
		panic("gateway: " + name + ": " + err.Error())
	}
	d.tail = tail
	return d
}

func (v *Vendor) compileLine(name, text string, open bool) (lineDialect, error) {
	opt, parts, err := v.parse(text)
	if err != nil {
		return lineDialect{}, err
	}
	opt.Open = open
	line, err := format.Compile(parts, opt)
	if err != nil {
		return lineDialect{}, err
	}
	return lineDialect{name: name, match: template{line, len(line.Fields())}, fields: v.fieldsOf(line.Fields())}, nil
}

// columnsOf is a dialect of columns. A column without a name that comes is extra.
func (v *Vendor) columnsOf(name string, match columns, names ...string) lineDialect {
	return lineDialect{name: name, match: match, fields: v.fieldsOf(names)}
}

func (v *Vendor) fieldsOf(names []string) []field {
	fields := make([]field, len(names))
	for i, name := range names {
		fields[i] = field{name: name, set: v.lookup(name).set}
	}
	return fields
}

// mapLine maps the fields that were found in a line.
func (v *Vendor) mapLine(d *lineDialect, values []string, rest string, a *access) {
	a.network = d.network
	v.mapFields(d, values, a)
	if rest == "" {
		return
	}
	for i := range d.tails {
		tail := &d.tails[i]
		if values, _, ok := tail.match.match(rest[1:], values); ok {
			v.mapFields(tail, values, a)
			return
		}
	}
	if d.tail != nil {
		d.tail(a, rest)
	} else {
		a.extra = append(a.extra, strings.TrimPrefix(rest, " "))
	}
}

func (v *Vendor) mapFields(d *lineDialect, values []string, a *access) {
	for i, value := range values {
		if value == "" || value == "-" {
			continue
		}
		if v.decode != nil {
			value = v.decode(value)
		}
		if i >= len(d.fields) {
			a.extra = append(a.extra, value)
			continue
		}
		f := &d.fields[i]
		if f.set == nil || !f.set(a, value) {
			a.keep(f.name, value)
		}
	}
}

// Name is the source's name.
func (v *Vendor) Name() string { return v.source.Name }

// HasFormats tells whether users of the vendor write formats of their own.
func (v *Vendor) HasFormats() bool { return v.custom }
