package jsondoc

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string at its opening quote, to behind the closing one.
func (p *parser) string() (hasEscape bool, err *Error) {
	src := p.src
	i := p.pos + 1
	for ; i+8 <= len(src); i += 8 {
		if marks := stops(wordAt(src, i)); marks != 0 {
			i += lowest(marks)
			if src[i] == '"' {
				p.pos = i + 1
				return false, nil
			}
			break
		}
	}
	return p.oddString(i)
}

// oddString reads on from i, which is inside a string: one with an escape, or at the
// end of the text.
func (p *parser) oddString(i int) (hasEscape bool, err *Error) {
	src := p.src
	for {
		i += PlainRun(src[i:])
		p.pos = i
		if i >= len(src) {
			return false, p.fail("")
		}
		switch src[i] {
		case '"':
			p.pos = i + 1
			return hasEscape, nil
		case '\\':
			hasEscape = true
			if err := p.escape(); err != nil {
				return false, err
			}
			i = p.pos
		default:
			return false, p.fail("control character in a string")
		}
	}
}

// escape reads one escape at its backslash, or the two of a surrogate pair.
func (p *parser) escape() *Error {
	r, size := decodeEscape(p.src[p.pos:])
	if size == 0 {
		return p.fail("unknown escape")
	}
	switch {
	case r == 0:
		p.doc.flags |= NUL
	case r == utf8.RuneError && size == len(`\ud800`):
		if hex, _ := hex4(p.src[p.pos+2:]); utf16.IsSurrogate(hex) {
			p.doc.surrogates = append(p.doc.surrogates, uint32(p.pos))
		}
	}
	p.pos += size
	return nil
}

// decodeEscape reads the escape that s begins with: its rune and its length, a
// surrogate pair as one, a lone surrogate as U+FFFD. A length of 0 is no escape.
func decodeEscape(s string) (r rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return decodeUnicodeEscape(s)
	}
	return 0, 0
}

func decodeUnicodeEscape(s string) (r rune, size int) {
	r, ok := hex4(s[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if low, ok := hex4(s[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return utf8.RuneError, 6
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for i := range 4 {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape decodes the text of a string, which has been validated and has an
// escape. It copies what lies between escapes at once, and the character of an
// escape that stands for itself with what follows it: 1.5x on BenchmarkUnescape.
func unescape(s string) string {
	var out strings.Builder
	out.Grow(len(s)) // no escape is shorter than what it means
	run := 0         // begin of what is still to be copied
	for i := 0; ; {
		i += PlainRun(s[i:]) // in a valid string only a backslash ends it
		if i == len(s) {
			out.WriteString(s[run:])
			return out.String()
		}
		out.WriteString(s[run:i])
		switch s[i+1] {
		case '"', '\\', '/':
			run = i + 1
			i += 2
		default:
			r, size := decodeEscape(s[i:])
			out.WriteRune(r)
			i += size
			run = i
		}
	}
}

// decode reads the text of a string, from its begin to behind the closing quote,
// into dst, which has room for all of the source that is left and eight bytes more.
// It checks and unescapes at once, and copies eight bytes at a time before it knows
// how many of them count: 3x on BenchmarkStr.
func (p *parser) decode(dst []byte) (n int, err *Error) {
	src := p.src
	i := p.pos
	for {
		if i+8 <= len(src) {
			x := wordAt(src, i)
			putWord(dst, n, x)
			marks := stops(x)
			if marks == 0 {
				i, n = i+8, n+8
				continue
			}
			i, n = i+lowest(marks), n+lowest(marks)
		} else {
			for i < len(src) && plain[src[i]] {
				dst[n] = src[i]
				i, n = i+1, n+1
			}
		}
		p.pos = i
		switch {
		case i >= len(src):
			return 0, p.fail("")
		case src[i] == '"':
			p.pos = i + 1
			return n, nil
		case src[i] != '\\':
			return 0, p.fail("control character in a string")
		case i+1 < len(src) && (src[i+1] == '"' || src[i+1] == '\\'):
			dst[n] = src[i+1]
			i, n = i+2, n+1
			if i+2 < len(src) && src[i+1] == '\\' && src[i+2] == '"' && (src[i] == ':' || src[i] == ',') { // as in AppendString
				dst[n], dst[n+1] = src[i], '"'
				i, n = i+3, n+2
			}
		default:
			if err := p.escape(); err != nil {
				return 0, err
			}
			r, _ := decodeEscape(src[i:])
			n += utf8.EncodeRune(dst[n:], r)
			i = p.pos
		}
	}
}

// equalUnescaped tells, without allocating, whether the escaped text s means want.
func equalUnescaped(s, want string) bool {
	for i := 0; i < len(s); {
		var buf [utf8.UTFMax]byte
		n, size := 1, 1
		if s[i] == '\\' {
			r, escapeSize := decodeEscape(s[i:])
			n, size = utf8.EncodeRune(buf[:], r), escapeSize
		} else {
			buf[0] = s[i]
		}
		if len(want) < n || want[:n] != string(buf[:n]) {
			return false
		}
		want = want[n:]
		i += size
	}
	return want == ""
}
