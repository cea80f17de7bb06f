package jsondoc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// plainAppendString is AppendString character by character.
func plainAppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '"', r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= 0x20:
			dst = utf8.AppendRune(dst, r)
		case strings.ContainsRune("\b\f\n\r\t", r):
			dst = append(dst, strings.Trim(strconv.Quote(string(r)), `"`)...)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	return append(dst, '"')
}

// checkAppendString appends s behind something, with more and less room than it takes.
func checkAppendString(t *testing.T, s string) {
	t.Helper()
	want := plainAppendString([]byte("x:"), s)
	for _, room := range []int{0, len(s), len(want), len(want) + appendRoom} {
		dst := append(make([]byte, 0, 2+room), "x:"...)
		if got := AppendString(dst, s); !bytes.Equal(got, want) {
			t.Fatalf("%q with room for %d is written as %s, want %s", s, room, got, want)
		}
	}
}

// TestAppendString puts each kind of character at every place of the eight that are
// looked at together, once and several times.
func TestAppendString(t *testing.T) {
	odd := []string{"", "é", "東京", "😀", "\xff", "é\xff", "\xe6\x9d", "\u2028", "\ufffd", "\x7f"}
	for c := range 0x30 {
		odd = append(odd, string(rune(c)))
	}
	odd = append(odd, "\\")
	for _, odd := range odd {
		for before := range 18 {
			for after := range 18 {
				s := strings.Repeat("a", before) + odd + strings.Repeat("b", after)
				checkAppendString(t, s)
				checkAppendString(t, s+s+odd+odd)
			}
		}
	}
}

// TestAppendStringKeepsWhatIsBehind: it writes words, but only into its own room.
func TestAppendStringKeepsWhatIsBehind(t *testing.T) {
	buf := []byte(strings.Repeat("#", 100))
	for size := range 60 {
		got := AppendString(buf[:10:10], strings.Repeat("a", size))
		if len(got) != size+12 || string(buf) != strings.Repeat("#", 100) {
			t.Fatalf("a string of %d bytes: %q, and %q", size, got, buf)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "plain", `{"a":"b\\c"}`, "tab\tnul\x00\x1f", "東京\xff\"", strings.Repeat(`"`, 40)} {
		f.Add(seed)
	}
	f.Fuzz(checkAppendString)
}

// runsAppendString is what AppendString was before: it copies whole runs.
func runsAppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; ; {
		run := i
		i += PlainRun(s[i:])
		dst = append(dst, s[run:i]...)
		if i == len(s) {
			return append(dst, '"')
		}
		var escape [6]byte
		dst = append(dst, escape[:putEscape(escape[:], s[i])]...)
		i++
	}
}

// BenchmarkAppendString writes the text of a record and some short texts, as an event
// has them.
func BenchmarkAppendString(b *testing.B) {
	texts := []string{strings.Repeat(`{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole"}},`, 20)}
	for _, short := range []string{"Read", "203.0.113.24", "eu-central-1", "arn:aws:iam::111122223333:role/Developer", "ec2.amazonaws.com", "c5d6e7f8-1a2b-4c3d-8e9f-0a1b2c3d4e07"} {
		texts = append(texts, short, short, short, short)
	}
	var dst []byte
	for name, f := range map[string]func([]byte, string) []byte{"words": AppendString, "runs": runsAppendString, "characters": plainAppendString} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = dst[:0]
				for _, s := range texts {
					dst = f(dst, s)
				}
			}
		})
	}
}
