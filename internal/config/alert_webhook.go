package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// The bodies that weir knows; see sinks/webhook.
const (
	TemplateOCSF      = "ocsf"
	TemplateSlack     = "slack"
	TemplatePagerDuty = "pagerduty"
	TemplateTeams     = "teams"
)

// WebhookAlert sends alerts as HTTP requests. Values that came from a file may be
// out of date: ReadSecret has them as they are now.
type WebhookAlert struct {
	URL          Secret // who knows the URL of Slack's or Teams' webhooks may post there
	URLFile      string
	Method       string
	Template     string
	TemplateFile string // instead of Template
	ContentType  string
	Headers      map[string]Secret
	HeaderFiles  map[string]string // by name, the file that holds the value
	Secret       Secret            // for the body
	SecretFile   string
	Signature    *Signature
	Accept       []int         // status codes; empty: 2xx
	Batch        int           // alerts in a request
	Interval     time.Duration // between the beginnings of requests
	MaxBody      int64
	Timeout      time.Duration
	TLS          *TLS
}

// Signature is a header with the HMAC-SHA256 of the body.
type Signature struct {
	Header  string
	Key     Secret
	KeyFile string
}

func newWebhookAlert() *WebhookAlert {
	return &WebhookAlert{
		Method: "POST", Template: TemplateOCSF, ContentType: "application/json", Batch: 1, MaxBody: 1 << 20, Timeout: 30 * time.Second,
	}
}

func (w *WebhookAlert) fields() []field {
	fields := secretURL("url", "where requests go: https, or http on loopback", &w.URL, &w.URLFile)
	fields = append(fields,
		field{"method", "method of the requests", oneOf(&w.Method, []string{"POST", "PUT", "PATCH"})},
		field{"template", "the body: `ocsf` is the alert itself", oneOf(&w.Template, []string{TemplateOCSF, TemplateSlack, TemplatePagerDuty, TemplateTeams})},
		field{"template_file", "a template of your own instead; see alert-webhook.md", optionalPath(&w.TemplateFile)},
		field{"content_type", "`Content-Type`; a body of type JSON must be JSON, or it is not sent", text(&w.ContentType)},
		field{"headers", "further headers, by name; shown masked", headerValues{&w.Headers}},
		field{"header_files", "the same, by name the file that holds the value; read for each request", headerFiles{&w.HeaderFiles}},
	)
	fields = append(fields, secret("secret", "what `{{secret}}` in the template inserts; PagerDuty's routing key", &w.Secret, &w.SecretFile)...)
	return append(fields,
		field{"signature", "a header with `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits", optional(&w.Signature, newSignature, (*Signature).fields)},
		field{"accept", "status codes that mean delivered; empty: every 2xx", statusCodes{&w.Accept}},
		field{"batch", "most alerts in one request; the built-in templates of services take one", integer(&w.Batch, 1, 1000)},
		field{"interval", "least time from one request to the next; `0s`: none, but 1s for `slack` and 250ms for `teams`", duration(&w.Interval, 0)},
		field{"max_body", "bytes of a body; a larger one is refused without asking", size(&w.MaxBody, 1<<10, 64<<20)},
		field{"timeout", "longest time for a request", duration(&w.Timeout, 100*time.Millisecond)},
		field{"tls", "whom to trust, and the client certificate; without it, the system's roots", optional(&w.TLS, newTLS, (*TLS).fields)},
	)
}

func newSignature(*reader) *Signature { return &Signature{Header: "X-Weir-Signature"} }

func (s *Signature) fields() []field {
	return append([]field{{"header", "name of the header", checked(&s.Header, "name of a header", checkHeaderName)}},
		secret("key", "key of the HMAC", &s.Key, &s.KeyFile)...)
}

func (w *WebhookAlert) check(r *reader, path string) {
	r.checkSecret(path, "url")
	if r.given(path+".secret") && r.given(path+".secret_file") {
		r.checkSecret(path, "secret")
	}
	if s := w.Signature; s != nil {
		r.checkSecret(path+".signature", "key")
	}
	if w.TLS != nil {
		w.TLS.check(r, path+".tls")
	}
	own := w.TemplateFile != ""
	switch {
	case own && r.given(path+".template"):
		r.problemAt(path+".template_file", "template and template_file exclude each other; delete one")
	case own:
		if _, err := os.ReadFile(w.TemplateFile); err != nil {
			r.problemAt(path+".template_file", "%v", err)
		}
	case w.Template != TemplateOCSF && w.Batch > 1:
		r.problemAt(path+".batch", "must be 1: %s takes one alert in a request", w.Template)
	case w.Template == TemplatePagerDuty && !r.given(path+".secret") && !r.given(path+".secret_file"):
		r.problemAt(path, "lacks secret; give PagerDuty's routing key as secret: ${VARIABLE}, or secret_file with the path of a file that holds it")
	}
	for name := range w.HeaderFiles {
		if _, twice := w.Headers[name]; twice {
			r.problemAt(path+".header_files."+name, "is among headers, too; delete one")
		}
	}
}

// secretURL is a pair of keys like secret, of a URL: it is shown with its host, so
// that one sees where alerts go, and with a mask in place of all else.
func secretURL(key, doc string, value *Secret, file *string) []field {
	return []field{
		{key, doc + "; better `${VARIABLE}` than the URL itself where it lets its bearer in", secretURLText{value, file}},
		{key + "_file", "a file that holds `" + key + "`, without a final newline", secretURLFile{&secretFile{key, value, file}}},
	}
}

type secretURLText struct {
	value *Secret
	file  *string
}

func (secretURLText) form() string { return "URL" }

func (s secretURLText) read(r *reader, n yamlpos.Node) {
	text, ok := r.text(n)
	if !ok {
		return
	}
	if err := CheckURL(text); err != nil {
		n.Problemf("%v", err)
		return
	}
	*s.value = Secret(text)
}

func (s secretURLText) write() *yaml.Node {
	if *s.file != "" || *s.value == "" {
		return nil
	}
	return scalarNode("!!str", MaskURL(string(*s.value)))
}

// secretURLFile is a secretFile that holds a URL.
type secretURLFile struct{ *secretFile }

func (s secretURLFile) read(r *reader, n yamlpos.Node) {
	if r.sound(func() { s.secretFile.read(r, n) }) {
		if err := CheckURL(string(*s.value)); err != nil {
			n.Problemf("the file %s: %v", *s.file, err)
		}
	}
}

// MaskURL is a URL of which only the scheme and the host are shown.
func MaskURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return mask
	}
	shown := u.Scheme + "://" + u.Host
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		shown += "/" + mask
	}
	return shown
}

// CheckURL wants an address to which alerts may be sent. Its error does not show
// the URL, which may be a secret.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("want an address like https://soc.example.org/alerts")
	}
	if u.User != nil {
		return fmt.Errorf("holds a user; give it as header Authorization")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("has no port that there can be")
		}
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && !ip.IsLoopback() {
		return fmt.Errorf("would send alerts in plain text to %s; use https", u.Host)
	}
	return nil
}
