package gateway

import (
	"github.com/weir-security/weir/schemas/jsondoc"
)

// node is what a table says of one member of a JSON record.
type node interface {
	read(a *access, v jsondoc.Value)
}

// members is an object: what is at which of its keys.
type members map[string]node

func (t members) read(a *access, v jsondoc.Value) {
	for key, member := range v.Members {
		if n, ok := t[key]; ok {
			n.read(a, member)
		}
	}
}

// read makes a setter the node of a scalar, or of a list with a single one, as
// headers are written. A dash and an empty text are absent.
func (s setter) read(a *access, v jsondoc.Value) {
	switch v.Kind() {
	case jsondoc.Null:
		v.Use()
		return
	case jsondoc.Array:
		if v.Len() == 1 {
			if only := v.Index(0); only.Kind() != jsondoc.Array {
				s.read(a, only)
			}
		}
		return
	case jsondoc.Object:
		return
	}
	text := v.Text()
	if text == "" || text == "-" || s(a, text) {
		v.Use()
	}
}

// folded is an object whose keys are compared without regard to case.
type folded map[string]node

func (t folded) read(a *access, v jsondoc.Value) {
	var room [maxKey]byte
	for key, member := range v.Members {
		if n, ok := t[string(appendLower(room[:0], key))]; ok {
			n.read(a, member)
		}
	}
}

// maxKey is how many bytes of a key fit without an allocation.
const maxKey = 64

// appendLower appends a key in lower case. What is not ASCII stays: no table has it.
func appendLower(dst []byte, key string) []byte {
	for i := range len(key) {
		c := key[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// headers is an object of headers, each a text or a list of texts. Those without an
// attribute of their own go to http_headers; of reports which setter a name has.
type headers struct{ of func(name string) setter }

func (h headers) read(a *access, v jsondoc.Value) {
	for name, value := range v.Members {
		set := h.of(name)
		if value.Kind() != jsondoc.Array {
			set.read(a, value)
			continue
		}
		for element := range value.Elements {
			set.read(a, element)
		}
	}
}

var (
	requestHeaders  = headers{requestHeader}
	responseHeaders = headers{responseHeader}
)

// text is a member that is a JSON object as a text, or an object.
type both struct {
	scalar setter
	object node
}

func (b both) read(a *access, v jsondoc.Value) {
	if v.Kind() == jsondoc.Object || v.Kind() == jsondoc.Array {
		b.object.read(a, v)
		return
	}
	b.scalar.read(a, v)
}

// reader is a node that decides for itself.
type reader func(a *access, v jsondoc.Value)

func (r reader) read(a *access, v jsondoc.Value) { r(a, v) }

// has tells whether an object has all of the keys.
func has(keys ...string) func(root jsondoc.Value) bool {
	return func(root jsondoc.Value) bool {
		for _, key := range keys {
			if !root.Get(key).Exists() {
				return false
			}
		}
		return true
	}
}
