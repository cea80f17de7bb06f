package expr

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
)

// syntax reports the first of cel-go's syntax errors, in the words of a rule's
// author. Those after it are what the parser made of the rest: no mistakes.
func (u *unit) syntax(issues *cel.Issues) {
	first := issues.Errors()[0]
	for _, e := range issues.Errors()[1:] {
		if e.Location.Line() < first.Location.Line() ||
			e.Location.Line() == first.Location.Line() && e.Location.Column() < first.Location.Column() {
			first = e
		}
	}
	line, col := max(first.Location.Line(), 1), max(first.Location.Column(), 0)
	message := strings.TrimPrefix(first.Message, "Syntax error: ")
	before, rest := splitAt(u.text, line, col)
	text, back := syntaxMessage(message, before, rest)
	u.errorPlaced(line, max(col-back, 0), "%s", text)
}

// splitAt cuts a text at a place: line counts from one, col from zero, in
// characters.
func splitAt(text string, line, col int) (before, rest string) {
	at := 0
	for ; line > 1; line-- {
		next := strings.IndexByte(text[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	for ; col > 0 && at < len(text); col-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at], text[at:]
}

// otherWords are what other languages write for an operator of CEL.
var otherWords = map[string]string{
	"and": "write && for and", "or": "write || for or", "not": "write ! for not; of a membership: !(x in y)",
	"like": "write x.glob(\"*.example.com\"), or x.contains(\"part\")", "is": "write == for is; of presence: has(x)",
	"contains": "write x.contains(y)", "matches": "write x.matches(\"pattern\")",
	"startswith": "write x.startsWith(y)", "endswith": "write x.endsWith(y)",
	"=": "write == to compare", "=~": "write x.matches(\"pattern\")", "&": "write && for and", "|": "write || for or",
	"===": "write == to compare", "<>": "write != for unequal", ":": "write == to compare", ";": "an expression ends without ;", "#": "a comment begins with //",
	"“": "write straight quotes: \"", "”": "write straight quotes: \"", "‘": "write straight quotes: '", "’": "write straight quotes: '",
}

// lastWord is the word before a place, or the first half of <>.
var lastWord = regexp.MustCompile(`(\w+|<)\s*$`)

// Habits of other languages.
var (
	sigmaModifier   = regexp.MustCompile(`^\|\s*(contains|startswith|endswith|re|cidr|all|exists|base64\w*|wide|windash)\b`)
	listInParens    = regexp.MustCompile(`\bin\s*\([^()\]]*$`)
	optionalChain   = regexp.MustCompile(`\?\.[^:]*$`)
	quoteWithinText = regexp.MustCompile(`['"]$`)
)

// syntaxMessage says what is wrong between the texts before and from a place, and how
// many characters before it that is.
func syntaxMessage(message, before, rest string) (text string, back int) {
	token := firstToken(rest)
	switch {
	case strings.Contains(message, "recursion limit exceeded"):
		return "the brackets are nested too deeply to read; nest less", 0
	case sigmaModifier.MatchString(rest):
		return "a modifier of Sigma; write x.contains(\"part\"), x.startsWith(\"part\"), x.matches(\"pattern\") and the like", 0
	case token == "," && listInParens.MatchString(before):
		return "a list stands in brackets: x in [\"a\", \"b\"]", 0
	case strings.HasSuffix(message, "expecting ':'") && optionalChain.MatchString(before):
		return "write . for ?.: an absent attribute reads as zero, and has() tells", 0
	}
	if advice := otherWords[strings.ToLower(token)]; advice != "" {
		return advice, 0
	}
	if m := lastWord.FindStringSubmatch(before); m != nil {
		if m[1] == "<" && token == ">" {
			return otherWords["<>"], utf8.RuneCountInString(m[0])
		}
		if advice := otherWords[strings.ToLower(m[1])]; advice != "" {
			return advice, utf8.RuneCountInString(m[0])
		}
	}
	if isWord(firstRune(rest)) && quoteWithinText.MatchString(before) && strings.HasSuffix(message, "expecting <EOF>") {
		quote := before[len(before)-1:]
		return "the text ends at the " + quote + " before it; write \\" + quote + " for one within a text", 0
	}
	if closing := unclosed(before); token == "" && closing != "" {
		return "the expression ends before the " + closing + " that closes it", 0
	}
	return parserMessage(message, token, rest), 0
}

// unclosed is the bracket that would close the last one that is open at the end of a
// text; empty for none. Brackets in texts are not told apart from others.
func unclosed(s string) string {
	var open []byte
	for i := range len(s) {
		switch s[i] {
		case '(':
			open = append(open, ')')
		case '[':
			open = append(open, ']')
		case '{':
			open = append(open, '}')
		case ')', ']', '}':
			if len(open) > 0 && open[len(open)-1] == s[i] {
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) == 0 || strings.ContainsAny(s[strings.LastIndexAny(s, "([{"):], "\"'") && strings.Count(s, "\"")%2 == 1 {
		return ""
	}
	return string(open[len(open)-1:])
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// parserMessage is cel-go's message in other words.
func parserMessage(message, token, rest string) string {
	if word, ok := strings.CutPrefix(message, "reserved identifier: "); ok {
		return word + " is a reserved word of CEL; a member of that name is raw[\"" + word + "\"]"
	}
	wantsOperator := strings.HasSuffix(message, "expecting <EOF>")
	wantsClosing := strings.HasPrefix(message, "missing ')'") || strings.HasPrefix(message, "missing ']'") || strings.HasPrefix(message, "missing '}'")
	switch {
	case strings.HasPrefix(message, "token recognition error"):
		return unreadable(token, rest)
	case wantsClosing && token == "":
		return "the expression ends before the " + message[len("missing '"):len("missing ')")] + " that closes it"
	case strings.HasSuffix(message, "expecting ':'") && token == "":
		return "the expression ends before the : of `condition ? this : that`"
	case token == "":
		return "the expression ends where a value is wanted"
	case wantsOperator && strings.ContainsAny(token, ")]}"):
		return token + " closes nothing"
	case wantsOperator:
		return token + " is one too many: the expression is whole before it; join conditions with && or ||"
	case strings.Contains(message, "expecting {']', ','}"), strings.Contains(message, "expecting {',', ']'}"):
		return "want a comma or ] before " + token
	case wantsClosing:
		return "want " + message[len("missing '"):len("missing ')")] + " before " + token
	}
	return "a value is wanted here, not " + token
}

// unreadable says what is wrong with characters that are no token of CEL.
func unreadable(token, rest string) string {
	if token != "" && (token[0] == '"' || token[0] == '\'') {
		if i := strings.IndexByte(token, '\\'); i >= 0 && i+1 < len(rest) {
			return "the text has an escape that CEL lacks; write \\\\ for a backslash, or r" + token[:1] + "..." + token[:1] + " for a text without escapes"
		}
		return "the text is not closed: its line ends before the second " + token[:1]
	}
	return token + " means nothing in CEL"
}

// firstToken is the word, text, or run of marks that s begins with.
func firstToken(s string) string {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	switch {
	case first == '"' || first == '\'':
		end := strings.IndexRune(s[1:], '\n')
		if closing := strings.IndexRune(s[1:], first); closing >= 0 && (end < 0 || closing < end) {
			end = closing + 1
		}
		if end < 0 {
			return s
		}
		return s[:end+1]
	case isWord(first):
		if end := strings.IndexFunc(s, func(r rune) bool { return !isWord(r) }); end >= 0 {
			return s[:end]
		}
		return s
	case strings.ContainsRune("=~&|<>", first):
		if end := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("=~&|<>", r) }); end >= 0 {
			return s[:end]
		}
		return s
	}
	return s[:size]
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
