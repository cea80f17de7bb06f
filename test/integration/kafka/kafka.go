// Package kafka runs Apache Kafka for integration tests: brokers in KRaft mode,
// each a child process with a small heap, on loopback. They end with the process
// that started them, whatever becomes of it.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// LibsVariable is the environment variable that names the directory of Kafka's
// jars; test/integration/kafka/fetch fills one.
const LibsVariable = "WEIR_KAFKA_LIBS"

// Options says what cluster to start.
type Options struct {
	Libs    string // directory of Kafka's jars
	Dir     string // an empty directory for data, certificates and logs
	Brokers int
	// Passwords of users of SASL PLAIN, by name. Users of SCRAM are made with
	// kadm on the running cluster.
	Passwords map[string]string
}

// Cluster is a running cluster. Without an ACL, only clients of Plaintext and TLS,
// who are anonymous, may do anything: they may do all.
type Cluster struct {
	// Authority signs the brokers' certificates and those of clients that MTLS
	// trusts.
	Authority *Authority
	// Issuer signs the tokens that SASL OAUTHBEARER accepts.
	Issuer *Issuer

	options Options
	nodes   []*node
}

// Start formats the storage and starts the brokers. It returns when all of them
// serve clients. A cluster that was started must be closed.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{options: o}
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if err := c.Ready(ctx); err != nil {
		return nil, errors.Join(err, c.logs(), c.Close())
	}
	return c, nil
}

// prepare makes keys, configurations and formatted data directories.
func (c *Cluster) prepare(ctx context.Context) error {
	var err error
	if c.Authority, err = NewAuthority("weir test authority"); err != nil {
		return err
	}
	if c.Issuer, err = NewIssuer(); err != nil {
		return err
	}
	if err := c.writeKeys(); err != nil {
		return err
	}
	ports, err := freePorts(c.options.Brokers * len(listeners))
	if err != nil {
		return err
	}
	for i := range c.options.Brokers {
		c.nodes = append(c.nodes, &node{
			id: i + 1, libs: c.options.Libs, dir: filepath.Join(c.options.Dir, fmt.Sprintf("broker-%d", i+1)),
			shared: c.options.Dir, ports: ports[i*len(listeners) : (i+1)*len(listeners)],
		})
	}
	for _, n := range c.nodes {
		if err := n.format(ctx, c.properties(n)); err != nil {
			return err
		}
	}
	return nil
}

// Ready waits until every broker answers, is known to the others, and leads or
// follows without a gap.
func (c *Cluster) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute) // on a busy machine
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Plaintext()...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return fmt.Errorf("configure kafka client: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		missing := unready(attempt, adm, len(c.nodes))
		if missing == nil { // one that was killed is missed only after a while
			missing = answer(attempt, c.Plaintext())
		}
		cancel()
		if missing == nil {
			return nil
		}
		for _, n := range c.nodes {
			if n.ended() {
				return fmt.Errorf("broker %d has ended by itself: %w", n.id, missing)
			}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the brokers did not become ready: %w", missing)
		}
	}
}

// unready says what is missing to a cluster of n brokers.
func unready(ctx context.Context, adm *kadm.Client, n int) error {
	m, err := adm.Metadata(ctx)
	if err != nil {
		return err
	}
	if len(m.Brokers) != n {
		return fmt.Errorf("%d of %d brokers are there", len(m.Brokers), n)
	}
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			if p.Leader < 0 || len(p.ISR) != len(p.Replicas) {
				return fmt.Errorf("%s/%d has %d of %d replicas in sync", t.Topic, p.Partition, len(p.ISR), len(p.Replicas))
			}
		}
	}
	return nil
}

