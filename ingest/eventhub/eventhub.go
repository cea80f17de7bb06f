// Package eventhub is the collector of Azure Event Hubs. It reads a hub through the
// endpoint that speaks Kafka's protocol: over TLS, authenticated by a connection string
// (SASL PLAIN, user $ConnectionString) or by Microsoft Entra ID (SASL OAUTHBEARER).
//
// An object is one message of the hub: its origin is
// eventhub:<namespace>/<hub>/<partition>/<offset>, a record's position the byte in the
// message. What Azure's diagnostic settings send holds many records, which
// ingest/envelope unwraps; a message that is broken in parts costs only those.
//
// # Once
//
// How far a partition has been read is a cursor, which becomes durable together with
// the records, and nothing is committed to the hub: no consumer group is needed there, and
// after a kill the next process goes on behind the last message that is durable.
// Processes that share a collector divide its partitions among them (ingest.Sharer).
//
// # What the hub has lost
//
// A hub deletes messages after its retention, read or not, and may be deleted and made
// anew under its name, with offsets from 0 again. Both are noticed, the second because
// the cursor remembers the last message that was read: then there is a dead letter
// without a value that says which offsets are missing, and reading goes on with the
// oldest message that the hub still has.
package eventhub

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/logkey"
)

// Config is the configuration of one collector.
type Config struct {
	// Name is the collector's, Source the kind of its logs.
	Name   string
	Source string
	// Namespace is the host of the namespace, as weir-logs.servicebus.windows.net; with a
	// port, if it is not 9093.
	Namespace string
	Hub       string
	// ConnectionString returns the connection string as it is now. Nil: Credential is
	// used.
	ConnectionString func() (string, error)
	// Credential gets tokens of Entra ID.
	Credential azcore.TokenCredential
	// TLS returns the client's configuration as it is now; nil is the system's
	// authorities.
	TLS    func() (*tls.Config, error)
	Format envelope.Format
	Limits envelope.Limits
	// Once ends Run when everything is read that was there at its start.
	Once bool
	// Report is told what keeps the hub from being read, and "" when it is read; nil is
	// nobody.
	Report func(problem string)
	Log    *slog.Logger // nil is slog.Default()

	refresh  time.Duration // how often partitions are looked for; 0 is refreshEvery
	patience time.Duration // how long Once waits for a hub that cannot be read; 0 is oncePatience
}

const oncePatience = time.Minute

// refreshEvery is how often new partitions are looked for, and whether a hub that is
// silent can be reached.
const refreshEvery = 30 * time.Second

// kafkaPort is that of the endpoint of every namespace.
const kafkaPort = "9093"

// Collector reads a hub. It keeps nothing between two calls of Run.
type Collector struct {
	cfg     Config
	host    string // of the namespace, without a port
	address string // with the port
}

var _ ingest.Sharer = (*Collector)(nil)

// New checks the configuration.
func New(cfg Config) (*Collector, error) {
	if (cfg.ConnectionString == nil) == (cfg.Credential == nil) {
		return nil, fmt.Errorf("collector %s: want either a connection string or a credential", cfg.Name)
	}
	c := &Collector{cfg: cfg, host: cfg.Namespace, address: net.JoinHostPort(cfg.Namespace, kafkaPort)}
	if host, _, err := net.SplitHostPort(cfg.Namespace); err == nil {
		c.host, c.address = host, cfg.Namespace
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c.cfg.Log = cfg.Log.With(slog.String(logkey.Collector, cfg.Name))
	if cfg.Report == nil {
		c.cfg.Report = func(string) {}
	}
	c.cfg.refresh, c.cfg.patience = cmp.Or(cfg.refresh, refreshEvery), cmp.Or(cfg.patience, oncePatience)
	return c, nil
}

// Run implements ingest.Collector. A hub that cannot be reached does not end it: the log
// says why, and it goes on trying.
func (c *Collector) Run(ctx context.Context, cursors map[string][]byte, put ingest.Put) error {
	slots := make([]int, ingest.Slots)
	for i := range slots {
		slots[i] = i
	}
	return c.RunSlots(ctx, slots, cursors, put)
}

// RunSlots implements ingest.Sharer: it is Run for the partitions of some slots.
func (c *Collector) RunSlots(ctx context.Context, slots []int, cursors map[string][]byte, put ingest.Put) error {
	cl, err := kgo.NewClient(c.options()...) // asks about the hub, and reads nothing
	if err != nil {
		return fmt.Errorf("configure client: %w", err)
	}
	defer cl.Close()
	return newReader(c, cl, slots, cursors, put).run(ctx)
}
