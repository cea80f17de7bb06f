// Package sentinel sends alerts to a table of Microsoft Sentinel, through the Logs
// Ingestion API of Azure Monitor.
//
// Azure has no id by which it would know a row again: what is sent again after an
// answer was lost is in the table twice. The column AlertId tells.
package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/finding"
	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// The defaults of Config.
const (
	DefaultStream        = "Custom-Weir_CL"
	DefaultScope         = "https://monitor.azure.com/.default"
	DefaultAuthorityHost = "https://login.microsoftonline.com"
	DefaultMaxBytes      = 1_000_000
)

// apiVersion is that of the Logs Ingestion API.
const apiVersion = "2023-01-01"

// The kinds of credentials.
const (
	ClientSecret      = "client_secret"
	ClientCertificate = "client_certificate"
	WorkloadIdentity  = "workload_identity"
	ManagedIdentity   = "managed_identity"
)

// Credentials are the kinds of credentials.
var Credentials = []string{ClientSecret, ClientCertificate, WorkloadIdentity, ManagedIdentity}

// Config says where alerts go and who weir is there. Name, Endpoint, RuleID and
// Credential are required.
type Config struct {
	// Name is the destination's name in the configuration.
	Name string
	// Endpoint is the logs ingestion endpoint, of the data collection endpoint or of the
	// rule itself: https://weir-abcd.westeurope-1.ingest.monitor.azure.com. With http
	// only loopback is allowed.
	Endpoint string
	// RuleID is the immutable id of the data collection rule: dcr-00000000000000000000000000000000.
	RuleID string
	// Stream is the rule's stream; empty for Custom-Weir_CL.
	Stream string

	// Credential is one of Credentials.
	Credential string
	// TenantID and ClientID are the Entra tenant and application. workload_identity has
	// them from AZURE_TENANT_ID and AZURE_CLIENT_ID if they are empty;
	// managed_identity has no tenant, and a ClientID only if it is user-assigned.
	TenantID, ClientID string
	// ClientSecret reads the secret of client_secret, before each delivery: a file may be
	// replaced.
	ClientSecret func(context.Context) (string, error)
	// CertificateFile holds certificate and key of client_certificate, as PEM or PKCS #12,
	// read again when it changes; CertificatePassword reads its password, nil for none.
	CertificateFile     string
	CertificatePassword func(context.Context) (string, error)
	// TokenFile holds the token of workload_identity; empty for AZURE_FEDERATED_TOKEN_FILE.
	TokenFile string
	// AuthorityHost is where Entra is; empty for https://login.microsoftonline.com. Scope
	// is what the token is for; empty for https://monitor.azure.com/.default. Other clouds
	// have others.
	AuthorityHost, Scope string

	// MaxBytes bounds a request before compression; 0 is 1,000,000. Azure's limit is
	// 1 MB, compressed and uncompressed.
	MaxBytes int
	// Timeout bounds one request; 0 is 30 s.
	Timeout time.Duration
	// CAFile holds the authorities to trust instead of the system's, for Azure Monitor
	// and Entra, as behind a proxy that looks into TLS. It is read again.
	CAFile string
}

// Destination sends alerts to one stream of a data collection rule.
type Destination struct {
	conf   Config
	url    string
	client *httpsend.Client
	login  *login
	reader finding.Reader
}

// New checks conf. It opens no connection and reads no secret.
func New(conf Config) (*Destination, error) {
	u, err := httpsend.CheckURL(conf.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("sentinel: endpoint: %w", err)
	}
	if !strings.HasPrefix(conf.RuleID, "dcr-") {
		return nil, fmt.Errorf("sentinel: rule_id: want the immutable id of a data collection rule, which begins with dcr-, got %q", conf.RuleID)
	}
	setDefault(&conf.Stream, DefaultStream)
	setDefault(&conf.Scope, DefaultScope)
	setDefault(&conf.AuthorityHost, DefaultAuthorityHost)
	if conf.MaxBytes == 0 {
		conf.MaxBytes = DefaultMaxBytes
	}
	if !strings.HasPrefix(conf.Stream, "Custom-") {
		return nil, fmt.Errorf("sentinel: stream: want the stream of a custom table, which begins with Custom-, got %q", conf.Stream)
	}
	client, err := httpsend.New(httpsend.Options{CAFile: conf.CAFile, Timeout: conf.Timeout})
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	login, err := newLogin(&conf, client)
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	stream := u.JoinPath("dataCollectionRules", conf.RuleID, "streams", conf.Stream)
	stream.RawQuery = url.Values{"api-version": {apiVersion}}.Encode()
	return &Destination{conf: conf, url: stream.String(), client: client, login: login}, nil
}

func setDefault(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return d.conf.Name }

// Close ends the connections.
func (d *Destination) Close() error {
	d.client.Close()
	return nil
}

// Deliver sends a row for each alert.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	token, err := d.login.token(ctx)
	if err != nil {
		return fmt.Errorf("authenticate to Entra: %w", err)
	}
	var out httpsend.Outcome
	sender := d.sender(func(ctx context.Context, part []httpsend.Item) httpsend.Result {
		answer, err := d.client.Post(ctx, httpsend.Request{
			URL: d.url, Header: header(token), Body: body(part), Gzip: true, Secrets: []string{token},
		})
		if err != nil {
			return httpsend.Result{Kind: httpsend.Retry, Err: fmt.Errorf("send rows: %w", err)}
		}
		if answer.Status == http.StatusUnauthorized {
			d.login.forget()
		}
		return read(answer)
	})
	sender.Deliver(ctx, d.rows(alerts, &out), &out)
	return out.Err()
}

// sender counts the array's brackets and commas.
func (d *Destination) sender(send func(context.Context, []httpsend.Item) httpsend.Result) *httpsend.Sender {
	return &httpsend.Sender{MaxBytes: d.conf.MaxBytes - len("[]"), Overhead: len(","), Send: send}
}

func header(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
}

// rows makes a row of every alert. What is no JSON object is refused for good.
func (d *Destination) rows(alerts []sinks.Alert, out *httpsend.Outcome) []httpsend.Item {
	items := make([]httpsend.Item, 0, len(alerts))
	for i, a := range alerts {
		f, err := d.reader.Read(a)
		if err != nil {
			out.Add(sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		items = append(items, httpsend.Item{Index: i, ID: f.ID, Body: appendRow(make([]byte, 0, 2*len(a.Value)), &f)})
	}
	return items
}

// body is an array: Azure answers 204 to a single object, too, and keeps nothing of it.
func body(part []httpsend.Item) []byte {
	b := append(make([]byte, 0, httpsend.Size(part, 1)+2), '[')
	for i, item := range part {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item.Body...)
	}
	return append(b, ']')
}

// Render implements sinks.Renderer.
func (d *Destination) Render(alerts []sinks.Alert) ([]sinks.Message, error) {
	var out httpsend.Outcome
	var messages []sinks.Message
	for _, part := range d.sender(nil).Pack(d.rows(alerts, &out)) {
		messages = append(messages, httpsend.Message(d.url, header(sinks.Mask), true, body(part)))
	}
	return messages, out.Err()
}

var errNoCredential = errors.New("credential: want client_secret, client_certificate, workload_identity or managed_identity")
