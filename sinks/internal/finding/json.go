package finding

import (
	"encoding/json"
	"time"
)

// AppendString appends s as a JSON string.
func AppendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // of a string there is no error
			return append(dst, text...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// AppendMember appends "key":"value", after a comma unless an object begins there.
func AppendMember(dst []byte, key, value string) []byte {
	return AppendString(AppendKey(dst, key), value)
}

// AppendKey appends "key": after a comma, unless an object begins there.
func AppendKey(dst []byte, key string) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' {
		dst = append(dst, ',')
	}
	return append(AppendString(dst, key), ':')
}

// AppendTime appends "key":"2026-11-22T06:40:52.000Z", or nothing of a zero time.
func AppendTime(dst []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return AppendMember(dst, key, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}
