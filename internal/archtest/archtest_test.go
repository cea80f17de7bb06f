package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/weir-security/weir"

type pkg struct {
	ImportPath string
	Imports    []string
	Doc        string
}

// packages lists the module's packages, without tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Doc", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("only %d packages were listed", len(all))
	}
	return all
}

// part is the top of a package's path in the module, with internal's own parts
// told apart.
func part(path string) string {
	rel := strings.TrimPrefix(path, module+"/")
	elems := strings.Split(rel, "/")
	if elems[0] == "internal" && len(elems) > 1 {
		return "internal/" + elems[1]
	}
	return elems[0]
}

// allowed says which parts a part may import, besides itself and schemas.
// Packages without domain (suggest, yamlpos, exitcode, logkey) serve anyone above schemas.
var allowed = map[string][]string{
	"cmd": {
		"ingest", "normalize", "detections", "sinks", "internal/pipeline", "internal/broker", "internal/config",
		"internal/deadletter", "internal/exitcode", "internal/logkey", "internal/rawlog", "internal/replay", "internal/sources", "internal/suggest",
		"internal/telemetry", "internal/watch", "internal/yamlpos",
	},
	"internal/pipeline":   {"ingest", "normalize", "detections", "sinks", "internal/broker", "internal/config", "internal/deadletter", "internal/logkey", "internal/sources", "internal/telemetry", "internal/watch"},
	"internal/replay":     {"detections", "sinks"},
	"internal/rawlog":     {"ingest", "normalize", "internal/sources"},
	"internal/sources":    {"ingest", "normalize", "schemas"},
	"internal/deadletter": {"ingest", "normalize", "internal/broker", "internal/sources"},
	"internal/broker":     {"internal/config", "internal/logkey"},
	"internal/telemetry":  {"internal/logkey"},
	"internal/config":     {"internal/suggest", "internal/yamlpos"},
	"internal/yamlpos":    {"internal/suggest"},
	"detections":          {"internal/suggest", "internal/yamlpos"},
	"ingest":              {"internal/logkey"},
	"normalize":           {"internal/suggest", "internal/yamlpos", "internal/corpus"}, // mappings in YAML; tests of the mappers
	"sinks":               nil,
	"schemas":             {"internal/suggest"},
	"internal/suggest":    nil,
	"internal/exitcode":   nil,
	"deploy":              nil, // tests only
	"internal/logkey":     nil,
	"internal/watch":      nil,
	"internal/archtest":   nil,
	"internal/corpus":     nil, // tests only
	"testdata":            nil,
	"test":                {"normalize", "sinks"}, // programs of the integration tests and comparisons
}

func TestImportDirection(t *testing.T) {
	for _, p := range packages(t) {
		from := part(p.ImportPath)
		may, known := allowed[from]
		if !known {
			t.Errorf("%s is in no known part: give it a place in docs/DESIGN.md and in this table", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := part(imported)
			if to != from && to != "schemas" && !slices.Contains(may, to) {
				t.Errorf("%s imports %s: %s may not depend on %s", p.ImportPath, imported, from, to)
			}
		}
	}
}

// moved are import paths of libraries that live elsewhere now or are archived.
var moved = map[string]string{
	"github.com/google/cel-go":       "cel.dev/cel-go",
	"github.com/apache/arrow/go/v17": "github.com/apache/arrow-go/v18",
	"gopkg.in/yaml.v3":               "go.yaml.in/yaml/v4",
}

func TestNoMovedLibraries(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for old, home := range moved {
				if imported == old || strings.HasPrefix(imported, old+"/") {
					t.Errorf("%s imports %s, which lives at %s now", p.ImportPath, imported, home)
				}
			}
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// TestUnsafeIsInFewPlaces: what it takes is explained and tested there.
func TestUnsafeIsInFewPlaces(t *testing.T) {
	homes := []string{module + "/schemas/jsondoc", module + "/schemas/ocsf/ocsfparquet"}
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, "unsafe") && !slices.Contains(homes, p.ImportPath) {
			t.Errorf("%s imports unsafe: only %s may", p.ImportPath, strings.Join(homes, " and "))
		}
	}
}
