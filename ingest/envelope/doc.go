// Package envelope splits a stream into the log events it holds: the elements of
// a CloudTrail log file's Records, of a Kubernetes EventList, of an array, the
// values of an NDJSON file, the lines of an access log. It reads a stream of any
// length in constant memory: it never holds more than one record, and of a record
// above the limit only the beginning.
//
// The shape is found from the stream itself. Where a JSON value starts, an array
// is unwrapped into its elements, an object with an envelope key (Format) that
// holds an array likewise, and everything else is a record. Values may stand one a
// line, be printed over many lines, or follow each other directly. Elements are not
// unwrapped again.
//
// A record is checked against the JSON grammar (RFC 8259) and passed on byte for
// byte. Three things are left to the reader that maps it: UTF-8, duplicate keys
// and lone surrogates. Nesting is limited to 128 levels. The separators between
// the elements of an array are part of no record, so a missing or a surplus comma
// is let pass.
//
// # What is broken
//
// A broken piece is rejected with its original bytes and costs only itself:
//
//   - At top level, a value that breaks on its own first line is rejected to the
//     end of that line, and the next line is a fresh start.
//   - A value that breaks on a later line is rejected up to the first line that
//     opens an object no deeper indented than the value itself: the next record of
//     an NDJSON file whose line lost its end, the next value of a printed file.
//   - An element of an array is rejected up to such a line, or to the comma or
//     bracket where the array goes on, found by matching brackets alone. Where an
//     unbalanced quote makes that impossible, it is rejected with all that follows.
//   - A stream that ends too early, or whose compression is damaged, gives what came
//     before, then one rejected piece with event.ReasonTruncated, which may be empty.
//
// Every byte of the stream belongs to a record, to a rejected piece, or to the
// envelope and white space around them, however the reader cuts the stream into
// chunks. Tests and a fuzz target hold this.
package envelope
