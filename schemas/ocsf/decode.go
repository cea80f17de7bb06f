package ocsf

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// DecodeError says which attribute of an event's JSON cannot be read, and why.
type DecodeError struct {
	Path string // actor.user.type_id, resources[0].uid; empty for the event itself
	Err  error
}

func (e *DecodeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("decode OCSF event: %v", e.Err)
	}
	return fmt.Sprintf("decode OCSF event: %s: %v", e.Path, e.Err)
}

func (e *DecodeError) Unwrap() error { return e.Err }

var (
	errUnknown = errors.New("no such attribute in the selection of OCSF " + Version)
	errTwice   = errors.New("an attribute is there twice")
)

// at puts an attribute in front of the path of err.
func at(key string, err error) error {
	var d *DecodeError
	if !errors.As(err, &d) {
		return &DecodeError{Path: strings.Clone(key), Err: err} // the event's text may not last
	}
	if strings.HasPrefix(d.Path, "[") {
		d.Path = key + d.Path
	} else {
		d.Path = key + "." + d.Path
	}
	return d
}

// UnmarshalJSON reads an event that AppendJSON wrote: it is DecodeJSON of a
// document of its own. Who reads many events reuses a document instead.
func (x *Event) UnmarshalJSON(data []byte) error {
	d := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if err := d.Parse(data); err != nil {
		return &DecodeError{Err: err}
	}
	if d.Flags()&jsondoc.DuplicateKey != 0 {
		return &DecodeError{Err: errTwice}
	}
	return x.DecodeJSON(d.Root())
}

// DecodeJSON replaces x by the event that v holds. It is strict: an attribute
// outside the selection, null, another type, or a number beyond the attribute's
// range is a *DecodeError with its path, and leaves x half read. An empty object
// or list reads as absent. Strings share the memory of v's document.
//
// The document needs Wrapped: jsondoc.MaxWrapped, since an event nests deeper
// than the record that it holds.
func (x *Event) DecodeJSON(v jsondoc.Value) error {
	x.Reset()
	err := x.decode(v)
	if err == nil {
		return nil
	}
	var d *DecodeError
	if errors.As(err, &d) {
		return d
	}
	return &DecodeError{Err: err}
}

func wrongKind(v jsondoc.Value, want string) error {
	return fmt.Errorf("want %s, have %s", want, v.Kind())
}

func decodeString(v jsondoc.Value) (string, error) {
	s, ok := v.Str()
	if !ok {
		return "", wrongKind(v, "a string")
	}
	return s, nil
}

func decodeInt64(v jsondoc.Value) (int64, error) {
	n, ok := v.Int()
	if !ok {
		return 0, wrongNumber(v, "an integer of 64 bits")
	}
	return n, nil
}

func decodeInt32(v jsondoc.Value) (int32, error) {
	n, ok := v.Int()
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, wrongNumber(v, "an integer of 32 bits")
	}
	return int32(n), nil
}

func decodeFloat64(v jsondoc.Value) (float64, error) {
	f, ok := v.Float()
	if !ok {
		return 0, wrongNumber(v, "a number that fits a float64")
	}
	return f, nil
}

func wrongNumber(v jsondoc.Value, want string) error {
	if v.Kind() == jsondoc.Number {
		return fmt.Errorf("want %s, have %.40s", want, v.Raw())
	}
	return wrongKind(v, want)
}

func decodeBool(v jsondoc.Value) (bool, error) {
	b, ok := v.Bool()
	if !ok {
		return false, wrongKind(v, "true or false")
	}
	return b, nil
}

func decodeJSON(v jsondoc.Value) (JSON, error) { return JSON(v.Raw()), nil }

// decodeUntyped reads an object whose attributes OCSF leaves open.
func decodeUntyped(v jsondoc.Value) (JSON, error) {
	if v.Kind() != jsondoc.Object {
		return "", wrongKind(v, "an object")
	}
	return JSON(v.Raw()), nil
}

// decodeScalars appends the elements of a list of scalars.
func decodeScalars[T any](list []T, v jsondoc.Value, decode func(jsondoc.Value) (T, error)) ([]T, error) {
	if v.Kind() != jsondoc.Array {
		return list, wrongKind(v, "an array")
	}
	for e := range v.Elements {
		value, err := decode(e)
		if err != nil {
			return list, at(fmt.Sprintf("[%d]", len(list)), err)
		}
		list = append(list, value)
	}
	return list, nil
}

// decodeObjects appends the elements of a list of objects.
func decodeObjects[T any, P interface {
	*T
	Reset()
	decode(jsondoc.Value) error
}](list []T, v jsondoc.Value) ([]T, error) {
	if v.Kind() != jsondoc.Array {
		return list, wrongKind(v, "an array")
	}
	for e := range v.Elements {
		list = extend(list)
		p := P(&list[len(list)-1])
		p.Reset()
		if err := p.decode(e); err != nil {
			return list, at(fmt.Sprintf("[%d]", len(list)-1), err)
		}
	}
	return list, nil
}
