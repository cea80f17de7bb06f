package main

import "fmt"

// emitDescriptors writes the tables Classes and Objects.
func emitDescriptors(s *Schema) ([]File, error) {
	w := newGoFile(s, "ocsf")
	w.p("// Classes are the selected classes, by name. They must not be changed.\nvar Classes = []Class{")
	for _, c := range s.Classes {
		w.p("{\nName: %q, Caption: %q, UID: Class%s, CategoryUID: %d, CategoryName: %q,",
			c.Name, c.Caption, c.GoName, c.CategoryUID, c.CategoryName)
		w.p("Profiles: %#v,\nAttributes: []Attribute{", c.Profiles)
		for _, a := range c.Attributes {
			w.p("%s", descriptor(c, a))
		}
		w.p("},\n},")
	}
	w.p("}\n\n// Objects are the generated objects, by Go name. They must not be changed.\nvar Objects = []Object{")
	for _, o := range s.Objects {
		w.p("{Name: %q, GoName: %q, Attributes: []Attribute{", o.ID(), o.GoName)
		for _, a := range o.Attributes {
			w.p("%s", descriptor(nil, a))
		}
		w.p("}},")
	}
	w.p("}")
	return []File{{"schemas/ocsf/descriptors_gen.go", w.Bytes()}}, nil
}

// descriptor is one element of Attributes; c is nil for an object's attribute.
func descriptor(c *Class, a *Attribute) string {
	text := fmt.Sprintf("{Name: %q, GoName: %q, Kind: Kind%s", a.Name, a.GoName, a.Kind)
	if a.Kind == KindObject {
		text += fmt.Sprintf(", Object: %q", a.Object.ID())
	} else {
		text += fmt.Sprintf(", Type: %q", a.Type)
	}
	if a.Array {
		text += ", Array: true"
	}
	text += fmt.Sprintf(", Requirement: %q", a.Requirement)
	if a.Profile != "" {
		text += fmt.Sprintf(", Profile: %q", a.Profile)
	}
	if a.Sibling != nil {
		text += fmt.Sprintf(", Sibling: %q", a.Sibling.Name)
	}
	if a.Enum != nil {
		name := a.Enum.GoName
		if a.Enum.Computed {
			name = c.GoName + a.GoName
		}
		text += ", Enum: enum" + name
	}
	return text + "},"
}
