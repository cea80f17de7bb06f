package push

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
	"os"
	"path/filepath"
	"strings"
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

// Files that change are used for the next handshakes; files that cannot be used, as
// while a pair is being replaced, are not.
func TestCertificatesReload(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t, "first")
	c, err := newCertificates(files, testConfig().Log)
	if err != nil {
		t.Fatal(err)
	}
	now := c.checked
	name := func() string {
		t.Helper()
		now = now.Add(time.Second)
		cert, err := x509.ParseCertificate(c.current(now).Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return cert.Subject.CommonName
	}
	if got := name(); got != "first" {
		t.Errorf("certificate of %s", got)
	}
	cert, key := ca.issue(t, "second")
	write(t, files.CertFile, cert)
	if got := name(); got != "first" {
		t.Errorf("with half of a pair: certificate of %s", got)
	}
	write(t, files.KeyFile, key)
	if got := name(); got != "second" {
		t.Errorf("with the whole pair: certificate of %s", got)
	}
	if err := os.Remove(files.ClientCAFile); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "second" || c.current(now).ClientAuth != tls.RequireAndVerifyClientCert {
		t.Errorf("without the authority: certificate of %s, or clients need none", got)
	}
	other := newAuthority(t)
	write(t, files.ClientCAFile, other.pem)
	name()
	want := x509.NewCertPool()
	want.AddCert(other.cert)
	if !c.current(now).ClientCAs.Equal(want) {
		t.Error("the authority was not read again")
	}
}

func TestBadCertificates(t *testing.T) {
	ca := newAuthority(t)
	good := ca.files(t, "weir")
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, nil)
	for name, files := range map[string]TLS{
		"no such file":   {CertFile: "none", KeyFile: good.KeyFile},
		"no certificate": {CertFile: empty, KeyFile: good.KeyFile},
		"no key":         {CertFile: good.CertFile, KeyFile: empty},
		"another key":    {CertFile: good.CertFile, KeyFile: ca.files(t, "other").KeyFile},
		"no authority":   {CertFile: good.CertFile, KeyFile: good.KeyFile, ClientCAFile: empty},
	} {
		cfg := testConfig()
		cfg.TLS = &files
		if _, err := New(cfg, lines{}); err == nil || !strings.HasPrefix(err.Error(), "collector test: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
