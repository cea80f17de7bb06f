// Package event holds what travels between the roles before and beside an OCSF
// event: the raw record, where it came from, and the dead letter it may become.
package event

import (
	"fmt"
	"time"
)

// Record is one log event as a collector received it: the value of one Kafka
// record in raw.<source>. Value is never modified by anyone after collection.
type Record struct {
	// Source is the name of the log's kind, as in configuration, topics, rules
	// and lake: "aws.cloudtrail", "kubernetes.audit", ...
	Source string
	// Value is the event's original bytes, without its envelope.
	Value []byte
	// Original is the bytes as they came, where Value is what redaction made of them;
	// nil where it has left them alone. Identity is judged on it.
	Original []byte
	// Redaction is what redaction did to the record, as a compact JSON object; empty
	// for nothing.
	Redaction string
	// Origin says where the record came from.
	Origin Origin
	// CollectedAt is when Kafka took the record (its record timestamp). A mapper
	// does not read it; the lake bounds event times with it.
	CollectedAt time.Time
}

// Bytes are the record's bytes as they came.
func (r *Record) Bytes() []byte {
	if r.Original != nil {
		return r.Original
	}
	return r.Value
}

// Origin is where a record came from, enough to find it again. Object and
// Position, with the record's bytes, identify a record of a source that has no
// id of its own.
type Origin struct {
	// Collector is the configured name of the collector, empty outside of a
	// pipeline. It is no part of the record's identity: a replay has none.
	Collector string
	// Object is the file, blob or stream: "file:/var/log/nginx/access.log".
	Object string
	// Position is the byte offset of the record in the decompressed object.
	Position int64
	// Envelope is what a document of a transport said of the record, as a compact JSON
	// object; empty for a record that came in none. For CloudWatch Logs it is
	// {"cloudwatch":{"owner":..,"logGroup":..,"logStream":..,"id":..,"timestamp":..}}
	Envelope string
}

// String is the place as a user reads it in an error: object@position.
func (o Origin) String() string { return fmt.Sprintf("%s@%d", o.Object, o.Position) }

// Stage names the part of weir that gave a record up.
type Stage string

// The stages that can dead-letter a record.
const (
	StageCollect   Stage = "collect"
	StageNormalize Stage = "normalize"
	StageDetect    Stage = "detect"
	StageCorrelate Stage = "correlate"
	StageStore     Stage = "store"
	StageDeliver   Stage = "deliver"
)

// Stages are all of them, in the order in which records pass them.
var Stages = []Stage{StageCollect, StageNormalize, StageDetect, StageCorrelate, StageStore, StageDeliver}

// Reason says why a record was given up: a closed set, counted in metrics.
type Reason string

// The reasons for a dead letter.
const (
	ReasonTruncated     Reason = "truncated"      // the object ended inside the record, or its compression did
	ReasonSyntax        Reason = "syntax"         // not the syntax of the source: broken JSON, a line of no dialect
	ReasonWrongSource   Reason = "wrong_source"   // well formed, but not a record of this source
	ReasonMissing       Reason = "missing"        // lacks what makes an event: a time, an operation
	ReasonTooLarge      Reason = "too_large"      // above the limit of a record
	ReasonPanic         Reason = "panic"          // a mapper or a rule panicked on it
	ReasonRefused       Reason = "refused"        // Kafka or a destination refuses it for good
	ReasonInvalidOutput Reason = "invalid_output" // it maps to an event that cannot be stored
)

// Reasons are all of them.
var Reasons = []Reason{
	ReasonTruncated, ReasonSyntax, ReasonWrongSource, ReasonMissing,
	ReasonTooLarge, ReasonPanic, ReasonRefused, ReasonInvalidOutput,
}

// DeadLetter is a record that weir could not process, with why and whence. It
// stops nothing and can be replayed after a fix.
type DeadLetter struct {
	Source string
	Stage  Stage
	Reason Reason
	// Detail is for a person: what is wrong, and where in the record.
	Detail string
	Origin Origin
	// Value is the original bytes, or for ReasonTooLarge their first 64 KiB.
	Value []byte
	// Size is the length of the original in bytes and SHA256 its hex digest; for
	// a value that is kept whole they describe Value.
	Size   int64
	SHA256 string
}
