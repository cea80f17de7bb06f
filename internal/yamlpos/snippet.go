package yamlpos

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// maxSnippet is how much of a source line is shown, in characters: a record on
// one line would fill the screen.
const maxSnippet = 120

// Text is the problem as a person reads it: Error, and below it the source line
// with a caret under the column. It has no line break at the end.
func (p Problem) Text() string {
	source := []rune(p.Source)
	if p.Line < 1 || p.Col < 1 || p.Col > len(source)+1 || strings.TrimSpace(p.Source) == "" {
		return p.Error()
	}
	from, cut := 0, ""
	if p.Col > maxSnippet*3/4 && len(source) > maxSnippet {
		from, cut = p.Col-maxSnippet/2, "..."
	}
	shown, end := source[from:], ""
	if len(shown) > maxSnippet {
		shown, end = shown[:maxSnippet], "..."
	}
	margin := strings.Repeat(" ", len(fmt.Sprint(p.Line)))
	return fmt.Sprintf("%s\n  %d | %s%s%s\n  %s | %s", p.Error(), p.Line, cut, printable(shown), end,
		margin, strings.Repeat(" ", len(cut))+under(shown, p.Col-1-from, p.EndCol-1-from))
}

// under is the line with the caret: what is before it keeps its width on a
// terminal, tabs included.
func under(shown []rune, col, end int) string {
	var b strings.Builder
	for i := range col {
		switch {
		case i < len(shown) && shown[i] == '\t':
			b.WriteByte('\t')
		case i < len(shown) && isWide(shown[i]):
			b.WriteString("  ")
		case i < len(shown) && unicode.Is(unicode.Mn, shown[i]):
		default:
			b.WriteByte(' ')
		}
	}
	b.WriteByte('^')
	for i := col + 1; i < min(end, len(shown)); i++ {
		b.WriteByte('~')
		if isWide(shown[i]) {
			b.WriteByte('~')
		}
	}
	return b.String()
}

// isWide tells what takes two columns of a terminal: East Asian wide characters,
// roughly, and emoji.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || 0xff01 <= r && r <= 0xff60 || 0x1f300 <= r && r <= 0x1faff
}

// printable keeps what a file may hold from steering the terminal.
func printable(line []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return '\ufffd'
		}
		return r
	}, string(line))
}

// Fix is what would mend a problem: Text in place of the characters from Col up
// to EndCol of the problem's line.
type Fix struct {
	Col, EndCol int
	Text        string
}

// advice is the forms of messages that say what to write in place of what is
// there: the first group.
var advice = []*regexp.Regexp{
	regexp.MustCompile(`did you mean "([^"]+)"\?`),
	regexp.MustCompile(`^ATT&CK has replaced \S+ by (\S+)$`),
	regexp.MustCompile(`^the id follows from the path: (\S+)$`),
	regexp.MustCompile(`^write (==|!=|&&|\|\|) (?:to|for) \w+$`),
}

// Fix reads back from the message what mends it; false if it does not say.
func (p Problem) Fix() (Fix, bool) {
	source := []rune(p.Source)
	if p.Col < 1 || p.EndCol <= p.Col || p.EndCol-1 > len(source) {
		return Fix{}, false
	}
	for _, form := range advice {
		m := form.FindStringSubmatch(p.Message)
		if m == nil {
			continue
		}
		f := Fix{p.Col, p.EndCol, m[1]}
		if first := source[p.Col-1]; first == '"' || first == '\'' { // keep the quotes
			f.Col, f.EndCol = f.Col+1, f.EndCol-1
		}
		return f, true
	}
	return Fix{}, false
}

// tokenEnd is the column behind the word, text or mark at a column.
func tokenEnd(line string, col int) int {
	source := []rune(line)
	if col < 1 || col > len(source) {
		return col
	}
	at, first := col, source[col-1]
	word := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	switch {
	case first == '"' || first == '\'':
		for ; at < len(source); at++ {
			if source[at] == '\\' && first == '"' {
				at++
			} else if source[at] == first {
				return at + 2
			}
		}
		return col + 1
	case word(first):
		for at < len(source) && word(source[at]) {
			at++
		}
	case strings.ContainsRune("=~&|<>!", first):
		for at < len(source) && strings.ContainsRune("=~&|<>", source[at]) {
			at++
		}
	}
	return at + 1
}
