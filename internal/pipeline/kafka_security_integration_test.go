//go:build integration

package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/test/integration/kafka"
)

// plainUsers are the users of SASL PLAIN. Brokers learn them when they start.
var plainUsers = map[string]string{"weir-plain": "sluice \\ gate"}

const (
	scramUser     = "weir-scram"
	scramPassword = "tail-water"
	clientID      = "weir client" // both need encoding in a request for a token
	clientSecret  = "spill/way+ 7%"
)

// testKafkaSecurity takes the input through, and the user of each way to
// authenticate may do only what docs/kafka.md lists.
func testKafkaSecurity(t *testing.T, c *kafka.Cluster, want books) {
	alterSCRAM(t, c, scramUser, scramPassword)
	dir := t.TempDir()
	tokenURL := startTokenEndpoint(t, c)
	token, err := c.Issuer.Token("weir-token-file", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := c.Authority.Issue("weir-mtls")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "password", []byte(scramPassword+"\n"))
	write(t, dir, "token", []byte(token+"\n"))
	write(t, dir, "secret", []byte(clientSecret))
	write(t, dir, "cert.pem", pair.Certificate)
	write(t, dir, "key.pem", pair.Key)

	trust := fmt.Sprintf("tls: {ca_file: %s}", c.CAFile())
	for _, way := range []struct {
		name, user string // no user: one that may do all
		brokers    []string
		kafka      string
	}{
		{"tls", "", c.TLS(), trust},
		{"mtls", "CN=weir-mtls", c.MTLS(), fmt.Sprintf("tls: {ca_file: %s, cert_file: cert.pem, key_file: key.pem}", c.CAFile())},
		{"plain", "weir-plain", c.SASL(), trust + fmt.Sprintf(", sasl: {mechanism: plain, username: weir-plain, password: '%s'}", plainUsers["weir-plain"])},
		{"scram", scramUser, c.SASL(), trust + ", sasl: {mechanism: scram-sha-512, username: " + scramUser + ", password_file: password}"},
		{"token-file", "weir-token-file", c.SASL(), trust + ", sasl: {mechanism: oauthbearer, token_file: token}"},
		{"token-url", "weir-token-url", c.SASL(), trust + fmt.Sprintf(", sasl: {mechanism: oauthbearer, token_url: '%s', client_id: %s, client_secret_file: secret, scope: kafka}", tokenURL, clientID)},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := secureWorld(t, dir, cluster{Brokers: way.brokers, Prefix: "secure." + way.name + ".", Replication: brokers}, way.kafka)
			if way.user != "" {
				grant(t, c, way.user, w)
			}
			w.writeLogs(t)
			if err := w.run(t.Context(), Options{Once: true}); err != nil {
				t.Fatal(err)
			}
			checkUndisturbed(t, w, want)
		})
	}
}

// testKafkaRefused shows that wrong credentials end a start with an error, soon.
func testKafkaRefused(t *testing.T, c *kafka.Cluster) {
	dir := t.TempDir()
	stranger, err := kafka.NewAuthority("stranger")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := stranger.Issue("weir-mtls")
	if err != nil {
		t.Fatal(err)
	}
	expired, err := c.Issuer.Token("weir-token-file", -time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "token", []byte(expired))
	write(t, dir, "stranger.pem", stranger.Certificate)
	write(t, dir, "cert.pem", pair.Certificate)
	write(t, dir, "key.pem", pair.Key)
	trust := fmt.Sprintf("tls: {ca_file: %s}", c.CAFile())
	for _, refused := range []struct {
		name    string
		brokers []string
		kafka   string
		want    string
	}{
		{"an unknown authority of brokers", c.TLS(), "tls: {ca_file: stranger.pem}", "certificate signed by unknown authority"},
		{"no client certificate", c.MTLS(), trust, "bad certificate"},
		{"an unknown authority of clients", c.MTLS(), fmt.Sprintf("tls: {ca_file: %s, cert_file: cert.pem, key_file: key.pem}", c.CAFile()), "tls: "},
		{"no SASL", c.SASL(), trust, "SASL"},
		{"PLAIN", c.SASL(), trust + ", sasl: {mechanism: plain, username: weir-plain, password: wrong}", "SASL_AUTHENTICATION_FAILED"},
		{"SCRAM", c.SASL(), trust + ", sasl: {mechanism: scram-sha-512, username: weir-scram, password: wrong}", "SASL_AUTHENTICATION_FAILED"},
		{"an expired token", c.SASL(), trust + ", sasl: {mechanism: oauthbearer, token_file: token}", "invalid_token"},
	} {
		t.Run(refused.name, func(t *testing.T) {
			w := secureWorld(t, dir, cluster{Brokers: refused.brokers, Prefix: "refused.", Replication: brokers}, refused.kafka)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := w.run(ctx, Options{Once: true})
			if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), refused.want) {
				t.Errorf("the error is %v, want one that tells of %q", err, refused.want)
			}
		})
	}
}

