package config

import (
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// webhookSource is the one kind of logs that a webhook collector takes.
const webhookSource = "kubernetes.audit"

// WebhookCollector takes Kubernetes audit batches over HTTP or HTTPS.
type WebhookCollector struct {
	Listen string // host:port
	TLS    *WebhookTLS
	// Tokens are the hex SHA-256 digests of the bearer tokens of each client, by
	// the client's name. Empty: no token is asked for.
	Tokens map[string][]string
	// Timeout is the longest that a request may take from its first byte of body
	// to its answer.
	Timeout time.Duration
	Limits  WebhookLimits
}

// WebhookTLS is the server's certificate and, with ClientCAFile, mutual TLS.
type WebhookTLS struct {
	CertFile, KeyFile string
	ClientCAFile      string
	// ClientNames are the names of certificates (common name, DNS or URI) that are
	// let in; empty for every certificate of the authority.
	ClientNames []string
}

// WebhookLimits bound what clients may cost.
type WebhookLimits struct {
	Body        int64 // bytes of a request's body, decompressed too
	Memory      int64 // bytes of all requests in flight
	Requests    int   // in flight
	Connections int
	Rate        int // requests a second from one client
}

func newWebhookCollector() *WebhookCollector {
	return &WebhookCollector{
		Timeout: 10 * time.Second,
		Limits:  WebhookLimits{Body: 32 << 20, Memory: 128 << 20, Requests: 64, Connections: 256, Rate: 100},
	}
}

func (w *WebhookCollector) fields() []field {
	return []field{
		{"listen", "address to listen on; other than loopback only with TLS and authentication", required{checked(&w.Listen, "host:port", checkListen)}},
		{"tls", "certificate of the server, and which clients' certificates it takes", optional(&w.TLS, newWebhookTLS, (*WebhookTLS).fields)},
		{"token_sha256", "by name of the client, the SHA-256 digests of its bearer tokens; two while a token is replaced", tokenDigests{&w.Tokens}},
		{"timeout", "longest time for a request; below what its sender waits, an API server 30 s", duration(&w.Timeout, 100*time.Millisecond)},
		{"limits", "what clients may cost", section{
			{"body", "bytes of a request's body, also after decompression", size(&w.Limits.Body, 1<<10, 256<<20)},
			{"memory", "bytes of all requests in flight; above it they are answered 503", size(&w.Limits.Memory, 1<<20, 16<<30)},
			{"requests", "requests in flight; above it they are answered 503", integer(&w.Limits.Requests, 1, 10_000)},
			{"connections", "open connections; a further one is closed", integer(&w.Limits.Connections, 1, 100_000)},
			{"rate", "requests a second from one client; above it they are answered 429", integer(&w.Limits.Rate, 1, 100_000)},
		}},
	}
}

func newWebhookTLS(*reader) *WebhookTLS { return &WebhookTLS{} }

func (t *WebhookTLS) fields() []field {
	return []field{
		{"cert_file", "PEM file of the server's certificate, with intermediates; read again when it changes", required{path(&t.CertFile)}},
		{"key_file", "PEM file of its key; read again when it changes", required{path(&t.KeyFile)}},
		{"client_ca_file", "PEM file of the authorities for clients' certificates; with it a certificate is demanded", optionalPath(&t.ClientCAFile)},
		{"client_names", "common names, DNS names or URIs of the certificates that are let in; empty: all of the authority", textList{&t.ClientNames}},
	}
}

// check finds what is wrong across the keys of the collector at path.
func (w *WebhookCollector) check(r *reader, path string) {
	authenticated := len(w.Tokens) > 0
	if t := w.TLS; t != nil {
		authenticated = authenticated || t.ClientCAFile != ""
		t.check(r, path+".tls")
	}
	if w.Limits.Memory < w.Limits.Body {
		r.problemAt(path+".limits", "memory (%s) must hold at least one body (%s)", formatSize(w.Limits.Memory), formatSize(w.Limits.Body))
	}
	if w.Listen == "" || isLoopback(w.Listen) || w.TLS != nil && authenticated {
		return
	}
	r.problemAt(path+".listen", "%s is not loopback: give tls with cert_file and key_file, and token_sha256 or tls.client_ca_file, or listen on 127.0.0.1", w.Listen)
}

func (t *WebhookTLS) check(r *reader, path string) {
	if len(t.ClientNames) > 0 && t.ClientCAFile == "" {
		r.problemAt(path+".client_names", "is of no use without client_ca_file, whose certificates it chooses from")
	}
	for _, f := range []struct{ key, file string }{{"cert_file", t.CertFile}, {"key_file", t.KeyFile}, {"client_ca_file", t.ClientCAFile}} {
		if f.file == "" {
			continue
		}
		if _, err := os.ReadFile(f.file); err != nil {
			r.problemAt(path+"."+f.key, "%v", err)
		}
	}
}

// checkWebhooks looks at collectors that listen, and finds two that would listen on one
// address.
func checkWebhooks(r *reader, collectors []Collector) {
	first := map[string]int{}
	for i, c := range collectors {
		at := fmt.Sprintf("collectors[%d]", i)
		var address string
		switch {
		case c.Webhook != nil:
			address = c.Webhook.Listen
			if c.Source != "" && c.Source != webhookSource {
				r.problemAt(at+".source", "a webhook takes Kubernetes audit batches only: want %s, got %q", webhookSource, c.Source)
			}
			c.Webhook.check(r, at)
		case c.HTTP != nil:
			address = c.HTTP.Listen
			c.HTTP.check(r, at)
		default:
			continue
		}
		if j, twice := first[address]; twice && address != "" {
			r.problemAt(at+".listen", "is the address of collectors[%d] already", j)
			continue
		}
		first[address] = i
	}
}

func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkListen(address string) error {
	if err := checkAddress(address); err != nil {
		return fmt.Errorf("want host:port like 0.0.0.0:9443, got %q", address)
	}
	return nil
}

// tokenDigests is a mapping of names of clients to lists of digests.
type tokenDigests struct{ to *map[string][]string }

func (tokenDigests) form() string { return "mapping of name to list of SHA-256" }

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (t tokenDigests) read(r *reader, n yamlpos.Node) {
	*t.to = map[string][]string{}
	for _, m := range n.Mapping().Members() {
		if !nameForm.MatchString(m.Name) {
			m.Key.Problemf("must be 1 to 100 letters, digits, '.', '_' or '-', beginning with a letter or digit, got %q", m.Name)
			continue
		}
		r.set(m.Value)
		(*t.to)[m.Name] = readDigests(r, m.Value)
	}
}

// readDigests reads the digests of one client's tokens. What stands in their place
// may be the token itself, so no message shows it.
func readDigests(r *reader, n yamlpos.Node) []string {
	if !n.IsList() {
		n.Problemf("want a list of digests")
		return nil
	}
	var digests []string
	for _, item := range n.List() {
		switch digest, ok := r.text(item); {
		case !ok:
		case !digestForm.MatchString(digest):
			item.Problemf("want the SHA-256 of a token as 64 lower-case hexadecimal digits: %s", "printf %s \"$TOKEN\" | sha256sum")
		case digest == emptyDigest:
			item.Problemf("is the SHA-256 of nothing: the token was empty when it was made")
		default:
			digests = append(digests, digest)
		}
	}
	if len(n.List()) == 0 {
		n.Problemf("want at least one digest, got an empty list")
	}
	return digests
}

// emptyDigest is what an unset shell variable gives.
const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (t tokenDigests) write() *yaml.Node {
	if len(*t.to) == 0 {
		return nil
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(*t.to)) {
		m.Content = append(m.Content, scalarNode("!!str", name), flowList((*t.to)[name]))
	}
	return m
}

// textList is a list of texts.
type textList struct{ to *[]string }

func (textList) form() string { return "list" }

func (l textList) read(r *reader, n yamlpos.Node) {
	for _, item := range n.List() {
		switch text, ok := r.text(item); {
		case !ok:
		case text == "":
			item.Problemf("want a name, got nothing")
		default:
			*l.to = append(*l.to, text)
		}
	}
}

func (l textList) write() *yaml.Node {
	if len(*l.to) == 0 {
		return nil
	}
	return flowList(*l.to)
}

func flowList(texts []string) *yaml.Node {
	s := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range texts {
		s.Content = append(s.Content, scalarNode("!!str", text))
	}
	return s
}
