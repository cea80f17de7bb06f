package expr

import (
	"math"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weir-security/weir/detections/internal/closure"
)

// textFunctions compare without regard to case, match globs, and measure texts.
var textFunctions = []Function{
	{Section: "Text", Name: "equalsFold", Signature: "text.equalsFold(text) -> bool", Cost: "1 + 0.1 a character",
		Doc: "Equal without regard to case.", Example: `"Admin".equalsFold("ADMIN")`,
		overloads: []overload{on("string_equals_fold", closure.Binary(strings.EqualFold)).costing(1)}},
	{Section: "Text", Name: "containsFold", Signature: "text.containsFold(part) -> bool", Cost: "1 + 0.2 a character",
		Doc: "Contains the part without regard to case.", Example: `"C:\\Windows\\PowerShell.exe".containsFold("powershell")`,
		overloads: []overload{on("string_contains_fold", closure.WeighedBinary(containsFold, firstEachSteps)).costing(2)}},
	{Section: "Text", Name: "startsWithFold", Signature: "text.startsWithFold(prefix) -> bool", Cost: "1 + 0.1 a character",
		Doc: "Begins with the prefix without regard to case.", Example: `"Bearer abc".startsWithFold("bearer ")`,
		overloads: []overload{on("string_starts_with_fold", closure.Binary(startsWithFold)).costing(1)}},
	{Section: "Text", Name: "endsWithFold", Signature: "text.endsWithFold(suffix) -> bool", Cost: "1 + 0.1 a character",
		Doc: "Ends with the suffix without regard to case.", Example: `"report.PDF".endsWithFold(".pdf")`,
		overloads: []overload{on("string_ends_with_fold", closure.Binary(endsWithFold)).costing(1)}},
	{Section: "Text", Name: "glob", Signature: "text.glob(pattern) -> bool", Cost: "1 + 0.1 for each pair of characters of text and pattern",
		Doc: "The pattern matches the whole text: `*` is any text, also an empty one, `?` one character.", Example: `"arn:aws:iam::111122223333:role/deploy".glob("arn:*:role/*")`,
		overloads: []overload{on("string_glob", closure.WeighedBinary(func(s, pattern string) bool { return globMatch(pattern, s, false) }, pairSteps)).costingPairs(1)}},
	{Section: "Text", Name: "globFold", Signature: "text.globFold(pattern) -> bool", Cost: "1 + 0.1 for each pair of characters of text and pattern",
		Doc: "glob without regard to case.", Example: `"CI-Runner-7".globFold("ci-*")`,
		overloads: []overload{on("string_glob_fold", closure.WeighedBinary(func(s, pattern string) bool { return globMatch(pattern, s, true) }, pairSteps)).costingPairs(1)}},
	{Section: "Text", Name: "entropy", Signature: "text.entropy() -> double", Cost: "1 + 0.5 a character",
		Doc: "Shannon's entropy in bits for each character: words have 2 to 4, random texts more the longer they are. 0 for an empty text.", Example: `"kq3v9xz7w1p5".entropy() > 3.5 && "aaaa".entropy() == 0.0`,
		overloads: []overload{on("string_entropy", closure.Weighed(entropy, eachSteps)).costing(5)}},
	{Section: "Text", Name: "distance", Signature: "text.distance(other) -> int", Cost: "1 + 0.1 for each pair of characters, at most 410",
		Doc: "How many characters must be inserted, left out, replaced or swapped with their neighbour to make one of the other: 1 or 2 for names that are made to look alike. Of longer texts the first 64 characters are compared, and the difference of what is beyond is added.", Example: `"micros0ft.com".distance("microsoft.com") == 1`,
		overloads: []overload{on("string_distance", closure.WeighedBinary(distance, func(a, b string) int { return 64 + textSteps(a) + textSteps(b) })).costingPairs(1).bounded(distanceLength * distanceLength)}},
}

// containsFold compares by Unicode's simple folding, as strings.EqualFold does.
// It allocates nothing. Most places differ in the first character or two; where they
// do not, as in a text that was made for it, it goes on with the sums of foldedIndex.
func containsFold(s, part string) bool {
	if part == "" {
		return true
	}
	compared := 0
	for i := range s {
		n, same := sharedFold(s[i:], part)
		if same {
			return true
		}
		if compared += n; compared > 64+4*i {
			return foldedIndex(s[i:], part)
		}
	}
	return false
}

