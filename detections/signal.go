package detections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Signal is one match of a rule: all that correlate needs to know of the event
// and the rule, so that it reads neither. It is the value of a record in the
// topic signals, keyed by Key.
type Signal struct {
	Rule string `json:"rule"`
	// Identity is the rule's first id (Rule.Identity): what alerts are identified by.
	Identity string `json:"identity"`
	Version  string `json:"version"`
	// Digest names the rule set whose manifest describes the rule.
	Digest   string `json:"digest"`
	Severity int32  `json:"severity"`
	// Time is the event's, in milliseconds since the epoch.
	Time int64 `json:"time"`
	// Source is the event's source, metadata.log_provider.
	Source string `json:"source,omitempty"`
	// UID is the event's metadata.uid.
	UID string `json:"uid"`
	// Group is the canonical form of the group's values: a JSON array of scalars,
	// null for an absent attribute. Empty for a rule without a group.
	Group string `json:"group,omitempty"`
	// Step is Condition.Step of the condition that the event matched.
	Step int `json:"step,omitempty"`
	// Value is what the rule tells events apart by, as JSON: of a distinct threshold or
	// first_seen. Sum is what the event adds to a sum.
	Value string `json:"value,omitempty"`
	Sum   int64  `json:"sum,omitempty"`
	// Title is the alert's title as this event renders it.
	Title string `json:"title,omitempty"`
	// Context is the values of Alert.Context, null for an absent one.
	Context []json.RawMessage `json:"context,omitempty"`
	// Evidence is an OCSF evidences object: the event's key attributes.
	Evidence json.RawMessage `json:"evidence,omitempty"`
	// Error says why the rule could not be evaluated on the event. Such a signal is no
	// match; it has no group and no evidence.
	Error string `json:"error,omitempty"`
}

// Key is the signal's partition key: signals of one rule and group meet in one
// partition.
func (s *Signal) Key() []byte { return s.appendGroupKey(nil) }

// groupKey tells groups apart, and the errors of a rule from all of its groups.
func (s *Signal) groupKey() string { return string(s.appendGroupKey(nil)) }

func (s *Signal) appendGroupKey(dst []byte) []byte {
	dst = append(append(append(dst, s.Identity...), '@'), s.Version...)
	if s.Error != "" {
		return append(dst, errorGroup...)
	}
	return append(dst, s.Group...)
}

// errorGroup is the group of a rule's errors.
const errorGroup = "!error"

// Heartbeat tells how far the events of one raw partition have come. detect
// writes one to every partition of signals, at most once a second.
type Heartbeat struct {
	// Partition is the raw partition: "<topic>/<number>".
	Partition string `json:"partition"`
	// MaxTime is the greatest event time that was seen, in milliseconds; zero for
	// none yet, which holds the watermark back unless the partition is idle.
	MaxTime int64 `json:"max_time"`
	// Lateness is how much later than MaxTime an event of the source may come, in
	// milliseconds.
	Lateness int64 `json:"lateness"`
	// Idle takes the partition out of the watermark: it is read to its end.
	Idle bool `json:"idle,omitempty"`
	// Partitions is how many raw partitions there are in all: before every one of
	// them was heard of, there is no watermark. Zero, of an older weir, is unknown.
	Partitions int `json:"partitions,omitempty"`
	// Sent is when detect wrote the heartbeat, in milliseconds: a partition that
	// fell silent is forgotten by this clock, which every reader of the log sees
	// alike.
	Sent int64 `json:"sent"`
}

