package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
)

// contradictions reports conjunctions that can never hold, and disjunctions that
// always do, beyond those of two equalities (see atoms): what must be equal to a value
// and has other properties than that, numbers between limits that leave none, a
// condition beside its own negation.
func (u *unit) contradictions() {
	ast.PreOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		operator := junction(e)
		if operator == "" {
			return
		}
		operands := flatten(e, operator)
		u.negated(operands, operator)
		if operator == operators.LogicalAnd {
			u.ranges(operands)
			u.properties(operands)
			u.affixes(operands)
		}
	}))
}

// source is an operand's source; empty if it has none.
func (u *unit) source(e ast.Expr) string {
	s, err := parser.Unparse(e, u.ast.SourceInfo())
	if err != nil {
		return ""
	}
	return s
}

// negated reports an operand whose negation is an operand, too.
func (u *unit) negated(operands []ast.Expr, operator string) {
	plain := map[string]bool{}
	for _, e := range operands {
		source := u.source(e)
		if source != "" && plain[source] {
			u.warnAt(u.start(e), "the same is asked for twice")
		}
		plain[source] = true
	}
	for _, e := range operands {
		if e.Kind() != ast.CallKind {
			continue
		}
		c := e.AsCall()
		if equal := strings.Replace(u.source(e), " != ", " == ", 1); operator == operators.LogicalOr && c.FunctionName() == operators.NotEquals && plain[equal] {
			u.warnAt(e.ID(), "this always holds: the same is an operand with ==")
		}
		if c.FunctionName() != operators.LogicalNot || !plain[u.source(c.Args()[0])] {
			continue
		}
		if operator == operators.LogicalAnd {
			u.errorAt(e.ID(), "this can never hold: the same is asked for without the !")
		} else {
			u.warnAt(e.ID(), "this always holds: the same is an operand without the !")
		}
	}
}

// ranges reports limits of a number that leave no value between them.
func (u *unit) ranges(operands []ast.Expr) {
	type limits struct{ least, most int64 }
	all := map[string]limits{}
	for _, e := range operands {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			continue
		}
		c := e.AsCall()
		operator, side, other := c.FunctionName(), c.Args()[0], c.Args()[1]
		if side.Kind() == ast.LiteralKind {
			side, other = other, side
			operator = map[string]string{operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
				operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals}[operator]
		}
		n, isInt := literalInt(other)
		s := u.shapes[side.ID()]
		if !isInt || s.kind != scalar || strings.Contains(s.path, computed) {
			continue
		}
		l, known := all[s.path]
		if !known {
			l = limits{-1 << 62, 1 << 62}
		}
		switch operator {
		case operators.Equals:
			l.least, l.most = max(l.least, n), min(l.most, n)
		case operators.Less:
			l.most = min(l.most, n-1)
		case operators.LessEquals:
			l.most = min(l.most, n)
		case operators.Greater:
			l.least = max(l.least, n+1)
		case operators.GreaterEquals:
			l.least = max(l.least, n)
		default:
			continue
		}
		if before, ok := all[s.path]; l.least > l.most && (!ok || before.least <= before.most) && operator != operators.Equals {
			u.errorAt(e.ID(), "this can never hold: nothing is left of %s between the limits", s.path)
		}
		all[s.path] = l
	}
}

// properties reports a text that must be one of some values, none of which has what is
// asked for beside it.
func (u *unit) properties(operands []ast.Expr) {
	values := map[string][]string{}
	for _, e := range operands {
		if e.Kind() != ast.CallKind {
			continue
		}
		if a, ok := u.atom(e); ok && len(a.Texts) > 0 && values[a.Path] == nil {
			values[a.Path] = a.Texts
		}
	}
	for _, e := range operands {
		if e.Kind() != ast.CallKind {
			continue
		}
		c := e.AsCall()
		if !c.IsMemberFunction() || len(c.Args()) != 1 {
			continue
		}
		path := u.shapes[c.Target().ID()].path
		text, ok := literalText(c.Args()[0])
		known := values[path]
		holds := map[string]func(s, part string) bool{"startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix, "contains": strings.Contains}[c.FunctionName()]
		if !ok || len(known) == 0 || holds == nil {
			continue
		}
		any := false
		for _, v := range known {
			any = any || holds(v, text)
		}
		if !any {
			u.errorAt(e.ID(), "this can never hold: %s must be %q beside it", path, known[0])
		}
	}
}

// constantOperand reports operands of && and || that decide alone.
func (u *unit) constantOperand() {
	ast.PreOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		operator := junction(e)
		if operator == "" {
			return
		}
		for _, operand := range e.AsCall().Args() {
			if operand.Kind() != ast.LiteralKind {
				continue
			}
			switch {
			case operator == operators.LogicalAnd && operand.AsLiteral() == types.False:
				u.errorAt(operand.ID(), "this can never hold: a part of it is false")
			case operator == operators.LogicalOr && operand.AsLiteral() == types.True:
				u.warnAt(operand.ID(), "this always holds: a part of it is true")
			}
		}
	}))
}
