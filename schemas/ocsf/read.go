package ocsf

import (
	"math"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// Decoder reads events from texts that AppendJSON wrote straight into their fields,
// and any other text by way of a document. Its zero value is ready; it belongs to one
// goroutine. 1.5x on BenchmarkDecoder; the document's way is what tests hold it
// against.
type Decoder struct {
	stream jsondoc.Stream
	doc    jsondoc.Doc
	memory jsondoc.Memory // of strings that DecodeAliased gave
}

// Decode replaces x by the event that data holds, as UnmarshalJSON does. It copies
// data.
func (d *Decoder) Decode(x *Event, data []byte) error {
	d.stream.Memory = nil
	return d.decode(x, string(data))
}

// DecodeAliased is Decode without a copy, for who keeps data anyhow: the event's
// strings are parts of data, which must not change while they are used, and, where
// data has escapes, of memory of the decoder, which Reset takes back. Until then the
// strings of all events stay valid. 1.3x on BenchmarkDecoder.
func (d *Decoder) DecodeAliased(x *Event, data []byte) error {
	d.stream.Memory = &d.memory
	return d.decode(x, jsondoc.Alias(data))
}

// Reset ends the life of the strings of all events that DecodeAliased has read. At
// most keep bytes of their memory are held for the next ones. Without it that memory
// grows with every event.
func (d *Decoder) Reset(keep int) { d.memory.Reset(keep) }

func (d *Decoder) decode(x *Event, text string) error {
	if d.read(x, text) {
		return nil
	}
	d.doc.Wrapped = jsondoc.MaxWrapped
	if err := d.doc.ParseString(text); err != nil {
		return &DecodeError{Err: err}
	}
	if d.doc.Flags()&jsondoc.DuplicateKey != 0 {
		return &DecodeError{Err: errTwice}
	}
	return x.DecodeJSON(d.doc.Root())
}

// read is Decode for a text in the form of AppendJSON; false leaves x half read.
func (d *Decoder) read(x *Event, text string) bool {
	x.Reset()
	return d.stream.Reset(text) && x.read(&d.stream) && d.stream.Done()
}

func readString(s *jsondoc.Stream) (string, bool)   { return s.Str() }
func readInt64(s *jsondoc.Stream) (int64, bool)     { return s.Int() }
func readFloat64(s *jsondoc.Stream) (float64, bool) { return s.Float() }
func readBool(s *jsondoc.Stream) (bool, bool)       { return s.Bool() }

func readInt32(s *jsondoc.Stream) (int32, bool) {
	n, ok := s.Int()
	return int32(n), ok && n >= math.MinInt32 && n <= math.MaxInt32
}

func readJSON(s *jsondoc.Stream) (JSON, bool) {
	text, ok := s.Raw()
	return JSON(text), ok
}

// readUntyped reads an object whose attributes OCSF leaves open.
func readUntyped(s *jsondoc.Stream) (JSON, bool) {
	text, ok := s.Raw()
	return JSON(text), ok && text[0] == '{'
}

// readScalars appends the elements of a list of scalars.
func readScalars[T any](list []T, s *jsondoc.Stream, read func(*jsondoc.Stream) (T, bool)) ([]T, bool) {
	empty, ok := s.Open('[')
	for more := ok && !empty; more; more, ok = s.More('[') {
		value, ok := read(s)
		if !ok {
			return list, false
		}
		list = append(list, value)
	}
	return list, ok
}

// readObjects appends the elements of a list of objects.
func readObjects[T any, P interface {
	*T
	Reset()
	read(*jsondoc.Stream) bool
}](list []T, s *jsondoc.Stream) ([]T, bool) {
	empty, ok := s.Open('[')
	for more := ok && !empty; more; more, ok = s.More('[') {
		list = extend(list)
		p := P(&list[len(list)-1])
		p.Reset()
		if !p.read(s) {
			return list, false
		}
	}
	return list, ok
}
