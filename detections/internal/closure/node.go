package closure

import (
	"net/netip"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// fn evaluates for a frame's event; ok is false if there is no value.
type fn[T any] func(*Frame) (v T, ok bool)

// kind is how a node holds its value.
type kind int

const (
	kindBool     kind = iota // fn[bool]
	kindText                 // fn[string]
	kindInt                  // fn[int64]
	kindFloat                // fn[float64]
	kindTime                 // fn[time.Time]
	kindDuration             // fn[time.Duration]
	kindIP                   // fn[netip.Addr]
	kindCIDR                 // fn[netip.Prefix]
	kindJSON                 // fn[ocsfcel.JSON]
	kindObject               // fn[any]: a pointer to the object
	kindValue                // fn[ref.Val]: anything else
	kinds
)

// node is a compiled sub-expression.
type node struct {
	kind kind
	eval any // the fn of the kind
	// constant is the value of a literal, else nil.
	constant ref.Val
	// list and texts read a list of an event, for loops and subscripts; eval is then
	// its boxed form.
	list  *objectList
	texts fn[[]string]
	// cost orders conjuncts: the cheap ones decide first. One is about reading a
	// kept value.
	cost int
	// covered is false if a part of it is left to cel-go.
	covered bool
}

// objectList is a list of objects: the object that has it, and its readers.
type objectList struct {
	owner   fn[any]
	length  func(object any) int
	element func(object any, i int) any
}

// kindOf is how values of a CEL type are held.
func kindOf(t *types.Type) kind {
	switch t.Kind() {
	case types.BoolKind:
		return kindBool
	case types.StringKind:
		return kindText
	case types.IntKind:
		return kindInt
	case types.DoubleKind:
		return kindFloat
	case types.TimestampKind:
		return kindTime
	case types.DurationKind:
		return kindDuration
	case types.StructKind:
		if t.TypeName() == ocsfcel.JSONType.TypeName() {
			return kindJSON
		}
		return kindObject
	case types.OpaqueKind:
		switch t.TypeName() {
		case IPType.TypeName():
			return kindIP
		case CIDRType.TypeName():
			return kindCIDR
		}
	}
	return kindValue
}

// unbox is the Go form of a CEL value, for the types that fn has.
func unbox[T any](v ref.Val) (T, bool) {
	if t, ok := any(v).(T); ok {
		return t, true // T is ref.Val itself, or a type that is one
	}
	var out any
	switch v := v.(type) {
	case types.Bool:
		out = bool(v)
	case types.String:
		out = string(v)
	case types.Int:
		out = int64(v)
	case types.Double:
		out = float64(v)
	case types.Timestamp:
		out = v.Time
	case types.Duration:
		out = v.Duration
	case IP:
		out = v.Addr
	case CIDR:
		out = v.Prefix
	}
	t, ok := out.(T)
	return t, ok
}

// box is the reverse of unbox. It needs no case for what is a CEL value already.
func box[T any](v T) ref.Val {
	switch v := any(v).(type) {
	case bool:
		return types.Bool(v)
	case string:
		return types.String(v)
	case int64:
		return types.Int(v)
	case float64:
		return types.Double(v)
	case time.Time:
		return types.Timestamp{Time: v}
	case time.Duration:
		return types.Duration{Duration: v}
	case netip.Addr:
		return IP{v}
	case netip.Prefix:
		return CIDR{v}
	case ref.Val:
		return v
	}
	return ocsfcel.ValueOf(v)
}

// boxed is any node as a CEL value.
func boxed(n *node) fn[ref.Val] {
	if n.constant != nil {
		v := n.constant
		return func(*Frame) (ref.Val, bool) { return v, true }
	}
	switch eval := n.eval.(type) {
	case fn[ref.Val]:
		return eval
	case fn[bool]:
		return boxing(eval)
	case fn[string]:
		return boxing(eval)
	case fn[int64]:
		return boxing(eval)
	case fn[float64]:
		return boxing(eval)
	case fn[time.Time]:
		return boxing(eval)
	case fn[time.Duration]:
		return boxing(eval)
	case fn[netip.Addr]:
		return boxing(eval)
	case fn[netip.Prefix]:
		return boxing(eval)
	case fn[ocsfcel.JSON]:
		return boxing(eval)
	}
	return boxing(n.eval.(fn[any]))
}

func boxing[T any](eval fn[T]) fn[ref.Val] {
	return func(f *Frame) (ref.Val, bool) {
		v, ok := eval(f)
		if !ok {
			return nil, false
		}
		return box(v), true
	}
}

// typed makes a node of the kind out of a function that gives CEL values.
func typed(k kind, eval fn[ref.Val]) *node {
	n := &node{kind: k}
	switch k {
	case kindBool:
		n.eval = unboxing[bool](eval)
	case kindText:
		n.eval = unboxing[string](eval)
	case kindInt:
		n.eval = unboxing[int64](eval)
	case kindFloat:
		n.eval = unboxing[float64](eval)
	case kindTime:
		n.eval = unboxing[time.Time](eval)
	case kindDuration:
		n.eval = unboxing[time.Duration](eval)
	case kindIP:
		n.eval = unboxing[netip.Addr](eval)
	case kindCIDR:
		n.eval = unboxing[netip.Prefix](eval)
	case kindJSON:
		n.eval = unboxing[ocsfcel.JSON](eval)
	case kindObject:
		n.eval = fn[any](func(f *Frame) (any, bool) {
			v, ok := eval(f)
			if !ok {
				return nil, false
			}
			return v.Value(), true
		})
	default:
		n.kind, n.eval = kindValue, eval
	}
	return n
}

func unboxing[T any](eval fn[ref.Val]) fn[T] {
	return func(f *Frame) (T, bool) {
		v, ok := eval(f)
		if !ok {
			var zero T
			return zero, false
		}
		return unbox[T](v)
	}
}

// literal is a node of a constant.
func literal(v ref.Val) *node {
	n := &node{constant: v}
	switch v := v.(type) {
	case types.Bool:
		n.kind, n.eval = kindBool, always(bool(v))
	case types.String:
		n.kind, n.eval = kindText, always(string(v))
	case types.Int:
		n.kind, n.eval = kindInt, always(int64(v))
	case types.Double:
		n.kind, n.eval = kindFloat, always(float64(v))
	case types.Timestamp:
		n.kind, n.eval = kindTime, always(v.Time)
	case types.Duration:
		n.kind, n.eval = kindDuration, always(v.Duration)
	case IP:
		n.kind, n.eval = kindIP, always(v.Addr)
	case CIDR:
		n.kind, n.eval = kindCIDR, always(v.Prefix)
	default:
		n.kind, n.eval = kindValue, always(v)
	}
	return n
}

func always[T any](v T) fn[T] { return func(*Frame) (T, bool) { return v, true } }
