package eventhub

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// What Event Hubs asks of a client (learn.microsoft.com, "Recommended configurations for
// Apache Kafka clients"): Azure closes connections that were idle for four minutes, and
// slows clients down by late answers.
const (
	maxIdle        = 3 * time.Minute
	requestTimeout = 60 * time.Second
	dialTimeout    = 10 * time.Second
)

// fetchWait is how long the hub holds a fetch that has nothing to give: partitions that
// come to the consumer meanwhile wait for its end.
const fetchWait = 500 * time.Millisecond

// Memory: one fetch is held ahead. A message is at most 1 MB, on a dedicated cluster
// 20 MB; the first message of an answer comes whatever its size.
const (
	fetchBytes          = 16 << 20
	fetchPartitionBytes = 2 << 20
)

// user of SASL PLAIN: the password is the connection string.
const user = "$ConnectionString"

func (c *Collector) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(c.address),
		kgo.ClientID("weir"),
		kgo.Dialer(c.dial),
		kgo.SASL(c.mechanism()),
		kgo.ConnIdleTimeout(maxIdle),
		kgo.MetadataMaxAge(maxIdle),
		kgo.RequestTimeoutOverhead(requestTimeout),
		kgo.RequestRetries(2), // the reader tries again, and says why
		kgo.FetchMaxWait(fetchWait),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.FetchMaxPartitionBytes(fetchPartitionBytes),
		kgo.KeepRetryableFetchErrors(), // after any the reader looks where it stands
		kgo.DisableFetchSessions(),     // a few partitions gain nothing by them
		// An aborted transaction never happened. Its markers tell how far the log goes.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset().AtStart()), // what is lost is reported
		kgo.DisableClientMetrics(),
	}
}

func (c *Collector) dial(ctx context.Context, network, address string) (net.Conn, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.cfg.TLS != nil {
		var err error
		if config, err = c.cfg.TLS(); err != nil {
			return nil, err
		}
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: config}
	return dialer.DialContext(ctx, network, address)
}

// mechanism authenticates with what is valid now: keys are rotated and tokens expire
// without a restart.
func (c *Collector) mechanism() sasl.Mechanism {
	if c.cfg.ConnectionString != nil {
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			text, err := c.cfg.ConnectionString()
			if err != nil {
				return plain.Auth{}, fmt.Errorf("read connection string: %w", err)
			}
			return plain.Auth{User: user, Pass: text}, nil
		})
	}
	scope := policy.TokenRequestOptions{Scopes: []string{"https://" + c.host + "/.default"}}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := c.cfg.Credential.GetToken(ctx, scope)
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("get a token of Entra ID: %w", err)
		}
		return oauth.Auth{Token: token.Token}, nil
	})
}
