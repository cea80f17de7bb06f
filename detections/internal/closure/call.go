package closure

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// call compiles an operator or a function: natively if there is a way, else as a
// call of cel-go's binding.
func (b *builder) call(e ast.Expr, sc *variable) *node {
	c := e.AsCall()
	var n *node
	switch c.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		return b.junction(e, sc)
	case operators.LogicalNot:
		return b.not(e, sc)
	case operators.Conditional:
		return b.conditional(e, sc)
	case operators.Equals, operators.NotEquals:
		return b.equality(e, sc)
	case operators.Index:
		return b.index(e, sc)
	case operators.OptSelect, operators.OptIndex:
		return b.leave(e, "no closure for optional selection")
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		n = b.ordering(e, sc)
	case operators.In:
		n = b.membership(e, sc)
	case "orValue":
		return b.orValue(e, sc)
	}
	if n == nil {
		n = b.native(e, sc)
	}
	if n == nil {
		n = b.bound(e, sc)
	}
	return n
}

// arguments compiles what a call is given, the receiver first.
func (b *builder) arguments(c ast.CallExpr, sc *variable) (all []*node, cost int) {
	if c.IsMemberFunction() {
		all = append(all, b.compile(c.Target(), sc))
	}
	for _, arg := range c.Args() {
		all = append(all, b.compile(arg, sc))
	}
	for _, n := range all {
		cost += n.cost
	}
	return all, cost
}

// index compiles x[i] of an event's lists; of others and of maps it is left to
// cel-go's own.
func (b *builder) index(e ast.Expr, sc *variable) *node {
	args := e.AsCall().Args()
	list, at := b.compile(args[0], sc), b.compile(args[1], sc)
	n := &node{cost: list.cost + at.cost + 2}
	i, isInt := at.eval.(fn[int64])
	switch {
	case !isInt || b.ast.GetType(args[0].ID()).Kind() != types.ListKind:
		return b.leave(e, "no closure for a subscript of this type")
	case list.list != nil:
		l := list.list
		n.kind, n.eval = kindObject, fn[any](func(f *Frame) (any, bool) {
			owner, okOwner := l.owner(f)
			at, okAt := i(f)
			if !okOwner || !okAt {
				return nil, false
			}
			return l.element(owner, int(at)), true
		})
	case list.texts != nil:
		texts := list.texts
		n.kind, n.eval = kindText, fn[string](func(f *Frame) (string, bool) {
			all, okAll := texts(f)
			at, okAt := i(f)
			if at < 0 || at >= int64(len(all)) {
				return "", okAll && okAt
			}
			return all[at], okAll && okAt
		})
	default:
		values := boxed(list)
		n = typed(kindOf(b.ast.GetType(e.ID())), func(f *Frame) (ref.Val, bool) {
			v, okList := values(f)
			at, okAt := i(f)
			l, isList := v.(traits.Lister)
			if !okList || !okAt || !isList {
				return nil, false
			}
			// As cel-go: only an event's own list, not one that is made of it, is total.
			if _, total := v.(interface{ GetInt64Index(int64) (any, bool) }); !total && (at < 0 || at >= int64(l.Size().(types.Int))) {
				return nil, false
			}
			return valid(l.Get(types.Int(at)))
		})
		n.cost = list.cost + at.cost + CostCall
	}
	return n
}

// orValue is what an optional has, or else the other value, which is not evaluated
// before: cel-go plans it as a branch, too.
func (b *builder) orValue(e ast.Expr, sc *variable) *node {
	arguments, cost := b.arguments(e.AsCall(), sc)
	optional, other := boxed(arguments[0]), boxed(arguments[1])
	n := typed(kindOf(b.ast.GetType(e.ID())), func(f *Frame) (ref.Val, bool) {
		v, ok := optional(f)
		o, isOptional := v.(*types.Optional)
		switch {
		case !ok || !isOptional:
			return nil, false
		case o.HasValue():
			return valid(o.GetValue())
		}
		return other(f)
	})
	n.cost = cost + CostCall
	return n
}

// valid takes errors for the absence of a value.
func valid(v ref.Val) (ref.Val, bool) {
	switch v.(type) {
	case *types.Err, *types.Unknown, nil:
		return nil, false
	}
	return v, true
}

