package expr

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// plainDistance is distance by its definition.
func plainDistance(a, b []rune) int {
	switch {
	case len(a) == 0:
		return len(b)
	case len(b) == 0:
		return len(a)
	}
	n, m := len(a)-1, len(b)-1
	d := plainDistance(a[:n], b[:m])
	if a[n] != b[m] {
		d++
	}
	d = min(d, plainDistance(a[:n], b)+1, plainDistance(a, b[:m])+1)
	if n > 0 && m > 0 && a[n] == b[m-1] && a[n-1] == b[m] {
		d = min(d, plainDistance(a[:n-1], b[:m-1])+1)
	}
	return d
}

func randomText(r *rand.Rand, alphabet string, most int) string {
	letters := []rune(alphabet)
	text := make([]rune, r.IntN(most+1))
	for i := range text {
		text[i] = letters[r.IntN(len(letters))]
	}
	return string(text)
}

// TestTextFunctionsAgainstPlainOnes: what is written for speed does what the plain
// form does.
func TestTextFunctionsAgainstPlainOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		a, b := randomText(r, "abcä", 6), randomText(r, "abcä", 6)
		if got, want := distance(a, b), plainDistance([]rune(a), []rune(b)); got != int64(want) {
			t.Fatalf("distance(%q, %q) = %d, want %d", a, b, got, want)
		}
		s, part := randomText(r, "aAbB.", 8), randomText(r, "aAbB.", 3)
		lower, lowerPart := strings.ToLower(s), strings.ToLower(part)
		if containsFold(s, part) != strings.Contains(lower, lowerPart) || startsWithFold(s, part) != strings.HasPrefix(lower, lowerPart) || endsWithFold(s, part) != strings.HasSuffix(lower, lowerPart) {
			t.Fatalf("%q and %q without regard to case", s, part)
		}
		text := randomText(r, "a%/+2eäF", 9)
		if want, err := url.PathUnescape(text); err == nil && urlDecode(nil, text) != strings.ToValidUTF8(want, "\uFFFD") {
			t.Fatalf("urlDecode(%q) = %q, want %q", text, urlDecode(nil, text), want)
		}
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if got := base64Decode(encoding.EncodeToString([]byte(text))); got != text {
				t.Fatalf("base64Decode of %q gives %q", text, got)
			}
		}
		if e := entropy(text); e < 0 || e > 4 || (len(text) > 0) && entropy(text+text) > e+1e-9 {
			t.Fatalf("entropy(%q) = %v", text, e)
		}
	}
}

// TestContainsFold holds both ways of containsFold against one that compares everywhere.
func TestContainsFold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range 20_000 {
		alphabet := []string{"aA", "aAb", "kK\u212a", "sS\u017fß", "äÄa\xff", "\ufffda"}[r.IntN(6)]
		s, part := randomText(r, alphabet, 24), randomText(r, alphabet, 5)
		if r.IntN(3) == 0 {
			s = s[:len(s)/2] + "\xc3" + s[len(s)/2:] // no UTF-8
		}
		want := part == ""
		for i := range s {
			want = want || startsWithFold(s[i:], part)
		}
		if got := containsFold(s, part); got != want {
			t.Fatalf("containsFold(%q, %q) = %v", s, part, got)
		}
		if part != "" && foldedIndex(s, part) != want {
			t.Fatalf("foldedIndex(%q, %q) = %v", s, part, !want)
		}
		if want {
			found++
		}
	}
	long := strings.Repeat("aB", 10_000)
	if found < 1000 || !containsFold(long+"c", "ABABABC") || containsFold(long, "babababc") {
		t.Errorf("%d were found", found)
	}
}

func TestDecodeEdges(t *testing.T) {
	for input, want := range map[string]string{
		"":                         "",
		"====":                     "",
		"a":                        "",          // no whole byte
		"aGk":                      "hi",        // without padding
		" aGk=\n":                  "hi",        // with space around it
		"aQBlAHgAIAAoAG4AZQB3ACkA": "iex (new)", // UTF-16, as PowerShell has it
		"//79":                     "\uFFFD",    // no text
	} {
		if got := base64Decode(input); got != want {
			t.Errorf("base64Decode(%q) = %q, want %q", input, got, want)
		}
	}
	long := strings.Repeat("a", 1000)
	if got := distance(long, long[:900]); got != 100 {
		t.Errorf("distance beyond 64 characters is %d", got)
	}
	for _, token := range []string{"", "a.b", "a.b.c.d", "!.!.!", "eyJ.eyJ.", strings.Repeat(".", 100)} {
		if jwtPart(token, 0).Exists() || jwtPart(token, 1).Exists() {
			t.Errorf("%q is a token", token)
		}
	}
}
