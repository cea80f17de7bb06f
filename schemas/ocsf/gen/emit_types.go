package main

import (
	"fmt"
	"strings"
)

// emitTypes writes the structs with Present, Reset and Add.
func emitTypes(s *Schema) ([]File, error) {
	event, objects := newGoFile(s, "ocsf"), newGoFile(s, "ocsf")
	emitStruct(event, s.Event)
	emitHas(event, s.Event)
	for _, o := range s.Objects {
		emitStruct(objects, o)
	}
	return []File{
		{"schemas/ocsf/event_gen.go", event.Bytes()},
		{"schemas/ocsf/objects_gen.go", objects.Bytes()},
	}, nil
}

func emitStruct(w *printer, o *Object) {
	if o.Name == "" {
		w.p("// Event is one OCSF event of any selected class: the union of their attributes.")
		w.p("// A goroutine owns it and reuses it with Reset.")
	} else {
		w.p("// %s is the OCSF object %s.", o.GoName, o.ID())
	}
	w.p("type %s struct {", o.GoName)
	for i := range o.Words {
		w.p("%s uint64", word(i))
	}
	for _, a := range o.Attributes {
		name, typ := a.GoName, a.GoType()
		if a.Scalar() {
			name = a.Field
		} else if a.Array {
			typ = "[]" + typ
		}
		w.p("%s %s // %s", name, typ, describe(a))
	}
	w.p("}\n")
	emitPresent(w, o)
	emitReset(w, o)
	for _, a := range o.Attributes {
		if a.Array && a.Kind == KindObject {
			emitAdd(w, o, a)
		}
	}
}

// describe is an attribute in OCSF's words.
func describe(a *Attribute) string {
	typ := a.Type
	if a.Kind == KindObject {
		typ = a.Object.ID()
	}
	if a.Array {
		typ = "[]" + typ
	}
	return a.Name + " " + typ
}

// word is the field that holds the i-th 64 presence bits.
func word(i int) string {
	if i == 0 {
		return "set"
	}
	return fmt.Sprintf("set%d", i)
}

func emitPresent(w *printer, o *Object) {
	var parts []string
	for i := range o.Words {
		parts = append(parts, fmt.Sprintf("x.%s != 0", word(i)))
	}
	for _, a := range o.Attributes {
		switch {
		case a.Array:
			parts = append(parts, fmt.Sprintf("len(x.%s) > 0", a.GoName))
		case a.Kind == KindObject:
			parts = append(parts, fmt.Sprintf("x.%s.Present()", a.GoName))
		}
	}
	w.p("// Present says whether anything in x is set.")
	w.p("func (x *%s) Present() bool {\nreturn %s\n}\n", o.GoName, strings.Join(parts, " ||\n"))
}

// emitHas gives the event a bit for each attribute: those of its scalars are there
// already, those of objects and lists follow in further words.
func emitHas(w *printer, event *Object) {
	bits := 64 * event.Words
	var names, checks []string
	for _, a := range event.Attributes {
		if a.Scalar() {
			names = append(names, fmt.Sprintf("%d: %q,", 64*a.Word+a.Bit, a.Name))
			continue
		}
		there := fmt.Sprintf("x.%s.Present()", a.GoName)
		if a.Array {
			there = fmt.Sprintf("len(x.%s) > 0", a.GoName)
		}
		names = append(names, fmt.Sprintf("%d: %q,", bits, a.Name))
		checks = append(checks, fmt.Sprintf("if %s {\nbits[%d] |= 1<<%d\n}", there, bits/64, bits%64))
		bits++
	}
	words := (bits + 63) / 64
	w.p("// attributeOfBit names the attributes that the bits of has stand for.")
	w.p("var attributeOfBit = [%d * 64]string{\n%s\n}\n", words, strings.Join(names, "\n"))
	w.p("// has marks the attributes of x that are there.")
	w.p("func (x *Event) has() (bits [%d]uint64) {", words)
	for i := range event.Words {
		w.p("bits[%d] = x.%s", i, word(i))
	}
	w.p("%s\nreturn bits\n}\n", strings.Join(checks, "\n"))
}

// emitReset clears word by word, so that an object with nothing set costs one
// comparison.
func emitReset(w *printer, o *Object) {
	w.p("// Reset clears x and keeps the capacity of its lists.")
	w.p("func (x *%s) Reset() {", o.GoName)
	for i := range o.Words {
		w.p("if x.%[1]s != 0 {\nx.%[1]s = 0", word(i))
		for _, a := range o.Attributes {
			if a.Scalar() && a.Word == i {
				w.p("x.%s = %s", a.Field, zero(a))
			}
		}
		w.p("}")
	}
	for _, a := range o.Attributes {
		switch {
		case a.Array:
			w.p("x.%[1]s = x.%[1]s[:0]", a.GoName)
		case a.Kind == KindObject:
			w.p("x.%s.Reset()", a.GoName)
		}
	}
	w.p("}\n")
}

// zero is the zero value of a scalar as Go text.
func zero(a *Attribute) string {
	switch a.Kind {
	case KindString, KindJSON:
		return `""`
	case KindBool:
		return "false"
	}
	return "0"
}

func emitAdd(w *printer, o *Object, a *Attribute) {
	w.p("// Add%[1]s appends an empty element to %[1]s. The pointer is valid until the next Add%[1]s.", a.GoName)
	w.p("func (x *%s) Add%s() *%s {", o.GoName, a.GoName, a.Object.GoName)
	w.p("x.%[1]s = extend(x.%[1]s)", a.GoName)
	w.p("e := &x.%[1]s[len(x.%[1]s)-1]", a.GoName)
	w.p("e.Reset()\nreturn e\n}\n")
}
