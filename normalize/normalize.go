// Package normalize is the contract of the mappers, which turn a source's record
// into an OCSF event, and the few decisions that they share. A mapper is pure: no
// clock, no I/O, nothing kept from record to record.
//
// What every mapper keeps to:
//
//   - The class is the most specific one that is true, decided by the operation
//     alone, never by its outcome: a rule sees the denied attempts too.
//   - Nothing is lost. raw_data is the record's text, unmapped what no attribute
//     holds. Only null and empty values of known keys are left out of both the
//     attributes and unmapped: they say nothing (raw_data has them).
//   - No attribute carries a value of the wrong kind. What is no IP address does
//     not go to an ip, what is no number to no code: it stays in unmapped, or goes
//     to the neighbour that takes any text (src_endpoint.name).
//   - Where a source lacks what the class requires, the filler is the text Unknown,
//     and each mapper's package comment says where that happens.
//   - metadata.profiles lists exactly the profiles whose attributes are set.
//   - Oddities of the JSON (jsondoc.Flags) are labels: "json:duplicate_key". So is
//     the name of a part that should be an object and is none: "kind:userIdentity".
package normalize

import (
	"fmt"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Mapper turns records of one source into events. One goroutine owns it.
type Mapper interface {
	// Map resets ev and fills it from rec. The event's strings stay valid after
	// the next call. The error is an *Error; ev is then of no use.
	Map(rec *event.Record, ev *ocsf.Event) error
}

// Unknown is the filler of a required text that a record lacks.
const Unknown = "unknown"

// Collection is the name of a resource that is every object of a kind, as in
// listing the secrets of a namespace.
const Collection = "*"

// Error is why a record became no event: the dead letter's reason and detail.
type Error struct {
	Reason event.Reason
	// Detail is for a person: what is wrong, and what was wanted.
	Detail string
	// Offset is the byte of the record where it is wrong; 0 if that is the whole.
	Offset int
}

func (e *Error) Error() string { return fmt.Sprintf("map record: %s: %s", e.Reason, e.Text()) }

// Text is the detail with its place in the record, without the reason.
func (e *Error) Text() string {
	if e.Offset == 0 {
		return e.Detail
	}
	return fmt.Sprintf("byte %d: %s", e.Offset, e.Detail)
}

// Missing is the error of a record that lacks what makes an event.
func Missing(what string) *Error {
	return &Error{Reason: event.ReasonMissing, Detail: "no " + what}
}

// WrongSource is the error of a record that is well formed, but another source's.
func WrongSource(why string) *Error {
	return &Error{Reason: event.ReasonWrongSource, Detail: why}
}
