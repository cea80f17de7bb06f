package detections

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// celWidth is how long a line of a condition may be before it is broken.
const celWidth = 100

// celToken is a piece of an expression's source.
type celToken struct {
	text string
	// line tells that it begins a line; blank, that an empty line is before it.
	line, blank bool
}

// comment tells a comment from what has a meaning.
func (t celToken) comment() bool { return strings.HasPrefix(t.text, "//") }

// celOperators are those of more than one character.
var celOperators = []string{"&&", "||", "==", "!=", "<=", ">=", "?.", "[?"}

// celTokens cuts an expression into pieces; ok is false for what is no CEL.
func celTokens(s string) (tokens []celToken, ok bool) {
	line, blank := false, false
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if unicode.IsSpace(r) {
			if r == '\n' {
				blank = blank || line
				line = true
			}
			s = s[size:]
			continue
		}
		n := celTokenSize(s)
		if n == 0 {
			return nil, false
		}
		tokens = append(tokens, celToken{strings.TrimRight(s[:n], " \r"), line && len(tokens) > 0, blank && len(tokens) > 0})
		line, blank = false, false
		s = s[n:]
	}
	return tokens, true
}

// celTokenSize is the length of the piece that s begins with.
func celTokenSize(s string) int {
	if strings.HasPrefix(s, "//") {
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end
		}
		return len(s)
	}
	if n := celTextSize(s); n != 0 {
		return n
	}
	word := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	first, size := utf8.DecodeRuneInString(s)
	if unicode.IsDigit(first) || first == '.' && len(s) > 1 && '0' <= s[1] && s[1] <= '9' {
		n := 0
		for n < len(s) && (word(rune(s[n])) || s[n] == '.' || (s[n] == '-' || s[n] == '+') && n > 0 && (s[n-1] == 'e' || s[n-1] == 'E') && !strings.HasPrefix(s, "0x")) {
			n++
		}
		return n
	}
	if word(first) {
		if end := strings.IndexFunc(s, func(r rune) bool { return !word(r) }); end >= 0 {
			return end
		}
		return len(s)
	}
	if first == '`' {
		if end := strings.IndexByte(s[1:], '`'); end >= 0 {
			return end + 2
		}
		return 0
	}
	for _, o := range celOperators {
		if strings.HasPrefix(s, o) {
			return len(o)
		}
	}
	if strings.ContainsRune("()[]{}.,:?<>+-*/%!", first) {
		return size
	}
	return 0
}

// celTextSize is the length of the text literal that s begins with, with its prefix;
// 0 if it begins with none.
func celTextSize(s string) int {
	at := 0
	for at < len(s) && at < 2 && strings.IndexByte("rRbB", s[at]) >= 0 {
		at++
	}
	if at >= len(s) || s[at] != '"' && s[at] != '\'' {
		return 0
	}
	raw := strings.ContainsAny(s[:at], "rR")
	quote := s[at : at+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[at:], triple) {
		quote = triple
	}
	for i := at + len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\' && !raw:
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		case s[i] == '\n' && len(quote) == 1:
			return 0
		}
	}
	return 0
}

// formatCEL lays an expression out: one space around operators and after commas, &&
// and || at the beginning of lines, lines indented by the depth of brackets. Lines
// stay where the author broke them; a single line that is too long is broken at the
// operators that bind the least. Nothing but space changes.
func formatCEL(source string) (string, bool) {
	tokens, ok := celTokens(source)
	if !ok || len(tokens) == 0 || strings.Contains(source, `"""`) || strings.Contains(source, "'''") {
		return "", false
	}
	leading(tokens)
	text := layCEL(tokens)
	if !strings.Contains(text, "\n") && utf8.RuneCountInString(text) > celWidth {
		breakCEL(tokens)
		text = layCEL(tokens)
	}
	return text, true
}

// leading moves operators from the ends of lines to the beginnings of the next,
// behind comments.
func leading(tokens []celToken) {
	for i := 0; i+1 < len(tokens); i++ {
		if t := tokens[i].text; t != "&&" && t != "||" {
			continue
		}
		next := i + 1
		for next < len(tokens) && tokens[next].comment() {
			next++
		}
		if next == len(tokens) || !tokens[next].line {
			continue
		}
		operator := celToken{tokens[i].text, true, tokens[next].blank}
		tokens[next].line, tokens[next].blank = false, false
		if first := &tokens[i+1]; first.comment() && !first.line && tokens[i].line { // the comment begins the line now
			first.line, first.blank = true, tokens[i].blank
		}
		copy(tokens[i:], tokens[i+1:next])
		tokens[next-1] = operator
	}
}

