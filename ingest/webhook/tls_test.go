package webhook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue returns certificate and key of a server and client of that name, as PEM.
func (a *authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// files writes what a server of that name needs, with the authority for clients.
func (a *authority) files(t *testing.T, name string) TLS {
	t.Helper()
	dir := t.TempDir()
	files := TLS{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key"), ClientCAFile: filepath.Join(dir, "ca.crt")}
	cert, key := a.issue(t, name)
	write(t, files.CertFile, cert)
	write(t, files.KeyFile, key)
	write(t, files.ClientCAFile, a.pem)
	return files
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// client trusts the authority, and has a certificate of it if it has a name.
func (a *authority) client(t *testing.T, name string) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(a.cert)
	if name != "" {
		pair, err := tls.X509KeyPair(a.issue(t, name))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t, "weir")
	files.ClientCAFile = ""
	cfg := testConfig()
	cfg.TLS, cfg.Tokens = &files, map[string][]string{"blue": {digest("blue")}}
	k := new(kafka)
	r := start(t, cfg, k.put)
	req := request(t, r.url, batchOf(0, 2))
	req.Header.Set("Authorization", "Bearer blue")
	resp, err := ca.client(t, "").Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, resp); got.code != http.StatusOK || len(k.durable()) != 2 || resp.ProtoMajor != 2 {
		t.Errorf("answer %+v over %s, %d events", got, resp.Proto, len(k.durable()))
	}
	if got := do(t, ca.client(t, ""), request(t, r.url, batchOf(0, 1))); got.code != http.StatusUnauthorized {
		t.Errorf("without the token: answer %+v", got)
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}}}
	if _, err := old.Do(request(t, r.url, "")); err == nil {
		t.Error("TLS 1.1 was let in")
	}
}

func TestMutualTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	files := ca.files(t, "weir")
	files.ClientNames = []string{"kube-apiserver", "other"}
	cfg := testConfig()
	cfg.TLS = &files
	k := new(kafka)
	r := start(t, cfg, k.put)

	if got := do(t, ca.client(t, "kube-apiserver"), request(t, r.url, batchOf(0, 1))); got.code != http.StatusOK {
		t.Errorf("answer %+v", got)
	}
	if object := k.records[0].Origin.Object; object != "webhook:k8s/kube-apiserver" {
		t.Errorf("object %s", object)
	}
	if got := do(t, ca.client(t, "kubelet"), request(t, r.url, batchOf(1, 1))); got.code != http.StatusForbidden {
		t.Errorf("another name: answer %+v", got)
	}
	if resp, err := ca.client(t, "").Do(request(t, r.url, batchOf(2, 1))); err == nil {
		t.Errorf("no certificate: answer %+v", decode(t, resp))
	}
	// One that trusts our server, with a certificate that we do not trust.
	forged := ca.client(t, "")
	pair, err := tls.X509KeyPair(stranger.issue(t, "kube-apiserver"))
	if err != nil {
		t.Fatal(err)
	}
	forged.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	if resp, err := forged.Do(request(t, r.url, batchOf(3, 1))); err == nil {
		t.Errorf("a certificate of another authority: answer %+v", decode(t, resp))
	}
	if n := len(k.durable()); n != 1 {
		t.Errorf("%d events are durable", n)
	}
}

// With tokens and an authority a client needs both.
func TestTokenAndCertificate(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t, "weir")
	cfg := testConfig()
	cfg.TLS, cfg.Tokens = &files, map[string][]string{"blue": {digest("blue")}}
	k := new(kafka)
	r := start(t, cfg, k.put)
	client := ca.client(t, "kube-apiserver")
	if got := do(t, client, request(t, r.url, batchOf(0, 1))); got.code != http.StatusUnauthorized {
		t.Errorf("certificate only: answer %+v", got)
	}
	req := request(t, r.url, batchOf(0, 1))
	req.Header.Set("Authorization", "Bearer blue")
	if resp, err := ca.client(t, "").Do(req); err == nil {
		t.Errorf("token only: answer %+v", decode(t, resp))
	}
	req = request(t, r.url, batchOf(0, 1))
	req.Header.Set("Authorization", "Bearer blue")
	if got := do(t, client, req); got.code != http.StatusOK || k.records[0].Origin.Object != "webhook:k8s/blue" {
		t.Errorf("both: answer %+v", got)
	}
}

// A server that runs takes a new certificate without a restart.
func TestCertificateOfRunningServer(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t, "first")
	files.ClientCAFile = ""
	cfg := testConfig()
	cfg.TLS = &files
	r := start(t, cfg, new(kafka).put)
	peer := func() string {
		conn, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := peer(); got != "first" {
		t.Errorf("certificate of %s", got)
	}
	cert, key := ca.issue(t, "second")
	write(t, files.CertFile, cert)
	write(t, files.KeyFile, key)
	for deadline := time.Now().Add(20 * time.Second); peer() != "second"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the certificate is still the first one")
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Connections = 2
	r := start(t, cfg, new(kafka).put)
	var open []net.Conn
	for range 2 {
		conn, _ := slowClient(t, r.addr)
		open = append(open, conn)
	}
	third, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	_ = third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("a third connection was not closed: %v", err)
	}
	for _, conn := range open {
		_ = conn.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		req := request(t, r.url, batchOf(0, 1))
		req.Close = true
		if resp, err := http.DefaultClient.Do(req); err == nil {
			if got := decode(t, resp); got.code != http.StatusOK {
				t.Errorf("answer %+v", got)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a closed connection still counts")
		}
	}
}
