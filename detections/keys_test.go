package detections

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestKeysAreKnown: the reference, the schema and the layout have the same keys.
func TestKeysAreKnown(t *testing.T) {
	documented := map[string]bool{}
	for _, k := range keyDocs {
		documented[k.path] = true
	}
	ordered := map[string]bool{}
	for path, names := range keyOrder {
		for _, name := range names {
			full := strings.TrimPrefix(path+"."+name, ".")
			ordered[full] = true
			if named := name == "name" || name == "expr"; !documented[full] && !(named && strings.Contains(path, "by")) && path != "alert.context" && path != "tests.alerts.body" {
				t.Errorf("%s is in the layout, not in the reference", full)
			}
		}
	}
	for path := range documented {
		if !ordered[path] {
			t.Errorf("%s is in the reference, not in the layout", path)
		}
	}
}

// TestGeneratedFiles holds the schemas and the reference to the code; WEIR_UPDATE=1
// writes them.
func TestGeneratedFiles(t *testing.T) {
	files := map[string]string{"../docs/rules-reference.md": KeyReference()}
	for _, of := range []string{"rule", "list", "manifest"} {
		text, err := Schema(of)
		if err != nil {
			t.Fatal(err)
		}
		files["../deploy/schema/"+of+".schema.json"] = string(text)
	}
	for file, want := range files {
		if slices.Contains(os.Args, "-update") || os.Getenv("WEIR_UPDATE") != "" {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what the code says (%v); run WEIR_UPDATE=1 go test ./detections -run TestGeneratedFiles", file, err)
		}
	}
}
