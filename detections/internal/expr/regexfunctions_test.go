package expr

import (
	"regexp"
	"strings"
	"testing"
)

// TestReplacementMost: no text becomes longer than the steps that were taken for it.
func TestReplacementMost(t *testing.T) {
	for _, pattern := range []string{"", "a", "a*", "(a)(b)?", "(a|b)+", "$"} {
		re := regexp.MustCompile(pattern)
		for _, text := range []string{"", "x", `\0\0`, `<\1>\1`, `\\`} {
			by, ok := replacementOf(text, re.NumSubexp())
			if !ok {
				continue
			}
			for _, s := range []string{"", "a", "abab", strings.Repeat("aab", 50), "ccc"} {
				made := 0
				for _, match := range re.FindAllStringSubmatchIndex(s, -1) {
					made += len(by.expand(nil, s, match))
				}
				if made > by.most(len(s)) {
					t.Errorf("%q by %q in %q: %d bytes, %d expected at most", pattern, text, s, made, by.most(len(s)))
				}
			}
		}
	}
}
