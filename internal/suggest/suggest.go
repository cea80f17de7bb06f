// Package suggest finds the word that a user probably meant.
package suggest

// Closest returns the candidate nearest to word by edits (insertion, deletion,
// substitution, swap of neighbours; upper and lower case are the same). ok is
// false when nothing is near enough to be worth suggesting: more than one edit
// for each three letters. Of equally near candidates the first wins.
func Closest(word string, candidates []string) (closest string, ok bool) {
	limit := max(1, len(word)/3)
	for _, c := range candidates {
		if d := distance(lower(word), lower(c)); d <= limit && d < len(word) {
			closest, ok, limit = c, true, d-1
		}
	}
	return closest, ok
}

// Hint is the end of a message about an unknown word: `; did you mean "x"?`, or
// nothing when no candidate is near.
func Hint(word string, candidates []string) string {
	if c, ok := Closest(word, candidates); ok {
		return `; did you mean "` + c + `"?`
	}
	return ""
}

func lower(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// distance is the optimal string alignment distance of a and b in bytes.
func distance(a, b []byte) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
