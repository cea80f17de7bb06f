package httpsend

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// trust makes the transport, and makes it anew when the authorities have changed. A
// file that cannot be read or holds none is an error while it lasts.
func (c *Client) trust() error {
	var ca []byte
	if c.opts.CAFile != "" {
		var err error
		if ca, err = os.ReadFile(c.opts.CAFile); err != nil {
			return fmt.Errorf("read the authorities: %w", err)
		}
	}
	if c.client.Transport != nil && bytes.Equal(ca, c.ca) {
		return nil
	}
	conf, err := c.tlsConfig(ca)
	if err != nil {
		return err
	}
	if c.client.Transport != nil {
		c.client.CloseIdleConnections()
	}
	c.ca = ca
	c.client.Transport = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        conf,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return nil
}

func (c *Client) tlsConfig(ca []byte) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.opts.CAFile != "" {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("read the authorities: no certificate in %s; want PEM", c.opts.CAFile)
		}
	}
	if c.opts.CertFile == "" {
		return conf, nil
	}
	if _, err := c.certificate(); err != nil {
		return nil, err
	}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.certificate() }
	return conf, nil
}

func (c *Client) certificate() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.opts.CertFile, c.opts.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the client certificate: %w", err)
	}
	return &pair, nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
