package gateway

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Format is a format of a configuration, compiled. It is immutable: one serves any
// number of mappers.
type Format struct {
	line   lineDialect
	object *objectDialect // of a format that is a JSON object
}

// Compile reads a format in the vendor's own syntax. The error, a *format.Error,
// tells the column.
func (v *Vendor) Compile(text string) (*Format, error) {
	if !v.custom {
		return nil, &format.Error{Column: 1, Msg: v.source.Name + " has no formats of its users"}
	}
	opt, parts, err := v.parse(text)
	if err != nil {
		return nil, err
	}
	if !v.tellsTime(parts) {
		return nil, &format.Error{Column: 1, Msg: "no variable of the format tells the time of the request: an event needs one"}
	}
	f := new(Format)
	if isObject(parts) {
		if f.object, err = v.compileObject(parts, opt); err != nil {
			return nil, err
		}
	}
	line, err := format.Compile(parts, opt)
	if err != nil {
		return nil, err
	}
	f.line = lineDialect{name: "custom", match: template{line, len(line.Fields())}, fields: v.fieldsOf(line.Fields())}
	return f, nil
}

// CompileAll compiles the formats of one source. The error tells which of several is
// wrong.
func (v *Vendor) CompileAll(texts []string) ([]*Format, error) {
	formats := make([]*Format, len(texts))
	for i, text := range texts {
		f, err := v.Compile(text)
		if err != nil && len(texts) > 1 {
			return nil, &FormatError{Index: i, Err: err}
		} else if err != nil {
			return nil, err
		}
		formats[i] = f
	}
	return formats, nil
}

// FormatError names the format of a list that is wrong.
type FormatError struct {
	Index int
	Err   error
}

func (e *FormatError) Error() string {
	return "formats[" + strconv.Itoa(e.Index) + "]: " + e.Err.Error()
}

func (e *FormatError) Unwrap() error { return e.Err }

// Matches tells whether a line has the format, or a JSON record its keys.
func (f *Format) Matches(line string) bool {
	var room [maxFields]string
	_, _, ok := f.line.match.match(strings.TrimRight(line, "\r\n"), room[:])
	return ok
}

// MatchesObject tells whether a JSON record has the keys of the format.
func (f *Format) MatchesObject(root jsondoc.Value) bool {
	return f.object != nil && f.object.is(root)
}

func (v *Vendor) tellsTime(parts []format.Part) bool {
	for _, p := range parts {
		if p.Name != "" && v.lookup(p.Name).time {
			return true
		}
	}
	return false
}

func isObject(parts []format.Part) bool {
	return len(parts) > 0 && parts[0].Name == "" && strings.HasPrefix(strings.TrimSpace(parts[0].Literal), "{")
}

// The marks around the number of a field in a template that is read as JSON. They
// are of Unicode's private area.
const (
	markStart = "\uE000"
	markEnd   = "\uE001"
)

// compileObject reads a format as the JSON object that it writes: which variable is
// at which key.
func (v *Vendor) compileObject(parts []format.Part, opt format.Options) (*objectDialect, error) {
	var text strings.Builder
	quoted := false
	for i, p := range parts {
		if p.Name == "" {
			text.WriteString(p.Literal)
			for j := range len(p.Literal) {
				if p.Literal[j] == '"' && (j == 0 || p.Literal[j-1] != '\\') {
					quoted = !quoted
				}
			}
			continue
		}
		mark := markStart + strconv.Itoa(i) + markEnd
		if !quoted {
			mark = `"` + mark + `"`
		}
		text.WriteString(mark)
	}
	var doc jsondoc.Doc
	if err := doc.ParseString(text.String()); err != nil {
		return nil, &format.Error{Column: 1, Msg: "the format begins like a JSON object and is none: " + err.Error()}
	}
	t := templateObject{vendor: v, parts: parts, opt: opt}
	table, err := t.members(doc.Root())
	if err != nil {
		return nil, err
	}
	keys := make(map[string]bool)
	for key := range doc.Root().Members {
		keys[key] = true
	}
	return &objectDialect{name: "custom", table: table, is: func(root jsondoc.Value) bool { return sameKeys(root, keys) }}, nil
}

// sameKeys tells whether the keys of the one are among those of the other: gateways
// leave out what has no value, and shippers add.
func sameKeys(root jsondoc.Value, keys map[string]bool) bool {
	common, total := 0, 0
	for key := range root.Members {
		total++
		if keys[key] {
			common++
		}
	}
	return common > 0 && (common == len(keys) || common == total)
}

// templateObject turns a format that is read as JSON into a table.
type templateObject struct {
	vendor *Vendor
	parts  []format.Part
	opt    format.Options
}

func (t templateObject) members(v jsondoc.Value) (members, error) {
	table := make(members)
	for key, member := range v.Members {
		if strings.Contains(key, markStart) {
			return nil, &format.Error{Column: 1, Msg: "a key that is a variable: " + strings.NewReplacer(markStart, "", markEnd, "").Replace(key)}
		}
		switch member.Kind() {
		case jsondoc.Object:
			below, err := t.members(member)
			if err != nil {
				return nil, err
			}
			table[key] = below
		case jsondoc.String:
			n, err := t.text(member.Text())
			if err != nil {
				return nil, err
			}
			if n != nil {
				table[key] = n
			}
		}
	}
	return table, nil
}

// text is the node of a text of the template: a variable, several between literals,
// or nil for a constant.
func (t templateObject) text(text string) (node, error) {
	var parts []format.Part
	for text != "" {
		literal, rest, found := strings.Cut(text, markStart)
		if literal != "" {
			parts = append(parts, format.Part{Literal: literal})
		}
		if !found {
			break
		}
		number, after, _ := strings.Cut(rest, markEnd)
		i, err := strconv.Atoi(number)
		if err != nil || i >= len(t.parts) {
			return nil, &format.Error{Column: 1, Msg: "a character of Unicode's private area in the format"}
		}
		parts = append(parts, t.parts[i])
		text = after
	}
	if len(parts) == 1 && parts[0].Name != "" {
		if set := t.vendor.lookup(parts[0].Name).set; set != nil {
			return set, nil
		}
		return nil, nil
	}
	line, err := format.Compile(parts, format.Options{})
	if err != nil {
		if len(parts) > 0 && hasField(parts) {
			return nil, err
		}
		return nil, nil // a constant
	}
	d := lineDialect{match: template{line, len(line.Fields())}, fields: t.vendor.fieldsOf(line.Fields())}
	return reader(func(a *access, v jsondoc.Value) {
		var room [maxFields]string
		values, rest, ok := d.match.match(v.Text(), room[:])
		if !ok {
			return
		}
		v.Use()
		network := a.network
		t.vendor.mapLine(&d, values, rest, a)
		a.network = network
	}), nil
}

func hasField(parts []format.Part) bool {
	for _, p := range parts {
		if p.Name != "" {
			return true
		}
	}
	return false
}
