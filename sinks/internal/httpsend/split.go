package httpsend

import (
	"cmp"
	"context"
	"slices"

	"github.com/weir-security/weir/sinks"
)

// Item is one alert in the form in which it stands in a request.
type Item struct {
	Index int // in the slice that Deliver was given
	ID    string
	Body  []byte
}

// Result is what became of one request.
type Result struct {
	Kind Kind
	// Err is the answer; nil if and only if Kind is Delivered.
	Err error
	// Suspect is, of a Refused request, the item that the server names; -1 if none.
	Suspect int
	// Failures are, of a Delivered request, the items that were not taken. Index is
	// the place in the request.
	Failures []sinks.Failure
}

// Sender packs alerts into requests and makes of their answers the outcome of a Deliver.
type Sender struct {
	// MaxBytes bounds the bodies of a request's items, each with Overhead bytes more.
	// An item above it goes alone: it is the server that refuses it.
	MaxBytes, Overhead int
	// MaxItems bounds their number; 0 is no bound.
	MaxItems int
	// Send makes one request.
	Send func(ctx context.Context, part []Item) Result
}

// Deliver sends items. A request that is refused or too large is split until the
// culprit is alone, and only then refused for good: whatever a server says about a
// request with others in it, they are sent again. After an answer that concerns the
// server and not the request, the rest is left for the next time.
func (s *Sender) Deliver(ctx context.Context, items []Item, out *Outcome) {
	queue := s.Pack(items)
	for len(queue) > 0 {
		part := queue[0]
		if err := ctx.Err(); err != nil {
			out.retry(queue, err)
			return
		}
		r := s.Send(ctx, part)
		switch {
		case r.Kind == Delivered:
			for _, f := range r.Failures {
				f.Index = part[f.Index].Index
				out.Add(f)
			}
			queue = queue[1:]
		case r.Kind != Refused && r.Kind != TooLarge:
			out.retry(queue, r.Err)
			return
		case len(part) == 1:
			out.Add(sinks.Failure{Index: part[0].Index, Permanent: true, Err: r.Err})
			queue = queue[1:]
		default:
			queue = append(split(part, r), queue[1:]...)
		}
	}
}

// Pack cuts items into those of the requests that Deliver makes, if all are taken: of at
// most MaxBytes and MaxItems.
func (s *Sender) Pack(items []Item) [][]Item {
	var parts [][]Item
	from, size := 0, 0
	for i, item := range items {
		bytes := len(item.Body) + s.Overhead
		if i > from && (size+bytes > s.MaxBytes || (s.MaxItems > 0 && i-from == s.MaxItems)) {
			parts = append(parts, items[from:i])
			from, size = i, 0
		}
		size += bytes
	}
	if from < len(items) {
		parts = append(parts, items[from:])
	}
	return parts
}

// Size is the length of the items' bodies, with `more` bytes for each.
func Size(part []Item, more int) int {
	n := 0
	for _, item := range part {
		n += len(item.Body) + more
	}
	return n
}

// split sets the suspect apart, or halves.
func split(part []Item, r Result) [][]Item {
	n := r.Suspect
	if r.Kind == TooLarge || n < 0 || n >= len(part) {
		half := len(part) / 2
		return [][]Item{part[:half], part[half:]}
	}
	var parts [][]Item
	for _, p := range [][]Item{part[:n], part[n : n+1], part[n+1:]} {
		if len(p) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// Outcome collects what became of the alerts of a Deliver.
type Outcome struct{ failures []sinks.Failure }

// Add notes that an alert was not delivered.
func (o *Outcome) Add(f sinks.Failure) { o.failures = append(o.failures, f) }

// Retry notes that items are to be sent again.
func (o *Outcome) Retry(items []Item, err error) { o.retry([][]Item{items}, err) }

func (o *Outcome) retry(parts [][]Item, err error) {
	for _, part := range parts {
		for _, item := range part {
			o.Add(sinks.Failure{Index: item.Index, Err: err})
		}
	}
}

// Err is the error of the Deliver: nil if nothing failed, else a *sinks.PartialError
// in the order of the alerts.
func (o *Outcome) Err() error {
	if len(o.failures) == 0 {
		return nil
	}
	slices.SortFunc(o.failures, func(a, b sinks.Failure) int { return cmp.Compare(a.Index, b.Index) })
	return &sinks.PartialError{Failures: o.failures}
}
