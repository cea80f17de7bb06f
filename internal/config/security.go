package config

import (
	"fmt"
	"net"
	"net/url"
	"os"

	"go.yaml.in/yaml/v4"
)

// The SASL mechanisms.
const (
	SASLPlain       = "plain"
	SASLScramSHA512 = "scram-sha-512"
	SASLOAuthBearer = "oauthbearer"
)

// SASL is how weir authenticates to brokers. With oauthbearer the token is in
// TokenFile, or comes from TokenURL for the client's id and secret; the other
// mechanisms have a user and a password. Values that came from a file may be out
// of date: ReadSecret has them as they are now.
type SASL struct {
	Mechanism    string
	Username     string
	Password     Secret
	PasswordFile string

	Token            Secret
	TokenFile        string
	TokenURL         string
	ClientID         string
	ClientSecret     Secret
	ClientSecretFile string
	Scope            string
}

// TLS is how a connection that weir opens is encrypted. CAFile is empty for the
// system's roots; CertFile and KeyFile are both set for mutual TLS, else neither.
type TLS struct {
	CAFile, CertFile, KeyFile string
}

func newSASL(*reader) *SASL { return &SASL{} }

func (s *SASL) fields() []field {
	fields := []field{
		{"mechanism", "SASL mechanism", required{oneOf(&s.Mechanism, []string{SASLPlain, SASLScramSHA512, SASLOAuthBearer})}},
		{"username", "name of the user; not with `oauthbearer`", textOrNothing{text(&s.Username), &s.Username}},
	}
	fields = append(fields, secret("password", "password of the user", &s.Password, &s.PasswordFile)...)
	fields = append(fields,
		field{"token_file", "`oauthbearer`: a file that holds the access token, kept fresh by somebody else; either this or `token_url`", &secretFile{"token", &s.Token, &s.TokenFile}},
		field{"token_url", "`oauthbearer`: where to get an access token (OAuth 2.0 client credentials); https, or http on loopback", textOrNothing{checked(&s.TokenURL, "URL", checkTokenURL), &s.TokenURL}},
		field{"client_id", "client to `token_url`", textOrNothing{text(&s.ClientID), &s.ClientID}},
	)
	fields = append(fields, secret("client_secret", "secret of the client", &s.ClientSecret, &s.ClientSecretFile)...)
	return append(fields, field{"scope", "scope to ask `token_url` for, if it needs one", textOrNothing{text(&s.Scope), &s.Scope}})
}

func newTLS(*reader) *TLS { return &TLS{} }

func (t *TLS) fields() []field {
	return []field{
		{"ca_file", "PEM file of the authorities to trust instead of the system's", optionalPath(&t.CAFile)},
		{"cert_file", "PEM file of the client certificate", optionalPath(&t.CertFile)},
		{"key_file", "PEM file of the client certificate's key", optionalPath(&t.KeyFile)},
	}
}

// textOrNothing is a text that is not shown while it is empty.
type textOrNothing struct {
	value
	to *string
}

func (t textOrNothing) write() *yaml.Node {
	if *t.to == "" {
		return nil
	}
	return t.value.write()
}

// checkTokenURL wants an address to which a secret may be sent.
func checkTokenURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("want an address like https://login.example.org/oauth2/token, got %q", s)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && !ip.IsLoopback() {
		return fmt.Errorf("would send the client's secret in plain text to %s; use https", u.Host)
	}
	return nil
}

// check wants the keys of the mechanism and no others, in the section at path.
func (s *SASL) check(r *reader, path string) {
	user := []string{"username", "password", "password_file"}
	client := []string{"token_url", "client_id", "client_secret", "client_secret_file", "scope"}
	switch {
	case s.Mechanism == "": // which is a problem already
	case s.Mechanism != SASLOAuthBearer:
		r.wantAll(path, "username")
		r.checkSecret(path, "password")
		r.exclude(path, "is for mechanism "+SASLOAuthBearer+"; delete it", append(client, "token_file")...)
	case r.given(path + ".token_file"):
		r.exclude(path, "is not for mechanism "+SASLOAuthBearer+"; delete it", user...)
		r.exclude(path, "and token_file exclude each other; delete one", client...)
	default:
		r.exclude(path, "is not for mechanism "+SASLOAuthBearer+"; delete it", user...)
		if !r.given(path + ".token_url") {
			r.problemAt(path, "lacks a token; give token_file, or token_url with client_id and client_secret")
			return
		}
		r.wantAll(path, "client_id")
		r.checkSecret(path, "client_secret")
	}
}

// wantAll reports keys of a section that are not given.
func (r *reader) wantAll(path string, keys ...string) {
	for _, key := range keys {
		if !r.given(path + "." + key) {
			r.problemAt(path, "lacks %s", key)
		}
	}
}

// exclude reports keys of a section that are given.
func (r *reader) exclude(path, why string, keys ...string) {
	for _, key := range keys {
		if r.given(path + "." + key) {
			r.problemAt(path+"."+key, "%s", why)
		}
	}
}

// check looks at the files of the section at path.
func (t *TLS) check(r *reader, path string) {
	if (t.CertFile == "") != (t.KeyFile == "") {
		r.problemAt(path, "cert_file and key_file go together; give both for mutual TLS, or neither")
	}
	for _, f := range []struct{ key, file string }{{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}} {
		if f.file == "" {
			continue
		}
		if _, err := os.ReadFile(f.file); err != nil {
			r.problemAt(path+"."+f.key, "%v", err)
		}
	}
}
