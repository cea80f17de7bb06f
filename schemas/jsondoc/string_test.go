package jsondoc

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPlainRun holds the run against a reading of every byte, with every byte at
// every place of a text that is longer than what is looked at together.
func TestPlainRun(t *testing.T) {
	for _, around := range []byte{'a', 0x80, 0xff, 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f} {
		text := []byte(strings.Repeat(string([]byte{around}), 19))
		for at := range text {
			for c := range 256 {
				text[at] = byte(c)
				for start := range 3 {
					want := start
					for want < len(text) && plain[text[want]] {
						want++
					}
					got, asString := start+PlainRun(text[start:]), start+PlainRun(string(text[start:]))
					if got != want || asString != want {
						t.Fatalf("the run of %q from %d ends at %d, as a string at %d, want %d", text, start, got, asString, want)
					}
				}
			}
			text[at] = around
		}
	}
}

// plainSkipString is SkipString byte by byte.
func plainSkipString(s []byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(s)
}

func checkSkipString(t *testing.T, s []byte) {
	t.Helper()
	if got, want := SkipString(s), plainSkipString(s); got != want {
		t.Fatalf("the string %q ends at %d, want %d", s, got, want)
	}
}

// TestSkipString goes through all texts of up to nine bytes of three kinds, which may
// lie anywhere in a word.
func TestSkipString(t *testing.T) {
	for size := range 10 {
		text := make([]byte, size)
		for number := range int(math.Pow(3, float64(size))) {
			for i := range text {
				text[i] = `"\a`[number%3]
				number /= 3
			}
			for _, before := range []string{"", "\xdc", "abcde", "\xa2\x23aaaa"} {
				checkSkipString(t, append([]byte(before), text...))
				checkSkipString(t, append(append([]byte(before), text...), "bbb\"bbbbbb"...))
			}
		}
	}
}

func FuzzSkipString(f *testing.F) {
	for _, seed := range []string{`plain"`, `a\"b\\"`, `\\\\\\\"\\"`, `\`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkSkipString)
}

// BenchmarkSkipString skips a record that stands as text in an event.
func BenchmarkSkipString(b *testing.B) {
	text := []byte(strconv.Quote(strings.Repeat(`{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole"}},`, 20)))[1:]
	for name, skip := range map[string]func([]byte) int{"words": SkipString, "bytes": plainSkipString} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				skip(text)
			}
		})
	}
}

// plainUnescape is unescape byte by byte.
func plainUnescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		r, size := decodeEscape(s[i:])
		out = utf8.AppendRune(out, r)
		i += size
	}
	return string(out)
}

func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{
		`{\"a\":\"b\"}`, `\\\\`, `\\\"`, `a\/b`, `\n`, `x\u00e9y`, `\ud83d\ude00`, `\ud83d\ud83d\ude00`, `\ud800`, `\u0000\t`, `\\u0041`, `東\"京`, `\b\f\r`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d Doc
		if strings.IndexByte(s, '\\') < 0 || d.ParseString(`"`+s+`"`) != nil || d.Root().Kind() != String {
			return
		}
		s = d.src[1 : len(d.src)-1]
		if got, want := unescape(s), plainUnescape(s); got != want {
			t.Errorf("%q means %q, want %q", s, got, want)
		}
	})
}

// BenchmarkUnescape reads a record that stands as text in an event, as all do.
func BenchmarkUnescape(b *testing.B) {
	quoted := strconv.Quote(strings.Repeat(`{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole"}},`, 20))
	quoted = quoted[1 : len(quoted)-1]
	for name, f := range map[string]func(string) string{"runs": unescape, "bytes": plainUnescape} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(quoted)))
			b.ReportAllocs()
			for b.Loop() {
				f(quoted)
			}
		})
	}
}
