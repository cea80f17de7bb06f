// Package exitcode is the one table of weir's exit codes, the same for every
// command, and the error that carries one from where it is known to main.
package exitcode

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is what the process ends with.
type Code int

// The codes. Scripts depend on them: a new meaning gets a new number.
const (
	Done        Code = 0   // the work is done; rejects of normalize and alerts of replay are work done
	No          Code = 1   // the answer is no: a failed test, a difference, an imbalance
	Rule        Code = 2   // a rule is wrong
	Usage       Code = 3   // usage or configuration
	Nothing     Code = 4   // nothing to do: no tests, no input
	IO          Code = 5   // input, output or network
	Interrupted Code = 130 // stopped by a signal before the work was done
)

// Table is the codes with their meaning, as the help shows them.
var Table = []struct {
	Code    Code
	Meaning string
}{
	{Done, "done; rejects of normalize and alerts of replay are no error"},
	{No, "the answer is no: a failed test, a difference, an imbalance"},
	{Rule, "a rule is wrong"},
	{Usage, "usage or configuration"},
	{Nothing, "nothing to do: no tests, no input"},
	{IO, "input, output or network"},
	{Interrupted, "interrupted by a signal"},
}

// Error is an error with the code that the process is to end with and, where
// there is one, the next step for the user.
type Error struct {
	Code Code
	Err  error
	// Try is what the user can do next: a command or a short sentence, or empty.
	Try string
}

// Error returns the text of the wrapped error, without the next step.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Wrap gives err a code and a next step. It is nil when err is nil.
func Wrap(code Code, err error, try string) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err, Try: try}
}

// Errorf is Wrap of a new error without a next step.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// Of returns the code that err ends the process with: its own where it carries
// one, Interrupted for a cancelled context, IO for everything else, because what
// is neither usage nor a rule has failed at the machine.
func Of(err error) Code {
	var coded *Error
	switch {
	case err == nil:
		return Done
	case errors.As(err, &coded):
		return coded.Code
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return IO
}

// Next returns the next step that err carries, or nothing.
func Next(err error) string {
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Try
	}
	return ""
}

// Help is the table as text, one line a code.
func Help() string {
	var b strings.Builder
	for _, row := range Table {
		fmt.Fprintf(&b, "  %3d  %s\n", row.Code, row.Meaning)
	}
	return b.String()
}
