package ocsfcel

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Provider is the types of OCSF for a CEL environment, on top of CEL's own. It is
// both the type provider and the adapter.
type Provider struct {
	*types.Registry
	// structs are the types of classes and objects: fields by name.
	structs map[string]map[string]*types.FieldType
	jsons   types.FieldType // Type of any member of JSONType
}

// NewProvider makes the types of every selected class and object.
func NewProvider() (*Provider, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	p := &Provider{Registry: registry, structs: map[string]map[string]*types.FieldType{}}
	for i := range ocsf.Classes {
		c := &ocsf.Classes[i]
		p.structs[c.Name] = fieldTypes("", c.Attributes)
	}
	for i := range ocsf.Objects {
		o := &ocsf.Objects[i]
		p.structs[o.Name] = fieldTypes(o.Name, o.Attributes)
	}
	return p, nil
}

func fieldTypes(object string, attributes []ocsf.Attribute) map[string]*types.FieldType {
	all := make(map[string]*types.FieldType, len(attributes))
	for i := range attributes {
		f := fieldOf(object, attributes[i].Name)
		all[f.Name] = &types.FieldType{
			Type:    TypeOf(&attributes[i]),
			IsSet:   func(x any) bool { return f.has(x) },
			GetFrom: func(x any) (any, error) { return f.get(x), nil },
		}
	}
	return all
}

// fieldOf finds the reader of an attribute; the generator wrote both from one
// schema, so that there is one.
func fieldOf(object, name string) *Field {
	all := fields[object]
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	panic("no reader of the attribute " + name + " of " + object + ": run make generate")
}

// TypeOf is the CEL type of an attribute.
func TypeOf(a *ocsf.Attribute) *types.Type {
	t := elementType(a)
	if a.Array {
		return types.NewListType(t)
	}
	return t
}

func elementType(a *ocsf.Attribute) *types.Type {
	switch {
	case a.Kind == ocsf.KindObject:
		return types.NewObjectType(a.Object)
	case a.Kind == ocsf.KindJSON:
		return JSONType
	case a.Type == "timestamp_t":
		return types.TimestampType
	}
	return map[ocsf.Kind]*types.Type{
		ocsf.KindString: types.StringType, ocsf.KindInt32: types.IntType, ocsf.KindInt64: types.IntType,
		ocsf.KindFloat64: types.DoubleType, ocsf.KindBool: types.BoolType,
	}[a.Kind]
}

// FindStructType finds a class, an object or JSON.
func (p *Provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.structs[name]; ok || name == JSONType.TypeName() {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames lists the attributes of a class or object.
func (p *Provider) FindStructFieldNames(name string) ([]string, bool) {
	all, ok := p.structs[name]
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	return names, ok
}

// FindStructFieldType finds an attribute; JSON has every member that is asked for.
func (p *Provider) FindStructFieldType(object, name string) (*types.FieldType, bool) {
	if object == JSONType.TypeName() {
		return &types.FieldType{
			Type:    JSONType,
			IsSet:   func(x any) bool { return x.(JSON).Get(name).Exists() },
			GetFrom: func(x any) (any, error) { return x.(JSON).Get(name), nil },
		}, true
	}
	f, ok := p.structs[object][name]
	return f, ok
}

// NewValue refuses: a rule builds no events.
func (p *Provider) NewValue(object string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("a rule cannot build a value of %s", object)
}

// NativeToValue adapts what Field.get gives.
func (p *Provider) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case ref.Val:
		return v
	case interface{ Present() bool }:
		return &objectVal{v}
	}
	return p.Registry.NativeToValue(value)
}
