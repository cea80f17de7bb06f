package closure

import (
	"net/netip"
	"slices"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// junction compiles && and ||, which are commutative: a term that decides does so
// whatever the others are, errors included. So chains are taken apart and the
// cheap terms asked first.
func (b *builder) junction(e ast.Expr, sc *variable) *node {
	name := e.AsCall().FunctionName()
	var terms []*node
	for _, arg := range flatten(e, name, nil) {
		terms = append(terms, b.compile(arg, sc))
	}
	slices.SortStableFunc(terms, func(a, b *node) int { return a.cost - b.cost })
	n := &node{kind: kindBool}
	evals := make([]fn[bool], len(terms))
	for i, t := range terms {
		n.cost += t.cost
		evals[i] = truth(t)
	}
	n.eval = decide(evals, name == operators.LogicalOr)
	return n
}

// flatten gives the terms of a chain of one operator.
func flatten(e ast.Expr, name string, terms []ast.Expr) []ast.Expr {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != name {
		return append(terms, e)
	}
	for _, arg := range e.AsCall().Args() {
		terms = flatten(arg, name, terms)
	}
	return terms
}

// truth is a term as a boolean; one of another type has no value.
func truth(n *node) fn[bool] {
	if eval, ok := n.eval.(fn[bool]); ok {
		return eval
	}
	return unboxing[bool](boxed(n))
}

// decide gives deciding if a term is that, else nothing if one has no value, else
// the opposite.
func decide(terms []fn[bool], deciding bool) fn[bool] {
	if len(terms) == 2 {
		first, second := terms[0], terms[1]
		return func(f *Frame) (bool, bool) {
			a, okA := first(f)
			if okA && a == deciding {
				return deciding, true
			}
			v, okB := second(f)
			if okB && v == deciding {
				return deciding, true
			}
			return !deciding, okA && okB
		}
	}
	return func(f *Frame) (bool, bool) {
		all := true
		for _, term := range terms {
			v, ok := term(f)
			if ok && v == deciding {
				return deciding, true
			}
			all = all && ok
		}
		return !deciding, all
	}
}

func (b *builder) not(e ast.Expr, sc *variable) *node {
	arg := b.compile(e.AsCall().Args()[0], sc)
	of := truth(arg)
	return &node{kind: kindBool, cost: arg.cost + 1, eval: fn[bool](func(f *Frame) (bool, bool) {
		v, ok := of(f)
		return !v, ok
	})}
}

// conditional compiles c ? a : b, of which only one side is evaluated.
func (b *builder) conditional(e ast.Expr, sc *variable) *node {
	args := e.AsCall().Args()
	condition, yes, no := b.compile(args[0], sc), b.compile(args[1], sc), b.compile(args[2], sc)
	n := &node{kind: yes.kind, cost: condition.cost + max(yes.cost, no.cost)}
	if yes.kind == no.kind {
		n.eval = chosen(truth(condition), yes.eval, no.eval)
	}
	if n.eval == nil {
		values := choose(truth(condition), boxed(yes), boxed(no))
		n = typed(kindOf(b.ast.GetType(e.ID())), values)
	}
	return n
}

// chosen is choose of two functions of the same type.
func chosen(condition fn[bool], yes, no any) any {
	switch yes := yes.(type) {
	case fn[bool]:
		return choose(condition, yes, no.(fn[bool]))
	case fn[string]:
		return choose(condition, yes, no.(fn[string]))
	case fn[int64]:
		return choose(condition, yes, no.(fn[int64]))
	case fn[float64]:
		return choose(condition, yes, no.(fn[float64]))
	case fn[time.Time]:
		return choose(condition, yes, no.(fn[time.Time]))
	case fn[time.Duration]:
		return choose(condition, yes, no.(fn[time.Duration]))
	case fn[netip.Addr]:
		return choose(condition, yes, no.(fn[netip.Addr]))
	case fn[ocsfcel.JSON]:
		return choose(condition, yes, no.(fn[ocsfcel.JSON]))
	case fn[any]:
		return choose(condition, yes, no.(fn[any]))
	}
	return nil
}

func choose[T any](condition fn[bool], yes, no fn[T]) fn[T] {
	return func(f *Frame) (v T, ok bool) {
		c, ok := condition(f)
		switch {
		case !ok:
			return v, false
		case c:
			return yes(f)
		}
		return no(f)
	}
}
