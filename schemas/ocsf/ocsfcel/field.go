package ocsfcel

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Field is how to read one attribute of one object. The object is given as a
// pointer to its Go struct.
type Field struct {
	Name string

	has func(object any) bool
	// get gives what CEL works with: a ref.Val, or a pointer to a nested object.
	get func(object any) any
	// text and number read without making a CEL value; nil where they do not apply.
	text   func(object any) string
	number func(object any) int64
	// truth, float, texts, and for a list of objects length and element, likewise.
	truth   func(object any) bool
	float   func(object any) float64
	texts   func(object any) []string
	length  func(object any) int
	element func(object any, i int) any
	// object reads a single nested object: a pointer to it.
	object func(object any) any

	// The writers; all are nil for what SetClass and SetActivityID fill.
	setText   func(object any, v string)
	setNumber func(object any, v int64) bool
	setTruth  func(object any, v bool)
	setFloat  func(object any, v float64)
	setJSON   func(object any, v ocsf.JSON)
	addText   func(object any, v string)
	add       func(object any) any
}

func text[O any](name string, has func(*O) bool, get func(*O) string, set func(*O, string)) Field {
	f := Field{
		Name: name,
		has:  func(x any) bool { return has(x.(*O)) },
		get:  func(x any) any { return types.String(get(x.(*O))) },
		text: func(x any) string { return get(x.(*O)) },
	}
	if set != nil {
		f.setText = func(x any, v string) { set(x.(*O), v) }
	}
	return f
}

func integer[O any, I int32 | int64](name string, has func(*O) bool, get func(*O) I, set func(*O, I)) Field {
	return Field{
		Name:   name,
		has:    func(x any) bool { return has(x.(*O)) },
		get:    func(x any) any { return types.Int(get(x.(*O))) },
		number: func(x any) int64 { return int64(get(x.(*O))) },

		setNumber: setter(set),
	}
}

// setter sets a number that fits, and tells whether it did.
func setter[O any, I int32 | int64](set func(*O, I)) func(any, int64) bool {
	if set == nil {
		return nil
	}
	return func(x any, v int64) bool {
		if int64(I(v)) != v {
			return false
		}
		set(x.(*O), I(v))
		return true
	}
}

// timestamp is a CEL timestamp; number gives its milliseconds.
func timestamp[O any](name string, has func(*O) bool, get func(*O) int64, set func(*O, int64)) Field {
	return Field{
		Name:   name,
		has:    func(x any) bool { return has(x.(*O)) },
		get:    func(x any) any { return types.Timestamp{Time: time.UnixMilli(get(x.(*O))).UTC()} },
		number: func(x any) int64 { return get(x.(*O)) },

		setNumber: setter(set),
	}
}

func float[O any](name string, has func(*O) bool, get func(*O) float64, set func(*O, float64)) Field {
	return Field{
		Name: name,
		has:  func(x any) bool { return has(x.(*O)) },
		get:  func(x any) any { return types.Double(get(x.(*O))) },

		float:    func(x any) float64 { return get(x.(*O)) },
		setFloat: func(x any, v float64) { set(x.(*O), v) },
	}
}

func boolean[O any](name string, has, get func(*O) bool, set func(*O, bool)) Field {
	return Field{
		Name: name,
		has:  func(x any) bool { return has(x.(*O)) },
		get:  func(x any) any { return types.Bool(get(x.(*O))) },

		truth:    func(x any) bool { return get(x.(*O)) },
		setTruth: func(x any, v bool) { set(x.(*O), v) },
	}
}

func json[O any](name string, has func(*O) bool, get func(*O) ocsf.JSON, set func(*O, ocsf.JSON)) Field {
	return Field{
		Name: name,
		has:  func(x any) bool { return has(x.(*O)) },
		get:  func(x any) any { return parseJSON(get(x.(*O))) },

		setJSON: func(x any, v ocsf.JSON) { set(x.(*O), v) },
	}
}

// presenter is a pointer to a generated struct.
type presenter[T any] interface {
	*T
	Present() bool
}

func object[O, T any, P presenter[T]](name string, get func(*O) P) Field {
	return Field{
		Name: name,
		has:  func(x any) bool { return get(x.(*O)).Present() },
		get:  func(x any) any { return get(x.(*O)) },

		object: func(x any) any { return get(x.(*O)) },
	}
}

func objectList[O, T any](name string, get func(*O) []T, add func(*O) *T) Field {
	f := listOf(name, get, func(e *T) ref.Val { return &objectVal{e} })
	f.length = func(x any) int { return len(get(x.(*O))) }
	f.add = func(x any) any { return add(x.(*O)) }
	zero := new(T) // never written to: readers have no setters
	f.element = func(x any, i int) any {
		if all := get(x.(*O)); i >= 0 && i < len(all) {
			return &all[i]
		}
		return zero
	}
	return f
}

func textList[O any](name string, list func(*O) *[]string) Field {
	f := listOf(name, deref(list), func(e *string) ref.Val { return types.String(*e) })
	f.texts = func(x any) []string { return *list(x.(*O)) }
	f.addText = func(x any, v string) {
		l := list(x.(*O))
		*l = append(*l, v)
	}
	return f
}

func integerList[O any, I int32 | int64](name string, list func(*O) *[]I) Field {
	return listOf(name, deref(list), func(e *I) ref.Val { return types.Int(*e) })
}

func deref[O, T any](list func(*O) *[]T) func(*O) []T {
	return func(x *O) []T { return *list(x) }
}

func listOf[O, T any](name string, get func(*O) []T, wrap func(*T) ref.Val) Field {
	return Field{
		Name: name,
		has:  func(x any) bool { return len(get(x.(*O))) > 0 },
		get:  func(x any) any { return &list[T]{items: get(x.(*O)), wrap: wrap} },
	}
}
