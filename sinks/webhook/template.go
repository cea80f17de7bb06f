package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/weir-security/weir/sinks"
)

// bodyTemplate makes the body of an alert. A key that is missing is an error: half a
// message would look like a whole one.
type bodyTemplate struct{ tmpl *template.Template }

// parse reads a template; an empty one is the alert as it is.
func parse(text string) (*bodyTemplate, error) {
	if text == "" {
		return &bodyTemplate{}, nil
	}
	tmpl, err := template.New("").Option("missingkey=error").Funcs(functions).Funcs(template.FuncMap{"secret": func() string { return "" }}).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: :"))
	}
	return &bodyTemplate{tmpl}, nil
}

// render makes the body of an alert, of at most that many bytes: an attacker's texts
// are part of it. Its error does not hold the alert.
func (b *bodyTemplate) render(value []byte, secret string, most int) ([]byte, error) {
	if b.tmpl == nil {
		return bytes.TrimSpace(value), nil
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber() // large integers stay what they are
	var alert map[string]any
	if err := dec.Decode(&alert); err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	tmpl, err := b.tmpl.Clone()
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	tmpl.Funcs(template.FuncMap{"secret": func() string { return secret }})
	out := limited{left: most}
	if err := tmpl.Execute(&out, alert); err != nil {
		return nil, explain(err)
	}
	return bytes.TrimSpace(out.buf.Bytes()), nil
}

var errTooLong = errors.New("the body is above max_body")

// explain is an error of a template without the values that text/template puts into
// it: an error stands in the log, and an alert must not.
func explain(err error) error {
	if errors.Is(err, errTooLong) {
		return fmt.Errorf("template: %w", errTooLong)
	}
	place, why, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: :"), ">: ")
	line, at, _ := strings.Cut(place, ": executing \"\" at <")
	if key, missing := strings.CutPrefix(why, "map has no entry for key "); missing {
		return fmt.Errorf("template: %s: {{%s}}: the alert has no %s; ask with get or has for what may be absent", line, at, key)
	}
	return fmt.Errorf("template: %s: {{%s}} fails on a value of this alert", line, at)
}

// limited is a buffer that does not grow for ever.
type limited struct {
	buf  bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errTooLong
	}
	return l.buf.Write(p)
}

// functions are what templates can use beside Go's own.
var functions = template.FuncMap{
	"json":     encode,
	"get":      get,
	"has":      func(alert any, path string) bool { return get(alert, path) != nil },
	"text":     text,
	"default":  func(other, v any) any { return orDefault(other, v) },
	"trunc":    func(n int, v any) string { return truncate(text(v), n, byteLen) },
	"oneline":  func(v any) string { return oneLine(text(v)) },
	"upper":    func(v any) string { return strings.ToUpper(text(v)) },
	"lower":    func(v any) string { return strings.ToLower(text(v)) },
	"join":     join,
	"time":     rfc3339,
	"severity": severity,
	"facts":    facts,
	"slack":    func(n int, v any) string { return slackText(text(v), n) },
}

// encode is a value as JSON. Unlike Go's, it leaves <, > and & as they are.
func encode(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// get is the value at a path like "actor.user.name", nil if there is none. A list is
// stepped into by number: "evidences.0.actor".
func get(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			n := 0
			if _, err := fmt.Sscanf(key, "%d", &n); err != nil || n < 0 || n >= len(at) {
				return nil
			}
			v = at[n]
		default:
			return nil
		}
	}
	return v
}

// text is a value as a person reads it: a string without quotes, nothing for null.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool, int, int64, float64:
		return fmt.Sprint(v)
	}
	s, err := encode(v)
	if err != nil {
		return ""
	}
	return s
}

func orDefault(other, v any) any {
	if text(v) == "" {
		return other
	}
	return v
}

// ellipsis marks what was cut.
const ellipsis = "…"

// truncate cuts a text to at most n of whatever size counts.
func truncate(s string, n int, size func(string) int) string {
	if size(s) <= n {
		return s
	}
	s = s[:min(len(s), n)] // no size is less than the bytes; this may cut a character
	s = strings.ToValidUTF8(s, "")
	for s != "" && size(s)+size(ellipsis) > n {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return s + ellipsis
}

// oneLine is a text without line breaks and what else is not drawn.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)), " ")
}

func join(separator string, list any) string {
	items, _ := list.([]any)
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return strings.Join(texts, separator)
}

// rfc3339 is a timestamp_t of OCSF, milliseconds since 1970, as text.
func rfc3339(v any) string {
	number, _ := v.(json.Number)
	ms, err := number.Int64()
	if err != nil {
		return ""
	}
	at := time.UnixMilli(ms).UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return ""
	}
	return at.Format("2006-01-02T15:04:05.000Z07:00")
}

// severity is that of an alert as rules spell it.
func severity(alert any) string {
	number, _ := get(alert, "severity_id").(json.Number)
	id, _ := number.Int64()
	return sinks.Attributes{Severity: int32(id)}.SeverityName()
}
