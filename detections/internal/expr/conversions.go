package expr

import (
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// conversionFunctions are int, double, timestamp and string. They are total: a
// value that cannot be converted gives zero, as an absent one does. conversions
// declares them.
var conversionFunctions = []Function{
	{Section: "Conversions", Name: "int", Signature: "int(any) -> int", Cost: "1",
		Doc:     "A number, a text of one, a JSON value; a time in seconds since 1970, a bool as 0 or 1. 0 for what is none; fractions are cut.",
		Example: `int("42") == 42 && int(api.operation) == 0`},
	{Section: "Conversions", Name: "double", Signature: "double(any) -> double", Cost: "1",
		Doc: "As int, with fractions.", Example: `double("1.5") == 1.5 && double(api.operation) == 0.0`},
	{Section: "Conversions", Name: "timestamp", Signature: "timestamp(text | int | json) -> timestamp", Cost: "1",
		Doc:     "A time of RFC 3339, or seconds since 1970, which is also what anything else gives.",
		Example: `timestamp("2026-01-31T12:00:00Z").getDayOfMonth() == 30 && timestamp(api.operation) == timestamp(0)`},
	{Section: "Conversions", Name: "string", Signature: "string(any) -> string", Cost: "1 + 0.1 a character",
		Doc:     "The text of a value. Of JSON: a text as it is, an object or array as JSON, empty for null and what is absent.",
		Example: `string(42) == "42" && string(raw.no.such.field) == ""`},
	{Section: "Conversions", Name: "bool", Signature: "bool(json | text) -> bool", Cost: "1",
		Doc:     "Of JSON: true for true and \"true\", else false. Of a text that is no boolean it is an error.",
		Example: `bool("true") && !bool(raw.no.such.field)`},
	{Section: "Conversions", Name: "duration", Signature: "duration(text) -> duration", Cost: "1",
		Doc: "A length of time in h, m, s, ms. A literal is checked when the rule is loaded; another text that is none is an error.", Example: `duration("90m") == duration("1h30m")`},
}

// conversions declares the conversions, on top of those that CEL has itself.
func conversions() []cel.EnvOption {
	var ints, doubles []cel.FunctionOpt
	for _, from := range []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType, cel.StringType, cel.TimestampType, cel.DurationType, cel.BoolType, ocsfcel.JSONType} {
		ints = append(ints, unary("int_of_"+from.TypeName(), from, cel.IntType, toInt))
		doubles = append(doubles, unary("double_of_"+from.TypeName(), from, cel.DoubleType, doubleOf))
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
		return types.Int(intOfJSON(v))
	}
	return orZero(v.ConvertToType(types.IntType), types.IntZero)
}

func intOfJSON(j ocsfcel.JSON) int64 {
	if b, ok := j.Bool(); ok && b {
		return 1
	}
	return parseInt(j.String())
}

func doubleOfJSON(j ocsfcel.JSON) float64 {
	if b, ok := j.Bool(); ok && b {
		return 1
	}
	return parseDouble(j.String())
}

func parseInt(s string) int64 {
	if !numeric(s) {
		return 0
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f || f >= 1<<63 || f < -1<<63 {
		return 0
	}
	return int64(f)
}

// numeric is false for most texts that are no number; strconv would allocate an
// error for each.
func numeric(s string) bool {
	if s == "" {
		return false
	}
	switch c := s[0]; {
	case '0' <= c && c <= '9', c == '-', c == '+', c == '.':
		return true
	case c == 'i', c == 'I', c == 'n', c == 'N':
		return len(s) <= len("infinity")
	}
	return false
}

func doubleOf(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		return types.Double(parseDouble(string(v)))
	case ocsfcel.JSON:
		return types.Double(doubleOfJSON(v))
	case types.Bool, types.Timestamp, types.Duration:
		return types.Double(toInt(v).(types.Int))
	}
	return orZero(v.ConvertToType(types.DoubleType), types.Double(0))
}

func parseDouble(s string) float64 {
	if !numeric(s) {
		return 0
	}
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
		return types.Timestamp{Time: parseTimestamp(string(v))}
	case ocsfcel.JSON:
		if s, ok := v.Str(); ok {
			return types.Timestamp{Time: parseTimestamp(s)}
		}
		return toTimestamp(toInt(v))
	}
	return types.Timestamp{Time: time.Unix(0, 0).UTC()}
}

func parseTimestamp(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t = time.Unix(0, 0)
	}
	return t.UTC()
}

func orZero(v, zero ref.Val) ref.Val {
	if types.IsError(v) {
		return zero
	}
	return v
}
