package main

// Schema is what every emitter works from: the selection, resolved against the
// facts, named for Go, sorted. Emitters must not change it.
type Schema struct {
	Version  string
	Profiles []string  // selected, sorted
	Classes  []*Class  // by name
	Objects  []*Object // by Go name, without Event
	Event    *Object   // the union of the classes' attributes
	Enums    []*Enum   // by Go name, each once
	// Root is the module's directory, for an emitter that extends a committed file.
	Root string
}

// Class is a selected event class.
type Class struct {
	Name         string // api_activity
	GoName       string // APIActivity: the constant is ClassAPIActivity
	Caption      string // API Activity
	UID          int32
	CategoryUID  int32
	CategoryName string
	Profiles     []string // the selected ones that the class has, sorted
	// Attributes are those of Event that the class has, in the same order, with
	// the class's own requirement, profile and enum.
	Attributes []*Attribute
}

// Object is a generated struct. A variant of an OCSF object is an Object of its own.
type Object struct {
	Name       string       // OCSF name: user; "" for Event
	Variant    string       // "" or the digits of a variant: 1
	GoName     string       // User, User1
	Attributes []*Attribute // by name
	Words      int          // number of 64-bit words of presence bits
}

// ID is Name with the variant: "process", "process/1".
func (o *Object) ID() string { return objectID(o.Name, o.Variant) }

func objectID(name, variant string) string {
	if variant == "" {
		return name
	}
	return name + "/" + variant
}

// Kind is how Go holds an attribute.
type Kind int

// The kinds. Timestamps are KindInt64 with Type "timestamp_t".
const (
	KindString  Kind = iota // string
	KindInt32               // int32
	KindInt64               // int64
	KindFloat64             // float64
	KindBool                // bool
	KindJSON                // ocsf.JSON: valid JSON text
	KindObject              // Object
)

// GoType is the Go type of one value of a scalar kind.
func (k Kind) GoType() string {
	return [...]string{"string", "int32", "int64", "float64", "bool", "JSON", ""}[k]
}

// String is the name of the constant in package ocsf without its prefix Kind.
func (k Kind) String() string {
	return [...]string{"String", "Int32", "Int64", "Float64", "Bool", "JSON", "Object"}[k]
}

// Attribute is one attribute of an Object, or of a Class.
type Attribute struct {
	Name   string // OCSF name: src_url
	GoName string // SrcURL: the getter, SetSrcURL, HasSrcURL, ClearSrcURL; or the exported field
	Field  string // srcURL: the unexported field of a scalar
	Kind   Kind
	Type   string  // OCSF type: url_t; "" for KindObject
	Object *Object // of KindObject
	Array  bool

	Requirement string // required, recommended, optional
	Profile     string // "" or the profile that brings it

	// Sibling is the attribute of the same object that carries the caption of the
	// enum value, nil for none.
	Sibling *Attribute
	// Enum is nil for an attribute that is no enum. For an attribute of Event it
	// is the one that most classes share; see Overrides.
	Enum *Enum
	// Overrides are, for an attribute of Event, the classes with another enum.
	Overrides []Override
	// Derived marks what SetClass and SetActivityID fill: it has no setter.
	Derived bool

	Word, Bit int // position of a scalar's presence bit
}

// Scalar says whether the attribute is one value behind a presence bit (and not
// a list or an object).
func (a *Attribute) Scalar() bool { return !a.Array && a.Kind != KindObject }

// GoType is the type of one value: string, JSON, User1.
func (a *Attribute) GoType() string {
	if a.Kind == KindObject {
		return a.Object.GoName
	}
	return a.Kind.GoType()
}

// Override is the enum of one class where it differs from Attribute.Enum.
type Override struct {
	Class *Class
	Enum  *Enum
}

// Enum is a set of values with captions.
type Enum struct {
	// GoName is the prefix of its constants: UserTypeID, StatusID,
	// DetectionFindingStatusID.
	GoName string
	// Owner says whose it is: "user.type_id", "status_id", "detection_finding.status_id".
	Owner string
	// Text marks an enum of strings (http_method): Values have Text.
	Text bool
	// Computed marks an enum that gets no constants and no entry in
	// Schema.Enums: type_uid of one class, class_uid, category_uid.
	Computed bool
	Values   []EnumValue // by number, or by text
}

// EnumValue is one value.
type EnumValue struct {
	Value   int64
	Text    string
	Caption string
	GoName  string // the whole constant: UserTypeIDAdmin
}
