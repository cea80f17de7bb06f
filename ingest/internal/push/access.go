package push

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// anonymous is the client of a collector that asks for no authentication.
const anonymous = "anonymous"

// access tells who sends a request.
type access struct {
	tokens       []token
	basic        bool // a token may come as the password of its client
	certificates bool
	names        []string // of certificates that are let in; empty: all
}

type token struct {
	client string
	digest [sha256.Size]byte
}

func newAccess(cfg *Config) (*access, error) {
	a := &access{basic: cfg.Basic}
	for client, digests := range cfg.Tokens {
		for _, text := range digests {
			digest, err := hex.DecodeString(text)
			if err != nil || len(digest) != sha256.Size {
				return nil, fmt.Errorf("token_sha256 of %s: want the SHA-256 of a token as 64 hexadecimal digits", client)
			}
			a.tokens = append(a.tokens, token{client, [sha256.Size]byte(digest)})
		}
	}
	if cfg.TLS != nil {
		a.certificates, a.names = cfg.TLS.ClientCAFile != "", cfg.TLS.ClientNames
	}
	return a, nil
}

// authenticates reports whether a client has to prove anything.
func (a *access) authenticates() bool { return len(a.tokens) > 0 || a.certificates }

// identify returns the client's name: that of its token, else of its certificate.
func (a *access) identify(r *http.Request) (string, *Answer) {
	client := anonymous
	if a.certificates {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 { // the handshake demands one
			return "", forbidden("want a client certificate")
		}
		name, ok := a.certificate(r.TLS.PeerCertificates[0])
		if !ok {
			return "", forbidden("the client certificate has no name of tls.client_names")
		}
		client = name
	}
	if len(a.tokens) > 0 {
		name, ok := a.token(r)
		if !ok {
			return "", a.unauthorized()
		}
		client = name
	}
	return client, nil
}

// token looks for a token. It takes as long for a wrong one as for any right one.
func (a *access) token(r *http.Request) (client string, ok bool) {
	authorization := r.Header.Values("Authorization")
	if len(authorization) != 1 {
		return "", false
	}
	scheme, text, _ := strings.Cut(authorization[0], " ")
	user, basic := "", false
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		text = strings.TrimSpace(text)
	case a.basic && strings.EqualFold(scheme, "Basic"):
		if user, text, basic = r.BasicAuth(); !basic {
			return "", false
		}
	default:
		return "", false
	}
	digest := sha256.Sum256([]byte(text))
	for i := range a.tokens {
		same := subtle.ConstantTimeCompare(digest[:], a.tokens[i].digest[:]) == 1
		if same && (!basic || user == a.tokens[i].client) {
			client, ok = a.tokens[i].client, true
		}
	}
	return client, ok
}

func (a *access) unauthorized() *Answer {
	schemes := []string{`Bearer realm="weir"`}
	message := "want a bearer token that the collector knows"
	if a.basic {
		schemes = append(schemes, `Basic realm="weir", charset="UTF-8"`)
		message += ", or the name of a client and its token as user and password"
	}
	return &Answer{
		Code: http.StatusUnauthorized, Reason: "Unauthorized", Message: message, HangUp: true,
		Header: http.Header{"Www-Authenticate": schemes},
	}
}

// certificate is the name by which a verified certificate is let in.
func (a *access) certificate(cert *x509.Certificate) (string, bool) {
	names := append([]string{cert.Subject.CommonName}, cert.DNSNames...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	for _, name := range names {
		if name != "" && (len(a.names) == 0 || slices.Contains(a.names, name)) {
			return name, true
		}
	}
	return anonymous, len(a.names) == 0
}
