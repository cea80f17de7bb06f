package expr

import (
	"cmp"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// The functions that operators on JSON are rewritten to. Their names cannot be
// written in a rule.
const (
	jsonEqual        = "@json =="
	jsonNotEqual     = "@json !="
	jsonLess         = "@json <"
	jsonLessEqual    = "@json <="
	jsonGreater      = "@json >"
	jsonGreaterEqual = "@json >="
	jsonIn           = "@json in"       // a JSON value in a list
	jsonContains     = "@json contains" // a value in a JSON array
	jsonAt           = "@json []"
	jsonHas          = "@json has"
	jsonIsNull       = "@json null"
	jsonItems        = "@json items"
	jsonSize         = "@json size"
)

// comparableTypes are what JSON may be compared with. Null is apart (jsonIsNull):
// to cel-go's checker a duration, too, would be one.
var comparableTypes = []*cel.Type{cel.StringType, cel.IntType, cel.UintType, cel.DoubleType, cel.BoolType, ocsfcel.JSONType}

// jsonFunctions compare JSON by value: an absent value equals nothing and has no
// order, so that every comparison with it but != is false.
func jsonFunctions() []cel.EnvOption {
	is := func(a, b ref.Val) bool { return a.(ocsfcel.JSON).Is(b) }
	ordered := func(wanted func(c int) bool) func(a, b ref.Val) bool {
		return func(a, b ref.Val) bool {
			c, ok := a.(ocsfcel.JSON).Compare(b)
			return ok && wanted(c)
		}
	}
	return []cel.EnvOption{
		compareJSON(jsonEqual, is),
		compareJSON(jsonNotEqual, func(a, b ref.Val) bool { return !is(a, b) }),
		compareJSON(jsonLess, ordered(func(c int) bool { return c < 0 })),
		compareJSON(jsonLessEqual, ordered(func(c int) bool { return c <= 0 })),
		compareJSON(jsonGreater, ordered(func(c int) bool { return c > 0 })),
		compareJSON(jsonGreaterEqual, ordered(func(c int) bool { return c >= 0 })),
		compareJSON(jsonContains, containsJSON),
		cel.Function(jsonIn, listsOf(func(list *cel.Type) cel.FunctionOpt {
			return binary(jsonIn+" "+list.String(), ocsfcel.JSONType, list, cel.BoolType, jsonInList)
		})...),
		cel.Function(jsonAt,
			binary(jsonAt+" int", ocsfcel.JSONType, cel.IntType, ocsfcel.JSONType, func(j, i ref.Val) ref.Val {
				return j.(ocsfcel.JSON).At(int64(i.(types.Int)))
			}),
			binary(jsonAt+" string", ocsfcel.JSONType, cel.StringType, ocsfcel.JSONType, func(j, k ref.Val) ref.Val {
				return j.(ocsfcel.JSON).Get(string(k.(types.String)))
			})),
		cel.Function(jsonHas, unary(jsonHas, ocsfcel.JSONType, cel.BoolType, func(j ref.Val) ref.Val {
			return types.Bool(j.(ocsfcel.JSON).Exists())
		})),
		cel.Function(jsonIsNull, unary(jsonIsNull, ocsfcel.JSONType, cel.BoolType, func(j ref.Val) ref.Val {
			return types.Bool(j.(ocsfcel.JSON).Kind() == jsondoc.Null)
		})),
		cel.Function(jsonItems, unary(jsonItems, ocsfcel.JSONType, cel.ListType(ocsfcel.JSONType), func(j ref.Val) ref.Val {
			return j.(ocsfcel.JSON).Items()
		})),
		cel.Function(jsonSize, unary(jsonSize, ocsfcel.JSONType, cel.IntType, sizeOfJSON)),
	}
}

func compareJSON(name string, f func(a, b ref.Val) bool) cel.EnvOption {
	var overloads []cel.FunctionOpt
	for _, t := range comparableTypes {
		overloads = append(overloads, binary(name+" "+t.TypeName(), ocsfcel.JSONType, t, cel.BoolType,
			func(a, b ref.Val) ref.Val { return types.Bool(f(a, b)) }))
	}
	return cel.Function(name, overloads...)
}

func listsOf(overload func(list *cel.Type) cel.FunctionOpt) []cel.FunctionOpt {
	var all []cel.FunctionOpt
	for _, t := range comparableTypes {
		all = append(all, overload(cel.ListType(t)))
	}
	return all
}

func jsonInList(j, list ref.Val) ref.Val {
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if j.(ocsfcel.JSON).Is(it.Next()) {
			return types.True
		}
	}
	return types.False
}

