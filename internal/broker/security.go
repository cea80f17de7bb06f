package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/weir-security/weir/internal/config"
)

// dialTimeout bounds a connection with its TLS handshake.
const dialTimeout = 10 * time.Second

// Security gives the client options for the configured encryption and
// authentication; both may be nil. Files of either are read again for each
// connection, and secrets for each authentication, so that a process need not
// be restarted when they change.
func Security(t *config.TLS, s *config.SASL) ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if t != nil {
		if _, err := TLSConfig(t); err != nil { // what is wrong now should not wait for a connection
			return nil, err
		}
		opts = append(opts, kgo.Dialer(dialTLS(t)))
	}
	if s != nil {
		mechanism, err := mechanismOf(s)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// errCredentials is an error of the credentials themselves.
var errCredentials = errors.New("no credentials for kafka")

// Refused tells whether brokers did not take the credentials, or not in time, or
// there were none.
// What is wrong with a certificate is not among it.
func Refused(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.IllegalSaslState) || errors.Is(err, errCredentials)
}

// Passing tells whether what failed may well succeed later with nothing changed
// here: brokers are away or busy with each other, or credentials are being rotated.
func Passing(err error) bool {
	if op, network := errors.AsType[*net.OpError](err); network {
		return op.Op != "listen"
	}
	// A connection that ends before its first answer is often one with wrong settings,
	// and kgo does not try it again; but so is one to a broker that dies just then.
	_, closed := errors.AsType[*kgo.ErrFirstReadEOF](err)
	return closed || kgo.IsRetryableBrokerErr(err) || kerr.IsRetriable(err) || Refused(err)
}

func mechanismOf(s *config.SASL) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case config.SASLPlain:
		return plain.Plain(func(ctx context.Context) (plain.Auth, error) {
			password, err := password(ctx, s)
			return plain.Auth{User: s.Username, Pass: password}, err
		}), nil
	case config.SASLScramSHA512:
		return scram.Sha512(func(ctx context.Context) (scram.Auth, error) {
			password, err := password(ctx, s)
			return scram.Auth{User: s.Username, Pass: password}, err
		}), nil
	case config.SASLOAuthBearer:
		token := newTokenClient(s).token
		if s.TokenFile != "" {
			token = func(ctx context.Context) (string, error) { return tokenOfFile(ctx, s.TokenFile) }
		}
		return bearer{oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := token(ctx)
			return oauth.Auth{Token: token}, err
		})}, nil
	}
	return nil, fmt.Errorf("unknown sasl.mechanism %q", s.Mechanism)
}

func password(ctx context.Context, s *config.SASL) (string, error) {
	password, err := settled(ctx, func() (config.Secret, error) { return config.ReadSecret(s.Password, s.PasswordFile) })
	if err != nil {
		return "", fmt.Errorf("%w: read sasl.password_file: %w", errCredentials, err)
	}
	return string(password), nil
}

func tokenOfFile(ctx context.Context, file string) (string, error) {
	token, err := settled(ctx, func() (config.Secret, error) { return config.ReadSecret("", file) })
	if err != nil {
		return "", fmt.Errorf("%w: read sasl.token_file: %w", errCredentials, err)
	}
	return strings.TrimSpace(string(token)), nil
}

func dialTLS(t *config.TLS) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conf, err := settled(ctx, func() (*tls.Config, error) { return TLSConfig(t) })
		if err != nil {
			return nil, err
		}
		dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: conf}
		return dialer.DialContext(ctx, network, address)
	}
}

// How long files may be unusable, as a key is without its new certificate while
// somebody replaces the two.
const (
	settleTime = 2 * time.Second
	settleStep = 100 * time.Millisecond
)

// settled reads credentials, again while they cannot be used, for a short time.
func settled[T any](ctx context.Context, read func() (T, error)) (T, error) {
	for deadline := time.Now().Add(settleTime); ; {
		value, err := read()
		if err == nil || time.Now().After(deadline) {
			return value, err
		}
		select {
		case <-time.After(settleStep):
		case <-ctx.Done():
			return value, errors.Join(err, ctx.Err())
		}
	}
}

// TLSConfig reads the files of t, which may have changed since it was last called.
func TLSConfig(t *config.TLS) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca_file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("tls.ca_file " + t.CAFile + " holds no certificate in PEM form")
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read tls.cert_file and key_file: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
