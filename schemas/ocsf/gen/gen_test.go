package main

import (
	"bytes"
	"flag"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/schemas/ocsf/facts"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// TestGeneratedIsCommitted: `make generate` changes nothing.
func TestGeneratedIsCommitted(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := run(root, out); err != nil {
		t.Fatal(err)
	}
	generated := map[string]bool{}
	err = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(out, path)
		if err != nil {
			return err
		}
		generated[name] = true
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator makes (%v): run make generate", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"schemas/ocsf/*_gen.go", "schemas/ocsf/*/*_gen.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, f := range files {
			if name, _ := filepath.Rel(root, f); !generated[name] {
				t.Errorf("%s: no emitter makes it any more, remove it", name)
			}
		}
	}
}

// buildText resolves a selection against facts, both as text.
func buildText(factsJSON, selection []byte) (*Schema, error) {
	f, err := facts.Parse(factsJSON)
	if err != nil {
		return nil, err
	}
	sel, err := parseSelection("selection.txt", bytes.NewReader(selection))
	if err != nil {
		return nil, err
	}
	return build(f, sel, "selection.txt")
}

// toy reads the toy schema: the archive, and its inputs.
func toy(t *testing.T) (archive *txtar.Archive, factsJSON, selection []byte) {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/toy.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return archive, archive.Files[0].Data, archive.Files[1].Data
}

// TestToySchema shows what the emitters of package ocsf make of a schema that
// can be read in one sitting.
func TestToySchema(t *testing.T) {
	archive, factsJSON, selection := toy(t)
	schema, err := buildText(factsJSON, selection)
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: archive.Comment, Files: archive.Files[:2:2]}
	for _, emit := range []func(*Schema) ([]File, error){emitTypes, emitAccessors, emitEnums, emitJSON, emitDescriptors, emitDocs} {
		files, err := emit(schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f.Path, ".go") {
				if f.Content, err = format.Source(f.Content); err != nil {
					t.Fatalf("%s: %v", f.Path, err)
				}
			}
			got.Files = append(got.Files, txtar.File{Name: f.Path, Data: f.Content})
		}
	}
	if *update {
		if err := os.WriteFile("testdata/toy.txtar", txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
		t.Errorf("(-want +got), -update rewrites:\n%s", diff)
	}
}

// TestSelectionErrors replaces a piece of the toy selection; want is the whole error.
func TestSelectionErrors(t *testing.T) {
	_, factsJSON, selection := toy(t)
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown class", "class node_activity", "class node_activty",
			"selection.txt:8: unknown class node_activty; did you mean \"node_activity\"?"},
		{"unknown attribute of a class", "node nodes", "nodse", `selection.txt:9: class node_activity has no attribute nodse; did you mean "node"?`},
		{"unknown attribute of an object", "data ip", "data ipp", `selection.txt:12: object node has no attribute ipp; did you mean "ip"?`},
		{"unknown attribute of all classes", "zone", "zoom", "selection.txt:4: no class of the selection has the attribute zoom"},
		{"unknown profile", "profile cloud", "profile clout cloud", `selection.txt: unknown profile clout; did you mean "cloud"?`},
		{"profile that is not selected", "zone", "zone pid", "selection.txt:4: class base_event: pid belongs to the profile host, which is not selected"},
		{"cycle", "parent/1", "parent", "selection.txt:12: object node: parent is a cycle (node > node): end it with a variant of object node"},
		{"missing section", "parent/1", "parent/2", "selection.txt:12: object node: parent is an object node: which of its attributes? add a section `object node/2`"},
		{"variant of a scalar", "data ip", "data ip/1", "selection.txt:12: object node: ip is no object, it has no variants"},
		{"name that CEL cannot select", "data ip", "data in", "selection.txt:12: object node: CEL cannot select an attribute named in"},
		{"name that CEL cannot have as a variable", "node nodes", "node nodes bytes", "selection.txt:8: class node_activity: CEL cannot have a variable bytes: it is reserved or names a type"},
		{"variant that nothing holds", "parent/1", "", "selection.txt:14: no selected attribute leads to object node/1"},
		{"object that OCSF lacks", "object node/1", "object nod/1", `selection.txt:14: unknown object nod; did you mean "node"?` + "\n" +
			"selection.txt:12: object node: parent is an object node: which of its attributes? add a section `object node/1`"},
		{"section twice", "object node/1", "object node", "selection.txt:14: object node is already at line 11"},
		{"no keyword", "class base_event", "base_event", `selection.txt:6: "base_event" is none of profile, class, object`},
		{"names beside a class", "class base_event", "class base_event zone", "selection.txt:6: class takes one name, its attributes go below it, indented"},
		{"names below nothing", "profile cloud", "profile cloud\n    zone", "selection.txt:2: indented names belong below a class or object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(selection, []byte(tt.old)) {
				t.Fatalf("the toy selection has no %q", tt.old)
			}
			_, err := buildText(factsJSON, bytes.Replace(selection, []byte(tt.old), []byte(tt.new), 1))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ ocsf, goName, field string }{
		{"src_url", "SrcURL", "srcURL"},
		{"uid", "UID", "uid"},
		{"is_mfa", "IsMFA", "isMFA"},
		{"subnet_uids", "SubnetUIDs", "subnetUIDs"},
		{"intermediate_ips", "IntermediateIPs", "intermediateIPs"},
		{"http_request", "HTTPRequest", "httpRequest"},
		{"type", "Type", "type_"},
		{"os", "OS", "os"},
		{"status", "Status", "status"},
		{"x_forwarded_for", "XForwardedFor", "xForwardedFor"},
		{"ja3s_hash", "JA3SHash", "ja3sHash"},
	} {
		if got := goName(tt.ocsf); got != tt.goName {
			t.Errorf("goName(%s) = %s, want %s", tt.ocsf, got, tt.goName)
		}
		if got := fieldName(tt.ocsf); got != tt.field {
			t.Errorf("fieldName(%s) = %s, want %s", tt.ocsf, got, tt.field)
		}
	}
	for caption, want := range map[string]string{"In Progress": "InProgress", "SAML 2.0": "SAML20", "Learning (ML/DL)": "LearningMLDL", "macOS": "MacOS"} {
		if got := captionName(caption); got != want {
			t.Errorf("captionName(%s) = %s, want %s", caption, got, want)
		}
	}
}
