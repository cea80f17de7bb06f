package ocsf

import (
	"math/bits"
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// sample is JSON of an attribute: the least that is not empty.
func sample(t *testing.T, a *Attribute) string {
	t.Helper()
	text := "7"
	switch a.Kind {
	case KindString:
		text = `"v"`
	case KindBool:
		text = "true"
	case KindJSON:
		text = "{}"
	case KindObject:
		o := ObjectByName(a.Object)
		text = `{"` + o.Attributes[0].Name + `":` + sample(t, &o.Attributes[0]) + "}"
	}
	if a.Array {
		text = "[" + text + "]"
	}
	return text
}

// TestForeign holds Foreign against the descriptors, for every attribute of any class
// alone and every class.
func TestForeign(t *testing.T) {
	union := map[string]*Attribute{}
	for i := range Classes {
		for j := range Classes[i].Attributes {
			a := &Classes[i].Attributes[j]
			union[a.Name] = a
		}
	}
	for name, a := range union {
		var ev Event
		if err := ev.UnmarshalJSON([]byte(`{"` + name + `":` + sample(t, a) + `}`)); err != nil {
			t.Fatal(err)
		}
		for _, class := range Classes {
			want := ""
			if class.Attribute(name) == nil {
				want = name
			}
			if got, ok := class.UID.Foreign(&ev); got != want || ok != (want != "") {
				t.Errorf("%s in %s: foreign is %q, %v, want %q", name, class.Name, got, ok, want)
			}
		}
	}
	if len(union) < 80 {
		t.Errorf("only %d attributes", len(union))
	}
}

// plainForeign is Foreign by names, on an event's JSON.
func plainForeign(class *Class, doc *jsondoc.Doc, yield func(string)) {
	for name := range doc.Root().Members {
		if class.Attribute(name) == nil {
			yield(name)
		}
	}
}

// TestForeignOfGoldenEvents, in their own class and all others.
func TestForeignOfGoldenEvents(t *testing.T) {
	var ev Event
	var doc jsondoc.Doc
	for _, text := range goldenEvents(t) {
		if err := ev.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		doc.Wrapped = jsondoc.MaxWrapped
		if err := doc.Parse(text); err != nil {
			t.Fatal(err)
		}
		if name, ok := ev.Class().Foreign(&ev); ok {
			t.Errorf("%s is foreign in its own class: %s", name, text)
		}
		for i := range Classes {
			want := map[string]bool{}
			plainForeign(&Classes[i], &doc, func(name string) { want[name] = true })
			if name, ok := Classes[i].UID.Foreign(&ev); ok != (len(want) > 0) || name != "" && !want[name] {
				t.Errorf("in %s %q is foreign, want one of %v: %s", Classes[i].Name, name, want, text)
			}
		}
	}
	if name, ok := ClassUID(1).Foreign(&ev); ok {
		t.Errorf("%q is foreign in a class that is not selected", name)
	}
}

// BenchmarkForeign against a search of each name.
func BenchmarkForeign(b *testing.B) {
	var ev Event
	if err := ev.UnmarshalJSON(goldenEvents(b)[0]); err != nil {
		b.Fatal(err)
	}
	var names []string
	for word, there := range ev.has() {
		for ; there != 0; there &= there - 1 {
			names = append(names, attributeOfBit[64*word+bits.TrailingZeros64(there)])
		}
	}
	b.Run("bits", func(b *testing.B) {
		for b.Loop() {
			if _, ok := ev.Class().Foreign(&ev); ok {
				b.Fatal("foreign")
			}
		}
	})
	b.Run("names", func(b *testing.B) {
		for b.Loop() {
			known := ev.Class().Descriptor()
			for _, name := range names {
				if known.Attribute(name) == nil {
					b.Fatal("foreign")
				}
			}
		}
	})
}
