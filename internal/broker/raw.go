package broker

import (
	"crypto/sha256"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/schemas/event"
)

// Headers that say where a record came from, on the raw topics and the dead
// letters.
const (
	HeaderCollector = "collector" // the configured name of the collector
	HeaderObject    = "object"    // event.Origin.Object
	HeaderPosition  = "position"  // event.Origin.Position, decimal
	HeaderEnvelope  = "envelope"  // event.Origin.Envelope; absent if there is none
)

// EncodeRaw is the Kafka record of a raw record. It is keyed by the digest of its
// bytes, so that a copy of it, however and whenever delivered, reaches the same
// partition, where detect knows it.
func EncodeRaw(n Names, r *event.Record) *kgo.Record {
	sum := sha256.Sum256(r.Value)
	return &kgo.Record{
		Topic:   n.Raw(r.Source),
		Key:     sum[:8],
		Value:   r.Value,
		Headers: OriginHeaders(r.Origin),
	}
}

// DecodeRaw is the raw record that a Kafka record of the source's topic holds. Its
// value is the Kafka record's.
func DecodeRaw(source string, r *kgo.Record) event.Record {
	return event.Record{Source: source, Value: r.Value, Origin: OriginOf(r), CollectedAt: r.Timestamp}
}

// OriginHeaders are the headers of an origin.
func OriginHeaders(o event.Origin) []kgo.RecordHeader {
	headers := []kgo.RecordHeader{
		{Key: HeaderCollector, Value: []byte(o.Collector)},
		{Key: HeaderObject, Value: []byte(o.Object)},
		{Key: HeaderPosition, Value: strconv.AppendInt(nil, o.Position, 10)},
	}
	if o.Envelope != "" {
		headers = append(headers, kgo.RecordHeader{Key: HeaderEnvelope, Value: []byte(o.Envelope)})
	}
	return headers
}

// OriginOf is what the headers of a record say of its origin.
func OriginOf(r *kgo.Record) event.Origin {
	position, _ := strconv.ParseInt(Header(r, HeaderPosition), 10, 64) // absent is 0
	return event.Origin{Collector: Header(r, HeaderCollector), Object: Header(r, HeaderObject), Position: position, Envelope: Header(r, HeaderEnvelope)}
}

// Header is the value of a record's header, empty if it has none.
func Header(r *kgo.Record, key string) string {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return string(r.Headers[i].Value)
		}
	}
	return ""
}
