package closure

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// each visits the elements of a list, with the loop's variable set, until visit
// says stop; ok is false if the list has no value.
type each func(f *Frame, visit func(*Frame) (stop bool)) (ok bool)

// comprehension compiles what the macros all, exists, exists_one, map and filter,
// and sortBy, become.
func (b *builder) comprehension(e ast.Expr, sc *variable) *node {
	c := e.AsComprehension()
	if c.HasIterVar2() {
		return b.leave(e, "no closure for a loop with two variables")
	}
	slot := b.local()
	if isLiteral(c.LoopCondition(), types.False) {
		return b.binding(c, slot, sc)
	}
	over, element := b.elements(c.IterRange(), slot, sc)
	if over == nil {
		return b.leave(e, "no closure for a loop over this type")
	}
	inner := &variable{name: c.IterVar(), node: element, outer: sc}
	step := c.LoopStep()
	if step.Kind() != ast.CallKind {
		return b.leave(e, "no closure for this loop")
	}
	n := &node{kind: kindBool, cost: costLoop * CostCall}
	switch s := step.AsCall(); s.FunctionName() {
	case operators.LogicalOr, operators.LogicalAnd:
		body := b.compile(s.Args()[1], inner)
		n.cost = costLoop * (body.cost + 1)
		n.eval = quantifier(over, truth(body), slot, s.FunctionName() == operators.LogicalOr)
		return n
	case operators.Conditional:
		condition := b.compile(s.Args()[0], inner)
		if isCount(s.Args()[1]) {
			n.cost = costLoop * (condition.cost + 1)
			n.eval = exactlyOne(over, truth(condition), slot)
			return n
		}
		if item := appended(s.Args()[1]); item != nil {
			return collect(over, truth(condition), b.compile(item, inner))
		}
	case operators.Add:
		if item := appended(step); item != nil {
			return collect(over, nil, b.compile(item, inner))
		}
	}
	return b.leave(e, "no closure for this loop")
}

func isLiteral(e ast.Expr, v ref.Val) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == v
}

// isCount tells whether e is `accumulator + 1`, of exists_one.
func isCount(e ast.Expr) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Add && isLiteral(e.AsCall().Args()[1], types.IntOne)
}

// appended is x of `accumulator + [x]`, of map and filter; else nil.
func appended(e ast.Expr) ast.Expr {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Add {
		return nil
	}
	list := e.AsCall().Args()[1]
	if list.Kind() != ast.ListKind || list.AsList().Size() != 1 || len(list.AsList().OptionalIndices()) > 0 {
		return nil
	}
	return list.AsList().Elements()[0]
}

// binding compiles a comprehension that only names a value, as sortBy's does.
func (b *builder) binding(c ast.ComprehensionExpr, slot int, sc *variable) *node {
	init := b.compile(c.AccuInit(), sc)
	values := boxed(init)
	named := typed(kindOf(b.ast.GetType(c.AccuInit().ID())), func(f *Frame) (ref.Val, bool) { return f.locals[slot].value, true })
	body := b.compile(c.Result(), &variable{name: c.AccuVar(), node: named, outer: sc})
	result := boxed(body)
	n := typed(body.kind, func(f *Frame) (ref.Val, bool) {
		v, ok := values(f)
		if !ok {
			return nil, false
		}
		f.locals[slot].value = v
		return result(f)
	})
	n.cost = init.cost + body.cost
	return n
}

// elements gives a loop over a list, and the node of its variable; nil for what is
// no list.
func (b *builder) elements(list ast.Expr, slot int, sc *variable) (each, *node) {
	if list.Kind() == ast.CallKind && list.AsCall().FunctionName() == b.library.Items {
		array := b.compile(list.AsCall().Args()[0], sc)
		return overJSON(array.eval.(fn[ocsfcel.JSON]), slot),
			&node{kind: kindJSON, cost: 1, eval: fn[ocsfcel.JSON](func(f *Frame) (ocsfcel.JSON, bool) { return f.locals[slot].json, true })}
	}
	t := b.ast.GetType(list.ID())
	if t.Kind() != types.ListKind {
		return nil, nil
	}
	n := b.compile(list, sc)
	switch {
	case n.list != nil:
		return overObjects(n.list, slot),
			&node{kind: kindObject, cost: 1, eval: fn[any](func(f *Frame) (any, bool) { return f.locals[slot].object, true })}
	case n.texts != nil:
		return overTexts(n.texts, slot),
			&node{kind: kindText, cost: 1, eval: fn[string](func(f *Frame) (string, bool) { return f.locals[slot].text, true })}
	}
	element := typed(kindOf(t.Parameters()[0]), func(f *Frame) (ref.Val, bool) { return f.locals[slot].value, true })
	element.cost = 1
	return overValues(boxed(n), slot), element
}

