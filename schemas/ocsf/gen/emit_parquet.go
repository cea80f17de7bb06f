package main

import "fmt"

// parquetDir is the package that emitParquet writes into.
const parquetDir = "schemas/ocsf/ocsfparquet/"

// emitParquet writes the columns of every class and object.
func emitParquet(s *Schema) ([]File, error) {
	classes := newGoFile(s, "ocsfparquet", "github.com/weir-security/weir/schemas/ocsf")
	emitNewColumns(classes, s)
	for _, c := range s.Classes {
		emitColumns(classes, columnsName(c.GoName), c.Attributes)
		classes.p("func (c *%s) set(row int, x *ocsf.Event) {", columnsName(c.GoName))
		emitSets(classes, c.Attributes)
		classes.p("func (c *%s) write(w *writer, l levels) error { return writeAll(w, l, c.children()) }\n", columnsName(c.GoName))
		classes.p("func (c *%s) reorder(o order) { reorderAll(o, c.children()) }\n", columnsName(c.GoName))
		classes.p("func (c *%s) reset() { resetAll(c.children()) }\n", columnsName(c.GoName))
		classes.p("func (c *%s) size() int { return sizeOfAll(c.children()) }\n", columnsName(c.GoName))
	}
	objects := newGoFile(s, "ocsfparquet", "github.com/weir-security/weir/schemas/ocsf")
	for _, o := range s.Objects {
		name := columnsName(o.GoName)
		emitColumns(objects, name, o.Attributes, "objectColumn")
		objects.p("func (c *%s) set(row int, x *ocsf.%s) {\nc.mark(row)", name, o.GoName)
		emitSets(objects, o.Attributes)
		objects.p("func (c *%s) write(w *writer, l levels) error { return c.writeObject(w, l, c.children()) }\n", name)
		objects.p("func (c *%s) reorder(o order) { c.reorderObject(o, c.children()) }\n", name)
		objects.p("func (c *%s) reset() { c.resetObject(c.children()) }\n", name)
		objects.p("func (c *%s) size() int { return c.sizeOfObject(c.children()) }\n", name)
	}
	return []File{
		{parquetDir + "classes_gen.go", classes.Bytes()},
		{parquetDir + "objects_gen.go", objects.Bytes()},
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

// emitColumns writes one struct of columns, and their list in the order of the schema.
func emitColumns(w *printer, name string, attributes []*Attribute, embedded ...string) {
	w.p("type %s struct {", name)
	for _, e := range embedded {
		w.p("%s", e)
	}
	for _, a := range attributes {
		w.p("%s %s", a.GoName, columnType(a))
	}
	w.p("}\n")
	w.p("func (c *%s) children() []column {\nreturn []column{", name)
	for _, a := range attributes {
		w.p("&c.%s,", a.GoName)
	}
	w.p("}\n}\n")
}

// emitSets writes how the attributes of a Go value are put into their columns, and
// the end of that function.
func emitSets(w *printer, attributes []*Attribute) {
	for _, a := range attributes {
		emitSet(w, a)
	}
	w.p("}\n")
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
		t = map[Kind]string{KindString: "stringColumn", KindJSON: "stringColumn", KindBool: "valueColumn[bool]",
			KindInt32: "valueColumn[int32]", KindInt64: "valueColumn[int64]", KindFloat64: "valueColumn[float64]"}[a.Kind]
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
