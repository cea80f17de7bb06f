// Package broker is weir's side of Kafka: the embedded broker, the names and
// settings of the topics, and what every client has in common.
package broker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"

	"github.com/weir-security/weir/internal/config"
)

// TransactionTimeout bounds how long a dead process' open transaction holds
// read_committed readers up. A restart under the same transactional id aborts it
// at once; this is for a process that never comes back.
const TransactionTimeout = 10 * time.Second

// fetchWait is how long a broker holds a fetch that has nothing to give; that of
// Kafka's own clients. One fetch is under way for each broker, and a partition that
// comes to a consumer meanwhile waits for its end: with the 5 s of kgo, the records of
// a partition waited that long after a start or a rebalance.
const fetchWait = 500 * time.Millisecond

// What one fetch brings at most, in bytes as they are compressed: ten times as much in
// memory, and every consumer of the process holds one and has another under way. A
// larger batch comes alone. It is the limit of each partition that bounds: where kfake
// meets that of the whole, it forgets to tell which of the last partition's
// transactions were aborted.
const (
	fetchBytes          = 32 << 20
	fetchPartitionBytes = 1 << 20
)

// zstdLevel is zstd.SpeedFastest, not the next that is kgo's default: a third less
// processor time (raw CloudTrail records 2.2 us instead of 3.7, their events 8.3 instead
// of 11.6) for 1 to 7 % more bytes.
const zstdLevel = 1

// metadataWait is how soon a client may ask for metadata again. Kafka 4 answers the
// first produce after a commit with CONCURRENT_TRANSACTIONS while it still marks the
// partitions of the last transaction (KIP-890), and kgo sends such a batch again only
// after an update of its metadata: with its 5 s an alert took seconds to arrive. A
// change of leaders costs as much less.
const metadataWait = 100 * time.Millisecond

// Options are what all clients of one weir share.
type Options struct {
	Seeds []string
	// MaxMessage is the largest record batch in bytes, see MessageLimit.
	MaxMessage int32
	Log        *slog.Logger
	// Extra carries TLS and SASL.
	Extra []kgo.Opt
}

// NewOptions are the options for the brokers of a configuration: seeds are its
// brokers, or those of the embedded one. Extra goes to every client.
func NewOptions(cfg *config.Kafka, seeds []string, log *slog.Logger, extra ...kgo.Opt) (Options, error) {
	security, err := Security(cfg.TLS, cfg.SASL)
	if err != nil {
		return Options{}, err
	}
	return Options{Seeds: seeds, Log: log, Extra: append(security, extra...)}, nil
}

// Client gives the options of a client, with the given ones after the common.
func (o Options) Client(opts ...kgo.Opt) []kgo.Opt {
	maxMessage := o.MaxMessage
	if maxMessage == 0 {
		maxMessage = MaxMessageBytes
	}
	common := []kgo.Opt{
		kgo.SeedBrokers(o.Seeds...),
		kgo.ClientID("weir"),
		kgo.ProducerBatchMaxBytes(maxMessage),
		kgo.BrokerMaxWriteBytes(100 << 20),
		kgo.ProducerBatchCompression(kgo.ZstdCompression().WithLevel(zstdLevel), kgo.NoCompression()),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.FetchMaxPartitionBytes(fetchPartitionBytes),
		kgo.FetchMaxWait(fetchWait),
		kgo.MetadataMinAge(metadataWait),
		kgo.RecordPartitioner(partitioner{}),
		kgo.WithLogger(kslog.New(slog.New(quiet{o.Log.Handler()}))),
		kgo.DisableClientMetrics(),
	}
	return append(append(common, o.Extra...), opts...)
}

// UntilFlush makes records of a client wait until they are flushed, as those of a
// transaction are: kgo would send what there is after 10 ms, and the embedded broker
// syncs its disk twice for each piece of each partition. A batch that is full goes at
// once, and a single record that is waited for soon.
func UntilFlush() kgo.Opt { return kgo.ProducerLinger(100 * time.Millisecond) }

// New connects a client and waits until a broker answers, for as long as ctx
// allows.
func (o Options) New(ctx context.Context, opts ...kgo.Opt) (*kgo.Client, error) {
	cl, err := kgo.NewClient(o.Client(opts...)...)
	if err != nil {
		return nil, fmt.Errorf("configure kafka client: %w", err)
	}
	if err := cl.Ping(ctx); err != nil {
		cl.Close()
		return nil, fmt.Errorf("reach kafka at %v: %w; check kafka.brokers, kafka.tls and kafka.sasl", o.Seeds, err)
	}
	return cl, nil
}

// partitioner sends a record with a key to the partition of its key's hash (the
// one of Kafka's own clients, so that others can find a key), and a record
// without a key to the partition that it names. Terms have keys, for compaction, and
// go nevertheless where they are told: into the partition of their signals.
type partitioner struct{}

var byKey = kgo.StickyKeyPartitioner(nil)

func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{byKey.ForTopic(topic), strings.HasSuffix(topic, termsTopic)}
}

type topicPartitioner struct {
	keyed kgo.TopicPartitioner
	named bool
}

func (p topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Key == nil || p.named {
		return int(r.Partition)
	}
	return p.keyed.Partition(r, n)
}

// FromStart makes a consumer begin at the beginning of a partition of which its
// group has committed nothing, and end with an error, not elsewhere, where a
// committed offset is no longer in the log. (NoResetOffset alone begins at the
// end, whatever its comment says of v1.22.)
func FromStart() kgo.Opt { return kgo.ConsumeResetOffset(kgo.NoResetOffset().AtStart()) }

// quiet makes the client's information, which tells of every poll and commit,
// debugging; its warnings and errors stay.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, demoted(level))
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = demoted(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

func demoted(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
