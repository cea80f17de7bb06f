package telemetry

import (
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kafka counts what happens on the connections of the Kafka clients: it is one
// hook for all of them.
type Kafka struct {
	connects, connectErrors, disconnects prometheus.Counter
	written, read                        prometheus.Counter
	requestErrors, throttled             prometheus.Counter
}

var (
	_ kgo.HookBrokerConnect    = (*Kafka)(nil)
	_ kgo.HookBrokerDisconnect = (*Kafka)(nil)
	_ kgo.HookBrokerE2E        = (*Kafka)(nil)
	_ kgo.HookBrokerThrottle   = (*Kafka)(nil)
)

func (t *Telemetry) kafka() {
	t.Kafka = Kafka{
		connects:      t.single("weir_kafka_connects_total", "Connections opened to brokers."),
		connectErrors: t.single("weir_kafka_connect_errors_total", "Connections to brokers that could not be opened, TLS and SASL included."),
		disconnects:   t.single("weir_kafka_disconnects_total", "Connections to brokers that have ended."),
		written:       t.single("weir_kafka_written_bytes_total", "Bytes of requests written to brokers."),
		read:          t.single("weir_kafka_read_bytes_total", "Bytes of responses read from brokers."),
		requestErrors: t.single("weir_kafka_request_errors_total", "Requests that failed on the connection; most are sent again."),
		throttled:     t.single("weir_kafka_throttled_seconds_total", "Time for which brokers asked the clients to wait."),
	}
}

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (k *Kafka) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		k.connectErrors.Inc()
		return
	}
	k.connects.Inc()
}

// OnBrokerDisconnect implements kgo.HookBrokerDisconnect.
func (k *Kafka) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { k.disconnects.Inc() }

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (k *Kafka) OnBrokerE2E(_ kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) {
	k.written.Add(float64(e2e.BytesWritten))
	k.read.Add(float64(e2e.BytesRead))
	if e2e.Err() != nil {
		k.requestErrors.Inc()
	}
}

// OnBrokerThrottle implements kgo.HookBrokerThrottle.
func (k *Kafka) OnBrokerThrottle(_ kgo.BrokerMetadata, interval time.Duration, _ bool) {
	k.throttled.Add(interval.Seconds())
}
