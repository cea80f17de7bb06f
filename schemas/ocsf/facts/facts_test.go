package facts_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// TestFactsAreWhole: every reference inside of the facts leads somewhere, so that
// generator and validator need not ask.
func TestFactsAreWhole(t *testing.T) {
	f := facts.Load()
	if f.Version != "1.8.0" || len(f.Classes) != 76 || len(f.Objects) != 177 {
		t.Errorf("version %s, %d classes, %d objects", f.Version, len(f.Classes), len(f.Objects))
	}
	for name, c := range f.Classes {
		if c.Name != name || f.ClassByUID(int64(c.UID)) != c || f.CategoryName(c.CategoryUID) == "" {
			t.Errorf("class %s: name %q, uid %d, category %d", name, c.Name, c.UID, c.CategoryUID)
		}
		checkAttributes(t, f, "class "+name, c.Attributes, c.Constraints)
	}
	for name, o := range f.Objects {
		if f.Object(name) != o || o.Name != name {
			t.Errorf("object %s has the name %q", name, o.Name)
		}
		checkAttributes(t, f, "object "+name, o.Attributes, o.Constraints)
	}
	for name := range f.Types {
		if base := f.Base(name); !strings.Contains(" boolean_t float_t integer_t json_t long_t string_t ", " "+base+" ") {
			t.Errorf("type %s is based on %q", name, base)
		}
	}
}

func checkAttributes(t *testing.T, f *facts.Facts, owner string, attributes map[string]*facts.Attribute, c facts.Constraints) {
	for name, a := range attributes {
		_, isType := f.Types[a.Type]
		if isType == (f.Object(a.Object) != nil) {
			t.Errorf("%s: %s is of type %q, object %q", owner, name, a.Type, a.Object)
		}
		for value := range a.Enum {
			if _, err := strconv.ParseInt(value, 10, 32); err != nil && f.Base(a.Type) != "string_t" {
				t.Errorf("%s: %s has the enum value %q", owner, name, value)
			}
		}
	}
	for _, name := range append(append([]string{}, c.AtLeastOne...), c.JustOne...) {
		first, _, _ := strings.Cut(name, ".") // patch_state: device.os.version
		// log_file of event_log_actvity comes with an extension that the facts leave out.
		if attributes[first] == nil && name != "log_file" {
			t.Errorf("%s: a constraint names %s", owner, name)
		}
	}
}

func TestLookupsOfWhatIsNotThere(t *testing.T) {
	f := facts.Load()
	if f.Class("api") != nil || f.ClassByUID(6000) != nil || f.Object("usr") != nil || f.CategoryName(99) != "" {
		t.Error("a lookup finds what is not there")
	}
	if _, err := facts.Parse([]byte("{")); err == nil {
		t.Error("broken facts parse")
	}
}
