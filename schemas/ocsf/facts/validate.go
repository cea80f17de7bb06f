package facts

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Violation is one way in which an event is not OCSF.
type Violation struct {
	Path    string // actor.user.type_id, resources[0].uid; empty for the event itself
	Message string
}

func (v Violation) String() string {
	if v.Path == "" {
		return v.Message
	}
	return v.Path + ": " + v.Message
}

// Validate holds the JSON of one event against the facts of the pinned version.
// It checks, of all of OCSF and not only of what weir generates:
//
//   - the class, and what follows from it: class_name, category, type_uid, type_name
//   - metadata.version and metadata.profiles; an attribute of a profile may be
//     there only if the profile is listed, and is required only then
//   - unknown, required and empty attributes, types, formats and ranges
//   - enum values, and that a sibling carries their caption: any text for 99
//     (Other) and for 0 (Unknown), the caption itself for all others
//   - the constraints at_least_one and just_one
//
// Recommended attributes may be absent, deprecated ones may be there.
func Validate(eventJSON []byte) []Violation { return Load().Validate(eventJSON) }

// Validate is Validate against f.
func (f *Facts) Validate(eventJSON []byte) []Violation {
	d := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if err := d.Parse(eventJSON); err != nil {
		return []Violation{{Message: err.Error()}}
	}
	v := validator{facts: f}
	if flags := d.Flags(); flags&(jsondoc.DuplicateKey|jsondoc.InvalidUTF8|jsondoc.LoneSurrogate) != 0 {
		v.add("", "the JSON is ambiguous: %s", strings.Join(flags.Names(), ", "))
	}
	v.event(d.Root())
	return v.found
}

// validator collects what is wrong with one event.
type validator struct {
	facts    *Facts
	profiles map[string]bool // those that metadata.profiles lists
	found    []Violation
}

func (v *validator) add(path, format string, args ...any) {
	v.found = append(v.found, Violation{path, fmt.Sprintf(format, args...)})
}

func (v *validator) event(root jsondoc.Value) {
	if root.Kind() != jsondoc.Object {
		v.add("", "want an object, have %s", root.Kind())
		return
	}
	uid, ok := root.Get("class_uid").Int()
	if !ok {
		v.add("class_uid", "required, and an integer; without it no class says what else must be there")
		return
	}
	class := v.facts.ClassByUID(uid)
	if class == nil {
		v.add("class_uid", "%d is no class of OCSF %s", uid, v.facts.Version)
		return
	}
	v.readProfiles(root.Path("metadata", "profiles"))
	if version, ok := root.Path("metadata", "version").Str(); ok && version != v.facts.Version {
		v.add("metadata.version", "is %q, the event is held against OCSF %s", version, v.facts.Version)
	}
	v.structure("", "class "+class.Name, class.Attributes, class.Constraints, root)
	v.classification(class, root)
}

func (v *validator) readProfiles(list jsondoc.Value) {
	v.profiles = map[string]bool{}
	i := 0
	for e := range list.Elements {
		if name, ok := e.Str(); ok {
			v.profiles[name] = true
			if !slices.Contains(v.facts.Profiles, name) {
				v.add(fmt.Sprintf("metadata.profiles[%d]", i), "%q is no profile%s", name, suggest.Hint(name, v.facts.Profiles))
			}
		}
		i++
	}
}

