// Gendocs writes docs/ocsf-by-source.md, which OCSF attributes each source fills, and
// the table in docs/sources.md, as the mappers' fixtures show. It runs in
// internal/sources.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/ocsf"
)

func main() {
	filled, err := read("../../normalize")
	if err == nil {
		err = os.WriteFile("../../docs/ocsf-by-source.md", page(filled), 0o644)
	}
	if err == nil {
		err = overview("../../docs/sources.md", filled)
	}
	if err != nil {
		log.Fatalf("write documentation: %v", err)
	}
}

// source is what the events of one source fill.
type source struct {
	classes    map[string]bool
	dialects   map[string]bool
	attributes map[string]bool
}

// read collects the events of all fixtures below dir, by source.
func read(dir string) (map[string]*source, error) {
	all := map[string]*source{}
	detector := sources.NewDetector(sources.Builtin())
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		archive, err := txtar.ParseFile(path)
		if err != nil || len(archive.Files) < 2 || archive.Files[1].Name != "event.json" {
			return err // a record that is refused
		}
		record, event := archive.Files[0].Data, archive.Files[1].Data
		var ev map[string]any
		if err := json.Unmarshal(event, &ev); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name, _ := ev["metadata"].(map[string]any)["log_provider"].(string)
		s := all[name]
		if s == nil {
			s = &source{map[string]bool{}, map[string]bool{}, map[string]bool{}}
			all[name] = s
		}
		var typed ocsf.Event
		if err := typed.UnmarshalJSON(event); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.classes[typed.Class().Name()] = true
		if found, dialect := detector.Detect(bytes.TrimSpace(record)); found == name {
			s.dialects[dialect] = true
		}
		paths("", ev, s.attributes)
		return nil
	})
	return all, err
}

// schemaless are the attributes that hold a record's own JSON, and those that repeat
// others.
var schemaless = map[string]bool{"unmapped": true, "data": true, "observables": true, "raw_data": true, "user_data": true}

// paths collects the paths of an event's leaves.
func paths(at string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			path := strings.TrimPrefix(at+"."+name, ".")
			if schemaless[name] {
				into[path] = true
				continue
			}
			paths(path, member, into)
		}
	case []any:
		for _, e := range v {
			if _, isObject := e.(map[string]any); isObject {
				paths(at+"[]", e, into)
			} else {
				into[at] = true
			}
		}
	default:
		into[at] = true
	}
}

// page is the whole file.
func page(filled map[string]*source) []byte {
	var b bytes.Buffer
	b.WriteString(`# OCSF attributes by source

<!-- Made by internal/sources/gendocs from the fixtures of the mappers: make generate -->

What the mappers fill, as their fixtures show; a record has what it has. A rule that asks for another attribute of a source would be
silent. ` + "`unmapped`" + ` holds what no attribute takes, ` + "`raw_data`" + ` the record; both are in every event and left out here.

## Classes

| source | logs | classes |
| --- | --- | --- |
`)
	names := slices.Sorted(maps.Keys(filled))
	for _, name := range names {
		row, _ := sources.Builtin().Lookup(name)
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, row.Title, code(slices.Sorted(maps.Keys(filled[name].classes))))
	}
	b.WriteString("\n## Attributes\n\n| attribute | sources |\n| --- | --- |\n")
	by := map[string][]string{}
	for _, name := range names {
		for path := range filled[name].attributes {
			by[path] = append(by[path], name)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(by)) {
		if path == "unmapped" || path == "raw_data" {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", path, who(by[path], names))
	}
	return b.Bytes()
}

// overview replaces the table of a page, which stands between two comments.
func overview(file string, filled map[string]*source) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte("<!-- table: make generate -->\n"))
	_, after, end := bytes.Cut(rest, []byte("<!-- end of table -->\n"))
	if !ok || !end {
		return fmt.Errorf("%s has no place for its table", file)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString("<!-- table: make generate -->\n| source | logs | dialects | envelopes | custom formats | classes |\n| --- | --- | --- | --- | --- | --- |\n")
	pages, err := filepath.Glob(filepath.Join(filepath.Dir(file), "source-*.md"))
	if err != nil {
		return err
	}
	for _, s := range sources.Builtin().All() {
		f := filled[s.Name]
		if f == nil {
			return fmt.Errorf("%s has no fixtures", s.Name)
		}
		custom := ""
		if s.Formats != nil {
			custom = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", linked(s.Name, pages), s.Title, strings.Join(slices.Sorted(maps.Keys(f.dialects)), ", "), envelopes(s.Format),
			custom, code(slices.Sorted(maps.Keys(f.classes))))
	}
	b.WriteString("<!-- end of table -->\n")
	b.Write(after)
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// linked is a source's name with a link to the page that has it most often.
func linked(name string, pages []string) string {
	most, best := 0, ""
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if n := bytes.Count(text, []byte(name)); err == nil && n > most {
			most, best = n, filepath.Base(page)
		}
	}
	if best == "" {
		return "`" + name + "`"
	}
	return "[`" + name + "`](" + best + ")"
}

// envelopes is how a source's records come.
func envelopes(f envelope.Format) string {
	var parts []string
	switch f.Kind {
	case envelope.Lines:
		parts = append(parts, "lines")
	case envelope.Detect:
		parts = append(parts, "lines, NDJSON, array")
	default:
		parts = append(parts, "NDJSON, array")
	}
	for _, key := range f.EnvelopeKeys {
		parts = append(parts, "`"+key+"`")
	}
	if f.Transports&envelope.CloudWatch != 0 {
		parts = append(parts, "transports")
	}
	return strings.Join(parts, ", ")
}

// who names sources, a family of which all are there by its name.
func who(some, all []string) string {
	if len(some) == len(all) {
		return "all"
	}
	families := map[string]int{}
	for _, name := range all {
		families[family(name)]++
	}
	for _, name := range some {
		families[family(name)]--
	}
	var names []string
	for _, name := range some {
		if families[family(name)] == 0 {
			name = family(name) + ".*"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return code(names)
}

func family(source string) string {
	name, _, _ := strings.Cut(source, ".")
	return name
}

func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
