package ocsfcel

import (
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf"
)

// FieldOf is the reader of an attribute of a CEL type, which is a class or an
// object; nil if it has none of that name.
func FieldOf(typeName, attribute string) *Field {
	if ocsf.ClassByName(typeName) != nil {
		typeName = "" // one struct holds the attributes of all classes
	}
	all := fields[typeName]
	for i := range all {
		if all[i].Name == attribute {
			return &all[i]
		}
	}
	return nil
}

// Has tells whether the attribute of an object, given as a pointer, is present.
func (f *Field) Has(object any) bool { return f.has(object) }

// Value is the attribute as a CEL value.
func (f *Field) Value(object any) ref.Val { return ValueOf(f.get(object)) }

// ValueOf makes a CEL value of what an attribute holds: a CEL value already, or
// a pointer to an object.
func ValueOf(v any) ref.Val {
	if v, ok := v.(ref.Val); ok {
		return v
	}
	return &objectVal{v}
}

// The typed readers of attributes; nil where the attribute is of another type.
// They allocate nothing. What an absent attribute gives is the type's zero, and
// an element out of range is an object of which everything is absent.

// Text reads a string.
func (f *Field) Text() func(object any) string { return f.text }

// Number reads an integer, or the milliseconds of a timestamp.
func (f *Field) Number() func(object any) int64 { return f.number }

// Truth reads a boolean.
func (f *Field) Truth() func(object any) bool { return f.truth }

// Float reads a number.
func (f *Field) Float() func(object any) float64 { return f.float }

// Texts reads a list of strings, which is the event's.
func (f *Field) Texts() func(object any) []string { return f.texts }

// Object reads a nested object, as a pointer.
func (f *Field) Object() func(object any) any { return f.object }

// Elements reads a list of objects: how many, and each as a pointer.
func (f *Field) Elements() (length func(object any) int, element func(object any, i int) any) {
	return f.length, f.element
}
