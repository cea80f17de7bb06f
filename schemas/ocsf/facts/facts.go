// Package facts is OCSF as published: every class, object, attribute, type and
// enum of the pinned version, without its prose. The generator selects from it,
// and Validate holds any event against it. It knows nothing of the generated
// types, so that the generator can import it.
package facts

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

//go:embed 1.8.0.json
var embedded []byte

// Facts is one version of OCSF.
type Facts struct {
	Version    string              `json:"version"`
	Categories map[string]Category `json:"categories"`
	Types      map[string]Type     `json:"types"`
	Classes    map[string]*Class   `json:"classes"`
	Objects    map[string]*Object  `json:"objects"`
	Profiles   []string            `json:"profiles"`

	classByUID map[int64]*Class
}

// Category groups classes; the caption of category 0 is not among the facts,
// see UncategorizedCaption.
type Category struct {
	UID     int32  `json:"uid"`
	Caption string `json:"caption"`
}

// UncategorizedCaption is the category_name of category_uid 0, which only the
// base event has.
const UncategorizedCaption = "Uncategorized"

// Type is a scalar type. Type names the type it narrows, empty for the six that
// JSON itself tells apart (boolean_t, float_t, integer_t, json_t, long_t, string_t).
type Type struct {
	Type   string    `json:"type"`
	Range  *[2]int64 `json:"range"`
	MaxLen int       `json:"max_len"`
}

// Class is an event class.
type Class struct {
	Name        string                `json:"-"`
	UID         int32                 `json:"uid"`
	Caption     string                `json:"caption"`
	Category    string                `json:"category"`
	CategoryUID int32                 `json:"category_uid"`
	Profiles    []string              `json:"profiles"`
	Constraints Constraints           `json:"constraints"`
	Attributes  map[string]*Attribute `json:"attributes"`
}

// Object is a structure that attributes hold.
type Object struct {
	Name        string                `json:"-"`
	Caption     string                `json:"caption"`
	Constraints Constraints           `json:"constraints"`
	Attributes  map[string]*Attribute `json:"attributes"`
}

// Constraints say which of some optional attributes must be there.
type Constraints struct {
	AtLeastOne []string `json:"at_least_one"`
	JustOne    []string `json:"just_one"`
}

// Attribute is one attribute of a class or object. Exactly one of Type (a scalar
// type) and Object is set.
type Attribute struct {
	Type        string `json:"type"`
	Object      string `json:"object"`
	Array       bool   `json:"array"`
	Requirement string `json:"requirement"`
	// Profile is the profile that brings the attribute, empty when it belongs to
	// the class or object itself.
	Profile string `json:"profile"`
	// Enum maps a value, as text, to its caption.
	Enum map[string]string `json:"enum"`
	// Sibling is the attribute that carries the caption of this one's value.
	Sibling string `json:"sibling"`
}

// Untyped is the object without attributes: any JSON object may stand for it.
const Untyped = "object"

// Load returns the facts of the pinned version. They are parsed at the first
// call and shared: callers must not change them.
func Load() *Facts { return loaded() }

var loaded = sync.OnceValue(func() *Facts {
	f, err := Parse(embedded)
	if err != nil {
		panic(err) // the file is part of the program, and tests parse it
	}
	return f
})

// Parse reads facts from their JSON text.
func Parse(data []byte) (*Facts, error) {
	var f Facts
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("parse OCSF facts: %w", err)
	}
	f.classByUID = make(map[int64]*Class, len(f.Classes))
	for name, c := range f.Classes {
		c.Name = name
		f.classByUID[int64(c.UID)] = c
	}
	for name, o := range f.Objects {
		o.Name = name
	}
	return &f, nil
}

// Class returns the class of that name, or nil.
func (f *Facts) Class(name string) *Class { return f.Classes[name] }

// ClassByUID returns the class of that class_uid, or nil.
func (f *Facts) ClassByUID(uid int64) *Class { return f.classByUID[uid] }

// Object returns the object of that name, or nil.
func (f *Facts) Object(name string) *Object { return f.Objects[name] }

// CategoryName is the caption of a category_uid, empty for an unknown one.
func (f *Facts) CategoryName(uid int32) string {
	if uid == 0 {
		return UncategorizedCaption
	}
	for _, c := range f.Categories {
		if c.UID == uid {
			return c.Caption
		}
	}
	return ""
}

// Base follows Type to the type that JSON itself tells apart: integer_t for port_t.
func (f *Facts) Base(typeName string) string {
	for f.Types[typeName].Type != "" {
		typeName = f.Types[typeName].Type
	}
	return typeName
}

// Names are the keys of one of the maps above, sorted.
func Names[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
