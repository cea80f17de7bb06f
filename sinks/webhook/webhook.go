// Package webhook sends alerts as HTTP requests with a body of one's own choice: the
// alert itself, a template, or what Slack, PagerDuty and Microsoft Teams want.
//
// An answer that was lost makes an alert come twice. The receiver can tell by its id,
// as PagerDuty does by dedup_key.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// Read reads a secret as it is now.
type Read func(context.Context) (string, error)

// Config says where alerts go, and as what. Name, URL and Method are required.
type Config struct {
	// Name is the destination's name in the configuration.
	Name string
	// URL reads the address, before each delivery: it may be a secret, in a file.
	URL    Read
	Method string
	// Template is one of Templates, or TemplateText a template of one's own.
	Template, TemplateText string
	ContentType            string
	Headers                map[string]Read
	// Secret is what {{secret}} inserts; nil for none.
	Secret Read
	// Signature is the header of the body's HMAC-SHA256 by SignatureKey; empty for none.
	Signature    string
	SignatureKey Read
	// Accept is the status codes that mean delivered; empty for every 2xx.
	Accept []int
	// Batch is the most alerts in a request: 1, or more for a JSON array of them.
	Batch int
	// Interval is the least time from one request to the next; 0 for the template's.
	Interval time.Duration
	// MaxBody bounds a body in bytes; 0 is 1 MiB.
	MaxBody int
	// Timeout, CAFile, CertFile and KeyFile are as in httpsend.Options.
	Timeout                   time.Duration
	CAFile, CertFile, KeyFile string
}

// Destination sends alerts to one address.
type Destination struct {
	conf     Config
	service  service
	template *bodyTemplate
	client   *httpsend.Client
	next     time.Time // of the next request, by Interval
}

// New checks conf. It opens no connection and reads no secret.
func New(conf Config) (*Destination, error) {
	s, err := conf.complete()
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	template, err := parse(s.text)
	if err != nil {
		return nil, fmt.Errorf("webhook: template: %w", err)
	}
	client, err := httpsend.New(httpsend.Options{
		CAFile: conf.CAFile, CertFile: conf.CertFile, KeyFile: conf.KeyFile, Timeout: conf.Timeout, MaxAnswer: 64 << 10,
	})
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return &Destination{conf: conf, service: s, template: template, client: client}, nil
}

// complete fills in the defaults and finds the service.
func (c *Config) complete() (service, error) {
	if c.URL == nil || c.Method == "" {
		return service{}, errors.New("no url or no method")
	}
	s, known := services[c.Template]
	switch {
	case c.TemplateText != "":
		s = service{text: c.TemplateText, interval: s.interval}
	case !known:
		return service{}, fmt.Errorf("unknown template %q", c.Template)
	}
	if c.ContentType == "" {
		c.ContentType = "application/json"
	}
	c.Batch = max(c.Batch, 1)
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 20
	}
	if s.maxBody > 0 {
		c.MaxBody = min(c.MaxBody, s.maxBody)
	}
	if c.Interval == 0 {
		c.Interval = s.interval
	}
	return s, nil
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return d.conf.Name }

// Close ends the connections.
func (d *Destination) Close() error {
	d.client.Close()
	return nil
}

// Deliver sends alerts, in order. Those behind one that is not taken wait for the next
// time; one that is refused holds nobody up.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	r, err := d.request(ctx)
	if err != nil {
		return err
	}
	var out httpsend.Outcome
	items := d.items(alerts, r.secret, &out)
	sender := d.sender(func(ctx context.Context, part []httpsend.Item) httpsend.Result { return d.send(ctx, r, part) })
	sender.Deliver(ctx, items, &out)
	return out.Err()
}

func (d *Destination) sender(send func(context.Context, []httpsend.Item) httpsend.Result) *httpsend.Sender {
	return &httpsend.Sender{MaxBytes: d.conf.MaxBody, Overhead: 2, MaxItems: d.conf.Batch, Send: send}
}

// request is what the requests of one delivery have in common.
type request struct {
	url     string
	secret  string
	key     []byte // of the signature
	header  http.Header
	secrets []string // to mask
}

// request reads the secrets.
func (d *Destination) request(ctx context.Context) (*request, error) {
	r := &request{header: d.header()}
	var err error
	read := func(what string, from Read) string {
		if from == nil || err != nil {
			return ""
		}
		text, readErr := from(ctx)
		if readErr != nil {
			err = fmt.Errorf("read %s: %w", what, readErr)
		}
		r.secrets = append(r.secrets, text)
		return text
	}
	r.url = read("url", d.conf.URL)
	r.secret = read("secret", d.conf.Secret)
	r.key = []byte(read("signature.key", d.conf.SignatureKey))
	for name, from := range d.conf.Headers {
		value := read("header "+name, from)
		r.header.Set(name, value)
		if _, token, found := strings.Cut(value, " "); found { // an answer may repeat it without its scheme
			r.secrets = append(r.secrets, strings.TrimSpace(token))
		}
	}
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, errors.New("url: not a URL") // url.Error shows it
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && !ip.IsLoopback()) {
		return nil, errors.New("url: want https, or http on loopback")
	}
	if len(u.Path) > 1 { // an answer may repeat the path, or the query, alone
		r.secrets = append(r.secrets, u.RequestURI(), u.Path)
	}
	return r, nil
}

