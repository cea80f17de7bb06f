package ocsf_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/ocsf"
)

// derived are the attributes without setters, which SetClass and SetActivityID fill.
const derived = " category_name category_uid class_name class_uid type_name type_uid "

// TestAccessors walks every struct below Event and holds each accessor against
// the descriptors: no presence bit or field is shared, and captions follow enums.
func TestAccessors(t *testing.T) {
	checked := map[reflect.Type]bool{}
	checkStruct(t, checked, reflect.TypeFor[ocsf.Event](), union())
	if got, want := len(checked), len(ocsf.Objects)+1; got != want {
		t.Errorf("%d structs are below Event, the descriptors have %d", got, want)
	}
}

func checkStruct(t *testing.T, checked map[reflect.Type]bool, typ reflect.Type, attributes []ocsf.Attribute) {
	if checked[typ] {
		return
	}
	checked[typ] = true
	for _, a := range attributes {
		if a.Kind == ocsf.KindObject {
			o := ocsf.ObjectByName(a.Object)
			field, ok := typ.FieldByName(a.GoName)
			if !ok || o == nil {
				t.Errorf("%s.%s: no field, or no object %q", typ.Name(), a.Name, a.Object)
				continue
			}
			elem := field.Type
			if a.Array {
				elem = elem.Elem()
			}
			if elem.Name() != o.GoName {
				t.Errorf("%s.%s is a %s, want %s", typ.Name(), a.Name, elem.Name(), o.GoName)
			}
			checkStruct(t, checked, elem, o.Attributes)
		}
		switch {
		case a.Array:
			checkList(t, typ, &a)
		case a.Kind != ocsf.KindObject && !strings.Contains(derived, " "+a.Name+" "):
			checkScalar(t, typ, &a, attributes)
		}
	}
}

func call(x reflect.Value, method string, args ...reflect.Value) reflect.Value {
	out := x.MethodByName(method).Call(args)
	if len(out) == 0 {
		return reflect.Value{}
	}
	return out[0]
}

// valueOf is a value of a scalar attribute that is not its zero.
func valueOf(a *ocsf.Attribute, x reflect.Value) reflect.Value {
	typ := x.MethodByName("Set" + a.GoName).Type().In(0)
	switch a.Kind {
	case ocsf.KindString:
		return reflect.ValueOf("v")
	case ocsf.KindBool:
		return reflect.ValueOf(true)
	case ocsf.KindJSON:
		return reflect.ValueOf(ocsf.JSON("{}"))
	}
	return reflect.ValueOf(7).Convert(typ)
}

func checkScalar(t *testing.T, typ reflect.Type, a *ocsf.Attribute, all []ocsf.Attribute) {
	x := reflect.New(typ)
	where := typ.Name() + "." + a.Name
	v := valueOf(a, x)
	if call(x, "Has"+a.GoName).Bool() || !call(x, a.GoName).IsZero() || call(x, "Present").Bool() {
		t.Errorf("%s: the zero struct has it", where)
	}
	call(x, "Set"+a.GoName, reflect.Zero(v.Type()))
	if !call(x, "Has"+a.GoName).Bool() || !call(x, "Present").Bool() {
		t.Errorf("%s: set to its zero it is not present", where)
	}
	call(x, "Set"+a.GoName, v)
	if got := call(x, a.GoName); !got.Equal(v) {
		t.Errorf("%s: is %v, want %v", where, got, v)
	}
	for _, other := range all {
		follows := other.Name == a.Name || other.Name == a.Sibling || strings.Contains(derived, " "+other.Name+" ")
		if has := x.MethodByName("Has" + other.GoName); has.IsValid() && !follows && has.Call(nil)[0].Bool() {
			t.Errorf("%s: setting it sets %s", where, other.Name)
		}
	}
	if a.Name != "activity_id" { // whose type_uid stays
		checkCaption(t, where, x, a)
		call(x, "Clear"+a.GoName)
		if call(x, "Has"+a.GoName).Bool() || !call(x, a.GoName).IsZero() || call(x, "Present").Bool() {
			t.Errorf("%s: cleared it is still there", where)
		}
	}
	call(x, "Set"+a.GoName, v)
	call(x, "Reset")
	if !x.Elem().IsZero() {
		t.Errorf("%s: after Reset there remains %+v", where, x.Elem())
	}
}

// checkCaption sets every value of an enum and ends with the sibling cleared.
func checkCaption(t *testing.T, where string, x reflect.Value, a *ocsf.Attribute) {
	sibling := x.MethodByName("Set" + goNameOf(a.Sibling))
	if a.Enum == nil || a.Sibling == "" || !sibling.IsValid() || a.Name == "status_id" {
		return // status_id depends on the class: TestClassCaptions
	}
	name := goNameOf(a.Sibling)
	typ := x.MethodByName("Set" + a.GoName).Type().In(0)
	for _, v := range a.Enum {
		sibling.Call([]reflect.Value{reflect.ValueOf("the source's word")})
		call(x, "Set"+a.GoName, reflect.ValueOf(v.Value).Convert(typ))
		want := v.Caption
		if v.Value == 99 {
			want = "the source's word"
		}
		if got := call(x, name).String(); got != want {
			t.Errorf("%s = %d: %s is %q, want %q", where, v.Value, a.Sibling, got, want)
		}
	}
	call(x, "Set"+a.GoName, reflect.ValueOf(12345).Convert(typ))
	if call(x, "Has"+name).Bool() {
		t.Errorf("%s: a value outside of the enum keeps the caption %q", where, call(x, name))
	}
}

// goNameOf spells a sibling in Go: every sibling's Go name is that of a descriptor.
func goNameOf(name string) string {
	lists := [][]ocsf.Attribute{union()}
	for _, o := range ocsf.Objects {
		lists = append(lists, o.Attributes)
	}
	for _, list := range lists {
		for _, a := range list {
			if a.Name == name {
				return a.GoName
			}
		}
	}
	return ""
}

func checkList(t *testing.T, typ reflect.Type, a *ocsf.Attribute) {
	x := reflect.New(typ)
	where := typ.Name() + "." + a.Name
	list := x.Elem().FieldByName(a.GoName)
	if a.Kind == ocsf.KindObject {
		call(x, "Add"+a.GoName)
		if p := call(x, "Add"+a.GoName); list.Len() != 2 || p.Pointer() != list.Index(1).Addr().Pointer() {
			t.Errorf("%s: Add does not return the new last element", where)
		}
	} else {
		list.Set(reflect.Append(list, reflect.Zero(list.Type().Elem())))
	}
	if !call(x, "Present").Bool() {
		t.Errorf("%s: a list does not make its object present", where)
	}
	capacity := list.Cap()
	call(x, "Reset")
	if list.Len() != 0 || list.Cap() != capacity || call(x, "Present").Bool() {
		t.Errorf("%s: after Reset length %d, capacity %d (was %d)", where, list.Len(), list.Cap(), capacity)
	}
}

// TestAddReusesNothingVisible: the memory of an earlier element is reused, its
// content is not.
func TestAddReusesNothingVisible(t *testing.T) {
	var ev ocsf.Event
	r := ev.AddResources()
	r.SetUID("old")
	r.Labels = append(r.Labels, "old")
	r.Owner.AddGroups().SetName("old")
	ev.Reset()
	r = ev.AddResources()
	if r.Present() || cap(r.Labels) == 0 || cap(r.Owner.Groups) == 0 {
		t.Errorf("the reused element is present (%v) or lost its lists", r.Present())
	}
	if g := r.Owner.AddGroups(); g.Present() {
		t.Errorf("the group of an earlier event shows: %q", g.Name())
	}
}
