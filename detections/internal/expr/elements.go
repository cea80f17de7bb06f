package expr

import (
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// listAt is list[i] of a list that is made in an expression, as by split() or filter():
// beyond its end it reads as the element's zero, as an event's own lists do. Its name
// cannot be written in a rule.
const listAt = "@list []"

// elementZeros are the zeros of what lists hold, by type. Lists of objects or of lists
// are not among them: see totalIndexes.
var elementZeros = []struct {
	of   *types.Type
	zero ref.Val
}{
	{types.StringType, types.String("")}, {types.IntType, types.IntZero}, {types.UintType, types.Uint(0)}, {types.DoubleType, types.Double(0)},
	{types.BoolType, types.False}, {types.TimestampType, types.Timestamp{Time: time.Unix(0, 0).UTC()}}, {types.DurationType, types.Duration{}},
	{ocsfcel.JSONType, ocsfcel.JSON{}},
}

// listFunctions declares listAt.
func listFunctions() cel.EnvOption {
	var overloads []cel.FunctionOpt
	for _, e := range elementZeros {
		overloads = append(overloads, binary(listAt+" "+e.of.TypeName(), types.NewListType(e.of), types.IntType, e.of, func(list, at ref.Val) ref.Val {
			l, i := list.(traits.Lister), at.(types.Int)
			if size, ok := l.Size().(types.Int); !ok || i < 0 || i >= size {
				return e.zero
			}
			return l.Get(i)
		}))
	}
	return cel.Function(listAt, overloads...)
}

// totalIndexes makes list[i] total where the list is made in the expression, and warns
// where it cannot: of an object there is no zero outside of an event. It comes last,
// when types are known and everything is said.
func (u *unit) totalIndexes() {
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Index {
			return
		}
		args := e.AsCall().Args()
		list := u.ast.GetType(args[0].ID())
		if s := u.shapes[args[0].ID()]; s.kind == objects || s.kind == scalars || list.Kind() != types.ListKind {
			return
		}
		element := list.Parameters()[0]
		for _, z := range elementZeros {
			if z.of.TypeName() == element.TypeName() && len(element.Parameters()) == 0 {
				e.SetKindCase(factory.NewCall(0, listAt, args[0], args[1]))
				u.ast.SetReference(e.ID(), ast.NewFunctionReference(listAt+" "+z.of.TypeName()))
				return
			}
		}
		if i, isInt := literalInt(args[1]); args[0].Kind() == ast.ListKind && isInt && 0 <= i && i < int64(args[0].AsList().Size()) {
			return
		}
		u.warnAt(u.start(args[0]), "fails where the list has no such element: this one is no list of the event itself; write list.exists(x, ...), or ask its size() before")
	}))
}

// failing reports what fails for every event, and what is compared with itself.
func (u *unit) failing(e ast.Expr, c ast.CallExpr) {
	args := c.Args()
	switch c.FunctionName() {
	case operators.Divide, operators.Modulo:
		if i, ok := literalInt(args[1]); ok && i == 0 {
			u.warnAt(e.ID(), "a division by zero fails for every event")
		}
	case operators.Equals, operators.NotEquals, operators.LessEquals, operators.GreaterEquals, operators.Less, operators.Greater:
		left, right := u.shapes[args[0].ID()], u.shapes[args[1].ID()]
		if left.path == "" || left.path != right.path || strings.Contains(left.path, computed) || left.kind == json {
			return
		}
		switch c.FunctionName() {
		case operators.Equals, operators.LessEquals, operators.GreaterEquals:
			u.warnAt(e.ID(), "this always holds: both sides are %s", left.path)
		default:
			u.errorAt(e.ID(), "this can never hold: both sides are %s", left.path)
		}
	}
}
