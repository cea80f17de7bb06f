package gateway

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// appendUnmapped appends what no attribute holds as an object, nothing if there is
// nothing. A name that comes twice is numbered.
func (a *access) appendUnmapped(dst []byte) []byte {
	if len(a.kept) == 0 && len(a.extra) == 0 && a.object == "" {
		return dst
	}
	start := len(dst)
	dst = append(dst, '{')
	for i, p := range a.kept {
		if i > 0 {
			dst = append(dst, ',')
		}
		again := 1
		for _, earlier := range a.kept[max(0, i-maxFields):i] {
			if earlier.name == p.name {
				again++
			}
		}
		name := p.name
		if again > 1 {
			name += "#" + strconv.Itoa(again)
		}
		dst = append(appendString(dst, name), ':')
		dst = appendString(dst, p.value)
	}
	if len(a.extra) > 0 {
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"extra":[`...)
		for i, text := range a.extra {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, text)
		}
		dst = append(dst, ']')
	}
	if a.object != "" {
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, `"object":`...), a.object...)
	}
	return append(dst, '}')
}

// mergeUnmapped joins what is left of an object with what is left of its variables:
// below the member in which they came, or beside the others.
func mergeUnmapped(object ocsf.JSON, key, own string) ocsf.JSON {
	if key == "" {
		key = "variables"
	}
	member := string(appendString(nil, key)) + ":" + own
	rest := strings.TrimPrefix(string(object), "{")
	if rest == "" || rest == "}" {
		return ocsf.JSON("{" + member + "}")
	}
	return ocsf.JSON("{" + member + "," + rest)
}

// appendString appends a valid text as a JSON string.
func appendString(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
