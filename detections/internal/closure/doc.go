// Package closure compiles checked CEL expressions to Go closures that read an
// event's attributes directly.
//
// The meaning is cel-go's, and cel-go remains the reference. A closure gives a
// value and whether it has one; it has none when the evaluation is an error, or
// when a part of the expression that this package does not cover would decide.
// In both cases the caller asks cel-go, whose answer counts: so the error that a
// rule's owner sees is cel-go's, and what is not covered costs only where it
// matters. A differential fuzz test in package expr holds the two against each
// other, errors included.
//
// Equal sub-expressions of all expressions of one Table are one closure
// (hash-consing), and its value is kept for the rest of the event. A number of
// the event tells kept values from those of events before: nothing is cleared.
//
// What has a type of its own is typed closures all the way: booleans, texts,
// integers, numbers, times, durations, addresses, networks, JSON and objects. The
// rest (lists that functions make, unsigned integers, bytes) is held as CEL
// values, and functions without a native form are called as cel-go would.
package closure
