//go:build integration

package eventhub

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/test/integration/kafka"
)

const tokenUser = "weir-identity"

// TestKafka is the collector on Apache Kafka, which is to stand for Event Hubs: over TLS,
// with SASL PLAIN and the user $ConnectionString, or with a token. The users may read the
// hub, and nothing else.
func TestKafka(t *testing.T) {
	libs := os.Getenv(kafka.LibsVariable)
	if libs == "" {
		t.Skipf("%s is not set; run make integration-kafka", kafka.LibsVariable)
	}
	c, err := kafka.Start(t.Context(), kafka.Options{Libs: libs, Dir: t.TempDir(), Brokers: 1, Passwords: map[string]string{user: connection}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	h := kafkaHub(t, c)
	t.Run("Once", func(t *testing.T) { h.testOnce(t, c) })
	t.Run("Transactions", func(t *testing.T) { h.testTransactions(t, c) })
	t.Run("Away", func(t *testing.T) { h.testAway(t, c) })
	t.Run("Token", func(t *testing.T) { h.testToken(t, c) })
	t.Run("Lost", func(t *testing.T) { h.testLost(t, c) })
	t.Run("Refused", func(t *testing.T) { h.testRefused(t) })
}

// kafkaHub is a hub on the cluster, filled by a client that may do all.
func kafkaHub(t *testing.T, c *kafka.Cluster) *hub {
	t.Helper()
	h := &hub{namespace: c.SASL()[0], authority: c.CAFile()}
	h.connect(t, c)
	t.Cleanup(func() { h.client.Close() })
	for _, name := range []string{user, tokenUser} {
		rights := kadm.NewACLs().Topics(hubName).Operations(kadm.OpRead).Allow("User:" + name).AllowHosts("*").ResourcePatternType(kadm.ACLPatternLiteral)
		results, err := h.admin.CreateACLs(t.Context(), rights)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	return h
}

// connect gives the hub a client of its own, which knows nothing of earlier hubs.
func (h *hub) connect(t *testing.T, c *kafka.Cluster) {
	t.Helper()
	if h.client != nil {
		h.client.Close()
	}
	var err error
	h.client, err = kgo.NewClient(kgo.SeedBrokers(c.Plaintext()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	h.admin = kadm.NewClient(h.client)
}

// fresh makes the hub again, empty.
func (h *hub) fresh(t *testing.T, c *kafka.Cluster) {
	t.Helper()
	_, _ = h.admin.DeleteTopic(t.Context(), hubName) // there may be none
	eventually(t, "the hub is made", func() bool {
		_, err := h.admin.CreateTopic(t.Context(), partitions, 1, nil, hubName)
		return err == nil
	})
	eventually(t, "the hub can be written to", func() bool {
		ends, err := h.admin.ListEndOffsets(t.Context(), hubName)
		return err == nil && ends.Error() == nil && len(ends[hubName]) == partitions
	})
	h.connect(t, c)
}

func (h *hub) testOnce(t *testing.T, c *kafka.Cluster) {
	h.fresh(t, c)
	k := new(collected)
	var want []string
	for run := range 3 {
		for n := range 20 {
			first := 100*run + 3*n
			h.send(t, int32(n%partitions), message(record(first), record(first+1)), record(first+2))
			want = append(want, record(first), record(first+1), record(first+2))
		}
		k.once(t, h.config())
	}
	k.once(t, h.config())
	k.want(t, want...)
}

// testTransactions: what was aborted never happened, and markers are no messages.
func (h *hub) testTransactions(t *testing.T, c *kafka.Cluster) {
	h.fresh(t, c)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Plaintext()...), kgo.TransactionalID("sender"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	k := new(collected)
	var want []string
	for n := range 6 {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: hubName, Partition: 1, Value: []byte(record(n))}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(t.Context(), n%2 == 0); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			want = append(want, record(n))
		}
		k.once(t, h.config())
	}
	k.want(t, want...)
}

// testAway: the hub goes away and comes back, and sessions end, while it is read.
func (h *hub) testAway(t *testing.T, c *kafka.Cluster) {
	h.fresh(t, c)
	k := new(collected)
	stop := k.start(t, h.config())
	var want []string
	for n := range 30 {
		want = append(want, record(n))
		h.send(t, int32(n%partitions), message(record(n)))
		if n == 10 {
			if err := c.Kill(0); err != nil {
				t.Fatal(err)
			}
			if err := c.Restart(0); err != nil {
				t.Fatal(err)
			}
			if err := c.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(kafka.Reauthentication + time.Second) // a session of SASL ends meanwhile
	h.send(t, 0, message(record(30)))
	want = append(want, record(30))
	eventually(t, "all records", func() bool { records, _ := k.counts(); return records >= len(want) })
	if err := stop(); err != nil {
		t.Error(err)
	}
	k.want(t, want...)
}

// identity has tokens of the cluster's issuer.
type identity struct {
	t      *testing.T
	issuer *kafka.Issuer
	scopes []string
}

// GetToken implements azcore.TokenCredential.
func (i *identity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.scopes = o.Scopes
	token, err := i.issuer.Token(tokenUser, time.Hour)
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, err
}

func (h *hub) testToken(t *testing.T, c *kafka.Cluster) {
	h.fresh(t, c)
	h.send(t, 0, message(record(0)))
	i := &identity{t: t, issuer: c.Issuer}
	cfg := h.config()
	cfg.ConnectionString, cfg.Credential = nil, i
	k := new(collected)
	k.once(t, cfg)
	k.want(t, record(0))
	if want := []string{"https://127.0.0.1/.default"}; !slices.Equal(i.scopes, want) {
		t.Errorf("tokens were asked for %q, want %q", i.scopes, want)
	}
}

// testLost: messages that retention deleted, and a hub that was made again.
func (h *hub) testLost(t *testing.T, c *kafka.Cluster) {
	h.fresh(t, c)
	k := new(collected)
	h.send(t, 1, record(0), record(1))
	k.once(t, h.config())
	h.send(t, 1, record(2), record(3), record(4))
	h.expire(t, 1, 4)
	k.once(t, h.config())
	k.want(t, record(0), record(1), record(4))
	k.lossLetter(t, "/1/2", "were deleted by the hub's retention")

	h.fresh(t, c)
	k.records, k.letters = nil, nil
	for n := range 9 {
		h.send(t, 1, record(100+n))
	}
	k.once(t, h.config())
	if len(k.records) != 9 {
		t.Errorf("%d records of the new hub, want 9", len(k.records))
	}
	k.lossLetter(t, "/1/5", "the hub was deleted and made again")

	// The same under a collector that runs, and the new hub is soon longer than the old.
	k = new(collected)
	h.fresh(t, c)
	h.send(t, 1, record(0), record(1))
	stop := k.start(t, h.config())
	eventually(t, "the old hub is read", func() bool { records, _ := k.counts(); return records == 2 })
	h.fresh(t, c)
	for n := range 9 {
		h.send(t, 1, record(100+n))
	}
	eventually(t, "the new hub is read", func() bool { records, _ := k.counts(); return records == 11 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	k.lossLetter(t, "/1/2", "the hub was deleted and made again")
}

func (h *hub) testRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"a wrong key": {func(c *Config) { c.ConnectionString = func() (string, error) { return "wrong", nil } }, "SASL_AUTHENTICATION_FAILED"},
		"another hub": {func(c *Config) { c.Hub = "other" }, "TOPIC_AUTHORIZATION_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, l := h.config(), new(log)
			c.change(&cfg)
			cfg.Log = slog.New(slog.NewTextHandler(l, nil))
			stop := new(collected).start(t, cfg)
			eventually(t, "the log says what is wrong", func() bool { return l.has(c.want) })
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
