// Package httpsend is what the destinations that speak HTTP have in common: a client
// with private authorities and bounded answers, what an answer means for the alerts,
// and the splitting of requests until a refused alert is alone.
//
// It retries nothing: that is the deliver role's. A request that went out and got no
// whole answer counts as not delivered.
package httpsend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/weir-security/weir/sinks"
)

const (
	// DefaultTimeout bounds a request, from the connection to the end of the answer.
	DefaultTimeout = 30 * time.Second
	// DefaultMaxAnswer is how much of an answer is read.
	DefaultMaxAnswer = 1 << 20
)

// Options say how a destination is spoken to.
type Options struct {
	// CAFile holds the authorities to trust instead of the system's, as PEM. It is
	// read again for each request; a change ends the connections that are open.
	CAFile string
	// CertFile and KeyFile are the client's certificate, both or neither, read again
	// for each connection.
	CertFile, KeyFile string
	// Timeout bounds a request; 0 is DefaultTimeout.
	Timeout time.Duration
	// MaxAnswer is how many bytes of an answer are read; 0 is DefaultMaxAnswer.
	MaxAnswer int
	// Cookies keeps the cookies of answers, by which a load balancer knows which
	// server it chose.
	Cookies bool
}

// Client makes requests. The proxy is that of the environment (HTTPS_PROXY,
// NO_PROXY). It follows no redirect: as a GET elsewhere the request would be lost.
type Client struct {
	opts   Options
	client *http.Client
	ca     []byte // what the transport trusts
	gz     *gzip.Writer
}

// New checks opts and makes a client. It reads the files and opens no connection.
func New(opts Options) (*Client, error) {
	if (opts.CertFile == "") != (opts.KeyFile == "") {
		return nil, errors.New("a client certificate needs both its file and its key's")
	}
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.MaxAnswer == 0 {
		opts.MaxAnswer = DefaultMaxAnswer
	}
	gz, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: opts, gz: gz, client: &http.Client{
		Timeout:       opts.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if opts.Cookies {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, err
		}
		c.client.Jar = jar
	}
	return c, c.trust()
}

// Close ends the connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// CheckURL wants an address that secrets and alerts may be sent to: https, or http
// on loopback.
func CheckURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("not a URL") // url.Error shows a password
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return nil, fmt.Errorf("want a URL like https://siem.example.org:8088, got %q", u.Redacted())
	case u.User != nil:
		return nil, errors.New("holds a user; give the credentials by themselves")
	case u.Fragment != "" || u.RawQuery != "":
		return nil, errors.New("has a query or a fragment; leave them out")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("would send alerts and secrets in plain text to %s; use https", u.Host)
	}
	return u, nil
}

// Request is a POST, unless it says otherwise.
type Request struct {
	Method string // empty: POST
	URL    string
	Header http.Header
	Body   []byte
	// Gzip compresses the body on its way.
	Gzip bool
	// Secrets are masked in whatever an answer or an error shows.
	Secrets []string
}

// Post makes a request and reads its whole answer. An error means that there is none,
// and that it is unknown whether the server has the request.
func (c *Client) Post(ctx context.Context, r Request) (*Answer, error) {
	if err := c.trust(); err != nil {
		return nil, err
	}
	body := r.Body
	if r.Gzip {
		body = c.compress(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodPost), r.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s", mask(err.Error(), r.Secrets))
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("User-Agent", "weir")
	if r.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, explain(err, r.Secrets)
	}
	defer resp.Body.Close()
	answer := &Answer{Status: resp.StatusCode, Header: resp.Header, secrets: r.Secrets}
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, int64(c.opts.MaxAnswer)))
	if err != nil {
		return nil, fmt.Errorf("the answer, HTTP %d, broke off after %d bytes: %w", resp.StatusCode, len(answer.Body), explain(err, r.Secrets))
	}
	return answer, nil
}

func (c *Client) compress(body []byte) []byte {
	var out bytes.Buffer
	c.gz.Reset(&out)
	_, _ = c.gz.Write(body) // into memory
	_ = c.gz.Close()
	return out.Bytes()
}

// explain is an error of the client without secrets, and without the method and the
// address that net/http puts before each.
func explain(err error, secrets []string) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		err = fmt.Errorf("%w; give the authority's certificate as ca_file", err)
	}
	text := err.Error()
	if masked := mask(text, secrets); masked != text {
		return errors.New(masked) // without its chain, which has the secret
	}
	return err
}

func mask(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, sinks.Mask)
		}
	}
	return text
}

// MaskText masks secrets in a text.
func MaskText(text string, secrets ...string) string { return mask(text, secrets) }

// Do makes a request of somebody else's with the client's authorities, proxy and
// timeout. The body of the answer is the caller's.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := c.trust(); err != nil {
		return nil, err
	}
	return c.client.Do(req)
}
