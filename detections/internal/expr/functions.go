package expr

import (
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

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
		ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Encoders(), ext.Regex(),
	}
	options = append(options, cel.Function(mistake, cel.Overload(mistake, nil, cel.DynType)))
	options = append(options, conversions()...)
	options = append(options, textFunctions()...)
	options = append(options, ipFunctions()...)
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

func member(id string, a, b, result *cel.Type, f func(a, b ref.Val) ref.Val) cel.FunctionOpt {
	return cel.MemberOverload(id, []*cel.Type{a, b}, result, cel.BinaryBinding(f))
}

// conversions are int, double, timestamp and string. They are total: a value that
// cannot be converted gives zero, as an absent one does.
func conversions() []cel.EnvOption {
	var ints, doubles []cel.FunctionOpt
	for _, from := range []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType, cel.StringType, cel.TimestampType, cel.DurationType, cel.BoolType, ocsfcel.JSONType} {
		ints = append(ints, unary("int_of_"+from.TypeName(), from, cel.IntType, toInt))
		doubles = append(doubles, unary("double_of_"+from.TypeName(), from, cel.DoubleType, toDouble))
	}
	return []cel.EnvOption{
		cel.Function("int", ints...),
		cel.Function("double", doubles...),
		cel.Function("timestamp",
			unary("timestamp_of_string", cel.StringType, cel.TimestampType, toTimestamp),
			unary("timestamp_of_int", cel.IntType, cel.TimestampType, toTimestamp),
			unary("timestamp_of_timestamp", cel.TimestampType, cel.TimestampType, toTimestamp),
			unary("timestamp_of_json", ocsfcel.JSONType, cel.TimestampType, toTimestamp)),
		cel.Function("string", unary("string_of_json", ocsfcel.JSONType, cel.StringType, func(v ref.Val) ref.Val {
			return types.String(v.(ocsfcel.JSON).String())
		})),
		cel.Function("bool", unary("bool_of_json", ocsfcel.JSONType, cel.BoolType, func(v ref.Val) ref.Val {
			j := v.(ocsfcel.JSON)
			return types.Bool(j.Is(types.True) || j.Is(types.String("true")))
		})),
	}
}

func toInt(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		return types.Int(parseInt(string(v)))
	case types.Bool:
		if v {
			return types.IntOne
		}
		return types.IntZero
	case ocsfcel.JSON:
		return types.Int(parseInt(v.String()))
	}
	return orZero(v.ConvertToType(types.IntType), types.IntZero)
}

func parseInt(s string) int64 {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f || f >= 1<<63 || f < -1<<63 {
		return 0
	}
	return int64(f)
}

func toDouble(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		return types.Double(parseDouble(string(v)))
	case ocsfcel.JSON:
		return types.Double(parseDouble(v.String()))
	case types.Bool, types.Timestamp, types.Duration:
		return types.Double(toInt(v).(types.Int))
	}
	return orZero(v.ConvertToType(types.DoubleType), types.Double(0))
}

func parseDouble(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}

// toTimestamp reads RFC 3339 texts, and integers as seconds since the epoch, which
// is also what it gives for anything else.
func toTimestamp(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Timestamp:
		return v
	case types.Int:
		return types.Timestamp{Time: time.Unix(int64(v), 0).UTC()}
	case types.String:
		return parseTimestamp(string(v))
	case ocsfcel.JSON:
		if s, ok := v.Str(); ok {
			return parseTimestamp(s)
		}
		return toTimestamp(toInt(v))
	}
	return types.Timestamp{Time: time.Unix(0, 0).UTC()}
}

func parseTimestamp(s string) ref.Val {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t = time.Unix(0, 0)
	}
	return types.Timestamp{Time: t.UTC()}
}

func orZero(v, zero ref.Val) ref.Val {
	if types.IsError(v) {
		return zero
	}
	return v
}

// textFunctions compare without regard to case and match globs.
func textFunctions() []cel.EnvOption {
	s := cel.StringType
	return []cel.EnvOption{
		cel.Function("equalsFold", member("string_equals_fold", s, s, cel.BoolType, func(a, b ref.Val) ref.Val {
			return types.Bool(strings.EqualFold(string(a.(types.String)), string(b.(types.String))))
		})),
		cel.Function("containsFold", member("string_contains_fold", s, s, cel.BoolType, func(a, b ref.Val) ref.Val {
			return types.Bool(strings.Contains(strings.ToLower(string(a.(types.String))), strings.ToLower(string(b.(types.String)))))
		})),
		cel.Function("glob", member("string_glob", s, s, cel.BoolType, func(a, b ref.Val) ref.Val {
			return types.Bool(globMatch(string(b.(types.String)), string(a.(types.String)), false))
		})),
		cel.Function("globFold", member("string_glob_fold", s, s, cel.BoolType, func(a, b ref.Val) ref.Val {
			return types.Bool(globMatch(string(b.(types.String)), string(a.(types.String)), true))
		})),
	}
}

// inList is the function that tells whether a value is in a list.
func inList(l *List) cel.EnvOption {
	return cel.Function(listFunction(l.Name),
		unary("in_list_string_"+l.Name, cel.StringType, cel.BoolType, func(v ref.Val) ref.Val {
			return types.Bool(l.Contains(string(v.(types.String))))
		}),
		unary("in_list_json_"+l.Name, ocsfcel.JSONType, cel.BoolType, func(v ref.Val) ref.Val {
			s, ok := v.(ocsfcel.JSON).Str()
			return types.Bool(ok && l.Contains(s))
		}))
}

const listPrefix = "@in_list_"

func listFunction(name string) string { return listPrefix + name }
