package closure

import (
	"net/netip"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Native is a Go function of total meaning that rules can call: as a closure
// without CEL values, and as a binding of cel-go. Its arguments and result are
// bool, string, int64, float64, time.Time, time.Duration, netip.Addr,
// netip.Prefix, ocsfcel.JSON or ref.Val.
type Native interface {
	// Args and Result are the CEL types.
	Args() []*types.Type
	Result() *types.Type
	// Bind makes cel-go's binding.
	Bind() (functions.UnaryOp, functions.BinaryOp, functions.FunctionOp)

	// wire makes n call the function; false if an argument is held in another way.
	wire(n *node, args []*node) bool
}

// Unary, Binary and Ternary make natives of functions.
func Unary[A, R any](f func(A) R) Native { return unary[A, R]{call: f} }

// Binary is Unary for two arguments.
func Binary[A, B, R any](f func(A, B) R) Native { return binary[A, B, R]{call: f} }

// Weighed is Unary of a function whose work depends on its argument: steps tells how
// much of Scratch's it takes, before it is called.
func Weighed[A, R any](f func(A) R, steps func(A) int) Native {
	return unary[A, R]{call: f, steps: steps}
}

// WeighedBinary is Weighed for two arguments.
func WeighedBinary[A, B, R any](f func(A, B) R, steps func(A, B) int) Native {
	return binary[A, B, R]{call: f, steps: steps}
}

// Scratching is Weighed of a function that makes text or knows only on the way what it
// takes.
func Scratching[A, R any](f func(*Scratch, A) R, steps func(A) int) Native {
	return unary[A, R]{func(a A) R { return f(nil, a) }, steps, f}
}

// BinaryScratching is Scratching for two arguments.
func BinaryScratching[A, B, R any](f func(*Scratch, A, B) R, steps func(A, B) int) Native {
	return binary[A, B, R]{func(a A, b B) R { return f(nil, a, b) }, steps, f}
}

// Ternary is Unary for three arguments.
func Ternary[A, B, C, R any](f func(A, B, C) R) Native { return ternary[A, B, C, R]{f} }

type unary[A, R any] struct {
	call  func(A) R
	steps func(A) int         // nil for next to none
	with  func(*Scratch, A) R // call, nil if it needs none
}

func (u unary[A, R]) Args() []*types.Type { return []*types.Type{typeFor[A]()} }
func (u unary[A, R]) Result() *types.Type { return typeFor[R]() }

func (u unary[A, R]) Bind() (functions.UnaryOp, functions.BinaryOp, functions.FunctionOp) {
	return func(v ref.Val) ref.Val {
		a, ok := unbox[A](v)
		if !ok {
			return types.MaybeNoSuchOverloadErr(v)
		}
		return box(u.call(a))
	}, nil, nil
}

func (u unary[A, R]) wire(n *node, args []*node) bool {
	of, ok := args[0].eval.(fn[A])
	if !ok {
		return false
	}
	n.kind = kindOf(u.Result())
	if c := args[0].constant; c != nil {
		if a, ok := unbox[A](c); ok {
			v := u.call(a)
			n.eval, n.constant, n.cost = always(v), box(v), 0
			return true
		}
	}
	n.eval = fn[R](func(f *Frame) (r R, ok bool) {
		a, ok := of(f)
		if !ok || u.steps != nil && !f.scratch.Spend(u.steps(a)) {
			return r, false
		}
		if u.with != nil {
			r = u.with(&f.scratch, a)
			return r, f.scratch.left >= 0
		}
		return u.call(a), true
	})
	return true
}

type binary[A, B, R any] struct {
	call  func(A, B) R
	steps func(A, B) int         // nil for next to none
	with  func(*Scratch, A, B) R // call, nil if it needs none
}

func (u binary[A, B, R]) Args() []*types.Type { return []*types.Type{typeFor[A](), typeFor[B]()} }
func (u binary[A, B, R]) Result() *types.Type { return typeFor[R]() }

func (u binary[A, B, R]) Bind() (functions.UnaryOp, functions.BinaryOp, functions.FunctionOp) {
	return nil, func(v, w ref.Val) ref.Val {
		a, ok := unbox[A](v)
		if !ok {
			return types.MaybeNoSuchOverloadErr(v)
		}
		b, ok := unbox[B](w)
		if !ok {
			return types.MaybeNoSuchOverloadErr(w)
		}
		return box(u.call(a, b))
	}, nil
}

func (u binary[A, B, R]) wire(n *node, args []*node) bool {
	first, ok := args[0].eval.(fn[A])
	if !ok {
		return false
	}
	second, ok := args[1].eval.(fn[B])
	if !ok {
		return false
	}
	n.kind = kindOf(u.Result())
	n.eval = fn[R](func(f *Frame) (r R, ok bool) {
		a, ok := first(f)
		if !ok {
			return r, false
		}
		b, ok := second(f)
		if !ok || u.steps != nil && !f.scratch.Spend(u.steps(a, b)) {
			return r, false
		}
		if u.with != nil {
			r = u.with(&f.scratch, a, b)
			return r, f.scratch.left >= 0
		}
		return u.call(a, b), true
	})
	return true
}

type ternary[A, B, C, R any] struct{ call func(A, B, C) R }

func (u ternary[A, B, C, R]) Args() []*types.Type {
	return []*types.Type{typeFor[A](), typeFor[B](), typeFor[C]()}
}
func (u ternary[A, B, C, R]) Result() *types.Type { return typeFor[R]() }

func (u ternary[A, B, C, R]) Bind() (functions.UnaryOp, functions.BinaryOp, functions.FunctionOp) {
	return nil, nil, func(values ...ref.Val) ref.Val {
		if len(values) != 3 {
			return types.NoSuchOverloadErr()
		}
		a, okA := unbox[A](values[0])
		b, okB := unbox[B](values[1])
		c, okC := unbox[C](values[2])
		if !okA || !okB || !okC {
			return types.NoSuchOverloadErr()
		}
		return box(u.call(a, b, c))
	}
}

func (u ternary[A, B, C, R]) wire(n *node, args []*node) bool {
	first, okA := args[0].eval.(fn[A])
	second, okB := args[1].eval.(fn[B])
	third, okC := args[2].eval.(fn[C])
	if !okA || !okB || !okC {
		return false
	}
	n.kind = kindOf(u.Result())
	n.eval = fn[R](func(f *Frame) (r R, ok bool) {
		a, okA := first(f)
		b, okB := second(f)
		c, okC := third(f)
		if !okA || !okB || !okC {
			return r, false
		}
		return u.call(a, b, c), true
	})
	return true
}

// typeFor is the CEL type of a Go type.
func typeFor[T any]() *types.Type {
	switch any(new(T)).(type) {
	case *bool:
		return types.BoolType
	case *string:
		return types.StringType
	case *int64:
		return types.IntType
	case *float64:
		return types.DoubleType
	case *time.Time:
		return types.TimestampType
	case *time.Duration:
		return types.DurationType
	case *netip.Addr:
		return IPType
	case *netip.Prefix:
		return CIDRType
	case *ocsfcel.JSON:
		return ocsfcel.JSONType
	}
	return types.DynType
}

// native compiles a call of a function that has a Go form; nil if it has none.
func (b *builder) native(e ast.Expr, sc *variable) *node {
	ids := b.ast.GetOverloadIDs(e.ID())
	if len(ids) != 1 {
		return nil
	}
	prepare, native := b.library.Prepared[ids[0]], b.library.Natives[ids[0]]
	if prepare == nil && native == nil {
		return nil
	}
	arguments, cost := b.arguments(e.AsCall(), sc)
	n := &node{cost: cost + CostCall}
	if prepare != nil {
		if p, factor := prepared(prepare, arguments[1:]); p != nil {
			n.cost = cost + factor
			if p.wire(n, arguments[:1]) {
				return n
			}
		}
	}
	if native != nil && native.wire(n, arguments) {
		return n
	}
	return nil
}

// prepared prepares a function if all of the arguments are known; nil if it cannot.
func prepared(prepare Prepare, arguments []*node) (Native, int) {
	var literals []ref.Val
	for _, a := range arguments {
		if a.constant == nil {
			return nil, 0
		}
		literals = append(literals, a.constant)
	}
	return prepare(literals)
}
