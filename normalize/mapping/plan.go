package mapping

import (
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// plan is one element of `events`, compiled.
type plan struct {
	class    *ocsf.Class
	when     ocsfcel.Expression // nil: always
	places   []place
	sets     []assignment
	needs    []need
	profiles []profileUse
}

// place is an object that attributes are set in. The first is the event.
type place struct {
	parent  int
	field   *ocsfcel.Field // of the parent; nil for the event
	element bool           // of a list: made when something is set in it
	path    string         // as the mapping writes it
	object  string         // the name of its type; empty for the event
	profile string         // that it is of, with all in it
}

// assignment is one attribute with where its value comes from: a path, an expression,
// or a constant.
type assignment struct {
	target
	place    int
	name     string // the attribute as the mapping writes it
	path     []step
	expr     ocsfcel.Expression
	constant ref.Val
	// caption is the enum of which the attribute is the text; nil if it is none. The
	// text is the enum's own, unless that is Unknown or Other.
	caption *ocsfcel.Field
}

// need is an attribute, or one of several, that OCSF requires of a place that is there.
type need struct {
	place   int
	any     []*ocsfcel.Field
	profile int // index of the profile that requires it, -1 for the class or object
	name    string
	// fill sets the filler; nil if there is none: the record lacks what makes an event.
	fill func(object any)
}

// profileUse is an OCSF profile, with the assignments that are of it.
type profileUse struct {
	name string
	sets []int
}

// run is one goroutine's state of a mapping's plans.
type run struct {
	objects []any // by place: what was made so far for the record
	indexes []int // by place: the element's index
}

// errorOf is what a record becomes when an expression fails on it.
func errorOf(what string, err error) error {
	return &normalize.Error{Reason: event.ReasonInvalidOutput, Detail: what + ": " + err.Error()}
}

// apply makes the event.
func (p *plan) apply(r *run, root jsondoc.Value, scope ocsfcel.Scope, ev *ocsf.Event) error {
	ev.SetClass(p.class.UID)
	if cap(r.objects) < len(p.places) {
		r.objects, r.indexes = make([]any, len(p.places)), make([]int, len(p.places))
	}
	r.objects, r.indexes = r.objects[:len(p.places)], r.indexes[:len(p.places)]
	for i := range r.objects {
		r.objects[i], r.indexes[i] = nil, -1
	}
	r.objects[0] = ev
	var at int
	owner := func() any { return p.object(r, at) }
	for i := range p.sets {
		s := &p.sets[i]
		at = s.place
		if s.caption != nil && p.captioned(r, s) {
			continue
		}
		switch {
		case s.constant != nil:
			s.value(s.constant, owner)
		case s.expr == nil:
			s.node(follow(root, s.path), owner)
		default:
			v, err := s.expr.Value(scope)
			if err != nil {
				return errorOf("set "+s.name, err)
			}
			s.value(v, owner)
		}
	}
	return p.complete(r, ev)
}

// captioned tells whether an enum has set the attribute, which is its caption.
func (p *plan) captioned(r *run, s *assignment) bool {
	object := p.there(r, s.place)
	if object == nil || !s.caption.Has(object) {
		return false
	}
	n := s.caption.Number()(object)
	return n != 0 && n != other
}

// other is the value of an enum whose caption is the source's own word.
const other = 99

// object is the object of a place, made if need be. Elements of lists are found by
// their index: adding one may move the others.
func (p *plan) object(r *run, i int) any {
	if i == 0 {
		return r.objects[0]
	}
	pl := &p.places[i]
	parent := p.object(r, pl.parent)
	if !pl.element {
		return pl.field.Object()(parent)
	}
	length, element := pl.field.Elements()
	if r.indexes[i] < 0 {
		r.indexes[i] = length(parent)
		return pl.field.Add()(parent)
	}
	return element(parent, r.indexes[i])
}

// there is the object of a place, nil if nothing is set in it.
func (p *plan) there(r *run, i int) any {
	if i == 0 {
		return r.objects[0]
	}
	pl := &p.places[i]
	parent := p.there(r, pl.parent)
	switch {
	case parent == nil:
		return nil
	case pl.element:
		if r.indexes[i] < 0 {
			return nil
		}
		_, element := pl.field.Elements()
		return element(parent, r.indexes[i])
	case !pl.field.Has(parent):
		return nil
	}
	return pl.field.Object()(parent)
}

// complete lists the profiles and fills what is required.
func (p *plan) complete(r *run, ev *ocsf.Event) error {
	used := uint64(0) // a bit for each profile
	for i := range p.profiles {
		for _, s := range p.profiles[i].sets {
			if object := p.there(r, p.sets[s].place); object != nil && p.sets[s].field.Has(object) {
				used |= 1 << i
				ev.Metadata.Profiles = append(ev.Metadata.Profiles, p.profiles[i].name)
				break
			}
		}
	}
	for i := range p.needs {
		n := &p.needs[i]
		if n.profile >= 0 && used&(1<<n.profile) == 0 {
			continue
		}
		object := p.there(r, n.place)
		if object == nil || has(object, n.any) {
			continue
		}
		if n.fill == nil {
			return normalize.Missing(n.name)
		}
		n.fill(object)
	}
	return nil
}

func has(object any, any []*ocsfcel.Field) bool {
	for _, f := range any {
		if f.Has(object) {
			return true
		}
	}
	return false
}
