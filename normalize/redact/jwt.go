package redact

import (
	"encoding/base64"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// What is noted of a JSON Web Token: enough to tell who issued it to whom, for what
// and for how long, and that it is not signed (alg: none).
var (
	headerClaims  = [...]string{"alg", "kid", "typ", "jku", "x5u"}
	payloadClaims = [...]string{
		"iss", "sub", "jti", "aud", "azp", "appid", "client_id", "tid", "oid", "upn", "scp", "scope", "scopes", "roles", "exp", "iat", "nbf",
	}
)

const (
	maxJWTs    = 4   // noted of a record
	maxClaim   = 512 // bytes of a claim that is noted
	leastJWT   = 16  // characters of the shortest that is looked at
	maxJWTSize = 16 << 10
)

// jwtsIn redacts every JSON Web Token in a text.
func (r *Redactor) jwtsIn(text string) string {
	for at := 0; ; {
		n := strings.Index(text[at:], "eyJ")
		if n < 0 {
			return text
		}
		start := at + n
		end := start
		for end < len(text) && (isBase64URL(text[end]) || text[end] == '.') {
			end++
		}
		if strings.Count(text[start:end], ".") == 3 && text[end-1] == '.' { // of the sentence
			end--
		}
		at = end
		if start > 0 && isBase64URL(text[start-1]) || !r.noteJWT(text[start:end]) {
			continue
		}
		token := r.token(text[start:end])
		text = text[:start] + token + text[end:]
		at = start + len(token)
	}
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// noteJWT notes the header and claims of a JSON Web Token, and tells whether the
// text is one: two parts in base64url that are JSON objects, the first of which
// names an algorithm, and a signature, which may be empty. An encrypted one has
// five parts and no claims to read.
func (r *Redactor) noteJWT(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < leastJWT || len(text) > maxJWTSize || !strings.HasPrefix(text, "ey") && !strings.HasPrefix(text, "ew") {
		return false
	}
	parts := strings.SplitN(text, ".", 6)
	if len(parts) != 3 && len(parts) != 5 {
		return false
	}
	var header, payload jsondoc.Doc
	if !decode(parts[0], &header) || !header.Root().Get("alg").Exists() {
		return false
	}
	if len(parts) == 3 && !decode(parts[1], &payload) {
		return false
	}
	if r.jwts == maxJWTs {
		return true
	}
	r.jwts++
	if len(r.tokens) > 0 {
		r.tokens = append(r.tokens, ',')
	}
	r.tokens = append(r.tokens, '{')
	first := len(r.tokens)
	if len(r.path) > 0 {
		r.tokens = append(append(r.tokens, `"at":`...), quoteJSON(strings.Join(r.path, "."))...)
	}
	r.claims(header.Root(), headerClaims[:], first)
	r.claims(payload.Root(), payloadClaims[:], first)
	r.tokens = append(r.tokens, '}')
	return true
}

// claims notes claims; first is where the object's members begin.
func (r *Redactor) claims(from jsondoc.Value, names []string, first int) {
	for _, name := range names {
		v := from.Get(name)
		json := v.JSON()
		if !v.Exists() || len(json) > maxClaim {
			continue
		}
		if len(r.tokens) > first {
			r.tokens = append(r.tokens, ',')
		}
		r.tokens = append(append(append(append(r.tokens, '"'), name...), '"', ':'), json...)
	}
}

func decode(part string, doc *jsondoc.Doc) bool {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	return err == nil && doc.Parse(text) == nil && doc.Root().Kind() == jsondoc.Object
}