// envelope is the value of a record in signals: one of the two. AppendJSON writes it.
type envelope struct {
	Signal    *Signal    `json:"signal,omitempty"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
}

// ParseSignal reads a record of signals: exactly one of the results is not nil
// unless there is an error.
func ParseSignal(value []byte) (*Signal, *Heartbeat, error) {
	r := signalStreams.Get().(*signalStream)
	s, h, ok := r.parse(value)
	r.Reset("") // the value is the caller's
	signalStreams.Put(r)
	if ok {
		return s, h, nil
	}
	return parseSignal(value)
}

// signalStreams are kept for their memory. 3.5x on BenchmarkParseSignal, of which that
// is 1.5x.
var signalStreams = sync.Pool{New: func() any { return new(signalStream) }}

// parseSignal is ParseSignal of any form.
func parseSignal(value []byte) (*Signal, *Heartbeat, error) {
	var e envelope
	if err := json.Unmarshal(value, &e); err != nil {
		return nil, nil, fmt.Errorf("parse signal: %w", err)
	}
	if (e.Signal == nil) == (e.Heartbeat == nil) {
		return nil, nil, errors.New("parse signal: want a signal or a heartbeat")
	}
	return e.Signal, e.Heartbeat, nil
}

// maxEvidenceResources bounds what a signal repeats of an event's resources.
const maxEvidenceResources = 5

// evidenceOf copies the key attributes of an event into an evidences object, by
// way of scratch and buffer: an event is too big to make one for every match.
func evidenceOf(ev, scratch *ocsf.Event, buffer *[]byte, step string) json.RawMessage {
	scratch.Reset()
	e := scratch.AddEvidences()
	e.SetUID(ev.Metadata.UID())
	e.SetName(ev.Class().Name())
	copyUser(&e.Actor.User, &ev.Actor.User)
	copyUser(&e.User, &ev.User)
	if ev.API.HasOperation() {
		e.API.SetOperation(ev.API.Operation())
		if ev.API.Service.HasName() {
			e.API.Service.SetName(ev.API.Service.Name())
		}
	}
	copyEndpoint(&e.SrcEndpoint, &ev.SrcEndpoint)
	copyEndpoint(&e.DstEndpoint, &ev.DstEndpoint)
	if ev.HTTPRequest.HasHTTPMethod() {
		e.HTTPRequest.SetHTTPMethod(ev.HTTPRequest.HTTPMethod())
	}
	if ev.HTTPRequest.URL.HasPath() {
		e.HTTPRequest.URL.SetPath(ev.HTTPRequest.URL.Path())
	}
	if ev.HTTPResponse.HasCode() {
		e.HTTPResponse.SetCode(ev.HTTPResponse.Code())
	}
	for i := range min(len(ev.Resources), maxEvidenceResources) {
		if r := &ev.Resources[i]; r.HasUID() || r.HasName() {
			copyResource(e.AddResources(), r)
		}
	}
	e.SetData(evidenceData(ev, step))
	*buffer = scratch.AppendJSON((*buffer)[:0])
	text := bytes.TrimPrefix(*buffer, []byte(`{"evidences":[`))
	return bytes.Clone(bytes.TrimSuffix(text, []byte(`]}`)))
}

// evidenceData is what of the key attributes the evidences object has no place for.
func evidenceData(ev *ocsf.Event, step string) ocsf.JSON {
	text := make([]byte, 0, 192)
	text = append(text, '{')
	if step != "" {
		text = append(ocsf.AppendString(append(text, `"step":`...), step), ',')
	}
	text = strconv.AppendInt(append(text, `"time":`...), ev.Time(), 10)
	text = strconv.AppendInt(append(text, `,"type_uid":`...), ev.TypeUID(), 10)
	for _, member := range [...]struct{ key, value string }{
		{`,"status":`, ev.Status()}, {`,"account":`, ev.Cloud.Account.UID()}, {`,"region":`, ev.Cloud.Region()}, {`,"source":`, ev.Metadata.LogProvider()},
	} {
		if member.value != "" {
			text = ocsf.AppendString(append(text, member.key...), member.value)
		}
	}
	return ocsf.JSON(append(text, '}'))
}

func copyUser(to, from *ocsf.User) {
	if !from.HasName() && !from.HasUID() {
		return // OCSF wants one of them
	}
	if from.HasName() {
		to.SetName(from.Name())
	}
	if from.HasUID() {
		to.SetUID(from.UID())
	}
	if from.HasTypeID() {
		to.SetTypeID(from.TypeID())
	}
	if from.HasType() {
		to.SetType(from.Type())
	}
}

func copyEndpoint(to, from *ocsf.NetworkEndpoint) {
	if !from.HasIP() && !from.HasHostname() && !from.HasSvcName() {
		return // OCSF wants one of them
	}
	if from.HasIP() {
		to.SetIP(from.IP())
	}
	if from.HasHostname() {
		to.SetHostname(from.Hostname())
	}
	if from.HasSvcName() {
		to.SetSvcName(from.SvcName())
	}
	if from.HasPort() {
		to.SetPort(from.Port())
	}
}

func copyResource(to, from *ocsf.ResourceDetails) {
	if from.HasUID() {
		to.SetUID(from.UID())
	}
	if from.HasName() {
		to.SetName(from.Name())
	}
	if from.HasType() {
		to.SetType(from.Type())
	}
	if from.HasNamespace() {
		to.SetNamespace(from.Namespace())
	}
}
