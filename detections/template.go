package detections

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// template is a title: texts with expressions between them.
type template struct{ parts []part }

// part is a text, or an expression.
type part struct {
	text string
	expr *expr.Expr
}

// maxTitleValue bounds what one expression adds to a title, in characters.
const maxTitleValue = 256

// span is a part of a template before it is compiled: text, or the source of an
// expression that begins at offset, in characters.
type span struct {
	text   string
	isExpr bool
	offset int
}

// splitTemplate finds the expressions. problem is empty if there is none, else it
// is at offset at.
func splitTemplate(s string) (spans []span, problem string, at int) {
	runes := []rune(s)
	var text strings.Builder
	for i := 0; i < len(runes); i++ {
		switch {
		case runes[i] == '{' && i+1 < len(runes) && runes[i+1] == '{', runes[i] == '}' && i+1 < len(runes) && runes[i+1] == '}':
			text.WriteRune(runes[i])
			i++
		case runes[i] == '{':
			end := closingBrace(runes, i)
			if end < 0 {
				return nil, "the { is not closed; write {{ for a brace of the text", i
			}
			if text.Len() > 0 {
				spans = append(spans, span{text: text.String()})
				text.Reset()
			}
			spans = append(spans, span{text: string(runes[i+1 : end]), isExpr: true, offset: i + 1})
			i = end
		case runes[i] == '}':
			return nil, "a } without a {; write }} for a brace of the text", i
		default:
			text.WriteRune(runes[i])
		}
	}
	if text.Len() > 0 {
		spans = append(spans, span{text: text.String()})
	}
	return spans, "", 0
}

// closingBrace is the index of the brace that closes the one at open, with regard
// to CEL's texts and nested braces; -1 if there is none.
func closingBrace(runes []rune, open int) int {
	depth, quote := 0, rune(0)
	for i := open; i < len(runes); i++ {
		switch r := runes[i]; {
		case quote != 0 && r == '\\':
			i++
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '{':
			depth++
		case r == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// render is the title for the scope's event. An absent or empty value prints as a
// dash, as does one that cannot be computed; err is the first reason.
func (t *template) render(s *expr.Scope) (title string, err error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		value := ""
		if p.expr.Present(s) {
			v, problem := p.expr.Eval(s)
			if problem == nil {
				value = printable(valueText(v))
			} else if err == nil {
				err = problem
			}
		}
		if value == "" {
			value = "-"
		}
		b.WriteString(value)
	}
	return b.String(), err
}

// valueText is a scalar as a person reads it.
func valueText(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'g', -1, 64)
	case types.Timestamp:
		return v.Format("2006-01-02T15:04:05.999Z07:00")
	case types.Duration:
		return v.Duration.Round(time.Millisecond).String()
	case ocsfcel.JSON:
		return v.String()
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10)
	case types.Bool:
		return strconv.FormatBool(bool(v))
	}
	return ""
}

// printable bounds a value that an attacker may have chosen, and keeps control
// characters out of terminals and log files.
func printable(s string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(clean); len(runes) > maxTitleValue {
		return string(runes[:maxTitleValue]) + "…"
	}
	return clean
}
