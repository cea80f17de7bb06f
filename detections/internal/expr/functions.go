package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// library is the functions of every class's environment: CEL's own, without has()
// (see rewrite.go) and with total conversions, cel-go's extensions, and weir's.
func library() []cel.EnvOption {
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{
			IncludeMacros: []string{"all", "exists", "exists_one", "map", "filter"},
			ExcludeFunctions: []*env.Function{{Name: "int"}, {Name: "double"}, {Name: "timestamp"},
				{Name: "dyn"}}, // it would take the types away, and a typo with them
		})),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		cel.Types(closure.IPType, closure.CIDRType),
		ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Encoders(ext.EncodersVersion(0)), ext.Regex(),
	}
	options = append(options, cel.Function(mistake, cel.Overload(mistake, nil, cel.DynType)))
	options = append(options, conversions()...)
	options = append(options, declare()...)
	options = append(options, listFunctions())
	return append(options, jsonFunctions()...)
}

// mistake stands for a part of an expression that is wrong; see unit.expr.
const mistake = "@mistake"

func unary(id string, arg, result *cel.Type, f func(ref.Val) ref.Val) cel.FunctionOpt {
	return cel.Overload(id, []*cel.Type{arg}, result, cel.UnaryBinding(f))
}

func binary(id string, a, b, result *cel.Type, f func(a, b ref.Val) ref.Val) cel.FunctionOpt {
	return cel.Overload(id, []*cel.Type{a, b}, result, cel.BinaryBinding(f))
}

// inList is the function that tells whether a value is in a list.
func inList(l *List) cel.EnvOption {
	return cel.Function(listFunction(l.Name),
		unary(inListText+l.Name, cel.StringType, cel.BoolType, func(v ref.Val) ref.Val {
			return types.Bool(l.Contains(string(v.(types.String))))
		}),
		unary(inListJSON+l.Name, ocsfcel.JSONType, cel.BoolType, func(v ref.Val) ref.Val {
			s, ok := v.(ocsfcel.JSON).Str()
			return types.Bool(ok && l.Contains(s))
		}))
}

// listNatives are the two forms of inList without CEL values.
func listNatives(l *List) (text, json closure.Native) {
	return closure.Unary(l.Contains), closure.Unary(func(j ocsfcel.JSON) bool {
		s, ok := j.Str()
		return ok && l.Contains(s)
	})
}

const (
	listPrefix = "@in_list_"
	inListText = "in_list_string_"
	inListJSON = "in_list_json_"
)

func listFunction(name string) string { return listPrefix + name }
