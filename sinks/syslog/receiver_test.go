package syslog

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/weir-security/weir/sinks"
)

// receiver is a fake: it reads frames of RFC 5425 strictly, as the real ones do not, and
// ends a connection when it has read all of it, as they do. The real one is in
// test/integration/syslog.
type receiver struct {
	t        *testing.T
	listener net.Listener
	// trouble is asked for each connection; what it returns is done instead of reading on.
	trouble func(n int, conn net.Conn) (done bool)
	most    int // messages that it reads of a connection before it resets it; 0: all

	mu          sync.Mutex
	connections int
	taken       []*rfc5424.SyslogMessage
}

func listen(t *testing.T, conf *tls.Config) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	r := &receiver{t: t, listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return r
}

func (r *receiver) address() string { return r.listener.Addr().String() }

func (r *receiver) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	r.mu.Lock()
	r.connections++
	n, trouble, most := r.connections, r.trouble, r.most
	r.mu.Unlock()
	if trouble != nil && trouble(n, conn) {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok && secure.Handshake() != nil {
		return
	}
	in := bufio.NewReader(conn)
	for read := 0; ; read++ {
		if most > 0 && read == most {
			reset(conn)
			return
		}
		text, err := frame(in)
		if err == io.EOF {
			return
		}
		if err != nil {
			if most == 0 && trouble == nil {
				r.t.Errorf("a frame: %v", err)
			}
			return
		}
		m, err := rfc5424.NewParser().Parse([]byte(text))
		if err != nil {
			r.t.Errorf("no RFC 5424: %v: %s", err, text)
			return
		}
		r.mu.Lock()
		r.taken = append(r.taken, m.(*rfc5424.SyslogMessage))
		r.mu.Unlock()
	}
}

// frame reads "MSG-LEN SP SYSLOG-MSG": RFC 5425, 4.3.
func frame(in *bufio.Reader) (string, error) {
	length, err := in.ReadString(' ')
	if err == io.EOF && length == "" {
		return "", io.EOF
	}
	n, bad := strconv.Atoi(strings.TrimSuffix(length, " "))
	if err != nil || bad != nil || n < 1 || length[0] == '0' {
		return "", fmt.Errorf("%q is no length: %v", length, err)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", io.ErrUnexpectedEOF
	}
	return string(text), nil
}

// reset ends a connection so that the other side hears of it.
func reset(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// ids are those of the messages, in the order in which they came.
func (r *receiver) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, m := range r.taken {
		ids = append(ids, (*m.StructuredData)["weir@32473"]["id"])
	}
	return ids
}

// certificates are those of an authority of the test's own.
type certificates struct {
	roots          *x509.CertPool
	server, client tls.Certificate
}

func newCertificates(t testing.TB) certificates {
	t.Helper()
	authorityKey, authority := certificate(t, nil, nil, "weir test authority")
	parent, err := x509.ParseCertificate(authority)
	if err != nil {
		t.Fatal(err)
	}
	c := certificates{roots: x509.NewCertPool()}
	c.roots.AddCert(parent)
	for name, to := range map[string]*tls.Certificate{"127.0.0.1": &c.server, "weir-1": &c.client} {
		key, der := certificate(t, parent, authorityKey, name)
		*to = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	return c
}

func certificate(t testing.TB, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, name string) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: parent == nil,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	if parent == nil {
		parent, parentKey = template, key
		template.KeyUsage = x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

func open(t *testing.T, c Config) *Destination {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	c.Hostname = "weir-7.example.org"
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func alerts(n int) []sinks.Alert {
	all := make([]sinks.Alert, n)
	for i := range all {
		all[i] = alert(fmt.Sprintf("a%04d", i), "CloudTrail StopLogging by alice", 0)
	}
	return all
}

// alert is one with evidence of so many bytes.
func alert(id, title string, evidence int) sinks.Alert {
	value := fmt.Sprintf(`{"class_uid":2004,"activity_id":1,"metadata":{"uid":%q,"log_provider":"aws.cloudtrail"},"severity_id":4,"time":1793700000123,"start_time":1793699000000,"end_time":1793700000123,"count":3,
"finding_info":{"uid":%q,"title":%q,"analytic":{"uid":"aws.cloudtrail.logging_disabled","name":"CloudTrail logging disabled"}},
"evidences":[{"data":%q}],"unmapped":{"weir":{"kind":"alert"}}}`, id, "f-"+id, title, strings.Repeat("e", evidence))
	a, err := new(sinks.Reader).Read(id, []byte(value))
	if err != nil {
		panic(err)
	}
	return a
}
