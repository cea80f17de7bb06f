package rawlog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
)

// Kind is what records are: their source, and which of its shapes they have. The
// dialect is empty where the source was named, and for a record that only the
// mapper of those before it knew.
type Kind struct{ Source, Dialect string }

// String is "aws.cloudtrail (EventBridge)".
func (k Kind) String() string {
	if k.Dialect == "" {
		return k.Source
	}
	return k.Source + " (" + k.Dialect + ")"
}

// Counts is a number of events and rejects.
type Counts struct {
	Events  map[Kind]int64
	Rejects map[event.Reason]int64
	Bytes   int64 // of records and rejects, decompressed
	// Redactions is what was done to the records of the events.
	Redactions redact.Counts
}

func newCounts() Counts {
	return Counts{Events: map[Kind]int64{}, Rejects: map[event.Reason]int64{}}
}

func (c *Counts) add(o *Counts) {
	for k, n := range o.Events {
		c.Events[k] += n
	}
	for r, n := range o.Rejects {
		c.Rejects[r] += n
	}
	c.Bytes += o.Bytes
	c.Redactions.Add(o.Redactions)
}

// Total returns the number of all events and of all rejects.
func (c Counts) Total() (events, rejects int64) {
	for _, n := range c.Events {
		events += n
	}
	for _, n := range c.Rejects {
		rejects += n
	}
	return events, rejects
}

// Kinds are those of the events, by name.
func (c Counts) Kinds() []Kind {
	return slices.SortedFunc(maps.Keys(c.Events), func(a, b Kind) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Dialect, b.Dialect))
	})
}
