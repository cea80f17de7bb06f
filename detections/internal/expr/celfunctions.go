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
	overloads.AddString:        closure.WeighedBinary(func(a, b string) string { return a + b }, func(a, b string) int { return textSteps(a) + textSteps(b) }),
	overloads.StartsWithString: closure.Binary(strings.HasPrefix),
	overloads.EndsWithString:   closure.Binary(strings.HasSuffix),
	overloads.SizeString:       closure.Weighed(characters, textSteps),
	overloads.SizeStringInst:   closure.Weighed(characters, textSteps),
	"string_lower_ascii":       closure.Weighed(lowerASCII, textSteps),
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

func lowerASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

func getHours(t time.Time) int64      { return int64(t.Hour()) }
func getMinutes(t time.Time) int64    { return int64(t.Minute()) }
func getDayOfWeek(t time.Time) int64  { return int64(t.Weekday()) }
func getDate(t time.Time) int64       { return int64(t.Day()) }
func getDayOfMonth(t time.Time) int64 { return int64(t.Day() - 1) }
func getMonth(t time.Time) int64      { return int64(t.Month() - 1) }
func getFullYear(t time.Time) int64   { return int64(t.Year()) }

// preparations read a literal last argument once.
var preparations = map[string]func(ref.Val) (closure.Native, int){
	overloads.MatchesString: pattern,
	overloads.Matches:       pattern,
	regexExtract:            extraction,

	overloads.TimestampToHoursWithTz:               zoned(getHours),
	overloads.TimestampToMinutesWithTz:             zoned(getMinutes),
	overloads.TimestampToDayOfWeekWithTz:           zoned(getDayOfWeek),
	overloads.TimestampToDayOfMonthOneBasedWithTz:  zoned(getDate),
	overloads.TimestampToDayOfMonthZeroBasedWithTz: zoned(getDayOfMonth),
	overloads.TimestampToMonthWithTz:               zoned(getMonth),
	overloads.TimestampToYearWithTz:                zoned(getFullYear),

	jsonIn + " list(string)": func(list ref.Val) (closure.Native, int) {
		texts, ok := closure.Texts(list)
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

func pattern(literal ref.Val) (closure.Native, int) {
	text, ok := literal.(types.String)
	if !ok {
		return nil, 0
	}
	re, err := regexp.Compile(string(text))
	if err != nil {
		return nil, 0
	}
	if strings.HasPrefix(string(text), "^") { // most texts are decided at their begin
		return closure.Unary(re.MatchString), closure.CostRegex
	}
	steps := 8 * patternFactor(string(text))
	return closure.Weighed(re.MatchString, func(s string) int { return steps * len(s) / closure.CharactersPerStep }), closure.CostRegex
}

// regexExtract is the overload of regex.extract(text, pattern).
const regexExtract = "regex_extract_string_string"

// extraction is regex.extract with a pattern that is compiled once: cel-go's compiles it
// for every text.
func extraction(literal ref.Val) (closure.Native, int) {
	text, ok := literal.(types.String)
	if !ok {
		return nil, 0
	}
	re, err := regexp.Compile(string(text))
	if err != nil || re.NumSubexp() > 1 {
		return nil, 0 // an error, which cel-go says
	}
	steps, group := 8*patternFactor(string(text)), re.NumSubexp()
	return closure.Weighed(func(s string) ref.Val {
		at := re.FindStringSubmatchIndex(s)
		if at == nil || group == 1 && at[2] == at[3] { // an empty group is none
			return types.OptionalNone
		}
		return types.OptionalOf(types.String(s[at[2*group]:at[2*group+1]]))
	}, func(s string) int { return steps * len(s) / closure.CharactersPerStep }), 2 * closure.CostRegex
}

// zoned is a part of a time in a zone that a literal names.
func zoned(get func(time.Time) int64) func(ref.Val) (closure.Native, int) {
	return func(literal ref.Val) (closure.Native, int) {
		name, ok := literal.(types.String)
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
