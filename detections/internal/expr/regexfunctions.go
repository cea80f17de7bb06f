package expr

import (
	"math"
	"regexp"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/closure"
)

// Functions of regular expressions that a rule writes out, compiled once: cel-go's
// compile them for every text. What is an error is left to cel-go, which says it.

// compiled is the pattern that the literal is, and the steps that a text takes.
func compiled(literal ref.Val) (re *regexp.Regexp, steps func(string) int) {
	text, ok := literal.(types.String)
	if !ok {
		return nil, nil
	}
	re, err := regexp.Compile(string(text))
	if err != nil {
		return nil, nil
	}
	factor := 8 * patternFactor(string(text))
	return re, func(s string) int { return factor * len(s) / closure.CharactersPerStep }
}

// begun are the steps of a pattern, fewer if it matches at the begin only: most texts are
// decided there.
func begun(re *regexp.Regexp, steps func(string) int) func(string) int {
	if anchored(re.String()) {
		return textSteps
	}
	return steps
}

// pattern is matches.
func pattern(literals []ref.Val) (closure.Native, int) {
	re, steps := compiled(literals[0])
	if re == nil {
		return nil, 0
	}
	return closure.Weighed(re.MatchString, begun(re, steps)), closure.CostRegex
}

// extraction is regex.extract.
func extraction(literals []ref.Val) (closure.Native, int) {
	re, steps := compiled(literals[0])
	if re == nil || re.NumSubexp() > 1 {
		return nil, 0
	}
	group := re.NumSubexp()
	return closure.Weighed(func(s string) ref.Val {
		at := re.FindStringSubmatchIndex(s)
		if at == nil || group == 1 && at[2] == at[3] { // an empty group is none
			return types.OptionalNone
		}
		return types.OptionalOf(types.String(s[at[2*group]:at[2*group+1]]))
	}, steps), 2 * closure.CostRegex
}

// extractions is regex.extractAll.
func extractions(literals []ref.Val) (closure.Native, int) {
	re, steps := compiled(literals[0])
	if re == nil || re.NumSubexp() > 1 {
		return nil, 0
	}
	group := re.NumSubexp()
	return closure.Scratching(func(to *closure.Scratch, s string) ref.Val {
		matches := re.FindAllStringSubmatchIndex(s, -1)
		if !to.Spend(len(matches)) {
			return types.NewStringList(types.DefaultTypeAdapter, nil)
		}
		found := make([]string, 0, len(matches))
		for _, at := range matches {
			if from, end := at[2*group], at[2*group+1]; group == 0 || from < end {
				found = append(found, s[from:end])
			}
		}
		return types.NewStringList(types.DefaultTypeAdapter, found)
	}, steps), 2 * closure.CostRegex
}

// replacing is regex.replace, whose last argument may be how often.
func replacing(literals []ref.Val) (closure.Native, int) {
	re, steps := compiled(literals[0])
	text, ok := literals[1].(types.String)
	if re == nil || !ok {
		return nil, 0
	}
	by, ok := replacementOf(string(text), re.NumSubexp())
	if !ok {
		return nil, 0
	}
	most := -1
	if len(literals) == 3 {
		limit, ok := literals[2].(types.Int)
		if !ok || limit > math.MaxInt32 {
			return nil, 0
		}
		most = int(max(limit, -1))
	}
	return closure.Scratching(func(to *closure.Scratch, s string) string {
		matches := re.FindAllStringSubmatchIndex(s, most)
		if len(matches) == 0 || !to.Spend(len(matches)+by.size(matches)/closure.CharactersPerStep) {
			return s
		}
		out, end := to.Room(len(s)), 0
		for _, match := range matches {
			out = by.expand(append(out, s[end:match[0]]...), s, match)
			end = match[1]
		}
		return to.Text(append(out, s[end:]...))
	}, begun(re, steps)), 2 * closure.CostRegex
}

// replacement is the text of regex.replace, in which \1 stands for a group.
type replacement []replacementPart

// replacementPart is a group, and the text behind it; the first has the group -1.
type replacementPart struct {
	group int
	text  string
}

// replacementOf reads a replacement for a pattern of so many groups.
func replacementOf(text string, groups int) (r replacement, ok bool) {
	r = replacement{{group: -1}}
	for {
		before, after, escape := strings.Cut(text, `\`)
		last := &r[len(r)-1]
		last.text += before
		if !escape {
			return r, true
		}
		if after == "" {
			return nil, false
		}
		switch c := after[0]; {
		case c == '\\':
			last.text += `\`
		case '0' <= c && c <= '9' && int(c-'0') <= groups:
			r = append(r, replacementPart{group: int(c - '0')})
		default:
			return nil, false
		}
		text = after[1:]
	}
}

// expand appends what replaces the match in s.
func (r replacement) expand(to []byte, s string, match []int) []byte {
	for _, part := range r {
		if part.group >= 0 && match[2*part.group] >= 0 {
			to = append(to, s[match[2*part.group]:match[2*part.group+1]]...)
		}
		to = append(to, part.text...)
	}
	return to
}

// size is how long all that replaces the matches is.
func (r replacement) size(matches [][]int) (bytes int) {
	for _, match := range matches {
		for _, part := range r {
			bytes += len(part.text)
			if part.group >= 0 {
				bytes += match[2*part.group+1] - match[2*part.group]
			}
		}
	}
	return bytes
}
