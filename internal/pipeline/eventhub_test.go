package pipeline

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
)

// A hub is where a world's input comes from instead of files, if its directory has a
// hubFile: it is the same in the processes that a test starts.
type hub struct {
	Namespace, Authority string // Authority is a file
	client               *kgo.Client
}

const (
	hubFile       = "hub.json"
	hubName       = "cloudtrail"
	hubPartitions = 4
	hubConnection = "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=weir-listen;SharedAccessKey=bm90IGEga2V5IGJ1dCBhIHRlc3Qga2V5IQ=="
)

// useHub gives a world its hub, if it has one.
func useHub(dir string, cfg *config.Config) {
	data, err := os.ReadFile(filepath.Join(dir, hubFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var h hub
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil {
		panic(err) // the test wrote it
	}
	cfg.Collectors = []config.Collector{{
		Name: "hub", Type: config.CollectorEventHub, Source: "aws.cloudtrail",
		EventHub: &config.EventHubCollector{Namespace: h.Namespace, Hub: hubName, ConnectionString: hubConnection, CAFile: h.Authority},
	}}
}

// newHubWorld is a world whose input is a hub.
func newHubWorld(t *testing.T) (*world, *hub) {
	t.Helper()
	dir := fastDir(t)
	h := newHub(t, dir)
	return newWorld(dir), h
}

// newHub starts a fake of Event Hubs, see ingest/eventhub, for the world in a directory.
func newHub(t *testing.T, dir string) *hub {
	t.Helper()
	certificate, pair := serverCertificate(t)
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.SeedTopics(hubPartitions, hubName), kfake.MaxVersions(kversion.V2_3_0()),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}), kfake.EnableSASL(), kfake.Superuser("PLAIN", "$ConnectionString", hubConnection),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	h := &hub{Namespace: cluster.ListenAddrs()[0], Authority: filepath.Join(dir, "hub.pem")}
	text, err := json.Marshal(h)
	if err == nil {
		err = errors.Join(os.WriteFile(h.Authority, certificate, 0o600), os.WriteFile(filepath.Join(dir, hubFile), text, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	h.client, err = kgo.NewClient(kgo.SeedBrokers(h.Namespace), kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
		kgo.SASL(plain.Auth{User: "$ConnectionString", Pass: hubConnection}.AsMechanism()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.client.Close)
	return h
}

func serverCertificate(t *testing.T) (certificate []byte, pair tls.Certificate) {
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

// fill sends the input of writeLogs, in order, to one partition, 40 records a message: one
// of them is broken.
func (h *hub) fill(t *testing.T) {
	t.Helper()
	var messages []*kgo.Record
	for from := 0; from < worldRecords; from += 40 {
		records := make([]string, 40)
		for i := range records {
			records[i] = trailRecord(from + i)
			if i == 7 {
				records[i] = fmt.Sprintf(`{"eventID": "broken-%d", oops}`, from+i)
			}
		}
		messages = append(messages, &kgo.Record{Topic: hubName, Partition: 2, Value: []byte(`{"Records": [` + strings.Join(records, ",\n") + `]}`)})
	}
	if err := h.client.ProduceSync(t.Context(), messages...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// TestEventHubKilled kills the process before and after a batch is durable, and lets a new
// one finish: all is as if nothing had gone wrong, and as if the input had been a file.
func TestEventHubKilled(t *testing.T) {
	want := undisturbed(t)
	for _, fault := range []Fault{FaultCollectBegin, FaultCollectFlushed, FaultCollectCommitted, FaultCollectAnswered} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w, h := newHubWorld(t)
			h.fill(t)
			kill(t, w, fault, 1)
			if err := w.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
				t.Fatal(err)
			}
			got := w.audit(t)
			checkBooks(t, got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the books differ (-a file, undisturbed +a hub, killed):\n%s", diff)
			}
		})
	}
}

// startCollect runs collect in this process under an instance, as a process of its own as
// far as Kafka can tell, with something that happens to it.
func startCollect(t *testing.T, w *world, instance string, faults Injector) *collector {
	t.Helper()
	cfg := *w.config
	cfg.Instance = instance
	o, err := w.options(Options{
		Roles: []Role{RoleCollect}, Stats: NewStats(), Faults: faults, batchRecords: batchRecords,
		times: times{session: shareSession, rebalance: shareSession, transaction: shareTransaction}.orDefault(),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Config = &cfg
	drain, stop := context.WithCancel(t.Context())
	c := &collector{drain: stop, ended: make(chan error, 1)}
	go func() { // ends with the drain, or its fault
		_, err := runOnce(t.Context(), drain, o)
		c.ended <- err
	}()
	t.Cleanup(stop)
	return c
}

// TestEventHubShared: processes divide a hub among them; one ends in the middle of a
// transaction, one is drained and others come. Each record is once in its topic, before
// anybody drops duplicates.
func TestEventHubShared(t *testing.T) {
	w, opts := servedWorld(t)
	h := newHub(t, w.dir)
	useHub(w.dir, w.config)
	want, sent := map[string]int{}, 0
	send := func(messages int) {
		var all []*kgo.Record
		for range messages {
			records := []string{trailRecord(10_000 + 2*sent), trailRecord(10_001 + 2*sent)}
			want[records[0]], want[records[1]] = 1, 1
			all = append(all, &kgo.Record{Topic: hubName, Partition: int32(sent % hubPartitions), Value: []byte(`{"Records": [` + strings.Join(records, ",") + `]}`)})
			sent++
		}
		if err := h.client.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	got := func() map[string]int {
		counts := map[string]int{}
		eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Raw("aws.cloudtrail"), func(r *kgo.Record) { counts[string(r.Value)]++ })
		return counts
	}
	share := func(instances ...string) {
		ids := make([]string, len(instances))
		for i, instance := range instances {
			ids[i] = "weir-collect-" + instance
		}
		owners(t, opts, w.config.Kafka.GroupPrefix+"collect.hub", time.Minute, ids...)
	}
	send(100)
	a := startCollect(t, w, "a", nil)
	share("a")
	eventually(t, "the first has read", func() bool { return len(got()) == len(want) })
	b := startCollect(t, w, "b", nth(FaultCollectFlushed, 3, func() error { return errInjected }))
	share("a", "b")
	var failed error
	eventually(t, "the second fails in a transaction", func() bool {
		send(hubPartitions)
		select {
		case failed = <-b.ended:
			return true
		default:
			return false
		}
	})
	if !errors.Is(failed, errInjected) {
		t.Fatalf("the second ended with %v", failed)
	}
	c := startCollect(t, w, "c", nil)
	share("a", "c")
	send(100)
	eventually(t, "the others have read all", func() bool { return len(got()) == len(want) })
	a.stop(t)
	send(100)
	eventually(t, "the last has read all", func() bool { return len(got()) == len(want) })
	c.stop(t)
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("records in the topic (-want +got):\n%s", diff)
	}
}
