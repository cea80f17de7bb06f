package kafka

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// clusterID is what the storage is formatted with: 16 bytes in base64.
const clusterID = "d2Vpci1pbnRlZ3JhdGlvbg"

// The listeners of a broker.
const (
	listenController = iota
	listenPlain
	listenTLS
	listenMTLS
	listenSASL
)

var listeners = []struct{ name, protocol string }{
	listenController: {"CONTROLLER", "PLAINTEXT"},
	listenPlain:      {"INTERNAL", "PLAINTEXT"},
	listenTLS:        {"TLS", "SSL"},
	listenMTLS:       {"MTLS", "SSL"},
	listenSASL:       {"SASL", "SASL_SSL"},
}

// Reauthentication is how long a SASL session lasts: a client must
// authenticate again, on the same connection, before that.
const Reauthentication = 4 * time.Second

// What tokens must say.
const (
	TokenIssuer   = "https://login.example.org/"
	TokenAudience = "kafka.example.org"
)

//go:embed log4j2.properties
var log4j []byte

func jwksFile(dir string) string { return filepath.Join(dir, "jwks.json") }
func jwksURL(dir string) string  { return "file://" + jwksFile(dir) }

const trustStore = "ssl.truststore.location"

// writeKeys writes what all brokers read: certificates, the key set of tokens and
// the configuration of logging.
func (c *Cluster) writeKeys() error {
	pair, err := c.Authority.Issue("broker", "127.0.0.1", "localhost")
	if err != nil {
		return err
	}
	jwks, err := c.Issuer.JWKS()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"ca.pem": c.Authority.Certificate, "clients.pem": c.Authority.Certificate, "broker.pem": append(pair.Key, pair.Certificate...),
		"jwks.json": jwks, "log4j2.properties": log4j,
	} {
		if err := os.WriteFile(filepath.Join(c.options.Dir, name), data, 0o600); err != nil {
			return fmt.Errorf("write keys of brokers: %w", err)
		}
	}
	return nil
}

// CAFile is a PEM file of the authority that signed the brokers' certificates.
func (c *Cluster) CAFile() string { return filepath.Join(c.options.Dir, "ca.pem") }

// ClientCAFile is the PEM file of the authorities whose client certificates MTLS
// takes; TrustClients writes it.
func (c *Cluster) ClientCAFile() string { return filepath.Join(c.options.Dir, "clients.pem") }

// properties is the configuration of one broker.
func (c *Cluster) properties(n *node) string {
	var listen, protocols, voters, users []string
	for i, l := range listeners {
		listen = append(listen, l.name+"://"+n.address(i))
		protocols = append(protocols, l.name+":"+l.protocol)
	}
	for _, v := range c.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", v.id, v.address(listenController)))
	}
	for _, user := range slices.Sorted(maps.Keys(c.options.Passwords)) {
		users = append(users, fmt.Sprintf("user_%s=%q", user, c.options.Passwords[user]))
	}
	const security = "org.apache.kafka.common.security."
	replicas, inSync := min(3, len(c.nodes)), min(2, len(c.nodes))
	lines := []string{
		"process.roles=broker,controller",
		fmt.Sprintf("node.id=%d", n.id),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"controller.listener.names=" + listeners[listenController].name,
		"inter.broker.listener.name=" + listeners[listenPlain].name,
		"listeners=" + strings.Join(listen, ","),
		"listener.security.protocol.map=" + strings.Join(protocols, ","),
		"log.dirs=" + filepath.Join(n.dir, "data"),

		"auto.create.topics.enable=false",
		fmt.Sprintf("default.replication.factor=%d", replicas),
		fmt.Sprintf("min.insync.replicas=%d", inSync),
		fmt.Sprintf("offsets.topic.replication.factor=%d", replicas),
		"offsets.topic.num.partitions=4",
		fmt.Sprintf("transaction.state.log.replication.factor=%d", replicas),
		fmt.Sprintf("transaction.state.log.min.isr=%d", inSync),
		"transaction.state.log.num.partitions=4",
		"group.initial.rebalance.delay.ms=0",
		"broker.session.timeout.ms=6000", // until a dead broker's partitions are led by others
		"transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
		"log.cleaner.dedupe.buffer.size=4194304", // of the heap
		"num.network.threads=2",
		"num.io.threads=4",

		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:ANONYMOUS",

		"ssl.keystore.type=PEM",
		"ssl.keystore.location=" + filepath.Join(c.options.Dir, "broker.pem"),
		"listener.name.mtls.ssl.client.auth=required",
		"listener.name.mtls.ssl.truststore.type=PEM",
		"listener.name.mtls." + trustStore + "=" + c.ClientCAFile(),

		"listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512,OAUTHBEARER",
		fmt.Sprintf("listener.name.sasl.connections.max.reauth.ms=%d", Reauthentication.Milliseconds()),
		"listener.name.sasl.plain.sasl.jaas.config=" + security + "plain.PlainLoginModule required " + strings.Join(users, " ") + ";",
		"listener.name.sasl.scram-sha-512.sasl.jaas.config=" + security + "scram.ScramLoginModule required;",
		"listener.name.sasl.oauthbearer.sasl.jaas.config=" + security + "oauthbearer.OAuthBearerLoginModule required;",
		"listener.name.sasl.oauthbearer.sasl.server.callback.handler.class=" + security + "oauthbearer.OAuthBearerValidatorCallbackHandler",
		"listener.name.sasl.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=" + jwksURL(c.options.Dir),
		"listener.name.sasl.oauthbearer.sasl.oauthbearer.expected.issuer=" + TokenIssuer,
		"listener.name.sasl.oauthbearer.sasl.oauthbearer.expected.audience=" + TokenAudience,
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), `\`, `\\`) + "\n" // a properties file escapes with it
}
