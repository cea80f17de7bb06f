package ocsfcel

import (
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// TestFieldsFitDescriptors: every attribute of the descriptors has a reader, whose
// value is of the type that the provider promises, and no reader is left over.
func TestFieldsFitDescriptors(t *testing.T) {
	p, err := NewProvider()
	if err != nil {
		t.Fatal(err)
	}
	for i := range ocsf.Objects {
		o := &ocsf.Objects[i]
		if len(fields[o.Name]) != len(o.Attributes) {
			t.Errorf("%s: %d readers of %d attributes", o.Name, len(fields[o.Name]), len(o.Attributes))
		}
		if ocsf.ClassByName(o.Name) != nil {
			t.Errorf("%s is a class and an object: their types would be one", o.Name)
		}
	}
	ev := new(ocsf.Event)
	for i := range ocsf.Classes {
		class := &ocsf.Classes[i]
		for j := range class.Attributes {
			a := &class.Attributes[j]
			ft, ok := p.FindStructFieldType(class.Name, a.Name)
			if !ok {
				t.Fatalf("%s.%s: no field", class.Name, a.Name)
			}
			if ft.IsSet(ev) {
				t.Errorf("%s.%s is set in an empty event", class.Name, a.Name)
			}
			v, err := ft.GetFrom(ev)
			if err != nil {
				t.Fatal(err)
			}
			got := p.NativeToValue(v).Type().TypeName()
			if want := ft.Type.TypeName(); got != want && (a.Kind != ocsf.KindObject || a.Array || got != "object") {
				t.Errorf("%s.%s reads as %s, want %s", class.Name, a.Name, got, want)
			}
		}
	}
	if _, ok := p.FindStructFieldType("api_activity", "nothing"); ok {
		t.Error("an unknown attribute is found")
	}
	if names, ok := p.FindStructFieldNames("user"); !ok || len(names) == 0 {
		t.Error("user has no attributes")
	}
	if v := p.NewValue("user", nil); !types.IsError(v) {
		t.Error("a user can be built")
	}
}

func TestPath(t *testing.T) {
	class := ocsf.ClassByName("api_activity")
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetTime(1_500)
	ev.Actor.User.SetName("")
	ev.API.SetOperation("StopLogging")
	for _, test := range []struct {
		path   string
		has    bool
		text   string
		number int64
	}{
		{"api.operation", true, "StopLogging", 0},
		{"actor.user.name", true, "", 0},
		{"actor.user.uid", false, "", 0},
		{"time", true, "", 1500},
		{"class_uid", true, "", 6003},
		{"status_id", false, "", 0},
	} {
		p, err := NewPath(class, test.path)
		if err != nil {
			t.Fatal(err)
		}
		if p.Has(ev) != test.has {
			t.Errorf("has %s: %v", test.path, p.Has(ev))
		}
		if p.IsText() == p.IsNumber() || p.IsText() && p.Text(ev) != test.text || p.IsNumber() && p.Number(ev) != test.number {
			t.Errorf("%s is not %q, %d", test.path, test.text, test.number)
		}
		if v := p.Value(ev); p.IsText() && v.Value() != test.text {
			t.Errorf("%s = %v", test.path, v)
		}
	}
	for _, bad := range []string{"", "nothing", "actor.nothing", "resources.uid", "api.operation.x", "is_mfa"} {
		if _, err := NewPath(class, bad); err == nil {
			t.Errorf("%q is a path", bad)
		}
	}
	p, err := NewPath(class, "actor.user.uid")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { p.Text(ev) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestList(t *testing.T) {
	user := &ocsf.User{}
	user.AddGroups().SetName("a")
	user.AddGroups().SetName("b")
	l := fieldOf("user", "groups").get(user).(*list[ocsf.Group])
	if l.Size() != types.Int(2) || l.Type() != types.ListType {
		t.Errorf("size %v", l.Size())
	}
	name := fieldOf("group", "name")
	for i, want := range map[int64]string{0: "a", 1: "b", 2: "", -1: ""} {
		if got := name.get(l.at(i).Value()); got != types.String(want) {
			t.Errorf("element %d: %v, want %q", i, got, want)
		}
	}
	if v := l.Get(types.String("x")); !types.IsError(v) {
		t.Errorf("index x gives %v", v)
	}

	texts := &list[string]{items: []string{"a", "b"}, wrap: func(s *string) ref.Val { return types.String(*s) }}
	other := types.DefaultTypeAdapter.NativeToValue([]string{"a", "b"}).(traits.Lister)
	if texts.Contains(types.String("b")) != types.True || texts.Contains(types.String("c")) != types.False {
		t.Error("contains")
	}
	if texts.Equal(other) != types.True || texts.Equal(other.Add(other)) != types.False || texts.Equal(types.IntOne) != types.False {
		t.Error("equal")
	}
	if sum := texts.Add(other).(traits.Lister); sum.Size() != types.Int(4) {
		t.Errorf("sum has %v", sum.Size())
	}
	n := 0
	for it := texts.Iterator(); it.HasNext() == types.True; n++ {
		it.Next()
	}
	if n != 2 {
		t.Errorf("%d elements", n)
	}
}

func TestJSON(t *testing.T) {
	var doc jsondoc.Doc
	j := ParseJSON(&doc, `{"s":"x","i":5,"f":1.5,"big":12345678901234567890,"b":true,"n":null,"a":[1,"x"],"a2":[1,"x"],"o":{"k":1}}`)
	for _, test := range []struct {
		key   string
		other ref.Val
		want  bool
	}{
		{"s", types.String("x"), true}, {"s", types.String("y"), false}, {"s", types.Int(5), false},
		{"i", types.Int(5), true}, {"i", types.Double(5), true}, {"i", types.Uint(5), true}, {"i", types.String("5"), false},
		{"f", types.Double(1.5), true}, {"f", types.Int(1), false}, {"big", types.Double(12345678901234567890), true},
		{"b", types.True, true}, {"b", types.False, false}, {"b", types.String("true"), false},
		{"n", types.NullValue, true}, {"nothing", types.NullValue, false}, {"nothing", types.String(""), false}, {"nothing", types.IntZero, false},
		{"a", j.Get("a2"), true}, {"a", j.Get("o"), false}, {"nothing", j.Get("nothing"), false}, {"s", j.Get("s"), true}, {"i", j.Get("i"), true},
		{"o", types.String("x"), false},
	} {
		if got := j.Get(test.key).Is(test.other); got != test.want {
			t.Errorf("%s is %v: %v", test.key, test.other, got)
		}
	}
	for key, want := range map[string]string{"s": "x", "i": "5", "b": "true", "n": "", "nothing": "", "a": `[1,"x"]`, "o": `{"k":1}`} {
		if got := j.Get(key).String(); got != want {
			t.Errorf("%s prints %q", key, got)
		}
	}
	if c, ok := j.Get("i").Compare(types.Double(5.5)); c >= 0 || !ok {
		t.Error("5 is not below 5.5")
	}
	if _, ok := j.Get("s").Compare(types.IntOne); ok {
		t.Error("a text and a number have an order")
	}
	if _, ok := j.Get("nothing").Compare(types.IntOne); ok {
		t.Error("nothing has an order")
	}
	if j.Get("a").At(1).String() != "x" || j.Get("a").At(2).Exists() || j.Get("a").At(-1).Exists() || j.Get("s").At(0).Exists() {
		t.Error("at")
	}
	if j.Get("s").Get("x").Exists() || (JSON{}).Get("x").At(0).Exists() {
		t.Error("members of what has none")
	}
	if j.Get("a").Items().(traits.Sizer).Size() != types.Int(2) || j.Get("s").Items().(traits.Sizer).Size() != types.IntZero {
		t.Error("items")
	}
	for _, bad := range []string{"", "{", "GET / HTTP/1.1"} {
		if ParseJSON(new(jsondoc.Doc), bad).Exists() {
			t.Errorf("%q is JSON", bad)
		}
	}
}
