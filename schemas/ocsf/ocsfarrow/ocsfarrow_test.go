package ocsfarrow

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// schemaLine is one line of a schema: what a table format needs to know of it.
type schemaLine struct{ id, path, typ string }

// describe lists a schema's columns with their ids, parents first.
func describe(t *testing.T, prefix string, fields []arrow.Field) []schemaLine {
	t.Helper()
	var lines []schemaLine
	for _, f := range fields {
		id, ok := f.Metadata.GetValue(fieldIDKey)
		if !ok || !f.Nullable {
			t.Errorf("%s%s: field id %q, nullable %v", prefix, f.Name, id, f.Nullable)
		}
		line := schemaLine{id, prefix + f.Name, f.Type.Name()}
		switch typ := f.Type.(type) {
		case *arrow.StructType:
			lines = append(append(lines, line), describe(t, line.path+".", typ.Fields())...)
		case *arrow.ListType:
			lines = append(append(lines, line), describe(t, line.path+".", []arrow.Field{typ.ElemField()})...)
		case *arrow.TimestampType:
			line.typ = f.Type.String()
			lines = append(lines, line)
		default:
			lines = append(lines, line)
		}
	}
	return lines
}

// TestSchemaGolden shows the schema of one class whole, with its field ids.
func TestSchemaGolden(t *testing.T) {
	var got strings.Builder
	for _, l := range describe(t, "", Schema(ocsf.ClassAPIActivity).Fields()) {
		fmt.Fprintf(&got, "%s %s %s\n", l.id, l.path, l.typ)
	}
	golden := filepath.Join("testdata", "api_activity.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

// TestFieldIDs wants every column of every class to have the id of its path, the
// same in all classes, and no id twice.
func TestFieldIDs(t *testing.T) {
	pathOf := map[string]string{}
	for _, c := range ocsf.Classes {
		seen := map[string]bool{}
		for _, l := range describe(t, "", Schema(c.UID).Fields()) {
			if want := strconv.Itoa(int(fieldIDs()[l.path])); l.id != want {
				t.Errorf("%s: %s has the id %s, want %s", c.Name, l.path, l.id, want)
			}
			if other := pathOf[l.id]; other != "" && other != l.path {
				t.Errorf("%s and %s have the id %s", other, l.path, l.id)
			}
			if seen[l.id] {
				t.Errorf("%s: the id %s twice", c.Name, l.id)
			}
			pathOf[l.id], seen[l.id] = l.path, true
		}
	}
}

func TestSchemaOfUnknownClass(t *testing.T) {
	if s := Schema(4711); s != nil {
		t.Errorf("have a schema: %v", s)
	}
}

func TestSchemasOfAllClasses(t *testing.T) {
	for _, c := range ocsf.Classes {
		var names, columns []string
		for _, a := range c.Attributes {
			names = append(names, a.Name)
		}
		for _, f := range Schema(c.UID).Fields() {
			columns = append(columns, f.Name)
		}
		if !slices.Equal(columns, names) {
			t.Errorf("%s: columns %v, want %v", c.Name, columns, names)
		}
	}
}
