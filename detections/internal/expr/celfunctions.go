package expr

import (
	"errors"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // zones by name also where the system has none
	"unicode/utf8"

	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// celNatives are functions of CEL that rules use most, without CEL values. A
// fuzz test holds them against cel-go's.
var celNatives = map[string]closure.Native{
	overloads.ContainsString:   closure.WeighedBinary(strings.Contains, firstSteps),
	overloads.AddString:        closure.BinaryScratching(concat, func(a, b string) int { return textSteps(a) + textSteps(b) }),
	overloads.StartsWithString: closure.Binary(strings.HasPrefix),
	overloads.EndsWithString:   closure.Binary(strings.HasSuffix),
	overloads.SizeString:       closure.Weighed(characters, textSteps),
	overloads.SizeStringInst:   closure.Weighed(characters, textSteps),
	"string_lower_ascii":       closure.Scratching(lowerASCII, textSteps),
	"string_trim":              closure.Unary(strings.TrimSpace),

	overloads.TimestampToHours:                 closure.Unary(getHours),
	overloads.TimestampToMinutes:               closure.Unary(getMinutes),
	overloads.TimestampToDayOfWeek:             closure.Unary(getDayOfWeek),
	overloads.TimestampToDayOfMonthOneBased:    closure.Unary(getDate),
	overloads.TimestampToDayOfMonthZeroBased:   closure.Unary(getDayOfMonth),
	overloads.TimestampToMonth:                 closure.Unary(getMonth),
	overloads.TimestampToYear:                  closure.Unary(getFullYear),
	"int_of_string":                            closure.Unary(parseInt),
	"int_of_" + ocsfcel.JSONType.TypeName():    closure.Unary(intOfJSON),
	"double_of_string":                         closure.Unary(parseDouble),
	"double_of_" + ocsfcel.JSONType.TypeName(): closure.Unary(doubleOfJSON),
	"timestamp_of_string":                      closure.Unary(parseTimestamp),
	"timestamp_of_int":                         closure.Unary(func(i int64) time.Time { return time.Unix(i, 0).UTC() }),
	"string_of_json":                           closure.Unary(ocsfcel.JSON.String),
	overloads.StringToString:                   closure.Unary(func(s string) string { return s }),
}

func characters(s string) int64 { return int64(utf8.RuneCountInString(s)) }

func concat(to *closure.Scratch, a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return to.Text(append(append(to.Room(len(a)+len(b)), a...), b...))
}

// lowerASCII reads as cel-go what is no UTF-8, as U+FFFD.
func lowerASCII(to *closure.Scratch, s string) string {
	same := 0
	for same < len(s) && s[same] < utf8.RuneSelf && (s[same] < 'A' || 'Z' < s[same]) {
		same++
	}
	if same == len(s) {
		return s
	}
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	lower := append(to.Room(len(s)), s...)
	for i, c := range lower[same:] {
		if 'A' <= c && c <= 'Z' {
			lower[same+i] += 'a' - 'A'
		}
	}
	return to.Text(lower)
}

func getHours(t time.Time) int64      { return int64(t.Hour()) }
func getMinutes(t time.Time) int64    { return int64(t.Minute()) }
func getDayOfWeek(t time.Time) int64  { return int64(t.Weekday()) }
func getDate(t time.Time) int64       { return int64(t.Day()) }
func getDayOfMonth(t time.Time) int64 { return int64(t.Day() - 1) }
func getMonth(t time.Time) int64      { return int64(t.Month() - 1) }
func getFullYear(t time.Time) int64   { return int64(t.Year()) }

// preparations read literals behind the first argument once.
var preparations = map[string]closure.Prepare{
	overloads.MatchesString:                  pattern,
	overloads.Matches:                        pattern,
	"regex_extract_string_string":            extraction,
	"regex_extractAll_string_string":         extractions,
	"regex_replace_string_string_string":     replacing,
	"regex_replace_string_string_string_int": replacing,

	overloads.TimestampToHoursWithTz:               zoned(getHours),
	overloads.TimestampToMinutesWithTz:             zoned(getMinutes),
	overloads.TimestampToDayOfWeekWithTz:           zoned(getDayOfWeek),
	overloads.TimestampToDayOfMonthOneBasedWithTz:  zoned(getDate),
	overloads.TimestampToDayOfMonthZeroBasedWithTz: zoned(getDayOfMonth),
	overloads.TimestampToMonthWithTz:               zoned(getMonth),
	overloads.TimestampToYearWithTz:                zoned(getFullYear),

	jsonIn + " list(string)": func(literals []ref.Val) (closure.Native, int) {
		texts, ok := closure.Texts(literals[0])
		if !ok {
			return nil, 0
		}
		set := make(map[string]struct{}, len(texts))
		for _, t := range texts {
			set[t] = struct{}{}
		}
		return closure.Unary(func(j ocsfcel.JSON) bool {
			s, ok := j.Str()
			_, found := set[s]
			return ok && found
		}), closure.CostCall
	},
}

// zoned is a part of a time in a zone that a literal names.
func zoned(get func(time.Time) int64) closure.Prepare {
	return func(literals []ref.Val) (closure.Native, int) {
		name, ok := literals[0].(types.String)
		if !ok || strings.Contains(string(name), ":") {
			return nil, 0 // an offset as +02:00 is left to cel-go's function
		}
		zone, err := time.LoadLocation(string(name))
		if err != nil {
			return nil, 0
		}
		return closure.Unary(func(t time.Time) int64 { return get(t.In(zone)) }), closure.CostCall
	}
}

// offset is what CEL takes for a time zone beside names.
var offset = regexp.MustCompile(`^[+-]?([01]?\d|2[0-3]):[0-5]\d$`)

// errLocal refuses the zone of the machine: a rule would mean another thing on each.
var errLocal = errors.New("the zone of the machine")

func checkZone(name string) error {
	if offset.MatchString(name) {
		return nil
	}
	if name == "Local" {
		return errLocal
	}
	_, err := time.LoadLocation(name)
	return err
}
