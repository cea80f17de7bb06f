package detections_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
)

// TestFormat: the layout of testdata/format/*.yaml is that of the .want beside it, and
// a second time changes nothing.
func TestFormat(t *testing.T) {
	files, err := filepath.Glob("testdata/format/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := "a/" + filepath.Base(file)
			if strings.Contains(file, "list") {
				name = "lists/" + filepath.Base(file)
			}
			got, err := detections.Format(name, text)
			if err != nil {
				t.Fatal(err)
			}
			wanted := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(wanted, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wanted)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
			if again, err := detections.Format(name, got); err != nil || string(again) != string(got) {
				t.Errorf("again it is another (%v):\n%s", err, cmp.Diff(string(got), string(again)))
			}
		})
	}
}

// TestFormatKeepsVersions: of every built-in rule, laid out in several bad ways, the
// version is what it was, and all bad ways end in one layout.
func TestFormatKeepsVersions(t *testing.T) {
	before, err := detections.LoadFS(detections.BuiltinRules(), detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spoils := map[string]func(string) string{
		"as it is": func(s string) string { return s },
		"spaces":   func(s string) string { return strings.ReplaceAll(s, "\n", "  \n") },
		"returns":  func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"conditions": func(s string) string {
			return strings.NewReplacer(" == ", "  ==", " && ", "&&", ", ", " ,").Replace(s)
		},
	}
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			err := fs.WalkDir(detections.BuiltinRules(), ".", func(file string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				text, err := fs.ReadFile(detections.BuiltinRules(), file)
				if err != nil {
					return err
				}
				if filepath.Ext(file) == ".yaml" && !strings.HasPrefix(file, "testdata") {
					given := text
					if name != "conditions" {
						given = []byte(spoil(string(text)))
					} else if !strings.HasPrefix(file, "lists/") {
						given = []byte(spoilWhen(string(text), spoil))
					}
					formatted, err := detections.Format(file, given)
					if err != nil {
						t.Errorf("%s: %v", file, err)
						return nil
					}
					if again, err := detections.Format(file, formatted); err != nil || string(again) != string(formatted) {
						t.Errorf("%s: again it is another (%v):\n%s", file, err, cmp.Diff(string(formatted), string(again)))
					}
					text = formatted
				}
				files[file] = &fstest.MapFile{Data: text}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			after, err := detections.LoadFS(files, detections.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range before.Rules() {
				if is := after.Rule(r.ID); is == nil || is.Version != r.Version {
					t.Errorf("%s has another version", r.ID)
				}
			}
		})
	}
}

// spoilWhen changes the lines of conditions.
func spoilWhen(text string, spoil func(string) string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if inside && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "  ") {
			inside = false
		}
		if inside && !strings.ContainsAny(line, `"'`) {
			line = spoil(line)
		}
		inside = inside || strings.HasPrefix(line, "when: |")
		b.WriteString(line)
	}
	return b.String()
}

// FuzzFormat: whatever is laid out keeps its meaning (Format sees to that) and is laid
// out for good.
func FuzzFormat(f *testing.F) {
	f.Add([]byte(goodRule))
	f.Add([]byte("# head\n\ntests:\n- {name: a,\n   b: [c # x\n   ]}\nid: 'x'\n# tail\n"))
	f.Add([]byte("when: >-\n  a\n  && b\nid: |+\n\n  x\n\ntitle: \"a\n  b\"\n"))
	f.Add([]byte("a:\n    - b: 1   # one\n      # two\n      c: |\n          text\n\n    - d\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := detections.Format("a.yaml", text)
		if err != nil {
			return
		}
		twice, err := detections.Format("a.yaml", once)
		if err != nil || string(twice) != string(once) {
			t.Errorf("%q becomes %q, and that %q (%v)", text, once, twice, err)
		}
	})
}
