package ocsf

import (
	"sort"
	"strings"
)

// Class describes a selected event class.
type Class struct {
	Name         string // api_activity
	Caption      string // API Activity, the class_name
	UID          ClassUID
	CategoryUID  int32
	CategoryName string
	Profiles     []string    // the selected profiles that the class can have
	Attributes   []Attribute // by name
}

// Object describes a generated struct other than Event.
type Object struct {
	Name       string      // OCSF name, with its variant if it is one: "user", "user/1"
	GoName     string      // User, User1
	Attributes []Attribute // by name
}

// Attribute describes an attribute of a class or an object.
type Attribute struct {
	Name        string // src_url
	GoName      string // SrcURL
	Kind        Kind
	Type        string // OCSF type: url_t; "object" for an untyped object; "" for KindObject
	Object      string // of KindObject: the Name of its Object
	Array       bool
	Requirement string // required, recommended, optional
	Profile     string // the profile that brings it, or ""
	Sibling     string // the attribute that carries the caption of its value, or ""
	Enum        []EnumValue
}

// Kind is how Go holds an attribute.
type Kind int

// The kinds. A timestamp_t is a KindInt64: milliseconds since the epoch.
const (
	KindString Kind = iota
	KindInt32
	KindInt64
	KindFloat64
	KindBool
	KindJSON
	KindObject
)

// ClassByName finds a selected class, or nil.
func ClassByName(name string) *Class {
	for i := range Classes {
		if Classes[i].Name == name {
			return &Classes[i]
		}
	}
	return nil
}

// ObjectByName finds a generated object, or nil.
func ObjectByName(name string) *Object {
	for i := range Objects {
		if Objects[i].Name == name {
			return &Objects[i]
		}
	}
	return nil
}

// Attribute finds an attribute of the class, or nil.
func (c *Class) Attribute(name string) *Attribute { return attribute(c.Attributes, name) }

// Attribute finds an attribute of the object, or nil.
func (o *Object) Attribute(name string) *Attribute { return attribute(o.Attributes, name) }

func attribute(list []Attribute, name string) *Attribute {
	i, ok := sort.Find(len(list), func(i int) int { return strings.Compare(name, list[i].Name) })
	if !ok {
		return nil
	}
	return &list[i]
}
