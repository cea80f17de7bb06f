package main

// emitCEL writes how CEL reads each attribute, and how a mapping sets it: by the
// accessors of package ocsf, so from presence bits, without reflection.
func emitCEL(s *Schema) ([]File, error) {
	w := newGoFile(s, "ocsfcel", "github.com/weir-security/weir/schemas/ocsf")
	w.p("// fields are the attributes of each object by the object's name; those of the")
	w.p("// event, the union of all classes, are under the empty name.")
	w.p("var fields = map[string][]Field{")
	for _, o := range append([]*Object{s.Event}, s.Objects...) {
		w.p("%q: {", o.ID())
		for _, a := range o.Attributes {
			emitField(w, o, a)
		}
		w.p("},")
	}
	w.p("}")
	return []File{{"schemas/ocsf/ocsfcel/fields_gen.go", w.Bytes()}}, nil
}

func emitField(w *printer, o *Object, a *Attribute) {
	receiver := "*ocsf." + o.GoName
	switch {
	case a.Kind == KindObject && a.Array:
		w.p("objectList(%q, func(x %s) []ocsf.%s { return x.%s }, (%[2]s).Add%[4]s),", a.Name, receiver, a.Object.GoName, a.GoName)
	case a.Kind == KindObject:
		w.p("object(%q, func(x %s) *ocsf.%s { return &x.%s }),", a.Name, receiver, a.Object.GoName, a.GoName)
	case a.Array:
		w.p("%sList(%q, func(x %s) *[]%s { return &x.%s }),", celReader(a), a.Name, receiver, goElement(a), a.GoName)
	case a.Derived:
		w.p("%s(%q, (%[3]s).Has%[4]s, (%[3]s).%[4]s, nil),", celReader(a), a.Name, receiver, a.GoName)
	default:
		w.p("%s(%q, (%[3]s).Has%[4]s, (%[3]s).%[4]s, (%[3]s).Set%[4]s),", celReader(a), a.Name, receiver, a.GoName)
	}
}

// celReader is the function of package ocsfcel that makes the field.
func celReader(a *Attribute) string {
	if a.Type == "timestamp_t" {
		return "timestamp"
	}
	return map[Kind]string{KindString: "text", KindInt32: "integer", KindInt64: "integer",
		KindFloat64: "float", KindBool: "boolean", KindJSON: "json"}[a.Kind]
}

func goElement(a *Attribute) string {
	if a.Kind == KindJSON {
		return "ocsf.JSON"
	}
	return a.GoType()
}