// secureWorld is a world on the cluster whose section kafka, apart from the
// addresses, is given as in a configuration file in dir.
func secureWorld(t *testing.T, dir string, c cluster, kafka string) *world {
	t.Helper()
	text := fmt.Sprintf("kafka: {brokers: ['%s'], %s}", strings.Join(c.Brokers, "', '"), kafka)
	parsed, err := config.Parse(filepath.Join(dir, "weir.yaml"), []byte(text), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := newClusterWorld(t, c)
	w.config.Kafka.TLS, w.config.Kafka.SASL = parsed.Kafka.TLS, parsed.Kafka.SASL
	return w
}

// startTokenEndpoint starts an OAuth 2.0 token endpoint for clientID. Its tokens
// last little longer than a session, so that many are needed.
func startTokenEndpoint(t *testing.T, c *kafka.Cluster) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("scope") != "kafka" ||
			id != "weir+client" || secret != "spill%2Fway%2B+7%25" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error": "invalid_client"}`)
			return
		}
		const lifetime = 2 * kafka.Reauthentication
		token, err := c.Issuer.Token("weir-token-url", lifetime)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": lifetime.Seconds()})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// administer is a client of the cluster that may do all.
func administer(t *testing.T, c *kafka.Cluster) *kadm.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Plaintext()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

// alterSCRAM gives a user a new password.
func alterSCRAM(t *testing.T, c *kafka.Cluster, user, password string) {
	t.Helper()
	results, err := administer(t, c).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{
		{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password},
	})
	if err == nil {
		err = results.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the password of "+user, func(ctx context.Context) error {
		return ping(ctx, c, &config.SASL{Mechanism: config.SASLScramSHA512, Username: user, Password: config.Secret(password)})
	})
}

// ping connects to every broker with SASL.
func ping(ctx context.Context, c *kafka.Cluster, s *config.SASL) error {
	security, err := broker.Security(&config.TLS{CAFile: c.CAFile()}, s)
	if err != nil {
		return err
	}
	for _, address := range c.SASL() {
		cl, err := kgo.NewClient(append(security, kgo.SeedBrokers(address))...)
		if err != nil {
			return err
		}
		err = cl.Ping(ctx)
		cl.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// waitFor tries until there is no error, for as long as a busy machine may need.
func waitFor(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, errors.Join(err, ctx.Err()))
		}
	}
}

// grant gives a user what docs/kafka.md lists for all roles.
func grant(t *testing.T, c *kafka.Cluster, user string, w *world) {
	t.Helper()
	k := w.config.Kafka
	for _, acl := range []*kadm.ACLBuilder{
		kadm.NewACLs().Topics(k.TopicPrefix).Operations(kadm.OpCreate, kadm.OpDescribe, kadm.OpDescribeConfigs, kadm.OpRead, kadm.OpWrite),
		kadm.NewACLs().Groups(k.GroupPrefix).Operations(kadm.OpRead),
		kadm.NewACLs().TransactionalIDs("weir-").Operations(kadm.OpWrite),
	} {
		allow(t, administer(t, c), user, acl.ResourcePatternType(kadm.ACLPatternPrefixed))
	}
}

func allow(t *testing.T, adm *kadm.Client, user string, acl *kadm.ACLBuilder) {
	t.Helper()
	results, err := adm.CreateACLs(t.Context(), acl.Allow("User:"+user).AllowHosts("*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}