// bound calls cel-go's binding of the function, as cel-go's interpreter does.
func (b *builder) bound(e ast.Expr, sc *variable) *node {
	c := e.AsCall()
	name, overload := c.FunctionName(), ""
	if ids := b.ast.GetOverloadIDs(e.ID()); len(ids) == 1 {
		overload = ids[0]
	}
	impl := b.library.Functions[overload]
	if impl == nil {
		impl = b.library.Functions[name]
	}
	if impl == nil || impl.NonStrict || impl.Async != nil || impl.LateBound {
		return b.leave(e, "no closure for the function %s", name)
	}
	arguments, cost := b.arguments(c, sc)
	values := make([]fn[ref.Val], len(arguments))
	for i, a := range arguments {
		values[i] = boxed(a)
	}
	n := typed(kindOf(b.ast.GetType(e.ID())), b.invocation(impl, name, overload, values))
	n.cost = cost + 4*CostCall
	return n
}

func (b *builder) invocation(impl *functions.Overload, name, overload string, arguments []fn[ref.Val]) fn[ref.Val] {
	switch {
	case len(arguments) == 1 && impl.Unary != nil:
		first := arguments[0]
		return func(f *Frame) (ref.Val, bool) {
			a, ok := first(f)
			if !ok {
				return nil, false
			}
			if !f.scratch.Spend(work(name, a)) {
				return nil, false
			}
			if !has(a, impl.OperandTrait) {
				return receive(name, overload, a)
			}
			return f.made(impl.Unary(a))
		}
	case len(arguments) == 2 && impl.Binary != nil:
		first, second := arguments[0], arguments[1]
		return func(f *Frame) (ref.Val, bool) {
			a, okA := first(f)
			if !okA {
				return nil, false
			}
			b, okB := second(f)
			if !okB {
				return nil, false
			}
			if !f.scratch.Spend(work(name, a, b)) {
				return nil, false
			}
			if !has(a, impl.OperandTrait) {
				return receive(name, overload, a, b)
			}
			return f.made(impl.Binary(a, b))
		}
	}
	return func(f *Frame) (ref.Val, bool) {
		values := make([]ref.Val, len(arguments))
		for i, a := range arguments {
			var ok bool
			if values[i], ok = a(f); !ok {
				return nil, false
			}
		}
		if impl.Function == nil || !f.scratch.Spend(work(name, values...)) {
			return nil, false
		}
		if len(values) > 0 && !has(values[0], impl.OperandTrait) {
			return receive(name, overload, values...)
		}
		return f.made(impl.Function(values...))
	}
}

// work is how many steps a function takes: some look at each element of a list for each
// of another, or of the same.
func work(name string, args ...ref.Val) int {
	sum, product := 0, 1
	for _, arg := range args {
		switch arg := arg.(type) {
		case types.String:
			sum += len(arg) / CharactersPerStep
		case traits.Lister:
			n := int(arg.Size().(types.Int))
			sum += n
			product *= n
		}
	}
	switch name {
	case "sets.contains", "sets.intersects", "sets.equivalent":
		return sum + product
	case "distinct":
		return sum + product*product/2
	case "join", "format":
		return sum + texts(args)/CharactersPerStep
	case "replace":
		return sum + replaced(args)/CharactersPerStep
	}
	return sum
}

// texts is how long the texts in values are, in lists, too: one may be in a list a
// thousand times.
func texts(values []ref.Val) (length int) {
	for _, v := range values {
		switch v := v.(type) {
		case types.String:
			length += len(v)
		case traits.Lister:
			for it := v.Iterator(); it.HasNext() == types.True; {
				length += texts([]ref.Val{it.Next()})
			}
		}
	}
	return length
}

// replaced is how much a text grows by what replaces its parts.
func replaced(args []ref.Val) int {
	if len(args) < 3 {
		return 0
	}
	text, _ := args[0].(types.String)
	old, _ := args[1].(types.String)
	by, _ := args[2].(types.String)
	return strings.Count(string(text), string(old)) * len(by)
}

// made is valid of a value that a function has made: a long text or list takes steps.
func (f *Frame) made(v ref.Val) (ref.Val, bool) {
	switch v := v.(type) {
	case types.String:
		f.scratch.left -= len(v) / CharactersPerStep
	case traits.Lister:
		f.scratch.left -= int(v.Size().(types.Int))
	}
	if f.scratch.left < 0 {
		return nil, false
	}
	return valid(v)
}

// CharactersPerStep is how much of a text a step is.
const CharactersPerStep = 64

func has(v ref.Val, trait int) bool { return trait == 0 || v.Type().HasTrait(trait) }

// receive calls a function that its receiver implements.
func receive(name, overload string, values ...ref.Val) (ref.Val, bool) {
	r, ok := values[0].(traits.Receiver)
	if !ok || !values[0].Type().HasTrait(traits.ReceiverType) {
		return nil, false
	}
	return valid(r.Receive(name, overload, values[1:]))
}

// characters is the size of a text.
func characters(s string) int64 { return int64(utf8.RuneCountInString(s)) }
