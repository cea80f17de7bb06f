// Package kafka produces alerts to a topic, usually of another cluster.
//
// The producer is idempotent and waits for all replicas: a request that is sent again
// within one delivery is in the topic once. An alert whose whole delivery is tried
// again, after a timeout or a restart, may be there twice; its key is its id.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
)

// Config says where alerts go. Name, Brokers and Topic are required.
type Config struct {
	// Name is the destination's name in the configuration.
	Name    string
	Brokers []string
	Topic   string
	// Security is TLS and SASL.
	Security []kgo.Opt
	// MaxMessage bounds a record in bytes; 0 is 1,000,000, a little below the
	// max.message.bytes that topics have unless configured.
	MaxMessage int
	// Timeout bounds how long a record is tried in one delivery; 0 is 30 s.
	Timeout time.Duration
}

// Destination produces to one topic.
type Destination struct {
	conf Config
	cl   *kgo.Client
}

// New checks conf. It opens no connection.
func New(conf Config) (*Destination, error) {
	if conf.MaxMessage == 0 {
		conf.MaxMessage = 1_000_000
	}
	if conf.Timeout == 0 {
		conf.Timeout = 30 * time.Second
	}
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(conf.Brokers...),
		kgo.ClientID("weir"),
		kgo.DefaultProduceTopic(conf.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // the hash of Kafka's own clients
		kgo.ProducerBatchMaxBytes(int32(conf.MaxMessage)),
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(conf.Timeout),
		kgo.MetadataMinAge(250 * time.Millisecond), // a leader that moved is found well within the timeout
		kgo.ProduceRequestTimeout(min(conf.Timeout, 10*time.Second)),
		kgo.DisableClientMetrics(),
	}, conf.Security...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &Destination{conf: conf, cl: cl}, nil
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return d.conf.Name }

// Close ends the connections.
func (d *Destination) Close() error {
	d.cl.Close()
	return nil
}

// Deliver produces alerts and waits until all replicas in sync have them. Those that
// the topic does not take for their size are refused for good.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	records := make([]*kgo.Record, len(alerts))
	for i := range alerts {
		records[i] = record(&alerts[i])
	}
	results := d.cl.ProduceSync(ctx, records...) // in the order in which they end
	answers := make(map[*kgo.Record]error, len(results))
	for _, r := range results {
		answers[r.Record] = r.Err
	}
	partial := &sinks.PartialError{}
	for i, r := range records {
		if err := answers[r]; err != nil {
			partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Permanent: refused(err), Err: d.explain(err, r)})
		}
	}
	if len(partial.Failures) > 0 {
		return partial
	}
	return nil
}

// record is an alert as weir's own topic has it.
func record(a *sinks.Alert) *kgo.Record {
	return &kgo.Record{Key: []byte(a.ID), Value: a.Value, Headers: []kgo.RecordHeader{
		{Key: "class", Value: []byte("detection_finding")},
		{Key: "uid", Value: []byte(a.ID)},
		{Key: "schema", Value: []byte(ocsf.Version)},
	}}
}

// refused tells the errors that a record has for good. Others, like rights that are
// missing or a topic that is not there, are nothing that the alert is to blame for.
func refused(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.InvalidRecord)
}

// explain says what to do.
func (d *Destination) explain(err error, r *kgo.Record) error {
	advice := ""
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		advice = fmt.Sprintf("; the alert has %d bytes and max_message is %d: raise it together with the topic's max.message.bytes", len(r.Value), d.conf.MaxMessage)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		advice = "; create the topic, weir does not"
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		advice = "; the user needs the right to write to it"
	}
	return fmt.Errorf("produce to %s: %w%s", d.conf.Topic, err, advice)
}

// Render implements sinks.Renderer.
func (d *Destination) Render(alerts []sinks.Alert) ([]sinks.Message, error) {
	messages := make([]sinks.Message, len(alerts))
	for i := range alerts {
		r := record(&alerts[i])
		m := sinks.Message{Target: fmt.Sprintf("topic %s of %v", d.conf.Topic, d.conf.Brokers), Body: r.Value}
		m.Header = append(m.Header, sinks.Header{Name: "key", Value: string(r.Key)})
		for _, h := range r.Headers {
			m.Header = append(m.Header, sinks.Header{Name: h.Key, Value: string(h.Value)})
		}
		messages[i] = m
	}
	return messages, nil
}
