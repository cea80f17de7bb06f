package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// newEnum reads the values of an attribute's enum, without Go names.
func newEnum(fa *facts.Attribute) *Enum {
	e := &Enum{Text: fa.Type == "string_t"}
	for value, caption := range fa.Enum {
		v := EnumValue{Caption: caption}
		if e.Text {
			v.Text = value
		} else {
			v.Value, _ = strconv.ParseInt(value, 10, 64) // a test of facts parses every one
		}
		e.Values = append(e.Values, v)
	}
	slices.SortFunc(e.Values, func(x, y EnumValue) int {
		return cmp.Or(cmp.Compare(x.Value, y.Value), cmp.Compare(x.Text, y.Text))
	})
	return e
}

// name gives the enum its Go names. Two captions that Go would spell alike are
// told apart by their values.
func (e *Enum) name(goName, owner string) {
	e.GoName, e.Owner = goName, owner
	seen := map[string]bool{}
	for i := range e.Values {
		v := &e.Values[i]
		tail := captionName(v.Caption)
		if e.Text {
			tail = strings.ToUpper(v.Text)
		}
		if seen[tail] {
			tail += strconv.FormatInt(v.Value, 10)
		}
		seen[tail] = true
		v.GoName = goName + tail
	}
}

// enums names every enum and decides which classes share one: the enum of
// base_event, else that of the first class that has the attribute, gets the
// plain name (StatusID); a class that differs gets its own (DetectionFindingStatusID).
// An attribute that no two classes agree on, such as activity_id, has only own ones
// but for base_event's.
func (b *builder) enums(schema *Schema) {
	for _, o := range schema.Objects {
		if o.Variant != "" {
			continue
		}
		for _, a := range o.Attributes {
			if a.Enum != nil {
				a.Enum.name(o.GoName+a.GoName, o.Name+"."+a.Name)
				schema.Enums = append(schema.Enums, a.Enum)
			}
		}
	}
	b.variantEnums(schema)
	for _, u := range schema.Event.Attributes {
		if u.Derived {
			computed(schema, u)
		} else {
			share(schema, u)
		}
	}
	slices.SortFunc(schema.Enums, func(x, y *Enum) int { return cmp.Compare(x.GoName, y.GoName) })
}

// variantEnums lets a variant use the constants of the whole object.
func (b *builder) variantEnums(schema *Schema) {
	for _, o := range schema.Objects {
		if o.Variant == "" {
			continue
		}
		for _, a := range o.Attributes {
			if a.Enum == nil {
				continue
			}
			if whole := find(b.objects[o.Name+"/"], a.Name); whole != nil {
				a.Enum = whole.Enum
				continue
			}
			a.Enum.name(o.GoName+a.GoName, o.ID()+"."+a.Name)
			schema.Enums = append(schema.Enums, a.Enum)
		}
	}
}

// find returns the attribute of that name, nil when o is nil or has none.
func find(o *Object, name string) *Attribute {
	if o == nil {
		return nil
	}
	for _, a := range o.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// share gives u the enum of base_event or of the first class, and every class
// that differs its own.
func share(schema *Schema, u *Attribute) {
	own := func(c *Class) *Attribute { return find(&Object{Attributes: c.Attributes}, u.Name) }
	order := slices.Clone(schema.Classes)
	slices.SortStableFunc(order, func(x, y *Class) int { return cmp.Compare(min(x.UID, 1), min(y.UID, 1)) })
	for _, c := range order {
		a := own(c)
		if a == nil || a.Enum == nil {
			continue
		}
		if u.Enum == nil {
			u.Enum = a.Enum
			u.Enum.name(u.GoName, u.Name)
			schema.Enums = append(schema.Enums, u.Enum)
			continue
		}
		if sameValues(u.Enum, a.Enum) {
			a.Enum = u.Enum
			continue
		}
		a.Enum.name(c.GoName+u.GoName, c.Name+"."+u.Name)
		schema.Enums = append(schema.Enums, a.Enum)
		u.Overrides = append(u.Overrides, Override{c, a.Enum})
	}
	slices.SortFunc(u.Overrides, func(x, y Override) int { return cmp.Compare(x.Class.Name, y.Class.Name) })
}

func sameValues(x, y *Enum) bool {
	return slices.EqualFunc(x.Values, y.Values, func(a, b EnumValue) bool {
		return a.Value == b.Value && a.Text == b.Text && a.Caption == b.Caption
	})
}

// computed replaces the placeholders of the facts (every class's class_uid says
// "Base Event") by what each class implies.
func computed(schema *Schema, u *Attribute) {
	u.Enum = nil
	for _, c := range schema.Classes {
		a := find(&Object{Attributes: c.Attributes}, u.Name)
		if a == nil {
			continue
		}
		a.Derived = true
		e := &Enum{Computed: true, Owner: c.Name + "." + u.Name}
		switch u.Name {
		case "class_uid":
			e.Values = []EnumValue{{Value: int64(c.UID), Caption: c.Caption}}
		case "category_uid":
			e.Values = []EnumValue{{Value: int64(c.CategoryUID), Caption: c.CategoryName}}
		case "type_uid":
			activity := find(&Object{Attributes: c.Attributes}, "activity_id")
			if activity == nil || activity.Enum == nil {
				continue
			}
			for _, v := range activity.Enum.Values {
				e.Values = append(e.Values, EnumValue{Value: int64(c.UID)*100 + v.Value, Caption: c.Caption + ": " + v.Caption})
			}
		default:
			continue
		}
		a.Enum = e
		u.Overrides = append(u.Overrides, Override{c, e})
	}
}
