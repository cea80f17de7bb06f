package push

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/weir-security/weir/internal/logkey"
)

// certificates are the server's certificate and the authorities of its clients, as the
// files have them. They are looked at again at a handshake, at most once a second.
type certificates struct {
	files TLS
	log   *slog.Logger

	mu      sync.Mutex
	checked time.Time
	content [3][]byte // of the files in use
	use     *tls.Config
	trouble string // of the last reading, so that it is logged once
}

func newCertificates(files TLS, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, log: log}
	content, err := c.read()
	if err != nil {
		return nil, err
	}
	if c.use, err = c.parse(content); err != nil {
		return nil, err
	}
	c.content, c.checked = content, time.Now()
	return c, nil
}

// config is the server's: each handshake asks for the configuration of now.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current(time.Now()), nil
		},
	}
}

// current is the configuration from the files as they are, or were less than a second
// ago. If what they hold cannot be used, as while a pair of them is being replaced,
// that from before stays in use.
func (c *certificates) current(now time.Time) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.checked) < time.Second {
		return c.use
	}
	c.checked = now
	content, err := c.read()
	if err == nil {
		if same(content, c.content) {
			c.trouble = ""
			return c.use
		}
		var use *tls.Config
		if use, err = c.parse(content); err == nil {
			c.content, c.use, c.trouble = content, use, ""
			c.log.Info("certificates changed", slog.String(logkey.File, c.files.CertFile))
			return c.use
		}
	}
	if c.trouble != err.Error() {
		c.trouble = err.Error()
		c.log.Warn("certificates cannot be used, those from before stay in use", slog.Any(logkey.Error, err))
	}
	return c.use
}

func (c *certificates) read() (content [3][]byte, err error) {
	for i, name := range []string{c.files.CertFile, c.files.KeyFile, c.files.ClientCAFile} {
		if i == 2 && name == "" {
			continue
		}
		if content[i], err = os.ReadFile(name); err != nil {
			return content, fmt.Errorf("read certificates: %w", err)
		}
	}
	return content, nil
}

func (c *certificates) parse(content [3][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return nil, fmt.Errorf("use %s and %s: %w", c.files.CertFile, c.files.KeyFile, err)
	}
	use := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{pair},
	}
	if c.files.ClientCAFile == "" {
		return use, nil
	}
	use.ClientCAs = x509.NewCertPool()
	if !use.ClientCAs.AppendCertsFromPEM(content[2]) {
		return nil, fmt.Errorf("use %s: %w", c.files.ClientCAFile, errNoCertificate)
	}
	use.ClientAuth = tls.RequireAndVerifyClientCert
	// A session that is resumed would not be verified against authorities that have
	// changed since.
	use.SessionTicketsDisabled = true
	return use, nil
}

var errNoCertificate = errors.New("it holds no PEM certificate")

func same(a, b [3][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
