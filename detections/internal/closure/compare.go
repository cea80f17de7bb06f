package closure

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// equality compiles == and !=.
func (b *builder) equality(e ast.Expr, sc *variable) *node {
	args := e.AsCall().Args()
	left, right := b.compile(args[0], sc), b.compile(args[1], sc)
	if left.constant != nil {
		left, right = right, left // == is symmetric
	}
	n := &node{kind: kindBool, cost: left.cost + right.cost + 1}
	want := e.AsCall().FunctionName() == operators.Equals
	switch {
	case left.kind != right.kind:
		n.eval = equalValues(left, right, want)
	case left.kind == kindText:
		n.eval = equal[string](left, right, want)
	case left.kind == kindInt:
		n.eval = equal[int64](left, right, want)
	case left.kind == kindBool:
		n.eval = equal[bool](left, right, want)
	case left.kind == kindFloat:
		n.eval = equal[float64](left, right, want)
	case left.kind == kindDuration:
		n.eval = equal[time.Duration](left, right, want)
	case left.kind == kindTime:
		n.eval = holds(left, right, func(a, b time.Time) (bool, bool) { return a.Equal(b) == want, true })
	case left.kind == kindIP:
		n.eval = holds(left, right, func(a, b netip.Addr) (bool, bool) { return (a.IsValid() && a == b) == want, true })
	default:
		n.eval = equalValues(left, right, want)
	}
	return n
}

func equal[T comparable](left, right *node, want bool) fn[bool] {
	if right.constant != nil {
		if c, ok := unbox[T](right.constant); ok {
			of := left.eval.(fn[T])
			return func(f *Frame) (bool, bool) {
				v, ok := of(f)
				return (v == c) == want, ok
			}
		}
	}
	return holds(left, right, func(a, b T) (bool, bool) { return (a == b) == want, true })
}

// holds is a test of two values of one type, which may be an error.
func holds[T any](left, right *node, test func(a, b T) (v, ok bool)) fn[bool] {
	l, r := left.eval.(fn[T]), right.eval.(fn[T])
	return func(f *Frame) (bool, bool) {
		a, ok := l(f)
		if !ok {
			return false, false
		}
		b, ok := r(f)
		if !ok {
			return false, false
		}
		return test(a, b)
	}
}

// equalValues compares as cel-go does: what is not comparable is unequal.
func equalValues(left, right *node, want bool) fn[bool] {
	l, r := boxed(left), boxed(right)
	return func(f *Frame) (bool, bool) {
		a, ok := l(f)
		if !ok {
			return false, false
		}
		b, ok := r(f)
		if !ok {
			return false, false
		}
		switch v := types.Equal(a, b).(type) {
		case types.Bool:
			return bool(v) == want, true
		case *types.Err, *types.Unknown:
			if !want {
				return true, true // != is whatever is not ==
			}
		}
		return false, false
	}
}

// ordering compiles < <= > >= of two values of one type; nil for others.
func (b *builder) ordering(e ast.Expr, sc *variable) *node {
	args := e.AsCall().Args()
	left, right := b.compile(args[0], sc), b.compile(args[1], sc)
	if left.kind != right.kind {
		return nil
	}
	wanted := orders[e.AsCall().FunctionName()]
	n := &node{kind: kindBool, cost: left.cost + right.cost + 1}
	switch left.kind {
	case kindText:
		n.eval = holds(left, right, func(a, b string) (bool, bool) { return wanted(cmp.Compare(a, b)), true })
	case kindInt:
		n.eval = holds(left, right, func(a, b int64) (bool, bool) { return wanted(cmp.Compare(a, b)), true })
	case kindFloat:
		n.eval = holds(left, right, func(a, b float64) (bool, bool) {
			return wanted(cmp.Compare(a, b)) && !math.IsNaN(a) && !math.IsNaN(b), true
		})
	case kindTime:
		n.eval = holds(left, right, func(a, b time.Time) (bool, bool) { return wanted(a.Compare(b)), true })
	case kindDuration:
		n.eval = holds(left, right, func(a, b time.Duration) (bool, bool) { return wanted(cmp.Compare(a, b)), true })
	default:
		return nil
	}
	return n
}

var orders = map[string]func(order int) bool{
	operators.Less:          func(o int) bool { return o < 0 },
	operators.LessEquals:    func(o int) bool { return o <= 0 },
	operators.Greater:       func(o int) bool { return o > 0 },
	operators.GreaterEquals: func(o int) bool { return o >= 0 },
}

// fewValues is up to how many values of a list literal are compared one by one.
const fewValues = 6

// membership compiles `x in list` for the lists that rules have: of literals of
// x's type, and of an event's texts. It gives nil for others.
func (b *builder) membership(e ast.Expr, sc *variable) *node {
	args := e.AsCall().Args()
	value, list := b.compile(args[0], sc), b.compile(args[1], sc)
	n := &node{kind: kindBool, cost: value.cost + list.cost + 2}
	switch {
	case value.kind == kindText && list.texts != nil:
		of, texts := value.eval.(fn[string]), list.texts
		n.eval = fn[bool](func(f *Frame) (bool, bool) {
			v, ok := of(f)
			if !ok {
				return false, false
			}
			all, ok := texts(f)
			return slices.Contains(all, v), ok
		})
		return n
	case value.kind == kindText:
		if set, ok := constants[string](list); ok {
			n.eval = in(value.eval.(fn[string]), set)
			return n
		}
	case value.kind == kindInt:
		if set, ok := constants[int64](list); ok {
			n.eval = in(value.eval.(fn[int64]), set)
			return n
		}
	}
	return nil
}

// constants are the elements of a list literal whose elements all are of type T.
func constants[T any](list *node) (all []T, ok bool) {
	l, isList := list.constant.(traits.Lister)
	if !isList {
		return nil, false
	}
	for it := l.Iterator(); it.HasNext() == types.True; {
		element, isVal := it.Next().(ref.Val)
		if !isVal {
			return nil, false
		}
		v, ok := unbox[T](element)
		if !ok {
			return nil, false
		}
		all = append(all, v)
	}
	return all, true
}

func in[T comparable](of fn[T], values []T) fn[bool] {
	if len(values) <= fewValues {
		return func(f *Frame) (bool, bool) {
			v, ok := of(f)
			return ok && slices.Contains(values, v), ok
		}
	}
	set := make(map[T]struct{}, len(values))
	for _, v := range values {
		set[v] = struct{}{}
	}
	return func(f *Frame) (bool, bool) {
		v, ok := of(f)
		_, found := set[v]
		return ok && found, ok
	}
}

// Texts are the elements of a list literal of strings.
func Texts(literal ref.Val) (all []string, ok bool) {
	return constants[string](&node{constant: literal})
}
