package jsondoc

import (
	"math"
	"strconv"
)

// Kind is the type of a JSON value.
type Kind uint8

// The kinds. Absent is what Get gives for a key that is not there.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"absent", "null", "bool", "number", "string", "array", "object"}

func (k Kind) String() string { return kindNames[k] }

// Value is a handle on one value of a Doc, valid until the Doc's next parse. The
// zero Value is absent, and so is all that one asks of an absent value: a path
// can be followed without looking at each step.
type Value struct {
	doc   *Doc
	index uint32
}

func (v Value) node() *node { return &v.doc.nodes[v.index] }

// Kind tells the type; Absent for the zero Value.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Absent
	}
	return v.node().kind
}

// Exists tells whether the value is there, be it null.
func (v Value) Exists() bool { return v.doc != nil }

// Get is the member of that key; absent if there is none or v is no object.
func (v Value) Get(key string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	nodes, hash := v.doc.nodes, hash(key)
	if v.index == 0 {
		switch m := v.doc.index[hash%rootSlots]; {
		case m == severalMembers:
		case m == 0 || nodes[m].keyHash != hash || !v.doc.hasKey(m, key):
			return Value{}
		default:
			return Value{v.doc, m}
		}
	}
	end := nodes[v.index].next
	for i := v.index + 1; i < end; i = nodes[i].next {
		if nodes[i].keyHash == hash && nodes[i].marks&shadowed == 0 && v.doc.hasKey(i, key) {
			return Value{v.doc, i}
		}
	}
	return Value{}
}

// Path follows keys from object to object.
func (v Value) Path(keys ...string) Value {
	for _, key := range keys {
		v = v.Get(key)
	}
	return v
}

// Index is the i-th element of an array, absent outside of it. It walks there:
// use Elements for all.
func (v Value) Index(i int) Value {
	at := 0
	for e := range v.Elements {
		if at == i {
			return e
		}
		at++
	}
	return Value{}
}

// Len is the number of elements or members (a key that comes twice counts
// once); 0 for a scalar.
func (v Value) Len() int {
	n := 0
	v.children(func(uint32) bool { n++; return true })
	return n
}

// Members gives each member of an object in the order of the text, nothing for
// another kind. As a method value it is an iterator: for key, m := range v.Members.
func (v Value) Members(yield func(key string, v Value) bool) {
	if v.Kind() == Object {
		v.children(func(i uint32) bool { return yield(v.doc.key(i), Value{v.doc, i}) })
	}
}

// Elements gives each element of an array, nothing for another kind. As a method
// value it is an iterator: for e := range v.Elements.
func (v Value) Elements(yield func(v Value) bool) {
	if v.Kind() == Array {
		v.children(func(i uint32) bool { return yield(Value{v.doc, i}) })
	}
}

// children gives the index of each element or member that is not shadowed.
func (v Value) children(yield func(i uint32) bool) {
	if k := v.Kind(); k != Array && k != Object {
		return
	}
	nodes := v.doc.nodes
	end := nodes[v.index].next
	for i := v.index + 1; i < end; i = nodes[i].next {
		if nodes[i].marks&shadowed == 0 && !yield(i) {
			return
		}
	}
}

// Str is the content of a string. It allocates only if the text has an escape.
func (v Value) Str() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	n := v.node()
	s := v.doc.src[n.start+1 : n.end-1]
	if n.marks&escaped != 0 {
		s = unescape(s)
	}
	return s, true
}

// Int is a number that is an integer of 64 bits, exactly. A number written with
// a fraction or exponent (1.0, 1e3) counts if its value is whole and below 2^53.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	text := v.Raw()
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Float is a number as the nearest float64; not one that is beyond its range.
func (v Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Raw(), 64)
	return f, err == nil
}

// Bool is true or false; the strings "true" and "false" are strings.
func (v Value) Bool() (value, ok bool) {
	if v.Kind() != Bool {
		return false, false
	}
	return v.doc.src[v.node().start] == 't', true
}

// Text is a scalar as text: a string's content, a number or bool as written.
// Absent, null and containers have none.
func (v Value) Text() string {
	switch v.Kind() {
	case String:
		s, _ := v.Str()
		return s
	case Number, Bool:
		return v.Raw()
	}
	return ""
}

// Raw is the value's source text (see the package comment for the two repairs
// that it may have had); empty if absent.
func (v Value) Raw() string {
	if v.doc == nil {
		return ""
	}
	n := v.node()
	return v.doc.src[n.start:n.end]
}

// Span is where the value's text stands in the text that was parsed, in bytes; 0, 0
// if it is absent.
func (v Value) Span() (start, end int) {
	if v.doc == nil {
		return 0, 0
	}
	n := v.node()
	return v.doc.original(int(n.start)), v.doc.original(int(n.end))
}

// AllMembers is Members with those, too, that a later one of the same key shadows.
func (v Value) AllMembers(yield func(key string, v Value) bool) {
	if v.Kind() != Object {
		return
	}
	nodes := v.doc.nodes
	end := nodes[v.index].next
	for i := v.index + 1; i < end; i = nodes[i].next {
		if !yield(v.doc.key(i), Value{v.doc, i}) {
			return
		}
	}
}
