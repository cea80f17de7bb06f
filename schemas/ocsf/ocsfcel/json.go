package ocsfcel

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// JSONType is the CEL type of JSON values: raw, unmapped, and attributes that
// OCSF leaves untyped. Any member of it may be selected and is JSON again.
var JSONType = types.NewObjectType("json", traits.FieldTesterType, traits.SizerType)

// JSON is a JSON value in CEL. The zero JSON is an absent one.
type JSON struct{ node }

// node is an alias, for a field named Value would hide the method of ref.Val.
type node = jsondoc.Value

// ParseJSON reads a text into doc, whose values live as long as doc is not
// parsed again. A text that is no JSON is absent.
func ParseJSON(doc *jsondoc.Doc, text string) JSON {
	if text == "" || doc.ParseString(text) != nil {
		return JSON{}
	}
	return JSON{doc.Root()}
}

// parseJSON reads an attribute. The document lives with the value.
func parseJSON(text ocsf.JSON) JSON { return ParseJSON(new(jsondoc.Doc), string(text)) }

// Get is a member of an object, absent if there is none.
func (j JSON) Get(key string) JSON {
	if j.Kind() != jsondoc.Object {
		return JSON{}
	}
	return JSON{j.node.Get(key)}
}

// At is an element of an array, absent if there is none.
func (j JSON) At(i int64) JSON {
	if j.Kind() != jsondoc.Array || i < 0 || i >= int64(j.Len()) {
		return JSON{}
	}
	return JSON{j.Index(int(i))}
}

// Items is the elements of an array; of anything else there are none.
func (j JSON) Items() ref.Val {
	l := &list[JSON]{wrap: func(e *JSON) ref.Val { return *e }}
	if j.Kind() == jsondoc.Array {
		for e := range j.Elements {
			l.items = append(l.items, JSON{e})
		}
	}
	return l
}

// Is tells whether the value exists and equals a CEL value of a scalar type or
// another JSON value. Numbers are equal by value, whatever their type; texts of
// other kinds never are.
func (j JSON) Is(other ref.Val) bool {
	switch o := other.(type) {
	case types.String:
		s, ok := j.Str()
		return ok && s == string(o)
	case types.Bool:
		b, ok := j.Bool()
		return ok && b == bool(o)
	case types.Null:
		return j.Kind() == jsondoc.Null
	case JSON:
		return j.isJSON(o)
	}
	c, ok := j.Compare(other)
	return ok && c == 0
}

func (j JSON) isJSON(o JSON) bool {
	if !j.Exists() || j.Kind() != o.Kind() {
		return false
	}
	if j.Kind() == jsondoc.String {
		return j.Text() == o.Text()
	}
	if c, ok := j.Compare(o); ok {
		return c == 0
	}
	return j.JSON() == o.JSON()
}

// Compare orders numbers by value and strings by their bytes. ok is false where
// there is no order: another kind, or an absent value.
func (j JSON) Compare(other ref.Val) (c int, ok bool) {
	var mine, theirs ref.Val
	if mine = j.scalar(); mine == nil {
		return 0, false
	}
	if theirs = other; other.Type() == JSONType {
		if theirs = other.(JSON).scalar(); theirs == nil {
			return 0, false
		}
	}
	if (mine.Type() == types.StringType) != (theirs.Type() == types.StringType) {
		return 0, false
	}
	order, isInt := mine.(traits.Comparer).Compare(theirs).(types.Int)
	return int(order), isInt
}

// scalar is a string or number as CEL's own value, else nil.
func (j JSON) scalar() ref.Val {
	switch j.Kind() {
	case jsondoc.String:
		return types.String(j.Text())
	case jsondoc.Number:
		if i, ok := j.Int(); ok {
			return types.Int(i)
		}
		if f, ok := j.Float(); ok {
			return types.Double(f)
		}
	}
	return nil
}

// String is the text of a scalar, the JSON text of an object or array, and empty
// for null and an absent value.
func (j JSON) String() string {
	switch j.Kind() {
	case jsondoc.Absent, jsondoc.Null:
		return ""
	case jsondoc.Object, jsondoc.Array:
		return j.JSON()
	}
	return j.Text()
}

// Type is JSONType.
func (j JSON) Type() ref.Type { return JSONType }

// Value is the JSON itself.
func (j JSON) Value() any { return j }

// Equal is Is as a CEL value.
func (j JSON) Equal(other ref.Val) ref.Val { return types.Bool(j.Is(other)) }

// ConvertToType gives the value or its type; rules convert with string() and int().
func (j JSON) ConvertToType(t ref.Type) ref.Val { return convert(j, t) }

// ConvertToNative is not needed: nothing outside of CEL reads a rule's JSON.
func (j JSON) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert json to %v: not supported", t)
}

// JSONOf makes a CEL value of a value of a document.
func JSONOf(v jsondoc.Value) JSON { return JSON{v} }

// Node is the value of the document.
func (j JSON) Node() jsondoc.Value { return j.node }
