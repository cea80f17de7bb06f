// Package sinks is the contract between the deliver role and the destinations
// of alerts. One package per destination implements it: terminal, ndjson, ...
// The lake is no destination of alerts: it stores batches, see sinks/lake.
package sinks

import (
	"context"
	"errors"
	"fmt"
)

// Alert is one alert on its way out.
type Alert struct {
	// ID is the key of the alert's record (metadata.uid): a roll-up has another than its
	// alert, with which it shares finding_info.uid. Delivery is at least once: a
	// destination that can refuse or overwrite by id makes it once.
	ID string
	// Value is the OCSF Detection Finding as JSON, as the alerts topic holds it.
	Value []byte
	// Attributes is what a route and the head of a message need of Value, read once
	// for all. It is empty for a Value that is no alert.
	Attributes Attributes
}

// Destination is where alerts go. It is used by one goroutine at a time.
type Destination interface {
	// Name is the configured name of the destination: it names its consumer
	// group, its metrics and its log lines.
	Name() string
	// Deliver hands alerts over and returns when the destination has them for
	// good. A nil error means all of them. An error that holds a *PartialError
	// (errors.As) tells alert by alert; any other error means that none is known
	// to be delivered and that the same call may be made again.
	// Deliver does not keep alerts or their values after it returns.
	Deliver(ctx context.Context, alerts []Alert) error
	// Close flushes and releases the destination. Deliver is not called again.
	Close() error
}

// ErrClosed is in the error of a Deliver to a destination that is gone for as long
// as this process lives, like a terminal whose pipe was closed. There is nothing to
// try again: the alerts stay in Kafka for the next start.
var ErrClosed = errors.New("destination is closed")

// PartialError is the outcome of a Deliver of which some alerts failed. Alerts
// without a Failure in it were delivered.
type PartialError struct {
	Failures []Failure
}

// Failure is one alert that was not delivered.
type Failure struct {
	// Index is the alert's place in the slice that Deliver was given.
	Index int
	// Permanent says that the destination refuses this alert for good: it is
	// dead-lettered with Err as the answer. Otherwise it is sent again.
	Permanent bool
	// Err is the destination's answer.
	Err error
}

// Error counts the failures and shows the first one's answer.
func (e *PartialError) Error() string {
	refused := 0
	for _, f := range e.Failures {
		if f.Permanent {
			refused++
		}
	}
	msg := fmt.Sprintf("%d alerts not delivered, %d of them refused for good", len(e.Failures), refused)
	if len(e.Failures) > 0 {
		msg += fmt.Sprintf(": alert %d: %v", e.Failures[0].Index, e.Failures[0].Err)
	}
	return msg
}

// Unwrap gives the answers to errors.Is and errors.As.
func (e *PartialError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		errs[i] = f.Err
	}
	return errs
}

// Outcome splits the result of a Deliver of n alerts: the indices to send
// again, and the failures to dead-letter. Both are empty if err is nil.
func Outcome(n int, err error) (retry []int, refused []Failure) {
	if err == nil {
		return nil, nil
	}
	var partial *PartialError
	if !errors.As(err, &partial) {
		for i := range n {
			retry = append(retry, i)
		}
		return retry, nil
	}
	for _, f := range partial.Failures {
		if f.Permanent {
			refused = append(refused, f)
		} else {
			retry = append(retry, f.Index)
		}
	}
	return retry, refused
}
