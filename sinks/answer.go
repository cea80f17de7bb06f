package sinks

import (
	"fmt"
	"time"
)

// BusyError is the answer of a destination that says when to come back: 429 or 503
// with Retry-After. It stands in the error of a Deliver, or in that of a Failure.
type BusyError struct {
	After time.Duration // from now
	Err   error         // the answer
}

// Error is the answer and the wait that it asks for.
func (e *BusyError) Error() string { return fmt.Sprintf("%v (come back in %s)", e.Err, e.After) }

// Unwrap gives the answer to errors.Is and errors.As.
func (e *BusyError) Unwrap() error { return e.Err }

// RetryAfter is the longest wait that a destination asks for in err, 0 for none.
func RetryAfter(err error) time.Duration {
	var most time.Duration
	if busy, ok := err.(*BusyError); ok { //nolint:errorlint // each level is looked at
		most = busy.After
	}
	switch e := err.(type) { //nolint:errorlint // the same
	case interface{ Unwrap() error }:
		most = max(most, RetryAfter(e.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, below := range e.Unwrap() {
			most = max(most, RetryAfter(below))
		}
	}
	return most
}

// RefuseAll is the outcome of a Deliver of n alerts that the destination refuses for
// good, each with the same answer.
func RefuseAll(n int, err error) error {
	partial := &PartialError{Failures: make([]Failure, n)}
	for i := range partial.Failures {
		partial.Failures[i] = Failure{Index: i, Permanent: true, Err: err}
	}
	return partial
}
