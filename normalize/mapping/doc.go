// Package mapping makes mappers of YAML files: a source without Go. A file says for
// each kind of record its class and from which path or expression each attribute is
// set. It is checked when it is loaded, against the selected part of OCSF and for
// what the class requires, and it carries tests.
//
// The expressions are those of rules over raw; package detections brings the
// language, for this package may not import it. A path alone is no expression: it
// reads the record directly.
//
// What holds for all mappers holds here, too: a value of the wrong kind is not set and
// stays in unmapped; what an attribute holds is used, and what an expression only
// looked at is not; where the record lacks what OCSF requires, the filler is the text
// Unknown or the enum's 0, and without one the record is a dead letter.
package mapping
