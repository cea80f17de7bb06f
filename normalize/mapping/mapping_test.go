package mapping_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/normalize/mapping"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// updating tells whether -update, which package maptest defines, was given.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func options(t testing.TB) mapping.Options {
	t.Helper()
	language, err := detections.RawLanguage()
	if err != nil {
		t.Fatal(err)
	}
	return mapping.Options{Language: language, Builtin: []string{"aws.cloudtrail"}}
}

// parse is Parse of a file that is right.
func parse(t testing.TB, name, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse(name, []byte(text), options(t))
	var problems yamlpos.Problems
	if errors.As(err, &problems) {
		t.Fatalf("load %s:\n%s", name, problems.Text())
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func runTests(t *testing.T, m *mapping.Mapping) {
	t.Helper()
	if len(m.Warnings) > 0 {
		t.Errorf("warnings:\n%s", m.Warnings.Text())
	}
	for i := range m.Tests {
		for _, failure := range m.Run(&m.Tests[i]) {
			t.Errorf("%s:%d: %s: %s", m.File, m.Tests[i].Line, m.Tests[i].Name, failure)
		}
	}
}

// example is the block of YAML of docs/custom-sources.md that begins with a line.
func example(t testing.TB, first string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/custom-sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n"+first)
	text, _, closed := strings.Cut(rest, "\n```")
	if !found || !closed {
		t.Fatalf("docs/custom-sources.md has no example that begins with %q", first)
	}
	return first + text + "\n"
}

func TestDocumentedExample(t *testing.T) {
	for _, source := range []string{"acme.vpn", "acme.door"} {
		runTests(t, parse(t, "docs/custom-sources.md", example(t, "source: "+source+"\n")))
	}
}

// TestDeployed runs the tests of the mappings that come with weir.
func TestDeployed(t *testing.T) {
	files, err := filepath.Glob("../../deploy/mappings/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d mappings, %v", len(files), err)
	}
	for _, file := range files {
		m, err := mapping.Load(file, options(t))
		var problems yamlpos.Problems
		if errors.As(err, &problems) {
			t.Errorf("\n%s", problems.Text())
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		runTests(t, m)
	}
}

// TestMistakes loads files with one mistake each and compares what is said of it.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".bad.yaml"), func(t *testing.T) {
			m, err := mapping.Load(file, options(t))
			var problems yamlpos.Problems
			switch {
			case errors.As(err, &problems):
			case err != nil:
				t.Fatal(err)
			default:
				if problems = m.Warnings; len(problems) == 0 {
					t.Fatal("loaded without a problem")
				}
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".want"
			if updating() {
				if err := os.WriteFile(golden, []byte(problems.Text()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), problems.Text()+"\n"); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func BenchmarkMap(b *testing.B) {
	m := parse(b, "docs/custom-sources.md", example(b, "source: acme.vpn\n"))
	rec := event.Record{Source: m.Source, Value: []byte(`{"id":"e-1","type":"login","ts":"2026-11-18T08:12:44.512Z","vpn_user":"alice","realm":"corp","gateway":"fra-2","client":"203.0.113.25","client_port":50123,"ok":true,"factors":["password","totp"],"session":{"id":"s-77"}}`)}
	mapper := m.New()
	var ev ocsf.Event
	b.SetBytes(int64(len(rec.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if err := mapper.Map(&rec, &ev); err != nil {
			b.Fatal(err)
		}
	}
}
