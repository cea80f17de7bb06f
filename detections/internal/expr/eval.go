package expr

import (
	"errors"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/closure"
)

// errExhausted is the error of an expression that would take too long; cel-go's is
// another, for what only cel-go evaluates.
var errExhausted = errors.New("the event is too large for this expression: its loops, or what it does with long texts, take too many steps")

// maxReference bounds an evaluation by cel-go, in its units. It is a hundred times what
// the loader admits for a large event.
const maxReference = 100 * MaxCost

// Eval evaluates for the scope's event: compiled, if the compiled form has a value,
// else by cel-go, whose value or error is the expression's.
func (e *Expr) Eval(s *Scope) (ref.Val, error) {
	if v, ok := e.compiled.Value(&s.frame); ok {
		return v, nil
	}
	if s.frame.Exhausted() {
		return nil, errExhausted
	}
	return e.Reference(s)
}

// Prepare makes room in the scope for what the expression shares with others. Eval
// does it as well, but only for expressions that were compiled before e.
func (e *Expr) Prepare(s *Scope) { e.compiled.Prepare(&s.frame) }

// Reference evaluates by cel-go alone.
func (e *Expr) Reference(s *Scope) (ref.Val, error) {
	v, _, err := e.program.Eval(s)
	return v, err
}

// Holds is Eval of a Condition. It allocates nothing unless a part of the
// condition does.
func (e *Expr) Holds(s *Scope) (bool, error) {
	return e.Test().Holds(s)
}

// Test is a Condition for who evaluates thousands an event: its closure is found
// without a look at the Expr, which costs a line of the cache for each.
type Test struct {
	compiled *closure.Program
	expr     *Expr
}

// Test gives the Expr, which is a Condition, as such.
func (e *Expr) Test() Test { return Test{e.compiled, e} }

// Holds is Expr.Holds.
func (t Test) Holds(s *Scope) (bool, error) {
	if v, ok := t.compiled.Truth(&s.frame); ok {
		return v, nil
	}
	if s.frame.Exhausted() {
		return false, errExhausted
	}
	v, err := t.expr.Reference(s)
	return v == types.True, err
}

// Text is Eval of an expression that gives a string; isText is false for another.
func (e *Expr) Text(s *Scope) (text string, isText bool, err error) {
	text, isText, ok := e.compiled.Text(&s.frame)
	if !isText || ok {
		return text, isText, nil
	}
	if s.frame.Exhausted() {
		return "", true, errExhausted
	}
	v, err := e.Reference(s)
	t, _ := v.(types.String)
	return string(t), true, err
}

// Present tells whether the attribute that the expression names is there; true
// for an expression that is no path.
func (e *Expr) Present(s *Scope) bool {
	if e.present == nil {
		return true
	}
	if v, ok := e.presence.Truth(&s.frame); ok {
		return v
	}
	v, _, err := e.present.Eval(s)
	return err == nil && v == types.True
}

// Shared is how many sub-expressions of what was compiled so far occur more than
// once, and are evaluated once an event.
func (c *Compiler) Shared() int {
	if c.table == nil {
		return 0
	}
	return c.table.Shared()
}
