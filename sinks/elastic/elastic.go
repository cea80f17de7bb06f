// Package elastic sends alerts to Elasticsearch or OpenSearch through _bulk.
//
// Each alert is created under its id, and never overwritten: one that is sent again is
// answered 409 and counts as delivered. So an alert stands in its index once, however
// often it is sent. In a data stream that holds for one backing index: what is sent
// again after a rollover is there twice.
package elastic

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/finding"
	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// The defaults of Config.
const (
	DefaultIndex    = "weir-alerts-%Y.%m.%d"
	DefaultMaxBytes = 5_000_000
)

// maxAnswer holds an answer of some hundred bytes for each of maxItems.
const (
	maxItems  = 2000
	maxAnswer = 16 << 20
)

// Config says where alerts go. Name and URL are required, and at most one of APIKey,
// Password and Bearer.
type Config struct {
	// Name is the destination's name in the configuration.
	Name string
	// URL is the cluster's address: https://es.example.org:9200, with a path if a proxy
	// wants one. With http only loopback is allowed.
	URL string

	// Index is an index or a data stream; empty for weir-alerts-%Y.%m.%d. %Y, %m and %d
	// are the year, month and day (UTC) of the alert itself, so that an alert that is
	// sent again meets itself, whenever that is. %% is a percent sign.
	Index string

	// APIKey reads the encoded API key (base64 of id:key), before each delivery.
	APIKey func(context.Context) (string, error)
	// Username and Password are for basic authentication.
	Username string
	Password func(context.Context) (string, error)
	// Bearer reads a token: of Elasticsearch's service accounts, of OpenID.
	Bearer func(context.Context) (string, error)

	// MaxBytes bounds a request before compression; 0 is 5,000,000. The server's own
	// limit is http.max_content_length, 100 MB unless configured.
	MaxBytes int
	// Timeout bounds one request; 0 is 30 s.
	Timeout time.Duration
	// CAFile, CertFile and KeyFile are as in httpsend.Options: the authorities to
	// trust instead of the system's, and a client certificate. Files are read again.
	CAFile, CertFile, KeyFile string
}

// Destination sends alerts to one cluster.
type Destination struct {
	conf   Config
	url    string
	index  pattern
	client *httpsend.Client
	reader finding.Reader
}

// New checks conf. It opens no connection and reads no secret.
func New(conf Config) (*Destination, error) {
	u, err := httpsend.CheckURL(conf.URL)
	if err != nil {
		return nil, fmt.Errorf("elastic: url: %w", err)
	}
	if conf.Index == "" {
		conf.Index = DefaultIndex
	}
	index, err := parsePattern(conf.Index)
	if err != nil {
		return nil, fmt.Errorf("elastic: index: %w", err)
	}
	if err := conf.checkCredentials(); err != nil {
		return nil, fmt.Errorf("elastic: %w", err)
	}
	if conf.MaxBytes == 0 {
		conf.MaxBytes = DefaultMaxBytes
	}
	client, err := httpsend.New(httpsend.Options{
		CAFile: conf.CAFile, CertFile: conf.CertFile, KeyFile: conf.KeyFile, Timeout: conf.Timeout, MaxAnswer: maxAnswer,
	})
	if err != nil {
		return nil, fmt.Errorf("elastic: %w", err)
	}
	bulk := u.JoinPath("_bulk")
	bulk.RawQuery = "filter_path=errors,items.*._id,items.*.status,items.*.error.type,items.*.error.reason"
	return &Destination{conf: conf, url: bulk.String(), index: index, client: client}, nil
}

func (c *Config) checkCredentials() error {
	given := 0
	for _, f := range []func(context.Context) (string, error){c.APIKey, c.Password, c.Bearer} {
		if f != nil {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("several credentials; give an API key, a user with a password, or a token")
	case (c.Username == "") != (c.Password == nil):
		return errors.New("username and password belong together")
	}
	return nil
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return d.conf.Name }

// Close ends the connections.
func (d *Destination) Close() error {
	d.client.Close()
	return nil
}

// Deliver creates a document for each alert.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	authorization, secrets, err := d.authorization(ctx)
	if err != nil {
		return err
	}
	var out httpsend.Outcome
	sender := d.sender(func(ctx context.Context, part []httpsend.Item) httpsend.Result {
		answer, err := d.client.Post(ctx, httpsend.Request{
			URL: d.url, Header: header(authorization), Body: body(part), Gzip: true, Secrets: secrets,
		})
		if err != nil {
			return httpsend.Result{Kind: httpsend.Retry, Err: fmt.Errorf("send documents: %w", err)}
		}
		return read(answer, part)
	})
	sender.Deliver(ctx, d.documents(alerts, &out), &out)
	return out.Err()
}

