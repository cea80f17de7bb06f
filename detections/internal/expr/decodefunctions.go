package expr

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// decodeFunctions see through encodings. They are total: what is not encoded so
// gives an empty text, or an absent JSON value.
var decodeFunctions = []Function{
	{Section: "Encodings", Name: "base64Decode", Signature: "text.base64Decode() -> string", Cost: "1 + 0.2 a character",
		Doc: "The text that the base64 stands for, in the common or the URL alphabet, with or without padding; UTF-16 (as PowerShell's -EncodedCommand has it) reads as text, too. Empty if it is no base64. Bytes that are no text read as U+FFFD.", Example: `"Y3VybCBodHRwOi8v".base64Decode() == "curl http://" && "not base64!".base64Decode() == ""`,
		overloads: []overload{on("string_base64_decode", closure.Weighed(base64Decode, eachSteps)).costing(2)}},
	{Section: "Encodings", Name: "urlDecode", Signature: "text.urlDecode() -> string", Cost: "1 + 0.2 a character",
		Doc: "%41 reads as A. A % that begins no escape stays, and so does +. Decode twice for what is encoded twice.", Example: `"/a/%2e%2e/b".urlDecode() == "/a/../b" && "100%".urlDecode() == "100%"`,
		overloads: []overload{on("string_url_decode", closure.Scratching(urlDecode, eachSteps)).costing(2)}},
	{Section: "Encodings", Name: "jwt.header", Signature: "jwt.header(token) -> json", Cost: "1 + 0.5 a character",
		Doc: "The header of a JSON web token, with or without \"Bearer \" before it; absent if it is none. The signature is not checked.", Example: `jwt.header("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.").alg == "none"`,
		overloads: []overload{of("jwt_header", closure.Weighed(func(s string) ocsfcel.JSON { return jwtPart(s, 0) }, eachSteps)).costing(5)}},
	{Section: "Encodings", Name: "jwt.claims", Signature: "jwt.claims(token) -> json", Cost: "1 + 0.5 a character",
		Doc: "The claims of a JSON web token, likewise.", Example: `jwt.claims("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.").sub == "alice" && !has(jwt.claims("no token").sub)`,
		overloads: []overload{of("jwt_claims", closure.Weighed(func(s string) ocsfcel.JSON { return jwtPart(s, 1) }, eachSteps)).costing(5)}},
}

// decodeBytes decodes either alphabet of base64, padded or not.
func decodeBytes(s string) ([]byte, bool) {
	s = strings.TrimRight(strings.TrimSpace(s), "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	data, err := encoding.DecodeString(s)
	return data, err == nil
}

func base64Decode(s string) string {
	data, ok := decodeBytes(s)
	if !ok {
		return ""
	}
	if text, ok := fromUTF16(data); ok {
		return text
	}
	return strings.ToValidUTF8(string(data), string(utf8.RuneError))
}

// fromUTF16 reads little-endian UTF-16 of which most characters are ASCII: every
// second byte of most pairs is zero.
func fromUTF16(data []byte) (string, bool) {
	if len(data) < 4 || len(data)%2 != 0 {
		return "", false
	}
	zeros := 0
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i]) | uint16(data[2*i+1])<<8
		if data[2*i] != 0 && data[2*i+1] == 0 {
			zeros++
		}
	}
	if zeros*4 < len(units)*3 {
		return "", false
	}
	return string(utf16.Decode(units)), true
}

// urlDecode decodes percent escapes and leaves everything else as it is.
func urlDecode(to *closure.Scratch, s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := to.Room(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return strings.ToValidUTF8(to.Text(out), string(utf8.RuneError))
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// jwtPart is one of the parts of a JSON web token (RFC 7519, 3) that are JSON.
func jwtPart(s string, part int) ocsfcel.JSON {
	if len(s) > len("Bearer ") && startsWithFold(s, "Bearer ") {
		s = s[len("Bearer "):]
	}
	header, rest, _ := strings.Cut(strings.TrimSpace(s), ".")
	claims, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(signature, ".") {
		return ocsfcel.JSON{}
	}
	data, ok := decodeBytes([]string{header, claims}[part])
	if !ok {
		return ocsfcel.JSON{}
	}
	return ocsfcel.ParseJSON(new(jsondoc.Doc), string(data))
}
