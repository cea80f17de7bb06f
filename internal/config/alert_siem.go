package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// SplunkAlert sends alerts to a HTTP Event Collector; see sinks/splunk.
type SplunkAlert struct {
	URL                             string
	Token                           Secret
	TokenFile                       string
	Index, Source, Sourcetype, Host string
	Ack                             bool
	AckTimeout                      time.Duration
	MaxBytes                        int64
	Timeout                         time.Duration
	TLS                             *TLS
}

func newSplunkAlert() *SplunkAlert {
	return &SplunkAlert{
		Source: "weir", Sourcetype: "weir:alert", AckTimeout: 5 * time.Minute, MaxBytes: 1_000_000, Timeout: 30 * time.Second,
	}
}

func (s *SplunkAlert) fields() []field {
	fields := []field{{"url", "address of the collector, without a path; https, or http on loopback", required{siemURL(&s.URL)}}}
	fields = append(fields, secret("token", "HEC token", &s.Token, &s.TokenFile)...)
	return append(fields,
		field{"index", "index of the events; empty: the token's own", text(&s.Index)},
		field{"source", "source of the events", text(&s.Source)},
		field{"sourcetype", "sourcetype of the events", text(&s.Sourcetype)},
		field{"host", "host of the events; empty: this machine's name", text(&s.Host)},
		field{"ack", "wait until the indexers have acknowledged the events; for a token with indexer acknowledgement", boolean(&s.Ack)},
		field{"ack_timeout", "longest wait for that until alerts are sent again", duration(&s.AckTimeout, time.Second)},
		maxBytes(&s.MaxBytes), answerTimeout(&s.Timeout), siemTLS(&s.TLS),
	)
}

func (s *SplunkAlert) check(r *reader, path string) {
	r.checkSecret(path, "token")
	if s.TLS != nil {
		s.TLS.check(r, path+".tls")
	}
}

// ElasticAlert sends alerts to Elasticsearch or OpenSearch; see sinks/elastic.
type ElasticAlert struct {
	URL, Index      string
	APIKey          Secret
	APIKeyFile      string
	Username        string
	Password        Secret
	PasswordFile    string
	BearerToken     Secret
	BearerTokenFile string
	MaxBytes        int64
	Timeout         time.Duration
	TLS             *TLS
}

func newElasticAlert() *ElasticAlert {
	return &ElasticAlert{Index: "weir-alerts-%Y.%m.%d", MaxBytes: 5_000_000, Timeout: 30 * time.Second}
}

func (e *ElasticAlert) fields() []field {
	fields := []field{
		{"url", "address of the cluster, with a path if a proxy wants one; https, or http on loopback", required{siemURL(&e.URL)}},
		{"index", "index or data stream; `%Y`, `%m` and `%d` are of the alert's own time (UTC)", text(&e.Index)},
	}
	fields = append(fields, secret("api_key", "encoded API key", &e.APIKey, &e.APIKeyFile)...)
	fields = append(fields, field{"username", "user, for `password`", textOrNothing{text(&e.Username), &e.Username}})
	fields = append(fields, secret("password", "password of the user", &e.Password, &e.PasswordFile)...)
	fields = append(fields, secret("bearer_token", "token, of a service account or of OpenID", &e.BearerToken, &e.BearerTokenFile)...)
	return append(fields, maxBytes(&e.MaxBytes), answerTimeout(&e.Timeout), siemTLS(&e.TLS))
}

func (e *ElasticAlert) check(r *reader, path string) {
	var given []string
	for _, key := range []string{"api_key", "password", "bearer_token"} {
		if r.given(path+"."+key) || r.given(path+"."+key+"_file") {
			given = append(given, key)
			r.checkSecret(path, key)
		}
	}
	if len(given) > 1 {
		r.problemAt(path+"."+given[1], "and %s exclude each other; delete one", given[0])
	}
	if password := r.given(path+".password") || r.given(path+".password_file"); password != r.given(path+".username") {
		r.problemAt(path, "username and password go together; give both or neither")
	}
	if e.TLS != nil {
		e.TLS.check(r, path+".tls")
	}
}

// The credentials of Microsoft Sentinel; see sinks/sentinel.
const (
	SentinelClientSecret      = "client_secret"
	SentinelClientCertificate = "client_certificate"
	SentinelWorkloadIdentity  = "workload_identity"
	SentinelManagedIdentity   = "managed_identity"
)

// SentinelAlert sends alerts to a table through the Logs Ingestion API.
type SentinelAlert struct {
	Endpoint, RuleID, Stream string
	Credential               string
	TenantID, ClientID       string
	ClientSecret             Secret
	ClientSecretFile         string
	CertificateFile          string
	CertificatePassword      Secret
	CertificatePasswordFile  string
	TokenFile                string
	AuthorityHost, Scope     string
	MaxBytes                 int64
	Timeout                  time.Duration
	CAFile                   string
}

