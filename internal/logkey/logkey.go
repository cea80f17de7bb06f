// Package logkey holds the keys of weir's log lines: all of them, so that a line
// can be found by what it is about. docs/operations.md says what they mean.
//
// A line's message is a fixed text and its values are names, numbers and errors,
// never a log event or a piece of one. A test holds every call to that.
package logkey

// The keys.
const (
	Addr        = "addr"        // host:port
	Cause       = "cause"       // kind of a panic
	Collector   = "collector"   // configured name
	Collectors  = "collectors"  // number of collectors
	Count       = "count"       // how many
	Destination = "destination" // configured name
	Detail      = "detail"      // what a library says of itself
	Error       = "error"       // why
	Object      = "object"      // file, blob or stream
	Offset      = "offset"      // in a Kafka partition, or bytes in an object
	Other       = "other"       // the other object of two
	Partition   = "partition"   // number within topic
	Position    = "position"    // bytes in object
	Role        = "role"        // collect, detect, correlate, store, deliver
	Rule        = "rule"        // id
	Stack       = "stack"       // of a panic
	Topic       = "topic"       // Kafka topic
)
