package main

import "fmt"

// emitEnums writes the constants of classes and enums, and their tables.
func emitEnums(s *Schema) ([]File, error) {
	consts, tables := newGoFile(s, "ocsf"), newGoFile(s, "ocsf")
	consts.p("// Version is the version of OCSF that this package is generated from.")
	consts.p("const Version = %q\n", s.Version)
	consts.p("// The classes.\nconst (")
	for _, c := range s.Classes {
		consts.p("Class%s ClassUID = %d // %s", c.GoName, c.UID, c.Caption)
	}
	consts.p(")\n")
	for _, e := range s.Enums {
		consts.p("// The values of %s.\nconst (", e.Owner)
		for _, v := range e.Values {
			consts.p("%s = %s // %s", v.GoName, literal(e, v), v.Caption)
		}
		consts.p(")\n")
		emitTable(tables, "enum"+e.GoName, e)
	}
	for _, a := range s.Event.Attributes {
		for _, v := range a.Overrides {
			if v.Enum.Computed {
				emitTable(tables, enumVar(a, v), v.Enum)
			}
		}
	}
	return []File{
		{"schemas/ocsf/enums_gen.go", consts.Bytes()},
		{"schemas/ocsf/enumtables_gen.go", tables.Bytes()},
	}, nil
}

func literal(e *Enum, v EnumValue) string {
	if e.Text {
		return fmt.Sprintf("%q", v.Text)
	}
	return fmt.Sprint(v.Value)
}

func emitTable(w *printer, name string, e *Enum) {
	w.p("var %s = []EnumValue{", name)
	for _, v := range e.Values {
		if e.Text {
			w.p("{Text: %q, Caption: %q},", v.Text, v.Caption)
		} else {
			w.p("{Value: %d, Caption: %q},", v.Value, v.Caption)
		}
	}
	w.p("}\n")
}
