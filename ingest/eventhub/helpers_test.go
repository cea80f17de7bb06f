package eventhub

import (
	"bytes"
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
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/internal/ingesttest"
	"github.com/weir-security/weir/schemas/event"
)

func TestMain(m *testing.M) {
	ingesttest.Main(func(ctx context.Context, v *ingesttest.Victim, put ingest.Put) error {
		cursors, err := ingesttest.Cursors(v.Ledger)
		if err != nil {
			return err
		}
		c, err := New(testConfig(v.Args["namespace"], v.Args["authority"]))
		if err != nil {
			return err
		}
		return c.Run(ctx, cursors, put)
	})
	os.Exit(m.Run())
}

const (
	hubName    = "insights-activity-logs"
	partitions = 4
	// connection is a connection string as the portal shows it.
	connection = "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=weir-listen;SharedAccessKey=bm90IGEga2V5IGJ1dCBhIHRlc3Qga2V5IQ=="
)

// hub is a fake of Event Hubs: franz-go's fake of Kafka, with TLS, SASL PLAIN by
// connection string and the versions of requests that Event Hubs knows. It refuses what
// Kafka refuses: wrong credentials, unknown hubs, offsets that it does not have.
type hub struct {
	cluster   *kfake.Cluster
	namespace string // host:port
	authority string // file of the certificate to trust
	client    *kgo.Client
	admin     *kadm.Client
}

func newHub(t testing.TB) *hub {
	t.Helper()
	certificate, pair := selfSigned(t)
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.SeedTopics(partitions, hubName), kfake.MaxVersions(kversion.V2_3_0()),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}),
		kfake.EnableSASL(), kfake.Superuser("PLAIN", user, connection),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	refuseWrongKeys(cluster)
	h := &hub{cluster: cluster, namespace: cluster.ListenAddrs()[0], authority: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(h.authority, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := trusting(h.authority)
	if err != nil {
		t.Fatal(err)
	}
	h.client, err = kgo.NewClient(kgo.SeedBrokers(h.namespace), kgo.DialTLSConfig(config), kgo.SASL(plain.Auth{User: user, Pass: connection}.AsMechanism()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.client.Close)
	h.admin = kadm.NewClient(h.client)
	return h
}

// refuseWrongKeys answers them as Event Hubs does, where kfake hangs up.
func refuseWrongKeys(cluster *kfake.Cluster) {
	cluster.ControlKey((*kmsg.SASLAuthenticateRequest)(nil).Key(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.SASLAuthenticateRequest)
		if bytes.HasSuffix(req.SASLAuthBytes, []byte("\x00"+user+"\x00"+connection)) {
			return nil, nil, false
		}
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
}

// send appends messages to a partition.
func (h *hub) send(t testing.TB, partition int32, messages ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, m := range messages {
		records = append(records, &kgo.Record{Topic: hubName, Partition: partition, Value: []byte(m)})
	}
	if err := h.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// expire deletes the messages of a partition before an offset, as retention does.
func (h *hub) expire(t testing.TB, partition int32, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(hubName, partition, before, -1)
	deleted, err := h.admin.DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// remake deletes the hub and makes it again.
func (h *hub) remake(t testing.TB) {
	t.Helper()
	_, err := h.admin.DeleteTopic(t.Context(), hubName)
	if err == nil {
		_, err = h.admin.CreateTopic(t.Context(), partitions, 1, nil, hubName)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func selfSigned(t testing.TB) (certificate []byte, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// trusting is a client's configuration with an authority.
func trusting(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, errors.New("no certificate")
	}
	return config, nil
}

func testConfig(namespace, authority string) Config {
	return Config{
		Name: "activity", Source: "azure.activity", Namespace: namespace, Hub: hubName,
		ConnectionString: func() (string, error) { return connection, nil },
		TLS:              func() (*tls.Config, error) { return trusting(authority) },
		Format:           envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records"}},
		Log:              slog.New(slog.NewTextHandler(io.Discard, nil)),
		refresh:          200 * time.Millisecond,
	}
}

func (h *hub) config() Config { return testConfig(h.namespace, h.authority) }

// collected stands for what makes batches durable.
type collected struct {
	mu      sync.Mutex
	puts    int
	records []event.Record
	letters []event.DeadLetter
	cursors map[string][]byte
}

func (k *collected) put(_ context.Context, b ingest.Batch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.puts++
	for _, r := range b.Records {
		r.Value = bytes.Clone(r.Value)
		k.records = append(k.records, r)
	}
	for _, l := range b.DeadLetters {
		l.Value = bytes.Clone(l.Value)
		k.letters = append(k.letters, l)
	}
	if k.cursors == nil {
		k.cursors = map[string][]byte{}
	}
	for _, c := range b.Cursors {
		k.cursors[c.Key] = bytes.Clone(c.Value)
	}
	return nil
}

func (k *collected) counts() (records, letters int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.records), len(k.letters)
}

// once reads what the hub has now.
func (k *collected) once(t testing.TB, cfg Config) {
	t.Helper()
	cfg.Once = true
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Run(ctx, k.cursors, k.put); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("not everything is read after a minute")
	}
}

// start runs a collector until stop, which returns what Run returned.
func (k *collected) start(t testing.TB, cfg Config) (stop func() error) {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan error, 1)
	go func() { end <- c.Run(ctx, k.cursors, k.put) }() // ends with the test
	stop = sync.OnceValue(func() error { cancel(); return <-end })
	t.Cleanup(func() { _ = stop() })
	return stop
}

// eventually waits for a condition that somebody else makes true.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after a minute", what)
		}
	}
}

// record is one of an activity log.
func record(n int) string {
	return fmt.Sprintf(`{"time":"2026-11-18T09:41:%02d.1042330Z","resourceId":"/SUBSCRIPTIONS/0D2B9C1E-44F5-4A0E-9C58-1D6A4E7A9B11/RESOURCEGROUPS/PAYMENTS/PROVIDERS/MICROSOFT.STORAGE/STORAGEACCOUNTS/LEDGER",`+
		`"operationName":"MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION","category":"Administrative","resultType":"Success","resultSignature":"Succeeded.OK","durationMs":31,`+
		`"callerIpAddress":"203.0.113.%d","correlationId":"7c9e6679-7425-40de-944b-%012d","level":"Information","properties":{"n":%d}}`, n%60, n%250+1, n, n)
}

// message is one as diagnostic settings send it.
func message(records ...string) string { return `{"records": [` + strings.Join(records, ",\n") + `]}` }