func newSentinelAlert() *SentinelAlert {
	return &SentinelAlert{
		Stream: "Custom-Weir_CL", AuthorityHost: "https://login.microsoftonline.com", Scope: "https://monitor.azure.com/.default",
		MaxBytes: 1_000_000, Timeout: 30 * time.Second,
	}
}

func (s *SentinelAlert) fields() []field {
	fields := []field{
		{"endpoint", "logs ingestion endpoint, of the data collection endpoint or rule; https, or http on loopback", required{siemURL(&s.Endpoint)}},
		{"rule_id", "immutable id of the data collection rule", required{checked(&s.RuleID, "dcr-...", checkRuleID)}},
		{"stream", "stream of the rule", checked(&s.Stream, "Custom-...", checkStream)},
		{"credential", "who weir is to Entra", required{oneOf(&s.Credential, []string{SentinelClientSecret, SentinelClientCertificate, SentinelWorkloadIdentity, SentinelManagedIdentity})}},
		{"tenant_id", "Entra tenant; `workload_identity`: empty for `AZURE_TENANT_ID`", textOrNothing{text(&s.TenantID), &s.TenantID}},
		{"client_id", "application, or user-assigned identity; `workload_identity`: empty for `AZURE_CLIENT_ID`", textOrNothing{text(&s.ClientID), &s.ClientID}},
	}
	fields = append(fields, secret("client_secret", "`client_secret`: secret of the application", &s.ClientSecret, &s.ClientSecretFile)...)
	fields = append(fields, field{"certificate_file", "`client_certificate`: its certificate and key, PEM or PKCS #12", textOrNothing{optionalPath(&s.CertificateFile), &s.CertificateFile}})
	fields = append(fields, secret("certificate_password", "`client_certificate`: password of the file, if it has one", &s.CertificatePassword, &s.CertificatePasswordFile)...)
	return append(fields,
		field{"token_file", "`workload_identity`: file of the token; empty for `AZURE_FEDERATED_TOKEN_FILE`", textOrNothing{optionalPath(&s.TokenFile), &s.TokenFile}},
		field{"authority_host", "where Entra is; other clouds have another", siemURL(&s.AuthorityHost)},
		field{"scope", "what the token is for; other clouds have another", text(&s.Scope)},
		maxBytes(&s.MaxBytes), answerTimeout(&s.Timeout),
		field{"ca_file", "PEM file of the authorities to trust instead of the system's, for Azure and Entra", optionalPath(&s.CAFile)},
	)
}

func (s *SentinelAlert) check(r *reader, path string) {
	of := map[string][]string{
		SentinelClientSecret:      {"client_secret", "client_secret_file"},
		SentinelClientCertificate: {"certificate_file", "certificate_password", "certificate_password_file"},
		SentinelWorkloadIdentity:  {"token_file"},
	}
	for credential, keys := range of {
		if credential != s.Credential && s.Credential != "" {
			r.exclude(path, "is not for credential "+s.Credential+"; delete it", keys...)
		}
	}
	switch s.Credential {
	case SentinelClientSecret:
		r.wantAll(path, "tenant_id", "client_id")
		r.checkSecret(path, "client_secret")
	case SentinelClientCertificate:
		r.wantAll(path, "tenant_id", "client_id", "certificate_file")
		if r.given(path + ".certificate_password") {
			r.checkSecret(path, "certificate_password")
		}
	case SentinelManagedIdentity:
		r.exclude(path, "is not for credential "+s.Credential+"; delete it", "tenant_id")
	}
}

// siemURL is an address that alerts and secrets are sent to, and no secret itself.
func siemURL(to *string) value {
	return checked(to, "URL", func(s string) error {
		if u, err := url.Parse(s); err == nil && u.User != nil {
			return fmt.Errorf("holds a user; give credentials under the keys for them")
		}
		if err := CheckURL(s); err != nil {
			return err
		}
		if strings.Contains(s, "?") {
			return fmt.Errorf("has a query; leave it out")
		}
		return nil
	})
}

func checkRuleID(s string) error {
	if !strings.HasPrefix(s, "dcr-") {
		return fmt.Errorf("want the immutable id of a data collection rule, which begins with dcr-, got %q", s)
	}
	return nil
}

func checkStream(s string) error {
	if !strings.HasPrefix(s, "Custom-") {
		return fmt.Errorf("want the stream of a custom table, which begins with Custom-, got %q", s)
	}
	return nil
}

func maxBytes(to *int64) field {
	return field{"max_bytes", "bytes of the alerts in a request, before compression", size(to, 10<<10, 100<<20)}
}

func answerTimeout(to *time.Duration) field {
	return field{"timeout", "longest time for a request", duration(to, 100*time.Millisecond)}
}

func siemTLS(to **TLS) field {
	return field{"tls", "whom to trust, and the client certificate; without it, the system's roots", optional(to, newTLS, (*TLS).fields)}
}