func (d *Destination) header() http.Header {
	return http.Header{"Content-Type": {d.conf.ContentType}}
}

// items are the bodies of alerts. One that has none is refused.
func (d *Destination) items(alerts []sinks.Alert, secret string, out *httpsend.Outcome) []httpsend.Item {
	items := make([]httpsend.Item, 0, len(alerts))
	for i, a := range alerts {
		body, err := d.template.render(a.Value, secret, d.conf.MaxBody)
		if err == nil && d.json() && !json.Valid(body) {
			err = errors.New("the template made no JSON of it; give texts through the function json")
		}
		if err == nil && len(body) > d.conf.MaxBody {
			err = fmt.Errorf("its body has %d bytes, max_body is %d", len(body), d.conf.MaxBody)
		}
		if err != nil {
			out.Add(sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		items = append(items, httpsend.Item{Index: i, ID: a.ID, Body: body})
	}
	return items
}

// json tells whether bodies must be JSON.
func (d *Destination) json() bool {
	kind, _, _ := mime.ParseMediaType(d.conf.ContentType)
	return kind == "application/json" || kind == ndjson || strings.HasSuffix(kind, "+json")
}

const ndjson = "application/x-ndjson"

// body is that of one request: the alert's, or with a batch all of theirs.
func (d *Destination) body(part []httpsend.Item) []byte {
	if d.conf.Batch == 1 {
		return part[0].Body
	}
	begin, between, end := "[", ",", "]"
	if kind, _, _ := mime.ParseMediaType(d.conf.ContentType); kind == ndjson || !d.json() {
		begin, between, end = "", "\n", "\n"
	}
	body := []byte(begin)
	for i, item := range part {
		if i > 0 {
			body = append(body, between...)
		}
		body = append(body, item.Body...)
	}
	return append(body, end...)
}

// send makes one request.
func (d *Destination) send(ctx context.Context, r *request, part []httpsend.Item) httpsend.Result {
	if err := d.await(ctx); err != nil {
		return httpsend.Result{Kind: httpsend.Retry, Err: err}
	}
	body := d.body(part)
	header := r.header.Clone()
	if d.conf.Signature != "" {
		header.Set(d.conf.Signature, sign(r.key, body))
	}
	answer, err := d.client.Post(ctx, httpsend.Request{Method: d.conf.Method, URL: r.url, Header: header, Body: body, Secrets: r.secrets})
	if err != nil {
		return httpsend.Result{Kind: httpsend.Retry, Err: fmt.Errorf("send alert: %w", err)}
	}
	kind, advice := d.judge(answer)
	if kind == httpsend.Delivered {
		return httpsend.Result{Kind: kind}
	}
	return httpsend.Result{Kind: kind, Err: answer.Err(advice), Suspect: -1}
}

// judge is what an answer means.
func (d *Destination) judge(a *httpsend.Answer) (httpsend.Kind, string) {
	if slices.Contains(d.conf.Accept, a.Status) {
		return httpsend.Delivered, ""
	}
	if d.service.judge != nil {
		if kind, advice, known := d.service.judge(a.Status, a.Body); known {
			return kind, advice
		}
	}
	kind := httpsend.Classify(a.Status)
	switch {
	case kind == httpsend.Delivered && len(d.conf.Accept) > 0:
		return httpsend.Retry, "the status is not among accept"
	case kind == httpsend.Unauthenticated:
		return kind, "look at url and headers"
	case kind == httpsend.Misconfigured:
		return kind, "look at url and method"
	}
	return kind, ""
}

// await keeps the least time between requests.
func (d *Destination) await(ctx context.Context) error {
	if d.conf.Interval == 0 {
		return nil
	}
	t := time.NewTimer(time.Until(d.next))
	defer t.Stop()
	select {
	case <-t.C:
		d.next = time.Now().Add(d.conf.Interval)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sign is the signature of a body, as GitHub's webhooks have it.
func sign(key, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return "sha256=" + hex.EncodeToString(h.Sum(nil))
}

// Render implements sinks.Renderer.
func (d *Destination) Render(alerts []sinks.Alert) ([]sinks.Message, error) {
	header := d.header()
	for name := range d.conf.Headers {
		header.Set(name, sinks.Mask)
	}
	if d.conf.Signature != "" {
		header.Set(d.conf.Signature, "sha256="+sinks.Mask)
	}
	target := sinks.Mask
	if text, err := d.conf.URL(context.Background()); err == nil {
		target = maskURL(text)
	}
	var out httpsend.Outcome
	var messages []sinks.Message
	for _, part := range d.sender(nil).Pack(d.items(alerts, sinks.Mask, &out)) {
		m := httpsend.Message(target, header, false, d.body(part))
		m.Target = d.conf.Method + " " + target
		messages = append(messages, m)
	}
	return messages, out.Err()
}

// maskURL shows of a URL where it leads, and not what lets its bearer in.
func maskURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return sinks.Mask
	}
	if strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + u.Host + "/" + sinks.Mask
}