// containsJSON tells whether an array has an element, or an object a member.
func containsJSON(container, value ref.Val) bool {
	j := container.(ocsfcel.JSON)
	switch j.Kind() {
	case jsondoc.Array:
		for e := range j.Elements {
			if (ocsfcel.JSONOf(e)).Is(value) {
				return true
			}
		}
	case jsondoc.Object:
		key, ok := value.(types.String)
		return ok && j.Get(string(key)).Exists()
	}
	return false
}

// sizeOfJSON is the number of elements or members, or of a text's characters.
func sizeOfJSON(v ref.Val) ref.Val {
	j := v.(ocsfcel.JSON)
	if s, ok := j.Str(); ok {
		return types.String(s).Size()
	}
	return types.Int(j.Len())
}

// jsonNatives are the comparisons that rules use most, without CEL values.
func jsonNatives() map[string]closure.Native {
	text, integer, boolean := " "+types.StringType.TypeName(), " "+types.IntType.TypeName(), " "+types.BoolType.TypeName()
	all := map[string]closure.Native{
		jsonHas:    closure.Unary(ocsfcel.JSON.Exists),
		jsonIsNull: closure.Unary(func(j ocsfcel.JSON) bool { return j.Kind() == jsondoc.Null }),
		jsonEqual + text: closure.Binary(func(j ocsfcel.JSON, s string) bool {
			t, ok := j.Str()
			return ok && t == s
		}),
		jsonNotEqual + text: closure.Binary(func(j ocsfcel.JSON, s string) bool {
			t, ok := j.Str()
			return !ok || t != s
		}),
		jsonEqual + boolean: closure.Binary(func(j ocsfcel.JSON, b bool) bool {
			v, ok := j.Bool()
			return ok && v == b
		}),
		jsonNotEqual + boolean: closure.Binary(func(j ocsfcel.JSON, b bool) bool {
			v, ok := j.Bool()
			return !ok || v != b
		}),
		jsonAt + " int":     closure.Binary(ocsfcel.JSON.At),
		jsonAt + " string":  closure.Binary(ocsfcel.JSON.Get),
		jsonContains + text: closure.WeighedBinary(containsText, func(j ocsfcel.JSON, _ string) int { return j.Len() }),
		jsonSize: closure.Unary(func(j ocsfcel.JSON) int64 {
			if s, ok := j.Str(); ok {
				return characters(s)
			}
			return int64(j.Len())
		}),
	}
	for name, holds := range map[string]func(order int, ordered bool) bool{
		jsonEqual:        func(o int, ordered bool) bool { return ordered && o == 0 },
		jsonNotEqual:     func(o int, ordered bool) bool { return !ordered || o != 0 },
		jsonLess:         func(o int, ordered bool) bool { return ordered && o < 0 },
		jsonLessEqual:    func(o int, ordered bool) bool { return ordered && o <= 0 },
		jsonGreater:      func(o int, ordered bool) bool { return ordered && o > 0 },
		jsonGreaterEqual: func(o int, ordered bool) bool { return ordered && o >= 0 },
	} {
		all[name+integer] = closure.Binary(func(j ocsfcel.JSON, n int64) bool { return holds(orderOfInt(j, n)) })
	}
	return all
}

// orderOfInt is the order of JSON and an integer, if it is a number.
func orderOfInt(j ocsfcel.JSON, n int64) (order int, ordered bool) {
	if i, ok := j.Int(); ok {
		return cmp.Compare(i, n), true
	}
	return j.Compare(types.Int(n))
}

// containsText is containsJSON of a text.
func containsText(j ocsfcel.JSON, text string) bool {
	if j.Kind() == jsondoc.Object {
		return j.Get(text).Exists()
	}
	for e := range j.Elements {
		if s, ok := e.Str(); ok && s == text {
			return true
		}
	}
	return false
}
