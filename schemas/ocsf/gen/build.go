package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// builder resolves a selection against the facts.
type builder struct {
	facts    *facts.Facts
	sel      *selection
	file     string // name of the selection, for errors
	sections map[string]*section
	objects  map[string]*Object
	building []string // objects being resolved, to find cycles
	errs     []error
}

// build makes the schema of a selection. The error joins everything that is
// wrong with it, each with file and line.
func build(f *facts.Facts, sel *selection, file string) (*Schema, error) {
	b := &builder{facts: f, sel: sel, file: file, sections: map[string]*section{}, objects: map[string]*Object{}}
	for p := range sel.profiles {
		if !slices.Contains(f.Profiles, p) {
			b.errorf(0, "unknown profile %s%s", p, suggest.Hint(p, f.Profiles))
		}
	}
	for _, s := range sel.objects {
		if f.Object(s.name) == nil {
			b.errorf(s.line, "unknown object %s%s", s.name, suggest.Hint(s.name, facts.Names(f.Objects)))
		}
		b.sections[s.name+"/"+s.variant] = s
	}
	schema := &Schema{Version: f.Version, Event: &Object{GoName: "Event"}}
	for p := range sel.profiles {
		schema.Profiles = append(schema.Profiles, p)
	}
	slices.Sort(schema.Profiles)
	b.classes(schema)
	if len(b.errs) == 0 { // else it may only be a consequence
		for _, s := range sel.objects {
			if b.objects[s.name+"/"+s.variant] == nil {
				b.errorf(s.line, "no selected attribute leads to object %s", objectID(s.name, s.variant))
			}
		}
	}
	for _, o := range b.objects {
		schema.Objects = append(schema.Objects, o)
	}
	slices.SortFunc(schema.Objects, func(x, y *Object) int { return cmp.Compare(x.GoName, y.GoName) })
	if len(b.errs) == 0 {
		b.union(schema)
		b.enums(schema)
		for _, o := range append(schema.Objects, schema.Event) {
			b.finish(o)
		}
	}
	return schema, errors.Join(b.errs...)
}

func (b *builder) errorf(line int, format string, args ...any) {
	place := b.file
	if line > 0 {
		place = fmt.Sprintf("%s:%d", b.file, line)
	}
	b.errs = append(b.errs, fmt.Errorf("%s: "+format, append([]any{place}, args...)...))
}

// classes resolves every class section.
func (b *builder) classes(schema *Schema) {
	used := map[string]bool{}
	for _, s := range b.sel.classes {
		fc := b.facts.Class(s.name)
		if fc == nil {
			b.errorf(s.line, "unknown class %s%s", s.name, suggest.Hint(s.name, facts.Names(b.facts.Classes)))
			continue
		}
		names := slices.Clone(s.attributes)
		for _, common := range b.sel.common {
			if fc.Attributes[common.name] != nil {
				used[common.name] = true
				names = append(names, common)
			}
		}
		c := &Class{Name: s.name, GoName: goName(s.name), Caption: fc.Caption, UID: fc.UID,
			CategoryUID: fc.CategoryUID, CategoryName: b.facts.CategoryName(fc.CategoryUID)}
		for _, p := range fc.Profiles {
			if b.sel.profiles[p] {
				c.Profiles = append(c.Profiles, p)
			}
		}
		c.Attributes = b.attributes("class "+s.name, fc.Attributes, names)
		for _, a := range c.Attributes {
			if celTaken[a.Name] {
				b.errorf(s.line, "class %s: CEL cannot have a variable %s: it is reserved or names a type", s.name, a.Name)
			}
		}
		schema.Classes = append(schema.Classes, c)
	}
	for _, common := range b.sel.common {
		if !used[common.name] {
			b.errorf(common.line, "no class of the selection has the attribute %s", common.name)
		}
	}
	slices.SortFunc(schema.Classes, func(x, y *Class) int { return cmp.Compare(x.Name, y.Name) })
}

