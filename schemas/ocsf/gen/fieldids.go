package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// arrowDir is the package that the field ids belong to.
const arrowDir = "schemas/ocsf/ocsfarrow/"

// fieldID is one line of fieldids.json: the number that a column has forever, in
// every class. Path is the attribute's path in OCSF, with .element for the
// element of a list. Type is the column's type in Iceberg's words.
type fieldID struct {
	ID   int32  `json:"id"`
	Path string `json:"path"`
	Type string `json:"type"`
}

// fieldIDs is fieldids.json. Next is one more than the greatest id that was ever
// given, so that a line cut off at the end is noticed, too.
type fieldIDs struct {
	Next int32     `json:"next"`
	IDs  []fieldID `json:"ids"`
}

// emitFieldIDs appends to the committed file what the schema has beyond it.
// Attributes that left the selection keep their line.
func emitFieldIDs(s *Schema) ([]File, error) {
	file := File{Path: arrowDir + "fieldids.json"}
	old, err := os.ReadFile(filepath.Join(s.Root, filepath.FromSlash(file.Path)))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ids := fieldIDs{Next: 1}
	if err == nil {
		if ids, err = parseFieldIDs(old); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	if err := ids.extend(columnPaths(s)); err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	file.Content = ids.format()
	return []File{file}, nil
}

// columnPaths lists every column of every class once, parents first. ID is unset.
func columnPaths(s *Schema) []fieldID {
	var list []fieldID
	seen := map[string]bool{}
	var walk func(prefix string, attributes []*Attribute)
	add := func(path, typ string) {
		if !seen[path] {
			seen[path] = true
			list = append(list, fieldID{Path: path, Type: typ})
		}
	}
	walk = func(prefix string, attributes []*Attribute) {
		for _, a := range attributes {
			path := prefix + a.Name
			if a.Array {
				add(path, "list")
				path += ".element"
			}
			add(path, icebergType(a))
			if a.Kind == KindObject {
				walk(path+".", a.Object.Attributes)
			}
		}
	}
	for _, c := range s.Classes {
		walk("", c.Attributes)
	}
	return list
}

// icebergType is the type of one value of an attribute.
func icebergType(a *Attribute) string {
	if a.Type == "timestamp_t" {
		return "timestamptz"
	}
	return map[Kind]string{KindString: "string", KindJSON: "string", KindBool: "boolean", KindInt32: "int",
		KindInt64: "long", KindFloat64: "double", KindObject: "struct"}[a.Kind]
}

// parseFieldIDs reads the committed file and refuses one from which a line was
// removed or in which one was moved or renumbered.
func parseFieldIDs(data []byte) (fieldIDs, error) {
	var ids fieldIDs
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ids); err != nil {
		return ids, err
	}
	paths := map[string]bool{}
	for i, f := range ids.IDs {
		if want := int32(i + 1); f.ID != want {
			return ids, fmt.Errorf("id %d (%s) stands where %d must: lines are only ever appended; restore the file", f.ID, f.Path, want)
		}
		if paths[f.Path] {
			return ids, fmt.Errorf("id %d: %s has an id already", f.ID, f.Path)
		}
		paths[f.Path] = true
	}
	if want := int32(len(ids.IDs) + 1); ids.Next != want {
		return ids, fmt.Errorf("next is %d after %d ids: lines at the end were removed; restore the file", ids.Next, want-1)
	}
	return ids, nil
}

// extend gives ids to the columns that have none. A column cannot change its
// type: files with the old one exist.
func (ids *fieldIDs) extend(columns []fieldID) error {
	known := map[string]fieldID{}
	for _, f := range ids.IDs {
		known[f.Path] = f
	}
	for _, c := range columns {
		switch f, ok := known[c.Path]; {
		case !ok:
			c.ID = ids.Next
			ids.Next++
			ids.IDs = append(ids.IDs, c)
		case f.Type != c.Type:
			return fmt.Errorf("%s was written as %s and would now be %s: a column keeps its type", c.Path, f.Type, c.Type)
		}
	}
	return nil
}

// format writes one line for each id, so that a diff shows what was appended.
func (ids *fieldIDs) format() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "{\"next\": %d, \"ids\": [", ids.Next)
	for i, f := range ids.IDs {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(&w, "\n{\"id\": %d, \"path\": %q, \"type\": %q}", f.ID, f.Path, f.Type)
	}
	w.WriteString("\n]}\n")
	return w.Bytes()
}
