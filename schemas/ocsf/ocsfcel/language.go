package ocsfcel

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Language is the expressions of rules for those who have a record and no event yet,
// as a mapping of a source has: package detections has it, and package normalize,
// which knows nothing of detections, is given it. It is for one goroutine.
type Language interface {
	// Compile compiles a text with the enum constants of a class; condition asks for
	// one that is true or false. report takes each problem: line counts from one, col
	// from zero, in characters. The result is nil if one of them is more than a warning.
	Compile(class *ocsf.Class, text string, condition bool, report func(line, col int, warning bool, message string)) Expression
	// NewScope makes what expressions are evaluated in, one for each goroutine.
	NewScope() Scope
}

// Expression is a checked expression. Any goroutine may evaluate it.
type Expression interface {
	// Type is the type of what it gives.
	Type() *types.Type
	// Constants are the enum constants that it names.
	Constants() []Constant
	// Holds evaluates a condition.
	Holds(Scope) (bool, error)
	// Value evaluates an expression that gives a single value.
	Value(Scope) (ref.Val, error)
}

// Scope is one record as expressions see it. Values that they gave are valid until
// the next Reset.
type Scope interface{ Reset(raw jsondoc.Value) }

// Constant is a use of an enum's constant: line counts from one, col from zero.
type Constant struct {
	Enum      string // as rules call it: Status
	Attribute string // status_id, or user.type_id of an object's
	Line, Col int
}
