package ocsfcel

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Path reads one attribute of an event directly, without CEL.
type Path struct {
	// Attribute is the last one's descriptor.
	Attribute *ocsf.Attribute

	parents []*Field
	last    *Field
}

// NewPath resolves a dotted path of a class, as "actor.user.uid", that leads
// through objects, not through lists.
func NewPath(class *ocsf.Class, path string) (*Path, error) {
	p := &Path{}
	object, attributes := "", class.Attributes
	for name := range strings.SplitSeq(path, ".") {
		a := find(attributes, name)
		if a == nil {
			return nil, fmt.Errorf("%s has no attribute %q", class.Name, path)
		}
		if p.last != nil {
			if p.Attribute.Kind != ocsf.KindObject || p.Attribute.Array {
				return nil, fmt.Errorf("%q leads through %s, which is no single object", path, p.Attribute.Name)
			}
			p.parents = append(p.parents, p.last)
		}
		p.Attribute, p.last = a, fieldOf(object, name)
		if a.Kind == ocsf.KindObject {
			object, attributes = a.Object, ocsf.ObjectByName(a.Object).Attributes
		}
	}
	return p, nil
}

func find(attributes []ocsf.Attribute, name string) *ocsf.Attribute {
	for i := range attributes {
		if attributes[i].Name == name {
			return &attributes[i]
		}
	}
	return nil
}

func (p *Path) owner(ev *ocsf.Event) any {
	var object any = ev
	for _, f := range p.parents {
		object = f.get(object)
	}
	return object
}

// Has tells whether the attribute is present.
func (p *Path) Has(ev *ocsf.Event) bool { return p.last.has(p.owner(ev)) }

// Value is the attribute as a CEL value, its type's zero when absent. Only for a
// scalar.
func (p *Path) Value(ev *ocsf.Event) ref.Val { return p.last.get(p.owner(ev)).(ref.Val) }

// IsText tells whether Text reads the attribute; IsNumber, whether Number does.
func (p *Path) IsText() bool { return p.last.text != nil }

// IsNumber tells whether the attribute is an integer or a timestamp.
func (p *Path) IsNumber() bool { return p.last.number != nil }

// Text is a string attribute, empty when absent. It allocates nothing.
func (p *Path) Text(ev *ocsf.Event) string { return p.last.text(p.owner(ev)) }

// Number is an integer attribute, or a timestamp's milliseconds, zero when
// absent. It allocates nothing.
func (p *Path) Number(ev *ocsf.Event) int64 { return p.last.number(p.owner(ev)) }