func overJSON(array fn[ocsfcel.JSON], slot int) each {
	return func(f *Frame, visit func(*Frame) bool) bool {
		j, ok := array(f)
		if !ok {
			return false
		}
		for e := range j.Elements {
			if !f.scratch.Spend(1) {
				return false
			}
			f.locals[slot].json = ocsfcel.JSONOf(e)
			if visit(f) {
				break
			}
		}
		return true
	}
}

func overObjects(l *objectList, slot int) each {
	return func(f *Frame, visit func(*Frame) bool) bool {
		owner, ok := l.owner(f)
		if !ok {
			return false
		}
		for i := range l.length(owner) {
			if !f.scratch.Spend(1) {
				return false
			}
			f.locals[slot].object = l.element(owner, i)
			if visit(f) {
				break
			}
		}
		return true
	}
}

func overTexts(texts fn[[]string], slot int) each {
	return func(f *Frame, visit func(*Frame) bool) bool {
		all, ok := texts(f)
		for _, s := range all {
			if !f.scratch.Spend(1) {
				return false
			}
			f.locals[slot].text = s
			if visit(f) {
				break
			}
		}
		return ok
	}
}

func overValues(list fn[ref.Val], slot int) each {
	return func(f *Frame, visit func(*Frame) bool) bool {
		v, ok := list(f)
		l, isList := v.(traits.Lister)
		if !ok || !isList {
			return false
		}
		for it := l.Iterator(); it.HasNext() == types.True; {
			if !f.scratch.Spend(1) {
				return false
			}
			f.locals[slot].value = it.Next()
			if visit(f) {
				break
			}
		}
		return true
	}
}

// quantifier is exists (deciding is true) or all (false): one element decides;
// else one without a value makes the whole have none.
func quantifier(over each, body fn[bool], slot int, deciding bool) fn[bool] {
	visit := func(f *Frame) bool {
		v, ok := body(f)
		l := &f.locals[slot]
		l.failed = l.failed || !ok
		l.found = ok && v == deciding
		return l.found
	}
	return func(f *Frame) (bool, bool) {
		l := &f.locals[slot]
		l.found, l.failed = false, false
		if !over(f, visit) {
			return false, false
		}
		return l.found == deciding, l.found || !l.failed
	}
}

func exactlyOne(over each, body fn[bool], slot int) fn[bool] {
	visit := func(f *Frame) bool {
		v, ok := body(f)
		l := &f.locals[slot]
		l.failed = !ok
		if v && ok {
			l.count++
		}
		return l.failed
	}
	return func(f *Frame) (bool, bool) {
		l := &f.locals[slot]
		l.count, l.failed = 0, false
		if !over(f, visit) {
			return false, false
		}
		return l.count == 1, !l.failed
	}
}

// collect is map and filter: the list of item, for the elements of which condition
// holds, if it is not nil.
func collect(over each, condition fn[bool], item *node) *node {
	value := boxed(item)
	eval := fn[ref.Val](func(f *Frame) (ref.Val, bool) {
		list, failed := []ref.Val{}, false
		ok := over(f, func(f *Frame) bool {
			if condition != nil {
				v, ok := condition(f)
				if !ok || !v {
					failed = !ok
					return failed
				}
			}
			v, ok := value(f)
			list, failed = append(list, v), !ok
			return failed
		})
		return types.NewRefValList(types.DefaultTypeAdapter, list), ok && !failed
	})
	return &node{kind: kindValue, cost: costLoop * (item.cost + CostCall), eval: eval}
}