func (d *Destination) sender(send func(context.Context, []httpsend.Item) httpsend.Result) *httpsend.Sender {
	return &httpsend.Sender{MaxBytes: d.conf.MaxBytes, MaxItems: maxItems, Send: send}
}

// authorization is the header's value, and what of it must not be shown.
func (d *Destination) authorization(ctx context.Context) (value string, secrets []string, err error) {
	read := func(what, prefix string, secret func(context.Context) (string, error), encode func(string) string) error {
		text, err := secret(ctx)
		if err != nil {
			return fmt.Errorf("read the %s: %w", what, err)
		}
		if text == "" {
			return fmt.Errorf("the %s is empty", what)
		}
		encoded := encode(text)
		value, secrets = prefix+encoded, []string{encoded, text}
		return nil
	}
	same := func(s string) string { return s }
	switch {
	case d.conf.APIKey != nil:
		err = read("API key", "ApiKey ", d.conf.APIKey, same)
	case d.conf.Bearer != nil:
		err = read("token", "Bearer ", d.conf.Bearer, same)
	case d.conf.Password != nil:
		err = read("password", "Basic ", d.conf.Password, func(password string) string {
			return base64.StdEncoding.EncodeToString([]byte(d.conf.Username + ":" + password))
		})
	}
	return value, secrets, err
}

func header(authorization string) http.Header {
	h := http.Header{"Content-Type": {"application/x-ndjson"}, "Accept": {"application/json"}}
	if authorization != "" {
		h.Set("Authorization", authorization)
	}
	return h
}

// documents makes an action and a document, a line each, of every alert. What is no
// JSON object is refused for good.
func (d *Destination) documents(alerts []sinks.Alert, out *httpsend.Outcome) []httpsend.Item {
	items := make([]httpsend.Item, 0, len(alerts))
	for i, a := range alerts {
		f, err := d.reader.Read(a)
		if err != nil {
			out.Add(sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		items = append(items, httpsend.Item{Index: i, ID: f.ID, Body: d.appendDocument(make([]byte, 0, len(a.Value)+256), &f)})
	}
	return items
}

func (d *Destination) appendDocument(dst []byte, f *finding.Finding) []byte {
	dst = append(dst, `{"create":{`...)
	dst = finding.AppendMember(dst, "_index", d.index.name(f.Plausible()))
	dst = finding.AppendMember(dst, "_id", f.ID)
	dst = append(dst, "}}\n{"...)
	if !f.Root.Get("@timestamp").Exists() { // which a data stream needs
		dst = finding.AppendTime(dst, "@timestamp", f.Plausible())
	}
	document := f.Root.AppendJSON(make([]byte, 0, len(f.Root.Raw())))
	if len(document) > len("{}") && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(dst, document[1:]...), '\n')
}

func body(part []httpsend.Item) []byte {
	b := make([]byte, 0, httpsend.Size(part, 0))
	for _, item := range part {
		b = append(b, item.Body...)
	}
	return b
}

// Render implements sinks.Renderer.
func (d *Destination) Render(alerts []sinks.Alert) ([]sinks.Message, error) {
	var out httpsend.Outcome
	var messages []sinks.Message
	authorization := ""
	switch {
	case d.conf.APIKey != nil:
		authorization = "ApiKey " + sinks.Mask
	case d.conf.Bearer != nil:
		authorization = "Bearer " + sinks.Mask
	case d.conf.Password != nil:
		authorization = "Basic " + sinks.Mask
	}
	for _, part := range d.sender(nil).Pack(d.documents(alerts, &out)) {
		messages = append(messages, httpsend.Message(d.url, header(authorization), true, body(part)))
	}
	return messages, out.Err()
}
