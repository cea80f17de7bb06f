package detections_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/yamlpos"
)

// schemaOf compiles a schema that weir prints, which holds it against the meta-schema of
// draft 2020-12.
func schemaOf(t *testing.T, of string) *jsonschema.Schema {
	t.Helper()
	text, err := detections.Schema(of)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(of+".json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(of + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if s.DraftVersion != 2020 {
		t.Errorf("%s: draft %d", of, s.DraftVersion)
	}
	return s
}

// TestSchemaAcceptsBuiltin: the schemas accept every file of the built-in rules.
func TestSchemaAcceptsBuiltin(t *testing.T) {
	rule, list, manifest := schemaOf(t, "rule"), schemaOf(t, "list"), schemaOf(t, "manifest")
	count, files := 0, detections.BuiltinRules()
	err := fs.WalkDir(files, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".yaml" || strings.Contains(file, "testdata/") {
			return err
		}
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		schema := rule
		switch {
		case file == detections.RootFile:
			schema = manifest
		case strings.HasPrefix(file, "lists/"):
			schema = list
		}
		count++
		if err := schema.Validate(yamlpos.Parse(file, text).Root().Any()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		return nil
	})
	if err != nil || count < 60 {
		t.Errorf("%d files, %v", count, err)
	}
	for text, valid := range map[string]bool{"format: 1\nmax_cost: 5\n": true, "format: 1\nmax_cost: 0\n": false, "format: 2\n": false} {
		if err := manifest.Validate(yamlpos.Parse("weir-rules.yaml", []byte(text)).Root().Any()); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSchemaRefusesMistakes: of the golden files those whose mistake is one of keys,
// kinds or words are refused by the schema, too.
func TestSchemaRefusesMistakes(t *testing.T) {
	schema := schemaOf(t, "rule")
	rules := map[string]string{}
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rules["bad/"+filepath.Base(file)] = string(text)
	}
	archives, err := filepath.Glob("testdata/bad/tree_*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if !strings.HasPrefix(f.Name, "lists/") && strings.HasSuffix(f.Name, ".yaml") && f.Name != detections.RootFile {
				rules[f.Name] = string(f.Data)
			}
		}
	}
	visible, count := []string{"unknown-key", "missing-key"}, 0
	for name, text := range rules {
		doc := yamlpos.Parse(name, []byte(text))
		if !doc.Root().Exists() {
			continue
		}
		_, err := load(tree(map[string]string{name: text}))
		var problems detections.Problems
		if !errors.As(err, &problems) {
			continue
		}
		mistake := slices.IndexFunc(problems, func(p detections.Problem) bool {
			shape := strings.HasPrefix(p.Message, "want a list") || strings.HasPrefix(p.Message, "want a mapping") || strings.HasPrefix(p.Message, "want an integer")
			return slices.Contains(visible, detections.KindOf(p).ID) && !strings.Contains(p.Path, ".seen") || shape || p.Path == "class" && strings.HasPrefix(p.Message, "unknown class")
		})
		if mistake < 0 {
			continue
		}
		count++
		if err := schema.Validate(doc.Root().Any()); err == nil {
			t.Errorf("the schema accepts %s: %v", name, problems[mistake])
		}
	}
	if count < 40 {
		t.Errorf("only %d mistakes that a schema can see", count)
	}
}
