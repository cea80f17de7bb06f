package main

// emitAccessors writes getter, Set, Has and Clear of every scalar.
func emitAccessors(s *Schema) ([]File, error) {
	w := newGoFile(s, "ocsf")
	for _, o := range append([]*Object{s.Event}, s.Objects...) {
		for _, a := range o.Attributes {
			if a.Scalar() {
				emitAccessor(w, o, a)
			}
		}
	}
	emitClassCaptions(w, s)
	return []File{{"schemas/ocsf/accessors_gen.go", w.Bytes()}}, nil
}

func emitAccessor(w *printer, o *Object, a *Attribute) {
	w.p("// %s is the attribute %s.", a.GoName, describe(a))
	w.p("func (x *%s) %s() %s { return x.%s }", o.GoName, a.GoName, a.GoType(), a.Field)
	w.p("func (x *%s) Has%s() bool { return x.%s&(1<<%d) != 0 }", o.GoName, a.GoName, word(a.Word), a.Bit)
	clear, set := "Clear", "Set"
	if a.Derived {
		clear, set = "clear", "set"
	}
	w.p("func (x *%s) %s%s() { x.%s = %s; x.%s &^= 1<<%d }", o.GoName, clear, a.GoName, a.Field, zero(a), word(a.Word), a.Bit)
	if a.Derived {
		w.p("func (x *%s) %s%s(v %s) { x.%s = v; x.%s |= 1<<%d }", o.GoName, set, a.GoName, a.GoType(), a.Field, word(a.Word), a.Bit)
	} else {
		emitSetter(w, o, a)
	}
	w.p("")
}

func emitSetter(w *printer, o *Object, a *Attribute) {
	caption := a.Enum != nil && a.Sibling != nil && a.Sibling.Scalar()
	if caption {
		w.p("// Set%s sets %s and, unless v is 99 (Other), its caption %s.", a.GoName, a.Name, a.Sibling.Name)
	}
	w.p("func (x *%s) Set%s(v %s) {", o.GoName, a.GoName, a.GoType())
	if a.Kind == KindFloat64 {
		w.p("if !finite(v) {\nx.Clear%s()\nreturn\n}", a.GoName)
	}
	w.p("x.%s = v; x.%s |= 1<<%d", a.Field, word(a.Word), a.Bit)
	if caption {
		w.p("if v != 99 {")
		w.p("if c, ok := caption(%s, int64(v)); ok { x.Set%[2]s(c) } else { x.Clear%[2]s() }", enumTable(o, a), a.Sibling.GoName)
		w.p("}")
	}
	if o.Name == "" && a.Name == "activity_id" {
		w.p("x.setType()")
	}
	w.p("}")
}

// enumTable is the Go expression for the values of a's enum in x.
func enumTable(o *Object, a *Attribute) string {
	if len(a.Overrides) > 0 {
		return "x.enumOf" + a.GoName + "()"
	}
	return "enum" + a.Enum.GoName
}

// emitClassCaptions writes the enums that depend on the class, and what SetClass
// must refresh.
func emitClassCaptions(w *printer, s *Schema) {
	for _, a := range s.Event.Attributes {
		if len(a.Overrides) == 0 {
			continue
		}
		w.p("// enumOf%s is the enum of %s in x's class.", a.GoName, a.Name)
		w.p("func (x *Event) enumOf%s() []EnumValue {\nswitch ClassUID(x.classUID) {", a.GoName)
		for _, v := range a.Overrides {
			w.p("case Class%s: return %s", v.Class.GoName, enumVar(a, v))
		}
		fallback := "nil"
		if a.Enum != nil {
			fallback = "enum" + a.Enum.GoName
		}
		w.p("}\nreturn %s\n}\n", fallback)
	}
	w.p("// refreshCaptions sets again the captions that depend on the class.")
	w.p("func (x *Event) refreshCaptions() {")
	for _, a := range s.Event.Attributes {
		if len(a.Overrides) > 0 && !a.Derived && a.Scalar() {
			w.p("if x.Has%[1]s() { x.Set%[1]s(x.%[2]s) }", a.GoName, a.Field)
		}
	}
	w.p("}")
}

// enumVar is the variable of one class's enum.
func enumVar(a *Attribute, v Override) string {
	if v.Enum.Computed {
		return "enum" + v.Class.GoName + a.GoName
	}
	return "enum" + v.Enum.GoName
}
