package main

import "fmt"

// arrowDir is the package that emitArrow writes into.
const arrowDir = "schemas/ocsf/ocsfarrow/"

// emitArrow writes the columns of every class and object, and appends the field
// ids of new ones.
func emitArrow(s *Schema) ([]File, error) {
	ids, err := emitFieldIDs(s)
	if err != nil {
		return nil, err
	}
	classes := newGoFile(s, "ocsfarrow", "github.com/apache/arrow-go/v18/arrow", "github.com/weir-security/weir/schemas/ocsf")
	emitNewColumns(classes, s)
	for _, c := range s.Classes {
		emitColumns(classes, columnsName(c.GoName), "Event", "event of the class "+c.Name, c.Attributes)
	}
	objects := newGoFile(s, "ocsfarrow", "github.com/apache/arrow-go/v18/arrow", "github.com/weir-security/weir/schemas/ocsf")
	for _, o := range s.Objects {
		emitColumns(objects, columnsName(o.GoName), o.GoName, "object "+o.ID(), o.Attributes)
	}
	return []File{
		ids,
		{arrowDir + "classes_gen.go", classes.Bytes()},
		{arrowDir + "objects_gen.go", objects.Bytes()},
	}, nil
}

// columnsName is the Go type of the columns of a class or object.
func columnsName(goName string) string { return "columnsOf" + goName }

func emitNewColumns(w *printer, s *Schema) {
	w.p("// newColumns gives the columns of a class, nil for one outside the selection.")
	w.p("func newColumns(class ocsf.ClassUID) eventColumns {\nswitch class {")
	for _, c := range s.Classes {
		w.p("case ocsf.Class%s:\nreturn &%s{}", c.GoName, columnsName(c.GoName))
	}
	w.p("}\nreturn nil\n}\n")
}

// emitColumns writes one struct of columns, and how a Go value is put into them.
func emitColumns(w *printer, name, goType, what string, attributes []*Attribute) {
	w.p("// %s are the columns of the %s.", name, what)
	w.p("type %s struct {\nstructColumn", name)
	for _, a := range attributes {
		w.p("%s %s", a.GoName, columnType(a))
	}
	w.p("}\n")
	w.p("func (c *%s) set(row int, x *ocsf.%s) {\nc.mark(row)", name, goType)
	for _, a := range attributes {
		emitSet(w, a)
	}
	w.p("}\n")
	w.p("func (c *%s) children() []column {\nreturn []column{", name)
	for _, a := range attributes {
		w.p("&c.%s,", a.GoName)
	}
	w.p("}\n}\n")
	w.p("func (c *%s) data(rows int, t arrow.DataType) arrow.ArrayData { return c.structData(rows, t, c.children()) }\n", name)
	w.p("func (c *%s) reset() { c.structReset(c.children()) }\n", name)
}

func emitSet(w *printer, a *Attribute) {
	switch {
	case a.Array:
		w.p("if n := len(x.%s); n > 0 {\nfirst := c.%s.begin(row, n)", a.GoName, a.GoName)
		w.p("for i := range x.%s {", a.GoName)
		if a.Kind == KindObject {
			w.p("c.%s.element.set(first+i, &x.%s[i])", a.GoName, a.GoName)
		} else {
			w.p("c.%s.element.set(first+i, %s)", a.GoName, columnValue(a, fmt.Sprintf("x.%s[i]", a.GoName)))
		}
		w.p("}\n}")
	case a.Kind == KindObject:
		w.p("if x.%s.Present() {\nc.%s.set(row, &x.%s)\n}", a.GoName, a.GoName, a.GoName)
	default:
		w.p("if x.Has%s() {\nc.%s.set(row, %s)\n}", a.GoName, a.GoName, columnValue(a, fmt.Sprintf("x.%s()", a.GoName)))
	}
}

// columnType is the Go type of an attribute's column.
func columnType(a *Attribute) string {
	var t string
	switch {
	case a.Kind == KindObject:
		t = columnsName(a.Object.GoName)
	case a.Type == "timestamp_t":
		t = "timeColumn"
	default:
		t = map[Kind]string{KindString: "stringColumn", KindJSON: "stringColumn", KindBool: "boolColumn",
			KindInt32: "numberColumn[int32]", KindInt64: "numberColumn[int64]", KindFloat64: "numberColumn[float64]"}[a.Kind]
	}
	if a.Array {
		return fmt.Sprintf("listColumn[%s, *%s]", t, t)
	}
	return t
}

// columnValue is the expression x as the column takes it.
func columnValue(a *Attribute, x string) string {
	if a.Kind == KindJSON {
		return "string(" + x + ")"
	}
	return x
}
