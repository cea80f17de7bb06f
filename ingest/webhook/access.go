package webhook

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
	certificates bool
	names        []string // of certificates that are let in; empty: all
}

type token struct {
	client string
	digest [sha256.Size]byte
}

func newAccess(cfg *Config) (*access, error) {
	a := new(access)
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
func (a *access) identify(r *http.Request) (string, *answer) {
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
		name, ok := a.bearer(r.Header.Values("Authorization"))
		if !ok {
			return "", unauthorized("want a bearer token that the collector knows")
		}
		client = name
	}
	return client, nil
}

// bearer looks for a token. It takes as long for a wrong one as for any right one.
func (a *access) bearer(authorization []string) (client string, ok bool) {
	if len(authorization) != 1 {
		return "", false
	}
	scheme, text, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	digest := sha256.Sum256([]byte(strings.TrimSpace(text)))
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(digest[:], a.tokens[i].digest[:]) == 1 {
			client, ok = a.tokens[i].client, true
		}
	}
	return client, ok
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
