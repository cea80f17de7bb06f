package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/schemas/event"
)

// Role is one of the five parts of a pipeline.
type Role string

// The roles, in the order in which records pass them.
const (
	RoleCollect   Role = "collect"
	RoleDetect    Role = "detect"
	RoleCorrelate Role = "correlate"
	RoleStore     Role = "store"
	RoleDeliver   Role = "deliver"
)

// Roles are all of them.
var Roles = []Role{RoleCollect, RoleDetect, RoleCorrelate, RoleStore, RoleDeliver}

// Known reports whether r is one of them.
func (r Role) Known() bool { return slices.Contains(Roles, r) }

// Keys of log lines.
const (
	logRole        = "role"
	logTopic       = "topic"
	logPartition   = "partition"
	logOffset      = "offset"
	logDestination = "destination"
	logCount       = "count"
	logError       = "error"
)

// Headers of Kafka records. Other services read events and alerts by them; see
// docs/DESIGN.md.
const (
	headerCollector = "collector" // raw, dlq: the configured name of the collector
	headerObject    = "object"    // raw, dlq: event.Origin.Object
	headerPosition  = "position"  // raw, dlq: event.Origin.Position, decimal
	headerClass     = "class"     // events, alerts: OCSF class name
	headerUID       = "uid"       // events, alerts: metadata.uid
	headerSource    = "source"    // events, dlq: name of the source
	headerSchema    = "schema"    // events, alerts: OCSF version
	headerStage     = "stage"     // dlq: event.Stage
	headerReason    = "reason"    // dlq: event.Reason
	headerDetail    = "detail"    // dlq: for a person
	headerSize      = "size"      // dlq: bytes of the original, decimal
	headerSHA256    = "sha256"    // dlq: hex digest of the original
)

// shared is what all roles of one process have in common.
type shared struct {
	opts     broker.Options
	names    broker.Names
	groups   string // prefix of consumer groups
	instance string
	flush    config.Flush
	log      *slog.Logger
	stats    *Stats
	faults   Injector
	records  int // most records of one batch
}

// transactionalID is stable, so that a restarted process aborts at once what its
// predecessor left open.
func (s *shared) transactionalID(r Role) string { return "weir-" + string(r) + "-" + s.instance }

// memberID makes the process a static member of its groups: back within the
// session timeout, it keeps its partitions.
func (s *shared) memberID(r Role) string { return "weir-" + string(r) + "-" + s.instance }

func (s *shared) group(name string) string { return s.groups + name }

// A dead letter keeps its value whole up to maxDeadLetter bytes; of a larger one
// it keeps the beginning.
const (
	maxDeadLetter   = 12 << 20
	deadLetterStart = 64 << 10
)

// deadLetter is the Kafka record of a dead letter: the original bytes as the
// value, all else as headers. Its key is stable, so that a repeated letter can be
// told from a second one.
func (s *shared) deadLetter(d *event.DeadLetter) *kgo.Record {
	size, digest, value := d.Size, d.SHA256, d.Value
	if digest == "" {
		sum := sha256.Sum256(value)
		size, digest = int64(len(value)), hex.EncodeToString(sum[:])
	}
	if len(value) > maxDeadLetter {
		value = value[:deadLetterStart]
	}
	position := strconv.FormatInt(d.Origin.Position, 10)
	return &kgo.Record{
		Topic: s.names.DLQ(),
		Key:   []byte(d.Origin.Object + "@" + position + "/" + digest[:16]),
		Value: value,
		Headers: []kgo.RecordHeader{
			{Key: headerStage, Value: []byte(d.Stage)},
			{Key: headerReason, Value: []byte(d.Reason)},
			{Key: headerDetail, Value: []byte(d.Detail)},
			{Key: headerSource, Value: []byte(d.Source)},
			{Key: headerCollector, Value: []byte(d.Origin.Collector)},
			{Key: headerObject, Value: []byte(d.Origin.Object)},
			{Key: headerPosition, Value: []byte(position)},
			{Key: headerSize, Value: strconv.AppendInt(nil, size, 10)},
			{Key: headerSHA256, Value: []byte(digest)},
		},
	}
}

// header is the value of a record's header, empty if it has none.
func header(r *kgo.Record, key string) string {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return string(r.Headers[i].Value)
		}
	}
	return ""
}
