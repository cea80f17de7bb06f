package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

const docsFile = "../../docs/configuration.md"

// docsIntro is all of docs/configuration.md that the schema does not know.
const docsIntro = `# Configuration

<!-- Made from internal/config/schema.go: go test ./internal/config -run Docs -update -->

One YAML file, given with ` + "`--config`" + `. ` + "`weir config check`" + ` reads it as the start would, without the network, and reports
everything that is wrong at once; ` + "`weir config show`" + ` prints it complete, with where each value comes from and secrets masked.

- **Strict.** An unknown key, a key given twice, a value of the wrong form: each is an error with its line and column. Anchors, aliases, tags
  and a second document are refused.
- **Variables.** ` + "`${NAME}`" + ` in a value is the environment variable ` + "`NAME`" + `, and an error when it is not set; ` + "`${NAME:-default}`" + ` is the
  default when it is not set or empty; ` + "`$${`" + ` is a literal ` + "`${`" + `. They are expanded after the YAML is parsed, so a variable is always one
  value, whatever it holds. Keys are not expanded.
- **Paths** that are relative start at the directory of the configuration file, not at the working directory: a service is started
  from anywhere.
- **Durations** are whole numbers with a unit, the greatest first: ` + "`500ms`, `30s`, `1h30m`, `7d`, `2w`" + `. **Sizes** are a whole number with a unit:
  ` + "`512KiB`, `64MiB`, `1GiB`, `500kB`" + `.
- **Secrets** have two keys: ` + "`password: ${VARIABLE}`, or `password_file`" + ` with the path of a file that holds it. They are masked wherever they are shown.
  A file is read again when its secret is used, so that it can be replaced while weir runs; a variable is that of the start.

Without a file weir uses the defaults, with ` + "`kafka: {embedded: {dir: data/broker}}`" + ` and nothing to collect. A file has to say which
cluster it is for.
`

// TestDocs holds docs/configuration.md to the schema and the defaults.
func TestDocs(t *testing.T) {
	want := reference()
	if *update {
		if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is not of this schema; run go test ./internal/config -run Docs -update (-want +got):\n%s", diff)
	}
}

func reference() string {
	c := Default()
	c.Instance = "the host's name"
	var b strings.Builder
	b.WriteString(docsIntro)
	var single section
	for _, f := range c.fields() {
		if f.val.form() != "section" && f.val.form() != "list" {
			single = append(single, f)
		}
	}
	table(&b, "At the top", "", single)
	for _, f := range c.fields() {
		switch f.val.form() {
		case "section":
			table(&b, "`"+f.key+"`", f.doc, f.val.(section))
		case "list":
			b.WriteString(kinds(f))
		}
	}
	return b.String()
}

// kinds is a list with a table for each type of its items.
func kinds(f field) string {
	var b strings.Builder
	intro := "A list of " + f.doc + ". Names differ."
	switch f.key {
	case "collectors":
		for _, typ := range collectorTypes {
			table(&b, "`collectors`, type `"+typ+"`", intro, (&Collector{Type: typ}).fields())
		}
	case "alerts":
		for _, typ := range alertTypes {
			table(&b, "`alerts`, type `"+typ+"`", intro+" Without the key there is one, of type `terminal`.", (&Alert{Type: typ}).fields())
		}
	}
	return b.String()
}

func table(b *strings.Builder, title, intro string, fields section) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if intro != "" {
		fmt.Fprintf(b, "%s\n\n", sentence(intro))
	}
	b.WriteString("| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
	rows(b, "", fields)
}

func sentence(s string) string {
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, ":") {
		return s
	}
	return s + "."
}

func rows(b *strings.Builder, path string, fields section) {
	for _, f := range fields {
		initial := ""
		if node := f.val.write(); node != nil && node.Kind == yaml.ScalarNode && node.Value != "" {
			initial = "`" + node.Value + "`"
		}
		if f.val.form() == "list of host:port" {
			initial = ""
		}
		if isRequired(f.val) {
			initial = "required"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", path, f.key, f.val.form(), initial, f.doc)
		rows(b, path+f.key+".", nested(f.val))
	}
}

// nested is the keys of a section, also of one that is not there by default.
func nested(v value) section {
	switch s := v.(type) {
	case section:
		return s
	case interface{ whole(*reader) section }:
		return s.whole(&reader{dir: "."})
	}
	return nil
}

// The destinations in the documentation are configurations, but for files that are
// not here.
func TestDocsDestinations(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	opts := testOptions
	opts.Env = func(string) (string, bool) { return "secret", true }
	types := map[string]bool{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			if !strings.HasPrefix(block, "alerts:") {
				continue
			}
			_, err := Parse(filepath.Base(page), []byte("kafka: {embedded: {}}\n"+block), opts)
			var problems yamlpos.Problems
			errors.As(err, &problems)
			for _, p := range problems {
				if !strings.Contains(p.Message, "no such file") {
					t.Errorf("%v", p)
				}
			}
			for _, typ := range alertTypes {
				types[typ] = types[typ] || strings.Contains(block, "type: "+typ)
			}
		}
	}
	for _, typ := range alertTypes {
		if typ != AlertTerminal && typ != AlertFile && !types[typ] {
			t.Errorf("no page shows a destination of type %s", typ)
		}
	}
}
