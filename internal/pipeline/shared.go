package pipeline

import (
	"cmp"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/normalize/redact"
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

// Headers of events and alerts, by which other services read them; see
// docs/topics.md. Those of raw records and dead letters are in broker and
// deadletter.
const (
	headerClass  = "class"  // events, alerts: OCSF class name
	headerUID    = "uid"    // events, alerts: metadata.uid
	headerSource = "source" // events: name of the source
	headerSchema = "schema" // events, alerts: OCSF version
)

// shared is what all roles of one process have in common.
type shared struct {
	opts     broker.Options
	client   *kgo.Client // for administration
	names    broker.Names
	groups   string // prefix of consumer groups
	instance string
	clientID string // of members of groups: this process' own
	flush    config.Flush
	redact   *redact.Policy // nil for none
	log      *slog.Logger
	stats    *Stats
	watch    watch
	faults   Injector
	records  int // most records of one batch
	times    times
	limited  []string // topics whose max.message.bytes bound opts.MaxMessage
	members  members
	fence    atomic.Pointer[kgo.Record] // collect's own in the topic of cursors; nil before it has one
}

// times bound what Kafka waits for. Tests make them short.
type times struct {
	session, rebalance, transaction time.Duration
	retryFirst, retryMost           time.Duration // between tries of a destination
	lakeOnce                        time.Duration // how long a run with --once waits for a lake that takes no files
}

func (t times) orDefault() times {
	return times{
		session:     cmp.Or(t.session, sessionTimeout),
		rebalance:   cmp.Or(t.rebalance, rebalanceTimeout),
		transaction: cmp.Or(t.transaction, broker.TransactionTimeout),
		retryFirst:  cmp.Or(t.retryFirst, retryFirst),
		retryMost:   cmp.Or(t.retryMost, retryMost),
		lakeOnce:    cmp.Or(t.lakeOnce, lakeOnceMost),
	}
}

// transactionalID is stable, so that a restarted process aborts at once what its
// predecessor left open.
func (s *shared) transactionalID(r Role) string { return "weir-" + string(r) + "-" + s.instance }

// memberID makes the process a static member of its groups: back within the
// session timeout, it keeps its partitions.
func (s *shared) memberID(r Role) string { return "weir-" + string(r) + "-" + s.instance }

func (s *shared) group(name string) string { return s.groups + name }

// messageOverhead is what a record adds to its value in a Kafka batch: key,
// headers and framing.
const messageOverhead = 4 << 10

// limit is the largest value of a record that weir's topics take, in bytes.
func (s *shared) limit() int { return int(s.opts.MaxMessage) - messageOverhead }

// deadLetter is the Kafka record of a dead letter. Of a value that the topic does
// not take it keeps the beginning: a dead letter that cannot be written would stop
// everything behind it.
func (s *shared) deadLetter(d *event.DeadLetter) *kgo.Record {
	r := deadletter.Encode(s.names.DLQ(), d)
	if len(r.Value) > s.limit() {
		r.Value = r.Value[:min(deadletter.KeptHead, s.limit())]
	}
	return r
}
