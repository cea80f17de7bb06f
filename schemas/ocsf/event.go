// Package ocsf is the normalised event: Go types, JSON codec and descriptors for
// the part of OCSF 1.8.0 that weir's sources can fill (selection.txt).
//
// There is one struct for each OCSF object and one, Event, for all classes: an
// attribute has one type everywhere, so a mapper may choose the class late.
//
//	var ev ocsf.Event
//	ev.SetClass(ocsf.ClassAPIActivity)
//	ev.SetActivityID(ocsf.APIActivityActivityIDRead)
//	ev.Actor.User.SetName("alice")
//	r := ev.AddResources()
//	r.SetUID("arn:aws:s3:::logs")
//
// A scalar is behind a getter, SetX, HasX and ClearX, because absent and zero
// differ. Objects are plain fields, present when anything below them is set;
// lists are plain slices, present when not empty. There is no present but empty
// object or list.
//
// Setting an enum also sets the attribute that carries its caption (SetTypeID
// sets type), except for 99 (Other), whose caption is the source's own word.
package ocsf

import "math"

//go:generate go run ./gen

// ClassUID identifies an event class.
type ClassUID int32

// JSON is the text of one valid JSON value. Whoever sets an attribute of this
// type vouches for the validity: AppendJSON copies it.
type JSON string

// EnumValue is one value of an enum: Value for numbers, Text for strings
// (http_method).
type EnumValue struct {
	Value   int64
	Text    string
	Caption string
}

// caption looks a value up. Most enums count from 0, so the value is tried as
// the index first.
func caption(enum []EnumValue, v int64) (string, bool) {
	if 0 <= v && v < int64(len(enum)) && enum[v].Value == v {
		return enum[v].Caption, true
	}
	for i := range enum {
		if enum[i].Value == v {
			return enum[i].Caption, true
		}
	}
	return "", false
}

// finite refuses the floats that JSON cannot write: setting one clears the attribute.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// extend lengthens s by one element, whose old content the caller clears: it
// keeps the capacity of the lists below it.
func extend[T any](s []T) []T {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	var zero T
	return append(s, zero)
}
