package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/config"
)

// tokenServer answers with tokens "1", "2", ... that last for lifetime seconds.
func tokenServer(t *testing.T, lifetime int) (*config.SASL, *int) {
	t.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		id, secret, _ := r.BasicAuth()
		if id != "we%3Air" || secret != "s%26cret" || r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("scope") != "kafka" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error": "invalid_client", "error_description": "who is that"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token": "%d", "expires_in": %d}`, asked, lifetime)
	}))
	t.Cleanup(server.Close)
	return &config.SASL{
		Mechanism: config.SASLOAuthBearer, TokenURL: server.URL, ClientID: "we:ir", ClientSecret: "s&cret", Scope: "kafka",
	}, &asked
}

func TestTokenIsShared(t *testing.T) {
	for _, test := range []struct {
		name     string
		lifetime int
		want     []string
	}{
		{"while it lasts", 3600, []string{"1", "1", "1"}},
		{"not when it does not say how long", 0, []string{"1", "2", "3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := tokenServer(t, test.lifetime)
			c := newTokenClient(s)
			for i, want := range test.want {
				if got, err := c.token(t.Context()); got != want || err != nil {
					t.Errorf("token %d is %q, %v, want %q", i, got, err, want)
				}
			}
		})
	}
}

// A token that is old but good serves while the endpoint does not.
func TestTokenOutlivesEndpoint(t *testing.T) {
	s, asked := tokenServer(t, 3600)
	c := newTokenClient(s)
	first, err := c.token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.fresh = time.Time{}
	s.ClientSecret = "wrong"
	if got, err := c.token(t.Context()); got != first || err != nil || *asked != 2 {
		t.Errorf("the token is %q, %v, after %d requests, want %q after 2", got, err, *asked, first)
	}
	c.expires = time.Time{}
	if got, err := c.token(t.Context()); err == nil {
		t.Errorf("the token is %q after its end", got)
	}
}

func TestTokenRefused(t *testing.T) {
	answer := func(status int, location, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	elsewhere := httptest.NewServer(answer(http.StatusOK, "", `{"access_token": "stolen"}`))
	defer elsewhere.Close()
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"an error", answer(http.StatusUnauthorized, "", `{"error": "invalid_client"}`), "401 Unauthorized invalid_client"},
		{"a redirection", answer(http.StatusTemporaryRedirect, elsewhere.URL, ""), "307"},
		{"no JSON", answer(http.StatusOK, "", "<html>"), "no JSON"},
		{"no token", answer(http.StatusOK, "", "{}"), "no access_token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			_, err := newTokenClient(&config.SASL{TokenURL: server.URL, ClientID: "weir", ClientSecret: "hunter2"}).token(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// A secret is read anew for each authentication.
func TestSecretIsReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for _, mechanism := range []string{config.SASLPlain, config.SASLOAuthBearer} {
		m, err := mechanismOf(&config.SASL{Mechanism: mechanism, Username: "weir", PasswordFile: file, TokenFile: file})
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"one", "two"} {
			writeFile(t, file, []byte(secret+"\n"))
			_, sent, err := m.Authenticate(t.Context(), "")
			if err != nil || !strings.Contains(string(sent), secret) || strings.Contains(string(sent), "\n") {
				t.Errorf("%s sends %q, %v, want %q in it", mechanism, sent, err, secret)
			}
		}
	}
}

func TestPassing(t *testing.T) {
	_, dial := net.Dial("tcp", "127.0.0.1:1")
	_, listen := net.Listen("tcp", "192.0.2.1:0")
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{fmt.Errorf("fetch: %w", dial), true},
		{listen, false},
		{kerr.CoordinatorNotAvailable, true},
		{kerr.SaslAuthenticationFailed, true},
		{kerr.FencedInstanceID, false},
		{kerr.TopicAuthorizationFailed, false},
		{errors.New("a destination is broken"), false},
		{&os.PathError{Op: "open", Path: "lake", Err: syscall.EACCES}, false},
		// What a client says in whose hands a broker dies.
		{fmt.Errorf("begin transaction: producer ID has a fatal, unrecoverable error, err: %w", closedAtOnce(t)), true},
		{fmt.Errorf("fetch: %w", &kgo.ErrGroupSession{Err: lostConnection(t)}), true},
	} {
		if got := Passing(test.err); got != test.want {
			t.Errorf("%v passes: %t, want %t", test.err, got, test.want)
		}
	}
}

// closedAtOnce is the error of a request to a broker that takes it and closes the
// connection.
func closedAtOnce(t *testing.T) error {
	t.Helper()
	err := failingRequest(t, func(*kgo.Client) error { return io.EOF })
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); !ok {
		t.Fatalf("the client says %v, which is of another kind", err)
	}
	return err
}

// lostConnection is the error of a request to a broker of which the client learns
// meanwhile that it is no more. Its kind is kgo's own.
func lostConnection(t *testing.T) error {
	t.Helper()
	err := failingRequest(t, func(cl *kgo.Client) error { return cl.UpdateSeedBrokers("192.0.2.1:9092") })
	if err == nil || !strings.Contains(err.Error(), "connection has died") {
		t.Fatalf("the client says %v, which is of another kind", err)
	}
	return err
}

// failingRequest makes a request to a fake broker, which calls fail before it
// answers, and closes the connection instead if that is an error.
func failingRequest(t *testing.T, fail func(*kgo.Client) error) error {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.RequestRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	fake.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		err := fail(cl)
		return nil, err, err != nil
	})
	_, err = kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), cl)
	return err
}

func TestSettled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	time.AfterFunc(3*settleStep, func() { _ = os.WriteFile(file, []byte("late"), 0o600) })
	if got, err := tokenOfFile(t.Context(), file); got != "late" || err != nil {
		t.Errorf("the token is %q, %v", got, err)
	}
	if _, err := tokenOfFile(t.Context(), file+".not"); err == nil || !strings.Contains(err.Error(), "token_file") {
		t.Errorf("the error is %v", err)
	}
}

// A client's certificate, and whom it trusts, are read anew for each connection.
func TestCertificateIsReadAnew(t *testing.T) {
	dir := t.TempDir()
	conf := &config.TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	dial := dialTLS(conf)
	for _, name := range []string{"first", "second"} {
		certificate, pair := selfSigned(t, name)
		writeFile(t, conf.CAFile, certificate)
		writeFile(t, conf.CertFile, certificate)
		key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, conf.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
		if got := dialOnce(t, dial, pair); got != name {
			t.Errorf("the client is %q, want %q", got, name)
		}
	}
}

// dialOnce connects to a server of that certificate, which says who came.
func dialOnce(t *testing.T, dial func(context.Context, string, string) (net.Conn, error), pair tls.Certificate) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	name := make(chan string, 1)
	go func() { // ends with the connection
		defer close(name)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if conn.(*tls.Conn).HandshakeContext(t.Context()) == nil {
			name <- conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
		}
	}()
	conn, err := dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return <-name
}

func selfSigned(t *testing.T, name string) (certificate []byte, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	template.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func writeFile(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
