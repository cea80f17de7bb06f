package ocsfcel

import "github.com/weir-security/weir/schemas/ocsf"

// The typed writers of attributes, for mappings that are not written in Go; nil
// where the attribute is of another type, and where it follows from the class or the
// activity. An enum's writer also sets its caption.

// SetText sets a string.
func (f *Field) SetText() func(object any, v string) { return f.setText }

// SetNumber sets an integer, or the milliseconds of a timestamp. It tells whether
// the attribute has room for it, and else sets nothing.
func (f *Field) SetNumber() func(object any, v int64) bool { return f.setNumber }

// SetTruth sets a boolean.
func (f *Field) SetTruth() func(object any, v bool) { return f.setTruth }

// SetFloat sets a finite number.
func (f *Field) SetFloat() func(object any, v float64) { return f.setFloat }

// SetJSON sets an untyped value; the caller vouches for its validity.
func (f *Field) SetJSON() func(object any, v ocsf.JSON) { return f.setJSON }

// AddText appends to a list of strings.
func (f *Field) AddText() func(object any, v string) { return f.addText }

// Add appends an empty object to a list of objects and gives a pointer to it, which
// is valid until the next one is appended.
func (f *Field) Add() func(object any) any { return f.add }
