package expr

import (
	"unicode"
	"unicode/utf8"
)

// globMatch tells whether a pattern matches the whole of s: * is any text, also
// an empty one, ? is one character, everything else is itself. It needs time
// proportional to the product of the lengths at worst, and no memory.
func globMatch(pattern, s string, fold bool) bool {
	p, i := 0, 0
	star, resume := -1, 0 // after the last *: where the pattern and the text go on
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, resume = p, i
			continue
		}
		if p < len(pattern) {
			pr, pn := utf8.DecodeRuneInString(pattern[p:])
			sr, sn := utf8.DecodeRuneInString(s[i:])
			if pr == '?' || pr == sr || fold && unicode.ToLower(pr) == unicode.ToLower(sr) {
				p, i = p+pn, i+sn
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[resume:])
		resume += n
		p, i = star, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
