// Package logkey holds the keys of weir's log lines: all of them, so that a line
// can be found by what it is about. docs/operations.md says what they mean.
//
// A line's message is a fixed text and its values are names, numbers and errors,
// never a log event or a piece of one. A test holds every call to that.
package logkey

// The keys.
const (
	Address     = "address"     // host:port
	AtMost      = "at_most"     // how long something may take
	Cause       = "cause"       // kind of a panic
	Client      = "client"      // configured name of a client
	Collector   = "collector"   // configured name
	Collectors  = "collectors"  // number of collectors
	Count       = "count"       // how many
	Destination = "destination" // configured name
	Detail      = "detail"      // what a library says of itself
	Error       = "error"       // why
	File        = "file"        // of the configuration
	Lake        = "lake"        // directory of the lake
	Object      = "object"      // file, blob or stream
	Offset      = "offset"      // in a Kafka partition, or bytes in an object
	Other       = "other"       // the other object of two
	Partition   = "partition"   // number within topic
	Position    = "position"    // bytes in object
	Reason      = "reason"      // why, of a fixed set
	Remote      = "remote"      // address of a peer
	Role        = "role"        // collect, detect, correlate, store, deliver
	Roles       = "roles"       // list of roles
	Rule        = "rule"        // id
	Rules       = "rules"       // number of rules
	Ruleset     = "rule_set"    // digest
	Source      = "source"      // kind of the logs
	Stack       = "stack"       // of a panic
	TLS         = "tls"         // whether a listener encrypts
	Topic       = "topic"       // Kafka topic
	Version     = "version"     // of weir
	Wait        = "wait"        // until the next try
)
