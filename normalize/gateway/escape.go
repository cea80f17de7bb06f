package gateway

import (
	"strings"
	"unicode/utf8"
)

// decode reads NGINX's escapes: \xNN as a byte, \" and \\ as what they quote. Bytes
// that are no UTF-8 together keep their escapes, so that the text is valid and
// nothing is lost.
func decode(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		run, size := escapedRun(s[i:])
		if size == 0 {
			out = append(out, s[i])
			i++
			continue
		}
		out = appendValid(out, run)
		i += size
	}
	return string(out)
}

// escapedRun decodes the escapes that s begins with, as many as follow each other.
func escapedRun(s string) (run []byte, size int) {
	for size+1 < len(s) && s[size] == '\\' {
		switch c := s[size+1]; c {
		case '"', '\\':
			run = append(run, c)
			size += 2
			continue
		case 'x':
			if b, ok := hexByte(s[size+2:]); ok {
				run = append(run, b)
				size += 4
				continue
			}
		}
		break
	}
	return run, size
}

func hexByte(s string) (b byte, ok bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, low := strings.IndexByte(hexDigits, s[0]|0x20), strings.IndexByte(hexDigits, s[1]|0x20)
	return byte(high<<4 | low), high >= 0 && low >= 0
}

const hexDigits = "0123456789abcdef"

// appendValid appends the runes of run, and each byte that is of none as \xNN.
func appendValid(out, run []byte) []byte {
	for len(run) > 0 {
		r, size := utf8.DecodeRune(run)
		if r == utf8.RuneError && size == 1 {
			const upper = "0123456789ABCDEF"
			out = append(out, '\\', 'x', upper[run[0]>>4], upper[run[0]&15])
		} else {
			out = append(out, run[:size]...)
		}
		run = run[size:]
	}
	return out
}
