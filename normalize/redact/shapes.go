package redact

import (
	"regexp"
	"strings"
)

// shapes redacts what in a text has the form of a credential, whatever the text is
// called.
func (r *Redactor) shapes(text string) (string, bool) {
	before := text
	for _, re := range r.policy.values {
		text = r.expression(re, text)
	}
	r.policy.triggers.scan([]byte(`"`+text), &r.inner) // short triggers want something before them
	kinds := r.inner.kinds
	if kinds&aPEM != 0 {
		text = r.expression(privateKey, text)
	}
	if kinds&aURL != 0 {
		text = r.userinfos(text)
	}
	if kinds&anAuth != 0 {
		text = r.schemes(text)
	}
	if kinds&aQuery != 0 {
		text = r.queries(text)
	}
	if kinds&aPrefix != 0 {
		text = r.expression(prefixed, text)
	}
	if kinds&aJWT != 0 {
		text = r.jwtsIn(text)
	}
	return text, text != before
}

var (
	// privateKey is a key in PEM, to its end or that of the text.
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----(?s:(.*?)(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|$))`)
	// prefixed are tokens that say whose they are: of GitHub, GitLab, Slack, Stripe,
	// Google, Vault, npm, DigitalOcean, and session tokens of AWS.
	prefixed = regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[bpa]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|` +
		`[sr]k_live_[A-Za-z0-9]{16,}|ya29\.[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35}|hvs\.[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36}|dop_v1_[a-f0-9]{64}|(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9+/=%]{40,})`)
	// scheme is a credential of an Authorization header, wherever it stands.
	scheme = regexp.MustCompile(`(?i)\b(?:bearer|basic|negotiate) +([A-Za-z0-9._~+/=-]{8,})`)
	// authorization is such a header as text, of any scheme.
	authorization = regexp.MustCompile(`(?i)\bauthorization: *(?:[A-Za-z0-9-]+ +)?([^\s"']{8,})`)
	// digestResponse is the proof of a Digest header.
	digestResponse = regexp.MustCompile(`(?i)\bdigest .*?\bresponse="?([0-9a-f]{16,})`)
)

// expression redacts the last group that takes part in each match, of PEM the
// second; without groups all of it.
func (r *Redactor) expression(re *regexp.Regexp, text string) string {
	matches := re.FindAllStringSubmatchIndex(text, -1)
	if matches == nil {
		return text
	}
	var b strings.Builder
	at := 0
	for _, m := range matches {
		start, end := m[0], m[1]
		switch {
		case re == privateKey:
			start, end = m[4], m[5]
		case len(m) > 2 && m[2] >= 0:
			start, end = m[2], m[3]
		}
		if credential := text[start:end]; !masked(credential) {
			r.noteJWT(credential)
			b.WriteString(text[at:start])
			b.WriteString(r.token(strings.TrimSpace(credential)))
			at = end
		}
	}
	b.WriteString(text[at:])
	return b.String()
}

// schemes redacts Authorization headers. That of AWS names the access key, which is
// no secret, and is left but for its signature (queries).
func (r *Redactor) schemes(text string) string {
	text = r.expression(scheme, text)
	text = r.expression(digestResponse, text)
	if !strings.Contains(text, "AWS4-HMAC") {
		text = r.expression(authorization, text)
	}
	return text
}

// userinfos redacts the password in https://user:password@host.
func (r *Redactor) userinfos(text string) string {
	for at := 0; ; {
		n := strings.Index(text[at:], "://")
		if n < 0 {
			return text
		}
		start := at + n + len("://")
		length := userinfo(text[start:])
		at = start
		if length == 0 {
			continue
		}
		_, password, _ := strings.Cut(text[start:start+length], ":")
		if masked(password) {
			continue
		}
		end := start + length
		text = text[:end-len(password)] + r.token(password) + text[end:]
	}
}

// queries redacts name=value where the name is a credential's: in the query of a
// URL, in a form, in a connection string, in an Authorization header of AWS.
func (r *Redactor) queries(text string) string {
	var b strings.Builder
	at := 0
	for i := 0; i < len(text); {
		n := strings.IndexByte(text[i:], '=')
		if n < 0 {
			break
		}
		equals := i + n
		start := nameStart(text, i, equals)
		end := valueEnd(text, equals+1)
		i = equals + 1
		name, value := text[start:equals], text[equals+1:end]
		if name == "" || value == "" || !r.policy.isQueryCredential(name, value) || masked(value) {
			continue
		}
		r.noteJWT(value)
		b.WriteString(text[at : equals+1])
		b.WriteString(r.token(value))
		at, i = end, end
	}
	if at == 0 {
		return text
	}
	b.WriteString(text[at:])
	return b.String()
}

// nameStart is where the name before an equals sign begins, not before from.
func nameStart(text string, from, equals int) int {
	for i := equals; i > from; i-- {
		if !isNameByte(text[i-1]) {
			return i
		}
	}
	return from
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// valueEnd is where a value ends that begins at start: at what cannot be in one. A
// key of Azure ends with equals signs.
func valueEnd(text string, start int) int {
	for i := start; i < len(text); i++ {
		switch text[i] {
		case '&', ';', ' ', '"', '\'', ',', '<', '>', '\\', '\t', '\r', '\n', '#', ')', ']', '}', '|':
			return i
		}
	}
	return len(text)
}

// keyed redacts a text by the name that it has.
func (r *Redactor) keyed(name, text string) (string, bool) {
	if masked(text) {
		return text, false
	}
	var buf [nameLength]byte
	folded, _ := fold(&buf, name)
	switch string(folded) {
	case "cookie", "cookies":
		return r.cookies(text, -1), true
	case "setcookie":
		return r.cookies(text, 1), true
	}
	if strings.HasPrefix(text, "AWS4-HMAC-SHA256") {
		out := r.queries(text)
		return out, out != text
	}
	if kind, credential, ok := strings.Cut(text, " "); ok && isScheme(kind) && strings.TrimSpace(credential) != "" {
		r.noteJWT(credential)
		return kind + " " + r.token(strings.TrimSpace(credential)), true
	}
	if isConnectionString(text) {
		if out := r.queries(text); out != text {
			return out, true
		}
	}
	r.noteJWT(text)
	return r.token(text), true
}

// isScheme tells whether a word may be the scheme of an Authorization header.
func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "bearer", "basic", "digest", "negotiate", "token", "apikey", "sharedkey", "sharedaccesssignature", "aws", "ntlm", "hoba", "mutual", "dpop", "gnap", "privatetoken":
		return true
	}
	return false
}

// isConnectionString tells whether a text is name=value;name=value.
func isConnectionString(text string) bool {
	return strings.Contains(text, ";") && strings.Contains(text, "=")
}

// cookies redacts the values of cookies, of at most so many; those that follow are
// the attributes of the first.
func (r *Redactor) cookies(text string, most int) string {
	var b strings.Builder
	for i, part := range strings.Split(text, ";") {
		if i > 0 {
			b.WriteByte(';')
		}
		name, value, ok := strings.Cut(part, "=")
		switch {
		case most >= 0 && i >= most || masked(value) && ok:
			b.WriteString(part)
		case ok:
			r.noteJWT(value)
			b.WriteString(name + "=" + r.token(strings.TrimSpace(value)))
		case i == 0:
			b.WriteString(r.token(part))
		default:
			b.WriteString(part)
		}
	}
	return b.String()
}