// structure checks the members of a class or object at path.
func (v *validator) structure(path, owner string, attributes map[string]*Attribute, c Constraints, value jsondoc.Value) {
	for name, m := range value.Members {
		a := attributes[name]
		switch {
		case a == nil:
			v.add(join(path, name), "no attribute of %s%s", owner, suggest.Hint(name, Names(attributes)))
		case a.Profile != "" && !v.profiles[a.Profile]:
			v.add(join(path, name), "belongs to the profile %s, which metadata.profiles does not list", a.Profile)
		default:
			v.attribute(join(path, name), a, m)
		}
	}
	for _, name := range Names(attributes) {
		a := attributes[name]
		if a.Requirement == "required" && (a.Profile == "" || v.profiles[a.Profile]) && !v.holds(a, value.Get(name)) {
			v.add(join(path, name), "required by %s", owner)
		}
		if a.Enum != nil && a.Sibling != "" && !classified[name] {
			v.sibling(path, name, a, value)
		}
	}
	if n := v.count(attributes, value, c.AtLeastOne); len(c.AtLeastOne) > 0 && n == 0 {
		v.add(path, "%s needs at least one of %s", owner, strings.Join(c.AtLeastOne, ", "))
	}
	if n := v.count(attributes, value, c.JustOne); len(c.JustOne) > 0 && n != 1 {
		v.add(path, "%s needs just one of %s, has %d", owner, strings.Join(c.JustOne, ", "), n)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// holds says whether the attribute a is there: null, an empty list and an object
// in which nothing is there are not, for weir's events cannot tell them from absent.
func (v *validator) holds(a *Attribute, m jsondoc.Value) bool {
	switch m.Kind() {
	case jsondoc.Absent:
		return false
	case jsondoc.Null:
		return a.Type == "json_t"
	case jsondoc.Array:
		return m.Len() > 0 || a.Type == "json_t"
	case jsondoc.Object:
		if a.Array || a.Object == "" || a.Object == Untyped {
			return true
		}
		below := v.facts.Object(a.Object).Attributes
		for name, e := range m.Members {
			if b := below[name]; b == nil || v.holds(b, e) {
				return true
			}
		}
		return false
	}
	return true
}

// count says how many of the names are there; a name may be a path (patch_state
// has device.os.version).
func (v *validator) count(attributes map[string]*Attribute, value jsondoc.Value, names []string) int {
	n := 0
	for _, name := range names {
		first, rest, isPath := strings.Cut(name, ".")
		a, m := attributes[first], value.Get(first)
		switch {
		case a == nil: // the facts leave the attribute out, not the constraint on it
		case isPath && a.Object != "":
			n += v.count(v.facts.Object(a.Object).Attributes, m, []string{rest})
		case v.holds(a, m):
			n++
		}
	}
	return n
}

// attribute checks the value, or each value of a list.
func (v *validator) attribute(path string, a *Attribute, m jsondoc.Value) {
	if !a.Array {
		v.single(path, a, m)
		return
	}
	if m.Kind() != jsondoc.Array {
		v.add(path, "want an array, have %s", m.Kind())
		return
	}
	i := 0
	for e := range m.Elements {
		v.single(fmt.Sprintf("%s[%d]", path, i), a, e)
		i++
	}
}

func (v *validator) single(path string, a *Attribute, m jsondoc.Value) {
	if a.Object == "" {
		v.scalar(path, a, m)
		return
	}
	if m.Kind() != jsondoc.Object {
		v.add(path, "want an object, have %s", m.Kind())
		return
	}
	if o := v.facts.Object(a.Object); o.Name != Untyped {
		v.structure(path, "object "+o.Name, o.Attributes, o.Constraints, m)
	}
}

// scalar checks type, format, range and enum.
func (v *validator) scalar(path string, a *Attribute, m jsondoc.Value) {
	base := v.facts.Base(a.Type)
	if problem := checkBase(base, m); problem != "" {
		v.add(path, "%s", problem)
		return
	}
	for name := a.Type; name != base; name = v.facts.Types[name].Type {
		if problem := v.facts.Types[name].check(name, m); problem != "" {
			v.add(path, "%s", problem)
		}
	}
	if a.Enum != nil && !classified[path] {
		if _, ok := a.Enum[m.Text()]; !ok {
			v.add(path, "%s is no value of its enum", m.Raw())
		}
	}
}

// checkBase checks the type that JSON itself tells apart and returns what is
// wrong, or "".
func checkBase(base string, m jsondoc.Value) string {
	ok, want := true, ""
	switch base {
	case "string_t":
		_, ok = m.Str()
		want = "a string"
	case "boolean_t":
		_, ok = m.Bool()
		want = "true or false"
	case "float_t":
		_, ok = m.Float()
		want = "a number"
	case "long_t":
		_, ok = m.Int()
		want = "an integer of 64 bits"
	case "integer_t":
		var n int64
		n, ok = m.Int()
		ok = ok && math.MinInt32 <= n && n <= math.MaxInt32
		want = "an integer of 32 bits"
	}
	if ok {
		return ""
	}
	if m.Kind() == jsondoc.Number {
		return fmt.Sprintf("want %s, have %.40s", want, m.Raw())
	}
	return fmt.Sprintf("want %s, have %s", want, m.Kind())
}

// sibling checks that the caption beside an enum agrees with it; of a list,
// element by element.
func (v *validator) sibling(path, name string, a *Attribute, value jsondoc.Value) {
	ids, captions := value.Get(name), value.Get(a.Sibling)
	if !captions.Exists() || !ids.Exists() {
		return
	}
	if !a.Array {
		v.caption(join(path, a.Sibling), name, a, ids, captions)
		return
	}
	if ids.Len() != captions.Len() {
		v.add(join(path, a.Sibling), "has %d elements, %s has %d", captions.Len(), name, ids.Len())
		return
	}
	for i := range ids.Len() {
		v.caption(fmt.Sprintf("%s[%d]", join(path, a.Sibling), i), name, a, ids.Index(i), captions.Index(i))
	}
}

func (v *validator) caption(path, name string, a *Attribute, id, caption jsondoc.Value) {
	want, known := a.Enum[id.Text()]
	got, isText := caption.Str()
	if known && isText && got != want && id.Text() != "0" && id.Text() != "99" {
		v.add(path, "is %q, the caption of %s %s is %q", got, name, id.Text(), want)
	}
}
