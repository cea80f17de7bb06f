package mapping

import (
	"slices"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// profiles finds the OCSF profiles that the assignments are of.
func (c *compiler) profiles() {
	for i, s := range c.plan.sets {
		name := s.attribute.Profile
		if name == "" {
			name = c.plan.places[s.place].profile
		}
		if name == "" {
			continue
		}
		at := c.profile(name)
		if at < 0 {
			at = len(c.plan.profiles)
			c.plan.profiles = append(c.plan.profiles, profileUse{name: name})
		}
		c.plan.profiles[at].sets = append(c.plan.profiles[at].sets, i)
	}
}

// profile is the index of a profile, -1 if nothing is of it.
func (c *compiler) profile(name string) int {
	return slices.IndexFunc(c.plan.profiles, func(p profileUse) bool { return p.name == name })
}

// given are the attributes of a class that every event of weir has.
var given = []string{"class_uid", "category_uid", "type_uid", "metadata", "severity_id"}

// require finds what OCSF requires and the mapping does not set, and what is to be
// seen to for each record.
func (c *compiler) require() {
	class := facts.Load().Class(c.plan.class.Name)
	c.requirePlace(0, "the class "+class.Name, class.Attributes, class.Constraints)
	for i := 1; i < len(c.plan.places); i++ {
		p := &c.plan.places[i]
		if p.path == "metadata" || p.path == "metadata.product" {
			continue // which Begin has filled
		}
		object, _, _ := strings.Cut(p.object, "/")
		f := facts.Load().Object(object)
		c.requirePlace(i, "the object "+object, f.Attributes, f.Constraints)
	}
}

func (c *compiler) requirePlace(at int, owner string, attributes map[string]*facts.Attribute, constraints facts.Constraints) {
	p := &c.plan.places[at]
	for _, name := range facts.Names(attributes) {
		f, a := attributes[name], find(c.attributes[at], name)
		if f.Requirement != "required" || a == nil || at == 0 && slices.Contains(given, name) {
			continue
		}
		profile := -1
		if f.Profile != "" {
			if profile = c.profile(f.Profile); profile < 0 {
				continue
			}
		}
		path := join(p.path, name)
		fill := c.filler(p.object, a, 0)
		if !c.assigned[at][name] && (fill == nil || at == 0 || a.Enum == nil) {
			c.keys[at].Problemf("%s requires %s; set it%s", owner, name, c.example(path, a))
			continue
		}
		c.plan.needs = append(c.plan.needs, need{place: at, any: []*ocsfcel.Field{fieldOf(p.object, name)}, profile: profile, name: path, fill: fill})
	}
	c.constraint(at, owner, constraints.AtLeastOne)
}

// constraint sees to it that one of several attributes is there.
func (c *compiler) constraint(at int, owner string, names []string) {
	p := &c.plan.places[at]
	n := need{place: at, profile: -1, name: join(p.path, strings.Join(names, " or "))}
	isSet := false
	var selected []string
	for _, name := range names {
		if find(c.attributes[at], name) == nil {
			continue
		}
		selected = append(selected, name)
		n.any = append(n.any, fieldOf(p.object, name))
		isSet = isSet || c.assigned[at][name]
	}
	// The filler goes where a text is expected: to the name, else to what the mapping sets.
	for _, wanted := range []func(string) bool{
		func(name string) bool { return name == "name" },
		func(name string) bool { return c.assigned[at][name] },
		func(string) bool { return true },
	} {
		for _, name := range selected {
			if n.fill == nil && wanted(name) {
				n.fill = c.filler(p.object, find(c.attributes[at], name), 0)
			}
		}
	}
	switch {
	case len(selected) == 0:
	case !isSet:
		c.keys[at].Problemf("%s needs at least one of %s; set one", owner, strings.Join(selected, ", "))
	default:
		c.plan.needs = append(c.plan.needs, n)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// example shows how an attribute is set.
func (c *compiler) example(path string, a *ocsf.Attribute) string {
	switch {
	case a.Kind == ocsf.KindObject && a.Array:
		return ": " + path + "[0]." + firstAttribute(a)
	case a.Kind == ocsf.KindObject:
		return ": " + path + "." + firstAttribute(a)
	case a.Enum != nil && a.Kind != ocsf.KindString:
		return "; it has " + describe(a.Enum)
	}
	return ""
}

// maxFilled is how deep objects are filled.
const maxFilled = 3

// filler is what sets an attribute that a record lacks: a text to Unknown, an enum to its 0,
// and an object to what it cannot be without. Nil if nothing true can be said.
func (c *compiler) filler(object string, a *ocsf.Attribute, depth int) func(any) {
	f := fieldOf(object, a.Name)
	switch {
	case a.Array || depth > maxFilled:
		return nil
	case a.Kind == ocsf.KindString && a.Enum == nil && textCheck(a)(normalize.Unknown):
		return func(x any) { f.SetText()(x, normalize.Unknown) }
	case a.Kind == ocsf.KindInt32 && slices.ContainsFunc(a.Enum, func(v ocsf.EnumValue) bool { return v.Value == 0 }):
		return func(x any) { f.SetNumber()(x, 0) }
	case a.Kind == ocsf.KindObject:
		inner := c.objectFiller(a.Object, depth+1)
		if inner == nil {
			return nil
		}
		return func(x any) { inner(f.Object()(x)) }
	}
	return nil
}

// objectFiller is what sets what OCSF requires of an object, or its name.
func (c *compiler) objectFiller(object string, depth int) func(any) {
	base, _, _ := strings.Cut(object, "/")
	f, attributes := facts.Load().Object(base), ocsf.ObjectByName(object).Attributes
	var fills []func(any)
	for _, name := range facts.Names(f.Attributes) {
		if required := f.Attributes[name]; required.Requirement != "required" || required.Profile != "" {
			continue
		}
		a := find(attributes, name)
		if a == nil {
			return nil
		}
		fill := c.filler(object, a, depth)
		if fill == nil {
			return nil
		}
		fills = append(fills, fill)
	}
	candidates := f.Constraints.AtLeastOne
	if len(candidates) == 0 && len(fills) == 0 {
		candidates = []string{"name", "uid"}
	}
	if slices.Contains(candidates, "name") { // it takes any text
		candidates = append([]string{"name"}, candidates...)
	}
	for _, name := range candidates {
		if a := find(attributes, name); a != nil {
			if fill := c.filler(object, a, depth); fill != nil {
				fills = append(fills, fill)
				break
			}
		}
	}
	if len(fills) == 0 {
		return nil
	}
	return func(x any) {
		for _, fill := range fills {
			fill(x)
		}
	}
}