// answer returns an error unless each broker answers at its own address.
func answer(ctx context.Context, addresses []string) error {
	for _, address := range addresses {
		cl, err := kgo.NewClient(kgo.SeedBrokers(address))
		if err != nil {
			return fmt.Errorf("configure kafka client: %w", err)
		}
		err = cl.Ping(ctx)
		cl.Close()
		if err != nil {
			return fmt.Errorf("reach broker at %s: %w", address, err)
		}
	}
	return nil
}

// Plaintext are the addresses without encryption or authentication.
func (c *Cluster) Plaintext() []string { return c.addresses(listenPlain) }

// TLS are the addresses with encryption only.
func (c *Cluster) TLS() []string { return c.addresses(listenTLS) }

// MTLS are the addresses that demand a client certificate of Authority; its
// distinguished name is the user.
func (c *Cluster) MTLS() []string { return c.addresses(listenMTLS) }

// SASL are the addresses with encryption that take PLAIN, SCRAM-SHA-512 and
// OAUTHBEARER.
func (c *Cluster) SASL() []string { return c.addresses(listenSASL) }

func (c *Cluster) addresses(l int) []string {
	var out []string
	for _, n := range c.nodes {
		out = append(out, n.address(l))
	}
	return out
}

// Stop ends broker i, from 0, in order.
func (c *Cluster) Stop(i int) error { return c.nodes[i].stop() }

// Kill ends broker i, from 0, as kill -9 does.
func (c *Cluster) Kill(i int) error { return c.nodes[i].kill() }

// Restart starts broker i, from 0, after Stop or Kill, with what it had on disk.
func (c *Cluster) Restart(i int) error { return c.nodes[i].start() }

// Pause makes broker i, from 0, stand still until Resume, as a machine does that
// is out of memory.
func (c *Cluster) Pause(i int) error { return c.nodes[i].signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (c *Cluster) Resume(i int) error { return c.nodes[i].signal(syscall.SIGCONT) }

// PreferredLeaders makes each partition's first replica its leader again.
func (c *Cluster) PreferredLeaders(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Plaintext()...))
	if err != nil {
		return fmt.Errorf("configure kafka client: %w", err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).ElectLeaders(ctx, kadm.ElectPreferredReplica, nil); err != nil {
		return fmt.Errorf("elect leaders: %w", err)
	}
	return nil
}

// TrustClients makes MTLS take the client certificates of these authorities only,
// for connections from now on.
func (c *Cluster) TrustClients(ctx context.Context, authorities ...*Authority) error {
	var pem []byte
	for _, a := range authorities {
		pem = append(pem, a.Certificate...)
	}
	if err := os.WriteFile(c.ClientCAFile(), pem, 0o600); err != nil {
		return fmt.Errorf("write authorities of clients: %w", err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Plaintext()...))
	if err != nil {
		return fmt.Errorf("configure kafka client: %w", err)
	}
	defer cl.Close()
	file := c.ClientCAFile()
	for _, n := range c.nodes { // setting it to what it is makes a broker read the file again
		results, err := kadm.NewClient(cl).AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Name: "listener.name.mtls." + trustStore, Value: &file}}, int32(n.id))
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		if err != nil {
			return fmt.Errorf("alter configuration of broker %d: %w", n.id, err)
		}
	}
	return nil
}

// Roll restarts one broker after the other, the next when the one before has
// caught up.
func (c *Cluster) Roll(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.stop(); err != nil {
			return err
		}
		if err := n.start(); err != nil {
			return err
		}
		if err := c.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close ends all brokers, at once: nobody needs what they would still write, and
// in order the last of a quorum would wait for the others.
func (c *Cluster) Close() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.kill())
	}
	return errors.Join(errs...)
}

// logs is the end of each broker's log, as an error to read.
func (c *Cluster) logs() error {
	var errs []error
	for _, n := range c.nodes {
		data, err := os.ReadFile(n.logFile())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		errs = append(errs, fmt.Errorf("end of the log of broker %d:\n%s", n.id, strings.Join(lines[max(0, len(lines)-20):], "\n")))
	}
	return errors.Join(errs...)
}
