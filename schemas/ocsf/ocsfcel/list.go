package ocsfcel

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// list is a slice of an event as a CEL list. Reading beyond its end gives the
// element's zero.
type list[T any] struct {
	items []T
	wrap  func(*T) ref.Val
}

var _ traits.Lister = (*list[string])(nil)

// at is element i.
func (l *list[T]) at(i int64) ref.Val {
	if i < 0 || i >= int64(len(l.items)) {
		return l.wrap(new(T))
	}
	return l.wrap(&l.items[i])
}

// GetInt64Index is how cel-go's interpreter indexes a list.
func (l *list[T]) GetInt64Index(i int64) (any, bool) { return l.at(i), true }

// Get is the list's element by a CEL index.
func (l *list[T]) Get(index ref.Val) ref.Val {
	i, err := types.GetOrError(index)
	if err != nil {
		return types.WrapErr(err)
	}
	return l.at(int64(i))
}

// Size is the number of elements.
func (l *list[T]) Size() ref.Val { return types.Int(len(l.items)) }

// Contains is the operator in.
func (l *list[T]) Contains(value ref.Val) ref.Val {
	for i := range l.items {
		if l.wrap(&l.items[i]).Equal(value) == types.True {
			return types.True
		}
	}
	return types.False
}

// Add is the concatenation of two lists.
func (l *list[T]) Add(other ref.Val) ref.Val {
	values := make([]ref.Val, len(l.items))
	for i := range l.items {
		values[i] = l.wrap(&l.items[i])
	}
	return types.DefaultTypeAdapter.NativeToValue(values).(traits.Adder).Add(other)
}

// Iterator walks the elements.
func (l *list[T]) Iterator() traits.Iterator { return &iterator[T]{list: l} }

// Equal compares element by element.
func (l *list[T]) Equal(other ref.Val) ref.Val {
	o, ok := other.(traits.Lister)
	if !ok || o.Size() != l.Size() {
		return types.False
	}
	for i := range l.items {
		if eq := l.at(int64(i)).Equal(o.Get(types.Int(i))); eq != types.True {
			return eq
		}
	}
	return types.True
}

// Type is CEL's list.
func (l *list[T]) Type() ref.Type { return types.ListType }

// Value is the list itself: nothing outside of CEL reads it.
func (l *list[T]) Value() any { return l }

// ConvertToNative is not needed: no rule's value leaves CEL as a list of Go values.
func (l *list[T]) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert list to %v: not supported", t)
}

// ConvertToType gives the list or its type.
func (l *list[T]) ConvertToType(t ref.Type) ref.Val { return convert(l, t) }

type iterator[T any] struct {
	list *list[T]
	next int
}

func (it *iterator[T]) HasNext() ref.Val { return types.Bool(it.next < len(it.list.items)) }

func (it *iterator[T]) Next() ref.Val {
	it.next++
	return it.list.at(int64(it.next - 1))
}

func (it *iterator[T]) Equal(ref.Val) ref.Val            { return types.False }
func (it *iterator[T]) Type() ref.Type                   { return types.IteratorType }
func (it *iterator[T]) Value() any                       { return it }
func (it *iterator[T]) ConvertToType(t ref.Type) ref.Val { return convert(it, t) }
func (it *iterator[T]) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert iterator to %v: not supported", t)
}

// convert is ConvertToType of a value that has one type only.
func convert(v ref.Val, t ref.Type) ref.Val {
	switch t.TypeName() {
	case v.Type().TypeName():
		return v
	case types.TypeType.TypeName():
		return v.Type().(ref.Val)
	}
	return types.NewErr("cannot convert %s to %s", v.Type().TypeName(), t.TypeName())
}

// objectVal is an object as a CEL value of its own: an element of a list.
type objectVal struct{ pointer any }

var objectType = types.NewObjectType("object")

func (o *objectVal) Type() ref.Type                   { return objectType }
func (o *objectVal) Value() any                       { return o.pointer }
func (o *objectVal) ConvertToType(t ref.Type) ref.Val { return convert(o, t) }

// Equal is identity; the loader refuses to compare objects.
func (o *objectVal) Equal(other ref.Val) ref.Val { return types.Bool(o.pointer == other.Value()) }

func (o *objectVal) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert object to %v: not supported", t)
}
