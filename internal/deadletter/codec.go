package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/schemas/event"
)

// Headers of dead letters, beside those of the origin. Other services read dead
// letters by them; see docs/topics.md.
const (
	headerStage    = "stage"    // event.Stage
	headerReason   = "reason"   // event.Reason
	headerDetail   = "detail"   // for a person
	headerSource   = "source"   // name of the source
	headerSize     = "size"     // bytes of the original, decimal
	headerSHA256   = "sha256"   // hex digest of the original
	headerReplayed = "replayed" // on a marker: Place of the letter that was replayed
)

// A dead letter keeps its value whole up to maxValue bytes; of a larger one it
// keeps the beginning.
const (
	maxValue   = 12 << 20
	KeptHead   = 64 << 10 // bytes of the beginning that is kept
	digestHead = 16       // hex digits of the digest in a letter's key
)

// Encode is the Kafka record of a dead letter: the original bytes as the value,
// all else as headers. Its key is object@position/digest, so that a repeated
// letter can be told from a second one.
func Encode(topic string, d *event.DeadLetter) *kgo.Record {
	size, digest, value := d.Size, d.SHA256, d.Value
	if digest == "" {
		sum := sha256.Sum256(value)
		size, digest = int64(len(value)), hex.EncodeToString(sum[:])
	}
	if len(value) > maxValue {
		value = value[:KeptHead]
	}
	return &kgo.Record{
		Topic: topic,
		Key:   []byte(d.Origin.String() + "/" + digest[:digestHead]),
		Value: value,
		Headers: append([]kgo.RecordHeader{
			{Key: headerStage, Value: []byte(d.Stage)},
			{Key: headerReason, Value: []byte(d.Reason)},
			{Key: headerDetail, Value: []byte(d.Detail)},
			{Key: headerSource, Value: []byte(d.Source)},
			{Key: headerSize, Value: strconv.AppendInt(nil, size, 10)},
			{Key: headerSHA256, Value: []byte(digest)},
		}, broker.OriginHeaders(d.Origin)...),
	}
}

// errForeign is returned for a record that weir did not write.
var errForeign = errors.New("not a dead letter of weir")

// Decode is the dead letter that a Kafka record holds. Its value is the record's.
func Decode(r *kgo.Record) (event.DeadLetter, error) {
	d := event.DeadLetter{
		Source: broker.Header(r, headerSource),
		Stage:  event.Stage(broker.Header(r, headerStage)),
		Reason: event.Reason(broker.Header(r, headerReason)),
		Detail: broker.Header(r, headerDetail),
		Origin: broker.OriginOf(r),
		Value:  r.Value,
		SHA256: broker.Header(r, headerSHA256),
	}
	if d.Stage == "" || d.Reason == "" {
		return d, fmt.Errorf("%w: it has no %s and %s", errForeign, headerStage, headerReason)
	}
	size, err := strconv.ParseInt(broker.Header(r, headerSize), 10, 64)
	if err != nil {
		return d, fmt.Errorf("%w: its size is %q", errForeign, broker.Header(r, headerSize))
	}
	d.Size = size
	return d, nil
}

// marker is the record that says that a letter was replayed. It has the letter's
// key and no value: on a compacted topic it takes the letter's place.
func marker(topic string, l *Letter) *kgo.Record {
	return &kgo.Record{
		Topic:   topic,
		Key:     []byte(l.Key),
		Headers: []kgo.RecordHeader{{Key: headerReplayed, Value: []byte(l.Place.String())}},
	}
}
