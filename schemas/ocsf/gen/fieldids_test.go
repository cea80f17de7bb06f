package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someIDs = `{"next": 4, "ids": [
{"id": 1, "path": "actor", "type": "struct"},
{"id": 2, "path": "actor.name", "type": "string"},
{"id": 3, "path": "time", "type": "timestamptz"}
]}
`

func TestFieldIDsAreAppended(t *testing.T) {
	ids, err := parseFieldIDs([]byte(someIDs))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(ids.format()); got != someIDs {
		t.Errorf("formatted again:\n%s", got)
	}
	// actor.name left the selection, two columns came, in front of the others.
	err = ids.extend([]fieldID{{Path: "a", Type: "list"}, {Path: "a.element", Type: "string"},
		{Path: "actor", Type: "struct"}, {Path: "time", Type: "timestamptz"}})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(strings.Replace(someIDs, `"next": 4`, `"next": 6`, 1), "\n]}", `,
{"id": 4, "path": "a", "type": "list"},
{"id": 5, "path": "a.element", "type": "string"}
]}`, 1)
	if diff := cmp.Diff(want, string(ids.format())); diff != "" {
		t.Errorf("extended (-want +got):\n%s", diff)
	}
}

// TestFieldIDsRefused changes the committed file in every way that is no appending.
func TestFieldIDsRefused(t *testing.T) {
	lines := strings.SplitAfter(someIDs, "\n")
	tests := []struct{ name, text, want string }{
		{"first line removed", lines[0] + lines[2] + lines[3] + lines[4], "id 2 (actor.name) stands where 1 must"},
		{"line in the middle removed", lines[0] + lines[1] + lines[3] + lines[4], "id 3 (time) stands where 2 must"},
		{"last line removed", lines[0] + lines[1] + strings.TrimSuffix(lines[2], ",\n") + lines[4], "lines at the end were removed"},
		{"reordered", lines[0] + lines[2] + lines[1] + lines[3] + lines[4], "stands where 1 must"},
		{"renumbered", strings.Replace(someIDs, `"id": 2`, `"id": 7`, 1), "id 7 (actor.name) stands where 2 must"},
		{"path twice", strings.Replace(someIDs, `"time"`, `"actor"`, 1), "actor has an id already"},
		{"no JSON", "[", "unexpected"},
		{"unknown key", `{"next": 1, "ids": [], "x": 1}`, "unknown field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseFieldIDs([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("have %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFieldIDsKeepTheirType(t *testing.T) {
	ids, err := parseFieldIDs([]byte(someIDs))
	if err != nil {
		t.Fatal(err)
	}
	err = ids.extend([]fieldID{{Path: "time", Type: "long"}})
	if want := "time was written as timestamptz and would now be long"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("have %v, want %q", err, want)
	}
}

// TestEmitFieldIDs generates twice: the second time nothing is new.
func TestEmitFieldIDs(t *testing.T) {
	root := t.TempDir()
	schema := &Schema{Root: root, Classes: []*Class{{Name: "toy", Attributes: []*Attribute{
		{Name: "name", Kind: KindString},
		{Name: "tags", Kind: KindString, Array: true},
		{Name: "users", Kind: KindObject, Array: true, Object: &Object{Attributes: []*Attribute{{Name: "uid", Kind: KindString}}}},
	}}}}
	first, err := emitFieldIDs(schema)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"next": 7, "ids": [
{"id": 1, "path": "name", "type": "string"},
{"id": 2, "path": "tags", "type": "list"},
{"id": 3, "path": "tags.element", "type": "string"},
{"id": 4, "path": "users", "type": "list"},
{"id": 5, "path": "users.element", "type": "struct"},
{"id": 6, "path": "users.element.uid", "type": "string"}
]}
`
	if diff := cmp.Diff(want, string(first[0].Content)); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	path := filepath.Join(root, filepath.FromSlash(first[0].Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, first[0].Content, 0o644); err != nil {
		t.Fatal(err)
	}
	second, err := emitFieldIDs(schema)
	if err != nil || string(second[0].Content) != want {
		t.Errorf("second: %v\n%s", err, second[0].Content)
	}
	if err := os.WriteFile(path, first[0].Content[:40], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := emitFieldIDs(schema); err == nil {
		t.Error("a damaged file is overwritten")
	}
}