// attributes resolves the selected names of one class or object, with the
// siblings of enums, sorted by name.
func (b *builder) attributes(owner string, all map[string]*facts.Attribute, names []selected) []*Attribute {
	byName := map[string]*Attribute{}
	for len(names) > 0 {
		s := names[0]
		names = names[1:]
		fa := all[s.name]
		switch {
		case fa == nil:
			b.errorf(s.line, "%s has no attribute %s%s", owner, s.name, suggest.Hint(s.name, facts.Names(all)))
			continue
		case byName[s.name] != nil:
			continue
		case celCannotSelect[s.name]:
			b.errorf(s.line, "%s: CEL cannot select an attribute named %s", owner, s.name)
			continue
		case fa.Profile != "" && !b.sel.profiles[fa.Profile]:
			b.errorf(s.line, "%s: %s belongs to the profile %s, which is not selected", owner, s.name, fa.Profile)
			continue
		}
		byName[s.name] = b.attribute(owner, s, fa)
		if fa.Sibling != "" && all[fa.Sibling] != nil {
			names = append(names, selected{name: fa.Sibling, line: s.line})
		}
	}
	list := make([]*Attribute, 0, len(byName))
	for name, a := range byName {
		a.Sibling = byName[all[name].Sibling]
		list = append(list, a)
	}
	slices.SortFunc(list, func(x, y *Attribute) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// attribute resolves one attribute; enums are named later, when it is known
// which classes share them.
func (b *builder) attribute(owner string, s selected, fa *facts.Attribute) *Attribute {
	a := &Attribute{Name: s.name, GoName: goName(s.name), Field: fieldName(s.name), Array: fa.Array,
		Type: fa.Type, Requirement: fa.Requirement, Profile: fa.Profile}
	switch {
	case fa.Object == facts.Untyped:
		a.Kind, a.Type = KindJSON, facts.Untyped
	case fa.Object != "":
		a.Kind = KindObject
		a.Object = b.object(owner, s, fa.Object)
	default:
		a.Kind = map[string]Kind{"string_t": KindString, "integer_t": KindInt32, "long_t": KindInt64,
			"float_t": KindFloat64, "boolean_t": KindBool, "json_t": KindJSON}[b.facts.Base(fa.Type)]
	}
	if s.variant != "" && a.Kind != KindObject {
		b.errorf(s.line, "%s: %s is no object, it has no variants", owner, s.name)
	}
	if fa.Enum != nil {
		a.Enum = newEnum(fa)
	}
	return a
}

// object resolves an object once and returns it.
func (b *builder) object(owner string, s selected, name string) *Object {
	key, id := name+"/"+s.variant, objectID(name, s.variant)
	if slices.Contains(b.building, id) {
		b.errorf(s.line, "%s: %s is a cycle (%s): end it with a variant of object %s",
			owner, s.name, strings.Join(append(b.building, id), " > "), name)
		return nil
	}
	if o := b.objects[key]; o != nil {
		return o
	}
	sec := b.sections[key]
	if sec == nil {
		b.errorf(s.line, "%s: %s is an object %s: which of its attributes? add a section `object %s`",
			owner, s.name, name, id)
		return nil
	}
	fo := b.facts.Object(name)
	o := &Object{Name: name, Variant: s.variant, GoName: goName(name) + s.variant}
	b.objects[key] = o
	b.building = append(b.building, id)
	o.Attributes = b.attributes("object "+id, fo.Attributes, sec.attributes)
	b.building = b.building[:len(b.building)-1]
	return o
}

// union makes Event of all classes' attributes.
func (b *builder) union(schema *Schema) {
	byName := map[string]*Attribute{}
	for _, c := range schema.Classes {
		for _, a := range c.Attributes {
			u := byName[a.Name]
			if u == nil {
				u = &Attribute{Name: a.Name, GoName: a.GoName, Field: a.Field, Kind: a.Kind, Type: a.Type, Object: a.Object,
					Array: a.Array, Requirement: "optional", Derived: derived[a.Name]}
				byName[a.Name] = u
				schema.Event.Attributes = append(schema.Event.Attributes, u)
			}
			if u.Type != a.Type || u.Object != a.Object || u.Array != a.Array {
				b.errorf(0, "class %s: %s has another type than in an earlier class", c.Name, a.Name)
			}
		}
	}
	slices.SortFunc(schema.Event.Attributes, func(x, y *Attribute) int { return cmp.Compare(x.Name, y.Name) })
	for _, c := range schema.Classes {
		for _, a := range c.Attributes {
			if a.Sibling != nil {
				byName[a.Name].Sibling = byName[a.Sibling.Name]
			}
		}
	}
}

// derived are the attributes that follow from class and activity.
var derived = map[string]bool{"class_uid": true, "class_name": true, "category_uid": true,
	"category_name": true, "type_uid": true, "type_name": true}

// finish numbers the presence bits and checks that no two Go names collide.
func (b *builder) finish(o *Object) {
	names := map[string]string{"Present": "Present", "Reset": "Reset", "AppendJSON": "AppendJSON", "set": "set"}
	if o.Name == "" {
		for _, n := range []string{"SetClass", "Class", "UnmarshalJSON", "DecodeJSON"} {
			names[n] = n
		}
	}
	bits := 0
	for _, a := range o.Attributes {
		idents := []string{a.GoName}
		if a.Scalar() {
			a.Word, a.Bit = bits/64, bits%64
			bits++
			idents = append(idents, a.Field, "Set"+a.GoName, "Has"+a.GoName, "Clear"+a.GoName)
		} else if a.Array {
			idents = append(idents, "Add"+a.GoName)
		}
		for _, id := range idents {
			if other := names[id]; other != "" {
				b.errorf(0, "%s: the Go names of %s and %s collide at %s", o.GoName, other, a.Name, id)
			}
			names[id] = a.Name
		}
	}
	o.Words = (bits + 63) / 64
}