// sharedFold is how many bytes of s begin as prefix does, and whether all of prefix is
// there.
func sharedFold(s, prefix string) (n int, all bool) {
	for prefix != "" {
		if n == len(s) {
			return n, false
		}
		a, size := utf8.DecodeRuneInString(s[n:])
		b, m := utf8.DecodeRuneInString(prefix)
		if a != b && !sameFold(a, b) {
			return n, false
		}
		n, prefix = n+size, prefix[m:]
	}
	return n, true
}

// foldedIndex tells whether s contains part, in time proportional to their lengths:
// sums over the characters of a window (Rabin and Karp) say where to compare. Nobody
// outside can make texts whose sums are equal, for the factor is of this process.
func foldedIndex(s, part string) bool {
	want, power, length := uint64(0), uint64(1), 0
	for _, r := range part {
		want = want*foldFactor + uint64(folded(r))
		if length > 0 {
			power *= foldFactor // of the first character of a window
		}
		length++
	}
	sum, start, inside := uint64(0), 0, 0
	for _, r := range s {
		if inside == length {
			if sum == want && startsWithFold(s[start:], part) {
				return true
			}
			first, n := utf8.DecodeRuneInString(s[start:])
			sum -= power * uint64(folded(first))
			start, inside = start+n, inside-1
		}
		sum = sum*foldFactor + uint64(folded(r))
		inside++
	}
	return inside == length && sum == want && startsWithFold(s[start:], part)
}

func startsWithFold(s, prefix string) bool {
	for prefix != "" {
		if s == "" {
			return false
		}
		a, n := utf8.DecodeRuneInString(s)
		b, m := utf8.DecodeRuneInString(prefix)
		if a != b && !sameFold(a, b) {
			return false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return true
}

func endsWithFold(s, suffix string) bool {
	for suffix != "" {
		if s == "" {
			return false
		}
		a, n := utf8.DecodeLastRuneInString(s)
		b, m := utf8.DecodeLastRuneInString(suffix)
		if a != b && !sameFold(a, b) {
			return false
		}
		s, suffix = s[:len(s)-n], suffix[:len(suffix)-m]
	}
	return true
}

// foldFactor is odd and as good as random.
var foldFactor = rand.Uint64() | 1

// folded is one character of those that are equal but for their case.
func folded(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			return r - ('a' - 'A')
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// sameFold tells whether two unequal characters are equal but for their case.
func sameFold(a, b rune) bool {
	if a < utf8.RuneSelf && b < utf8.RuneSelf {
		a |= ' '
		return a == b|' ' && 'a' <= a && a <= 'z'
	}
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}

// entropy is that of the distribution of a text's characters, in bits.
func entropy(s string) float64 {
	if s == "" {
		return 0
	}
	var few [utf8.RuneSelf]int
	var others map[rune]int
	total := 0
	for _, r := range s {
		total++
		if r < utf8.RuneSelf {
			few[r]++
			continue
		}
		if others == nil {
			others = map[rune]int{}
		}
		others[r]++
	}
	// sum of n*log2(n) over the characters, of which each has the same share in any
	// order: counts are added by size, so that the result depends on the text alone.
	counts := map[int]int{}
	for _, n := range few {
		if n > 0 {
			counts[n]++
		}
	}
	for _, n := range others {
		counts[n]++
	}
	sum := 0.0
	for n := 1; n <= total; n++ {
		if times := counts[n]; times > 0 {
			sum += float64(times) * float64(n) * math.Log2(float64(n))
		}
	}
	return math.Log2(float64(total)) - sum/float64(total)
}

// distanceLength bounds what distance compares character by character.
const distanceLength = 64

// distance is the edit distance with swaps of neighbours (optimal string
// alignment).
func distance(a, b string) int64 {
	var left, right [distanceLength]rune
	n, beyondLeft := cutRunes(a, &left)
	m, beyondRight := cutRunes(b, &right)
	var rows [3][distanceLength + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range m + 1 {
		row[j] = j
	}
	for i := 1; i <= n; i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= m; j++ {
			replaced := last[j-1]
			if left[i-1] != right[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && left[i-1] == right[j-2] && left[i-2] == right[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return int64(row[m] + max(beyondLeft-beyondRight, beyondRight-beyondLeft))
}

// cutRunes fills runes with the beginning of s, and tells how many there are and
// how many characters are beyond.
func cutRunes(s string, runes *[distanceLength]rune) (n, beyond int) {
	for _, r := range s {
		if n == distanceLength {
			beyond++
			continue
		}
		runes[n] = r
		n++
	}
	return n, beyond
}
