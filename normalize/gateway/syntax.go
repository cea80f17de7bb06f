package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize/gateway/format"
)

// source is a format's text with the column of each byte in what the user wrote,
// from which quotes, escapes and a directive around it were taken off.
type source struct {
	text    string
	columns []int // nil: byte i is column i+1
}

func (s source) column(i int) int {
	switch {
	case s.columns == nil:
		return i + 1
	case i < len(s.columns):
		return s.columns[i]
	case len(s.columns) > 0:
		return s.columns[len(s.columns)-1] + 1
	}
	return 1
}

// directive takes off what a configuration file has around a format: the keyword
// and words before the first quote, the quotes of one or more strings, a semicolon
// or a nickname behind it. words are those before it. A text that does not begin with
// the keyword is the format itself.
func directive(text, keyword string) (s source, words []string, err error) {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if len(trimmed) <= len(keyword) || !strings.EqualFold(trimmed[:len(keyword)], keyword) || !strings.ContainsRune(" \t\r\n", rune(trimmed[len(keyword)])) {
		end := strings.TrimRight(trimmed, " \t\r\n")
		start := len(text) - len(trimmed)
		s.text = end
		for i := range len(end) {
			s.columns = append(s.columns, start+i+1)
		}
		return s, nil, nil
	}
	i := len(text) - len(trimmed) + len(keyword)
	first := strings.IndexAny(text[i:], `'"`)
	if first < 0 {
		return s, nil, &format.Error{Column: i + 1, Msg: "want the format in quotes behind " + keyword}
	}
	words = strings.Fields(text[i : i+first])
	var out strings.Builder
	for i += first; i < len(text); i++ {
		switch quote := text[i]; quote {
		case ' ', '\t', '\r', '\n':
			continue
		case '\'', '"':
			start := i
			for i++; i < len(text) && text[i] != quote; i++ {
				c := text[i]
				if c == '\\' && i+1 < len(text) && (text[i+1] == quote || text[i+1] == '\\' || text[i+1] == 't') {
					if i++; text[i] == 't' {
						c = '\t'
					} else {
						c = text[i]
					}
				}
				out.WriteByte(c)
				s.columns = append(s.columns, i+1)
			}
			if i == len(text) {
				return s, nil, &format.Error{Column: start + 1, Msg: "the quote is not closed"}
			}
		default:
			s.text = out.String()
			return s, words, nil
		}
	}
	s.text = out.String()
	return s, words, nil
}

// lexer collects the parts of a format.
type lexer struct {
	source source
	lookup func(name string) variable
	parts  []format.Part
	start  int // of the literal under way
}

// literal ends the literal under way at i.
func (l *lexer) literal(i int) {
	if i > l.start {
		l.parts = append(l.parts, format.Part{Literal: l.source.text[l.start:i], Column: l.source.column(l.start)})
	}
}

// field adds a field that was written at [i, end).
func (l *lexer) field(name string, i, end int) {
	l.literal(i)
	v := l.lookup(name)
	l.parts = append(l.parts, format.Part{Name: name, Column: l.source.column(i), Shape: v.shape, Check: v.check})
	l.start = end
}

func (l *lexer) errorAt(i int, msg string) error {
	return &format.Error{Column: l.source.column(i), Msg: msg}
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
