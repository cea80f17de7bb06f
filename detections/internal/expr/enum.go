package expr

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/ast"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// enum is an OCSF enum as rules name it.
type enum struct {
	name   string // Status, UserType
	key    string // the attribute: status_id, user.type_id
	values []ocsf.EnumValue
}

// constant is a use of an enum's constant: Status.SUCCESS.
type constant struct {
	enum      *enum
	line, col int // where it begins
}

// constants are all uses in the expression, in its order.
func (u *unit) constants() []ocsfcel.Constant {
	var all []ocsfcel.Constant
	for _, c := range u.consts {
		all = append(all, ocsfcel.Constant{Enum: c.enum.name, Attribute: c.enum.key, Line: c.line, Col: c.col})
	}
	slices.SortFunc(all, func(a, b ocsfcel.Constant) int { return cmp.Or(a.Line-b.Line, a.Col-b.Col) })
	return all
}

// constant remembers a use, given the enum's name in it.
func (u *unit) constant(e *enum, name ast.Expr) constant {
	line, col := u.place(name.ID())
	return constant{e, line, col}
}

// enumsOf are the enums that an expression over the class may name: those of the
// class by the attribute (status_id is Status), those of objects with the object
// before it (user.type_id is UserType).
func enumsOf(class *ocsf.Class) map[string]*enum {
	all := map[string]*enum{}
	for i := range ocsf.Objects {
		o := &ocsf.Objects[i]
		object, _, _ := strings.Cut(o.Name, "/")
		for j := range o.Attributes {
			addEnum(all, object, &o.Attributes[j])
		}
	}
	for i := range class.Attributes {
		addEnum(all, "", &class.Attributes[i])
	}
	return all
}

func addEnum(all map[string]*enum, object string, a *ocsf.Attribute) {
	base, isID := strings.CutSuffix(a.Name, "_id")
	if a.Enum == nil || !isID || a.Kind != ocsf.KindInt32 && a.Kind != ocsf.KindInt64 {
		return
	}
	e := &enum{name: pascal(object) + pascal(base), key: enumKey(object, a), values: a.Enum}
	all[e.name] = e
}

// enumKey identifies an enum: two attributes of one key may be compared.
func enumKey(object string, a *ocsf.Attribute) string {
	if object == "" {
		return a.Name
	}
	object, _, _ = strings.Cut(object, "/")
	return object + "." + a.Name
}

func pascal(snake string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(snake, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// constantName is a caption as a constant: "In Progress" is IN_PROGRESS.
func constantName(caption string) string {
	words := strings.FieldsFunc(caption, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.ToUpper(strings.Join(words, "_"))
}

// find is the value of a constant.
func (e *enum) find(name string) (int64, bool) {
	for _, v := range e.values {
		if constantName(v.Caption) == name {
			return v.Value, true
		}
	}
	return 0, false
}

func (e *enum) has(value int64) bool {
	for _, v := range e.values {
		if v.Value == value {
			return true
		}
	}
	return false
}

// bounds are the least and the greatest value; an absent attribute reads as 0.
func (e *enum) bounds() (least, most int64) {
	for _, v := range e.values {
		least, most = min(least, v.Value), max(most, v.Value)
	}
	return least, most
}

// constants are the names of all constants.
func (e *enum) constants() []string {
	names := make([]string, len(e.values))
	for i, v := range e.values {
		names[i] = constantName(v.Caption)
	}
	return names
}

// describe lists what an enum has, shortened if there is much of it.
func (e *enum) describe() string {
	const most = 12
	var parts []string
	for i, v := range e.values {
		if i == most {
			parts = append(parts, "... "+strconv.Itoa(len(e.values)-most)+" more")
			break
		}
		parts = append(parts, e.name+"."+constantName(v.Caption)+" ("+strconv.FormatInt(v.Value, 10)+")")
	}
	return strings.Join(parts, ", ")
}