// breakCEL begins lines at the operators outside of brackets that bind the least.
func breakCEL(tokens []celToken) {
	for _, operator := range []string{"||", "&&"} {
		depth, found := 0, false
		for i := range tokens {
			depth += bracket(tokens[i].text)
			if depth == 0 && (tokens[i].text == "?" || tokens[i].text == ":") {
				return
			}
			if depth == 0 && tokens[i].text == operator {
				tokens[i].line, found = true, true
			}
		}
		if found {
			return
		}
	}
}

func bracket(token string) int {
	switch token {
	case "(", "[", "{", "[?":
		return 1
	case ")", "]", "}":
		return -1
	}
	return 0
}

// layCEL writes the tokens.
func layCEL(tokens []celToken) string {
	var b strings.Builder
	indent := 0      // of the line
	var opened []int // indents of the lines that brackets were opened in
	inner := innerAnds(tokens)
	for i, t := range tokens {
		step := bracket(t.text)
		outer := -1
		if step < 0 && len(opened) > 0 {
			outer, opened = opened[len(opened)-1], opened[:len(opened)-1]
		}
		switch {
		case t.line:
			b.WriteByte('\n')
			if t.blank {
				b.WriteByte('\n')
			}
			switch {
			case outer >= 0:
				indent = outer
			case len(opened) > 0:
				indent = opened[len(opened)-1] + 1
			default:
				indent = 1
			}
			if inner[i] {
				indent++
			}
			b.WriteString(strings.Repeat("  ", indent))
		case i > 0 && spaced(tokens, i):
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
		if step > 0 {
			opened = append(opened, max(indent, 1)) // what the first line opens is not beside what follows it
		}
	}
	return b.String()
}

// innerAnds are the && that stand beside an || and bind more: they are indented more.
func innerAnds(tokens []celToken) map[int]bool {
	inner := map[int]bool{}
	type level struct {
		ands  []int
		hasOr bool
	}
	levels := []level{{}}
	leave := func() {
		last := levels[len(levels)-1]
		for _, i := range last.ands {
			inner[i] = last.hasOr
		}
		levels = levels[:len(levels)-1]
	}
	for i, t := range tokens {
		switch step := bracket(t.text); {
		case step > 0:
			levels = append(levels, level{})
		case step < 0 && len(levels) > 1:
			leave()
		case t.text == "&&":
			levels[len(levels)-1].ands = append(levels[len(levels)-1].ands, i)
		case t.text == "||":
			levels[len(levels)-1].hasOr = true
		}
	}
	for len(levels) > 0 {
		leave()
	}
	return inner
}

// spaced tells whether a space is before a token.
func spaced(tokens []celToken, i int) bool {
	before, t := tokens[i-1].text, tokens[i].text
	switch {
	case tokens[i].comment():
		return true
	case before == "(" || before == "[" || before == "{" || before == "[?" || before == "." || before == "?.":
		return false
	case t == ")" || t == "]" || t == "}" || t == "," || t == "." || t == "?.":
		return false
	case before == "!" || before == "-" && unary(tokens, i-1):
		return false
	case t == "(" || t == "[" || t == "[?":
		return !isOperand(before)
	case t == ":":
		return ternary(tokens, i)
	case t == "{":
		return !isOperand(before)
	}
	return true
}

// unary tells whether the minus at an index is a sign.
func unary(tokens []celToken, i int) bool { return i == 0 || !isOperand(tokens[i-1].text) }

// isOperand tells whether a value may end with a token.
func isOperand(t string) bool {
	if t == ")" || t == "]" || t == "}" {
		return true
	}
	if t == "in" {
		return false
	}
	first, _ := utf8.DecodeRuneInString(t)
	return first == '_' || first == '"' || first == '\'' || first == '`' || unicode.IsLetter(first) || unicode.IsDigit(first)
}

// ternary tells the colon of a condition from that of a map.
func ternary(tokens []celToken, at int) bool {
	depth := 0
	for i := at - 1; i >= 0; i-- {
		depth -= bracket(tokens[i].text)
		switch {
		case depth < 0:
			return tokens[i].text != "{"
		case depth == 0 && tokens[i].text == "?":
			return true
		}
	}
	return true
}
