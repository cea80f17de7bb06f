package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// lint warns of comparisons that an absent attribute satisfies: `x != "root"` is
// true of an event without x. Two things show that the author thought of it: a
// has(x) anywhere in the condition, and another conjunct that x must be there
// for. An exclusion, `!(x in ...)` or `!x.startsWith(...)`, is no comparison: that
// an event without x is not excluded is what it says.
func (u *unit) lint() {
	guarded := u.guards()
	u.lintNode(u.ast.Expr(), true, guarded)
}

// guards are the paths of has() and of conjuncts that only a present attribute
// satisfies.
func (u *unit) guards() map[string]bool {
	all := map[string]bool{}
	for _, s := range u.shapes {
		if path, ok := strings.CutPrefix(s.path, "has "); ok {
			all[path] = true
		}
	}
	u.needed(u.ast.Expr(), all)
	return all
}

// needed adds what the conjuncts of e need to be present.
func (u *unit) needed(e ast.Expr, all map[string]bool) {
	if e.Kind() != ast.CallKind {
		return
	}
	c := e.AsCall()
	switch c.FunctionName() {
	case operators.LogicalAnd:
		for _, arg := range c.Args() {
			u.needed(arg, all)
		}
	case "startsWith", "endsWith", "contains", "matches", "glob", "globFold", "equalsFold", "containsFold":
		if text, ok := literalText(c.Args()[0]); ok && c.IsMemberFunction() && text != "" {
			all[u.shapes[c.Target().ID()].path] = true
		}
	case operators.Equals, operators.In, jsonEqual, jsonIn:
		if a, ok := u.atom(e); ok && !holdsZero(a) {
			all[a.Path] = true
		}
		if strings.HasPrefix(c.FunctionName(), "@json") {
			all[u.shapes[c.Args()[0].ID()].path] = true
		}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		for i, side := range c.Args() {
			other := c.Args()[1-i]
			if s := u.shapes[side.ID()]; s.kind == scalar && other.Kind() == ast.LiteralKind && !absentHolds[c.FunctionName()](order(other.AsLiteral(), i == 1)) {
				all[s.path] = true
			}
		}
	default:
		if strings.HasPrefix(c.FunctionName(), listPrefix) {
			all[u.shapes[c.Args()[0].ID()].path] = true
		}
	}
}

func holdsZero(a Atom) bool {
	for _, s := range a.Texts {
		if s == "" {
			return true
		}
	}
	for _, n := range a.Numbers {
		if n == 0 {
			return true
		}
	}
	return false
}

const absentAdvice = "also holds when %s is absent; add `has(%s) && ...`, or `!has(%s) || ...` if that is meant"

// lintNode walks with the sign under which the node counts.
func (u *unit) lintNode(e ast.Expr, positive bool, guarded map[string]bool) {
	switch e.Kind() {
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() == operators.LogicalNot {
			if s := u.shapes[c.Args()[0].ID()]; positive && s.kind == scalar && !s.required && !guarded[s.path] {
				u.warnAt(e.ID(), absentAdvice, s.path, s.path, s.path)
			}
			u.lintNode(c.Args()[0], !positive, guarded)
			return
		}
		if u.lintComparison(e, c, positive, guarded) {
			return
		}
		for _, arg := range c.Args() {
			u.lintNode(arg, positive, guarded)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		s := u.shapes[c.IterRange().ID()]
		isAll := c.AccuInit().Kind() == ast.LiteralKind && c.AccuInit().AsLiteral() == types.True
		if isList := s.kind == objects || s.kind == scalars; isAll && isList && positive && !s.required && !guarded[s.path] {
			u.warnAt(e.ID(), absentAdvice, s.path, s.path, s.path)
		}
		u.lintNode(c.LoopStep(), positive, guarded)
	}
}

// lintComparison tells whether the node was a comparison, and warns of it.
func (u *unit) lintComparison(e ast.Expr, c ast.CallExpr, positive bool, guarded map[string]bool) bool {
	holds, isComparison := absentHolds[c.FunctionName()]
	if !isComparison || len(c.Args()) != 2 {
		return false
	}
	for i, side := range c.Args() {
		s, other := u.shapes[side.ID()], c.Args()[1-i]
		if s.kind != scalar && s.kind != json || s.required || guarded[s.path] || strings.HasSuffix(s.path, "]") || strings.Contains(s.path, computed) {
			continue
		}
		var satisfied bool
		switch {
		case s.kind == json:
			satisfied = c.FunctionName() == jsonNotEqual
		case other.Kind() == ast.LiteralKind:
			satisfied = holds(order(other.AsLiteral(), i == 1))
		default:
			satisfied = u.absentHoldsOf(c.FunctionName(), i == 1, other, guarded)
		}
		if satisfied == positive {
			u.warnAt(e.ID(), absentAdvice, s.path, s.path, s.path)
			break
		}
	}
	return true
}

// absentHoldsOf tells whether a comparison with a value that is no literal holds
// of an absent attribute: its zero is before most values, and equal to that of
// another attribute that is absent, too.
func (u *unit) absentHoldsOf(operator string, onRight bool, other ast.Expr, guarded map[string]bool) bool {
	switch operator {
	case operators.Less, operators.LessEquals:
		return !onRight
	case operators.Greater, operators.GreaterEquals:
		return onRight
	case operators.Equals:
		o := u.shapes[other.ID()]
		return o.kind == scalar && !o.required && !guarded[o.path]
	}
	return true
}

// absentHolds tells for each comparison whether it holds of two values in some
// order.
var absentHolds = map[string]func(order int) bool{
	operators.Equals:        func(o int) bool { return o == 0 },
	operators.NotEquals:     func(o int) bool { return o != 0 },
	operators.Less:          func(o int) bool { return o < 0 },
	operators.LessEquals:    func(o int) bool { return o <= 0 },
	operators.Greater:       func(o int) bool { return o > 0 },
	operators.GreaterEquals: func(o int) bool { return o >= 0 },
	jsonEqual:               nil, jsonNotEqual: nil, jsonLess: nil, jsonLessEqual: nil, jsonGreater: nil, jsonGreaterEqual: nil,
}

// order is that of an attribute's zero and a literal; reversed if the literal is
// on the left.
func order(literal ref.Val, reversed bool) int {
	var zero ref.Val
	switch literal.(type) {
	case types.String:
		zero = types.String("")
	case types.Int:
		zero = types.Int(0)
	case types.Double:
		zero = types.Double(0)
	case types.Bool:
		zero = types.False
	default:
		return 1
	}
	o, _ := zero.(traits.Comparer).Compare(literal).(types.Int)
	if reversed {
		o = -o
	}
	return int(o)
}
