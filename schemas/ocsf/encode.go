package ocsf

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// closeObject ends the object whose members begin at start, each with a comma
// before it.
func closeObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, '{', '}')
	}
	dst[start] = '{'
	return append(dst, '}')
}

// AppendString appends s as a JSON string, as events have it.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s) }

// AppendFloat appends v as a JSON number, as events have it. It must be finite.
func AppendFloat(dst []byte, v float64) []byte { return appendFloat(dst, v) }

func appendString(dst []byte, s string) []byte { return jsondoc.AppendString(dst, s) }

// appendFloat writes the shortest decimal that reads back as v: plain between
// 1e-6 and 1e21, with an exponent beyond. Setters let no NaN or infinity in.
func appendFloat(dst []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// appendJSON appends a JSON text as it is, unless it spans lines, for events
// travel as lines: then it is compacted. What is no JSON (a mapper's mistake)
// becomes null rather than break the event around it; only an empty text, a line
// break and invalid UTF-8 are looked for.
func appendJSON(dst []byte, text JSON) []byte {
	s := string(text)
	if s != "" && strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 && utf8.ValidString(s) {
		return append(dst, s...)
	}
	var d jsondoc.Doc
	if d.ParseString(s) != nil {
		return append(dst, "null"...)
	}
	return d.Root().AppendJSON(dst)
}
