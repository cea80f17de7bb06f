package expr

import (
	"regexp"
	"strings"
	"testing"
)

// TestReplacementSize: the steps that a replacement takes are for as much as it makes.
func TestReplacementSize(t *testing.T) {
	for _, pattern := range []string{"", "a", "a*", "(a)(b)?", "(a|b)+", "$"} {
		re := regexp.MustCompile(pattern)
		for _, text := range []string{"", "x", `\0\0`, `<\1>\1`, `\\`} {
			by, ok := replacementOf(text, re.NumSubexp())
			if !ok {
				continue
			}
			for _, s := range []string{"", "a", "abab", strings.Repeat("aab", 50), "ccc"} {
				matches, made := re.FindAllStringSubmatchIndex(s, -1), 0
				for _, match := range matches {
					made += len(by.expand(nil, s, match))
				}
				if size := by.size(matches); made != size {
					t.Errorf("%q by %q in %q: %d bytes, said to be %d", pattern, text, s, made, size)
				}
			}
		}
	}
}
