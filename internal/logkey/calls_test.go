package logkey

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// call is one call of a logger in the project's code, without tests.
type call struct {
	place string
	*ast.CallExpr
}

// Methods that write a line: all take the message first.
var methods = []string{"Debug", "Info", "Warn", "Error"}

// calls finds every call of a method of a logger with a message. A logger is
// whatever is called log or Log, as everywhere in this project, and slog itself.
func calls(t *testing.T) []call {
	t.Helper()
	var all []call
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"testdata", "data", "bin", ".git"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && isLogging(c) {
				all = append(all, call{fset.Position(c.Pos()).String(), c})
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d calls were found", len(all))
	}
	return all
}

func isLogging(c *ast.CallExpr) bool {
	f, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(methods, f.Sel.Name) || len(c.Args) == 0 {
		return false
	}
	switch x := f.X.(type) {
	case *ast.Ident:
		return x.Name == "log" || x.Name == "slog"
	case *ast.SelectorExpr:
		return x.Sel.Name == "log" || x.Sel.Name == "Log"
	}
	return false
}

// TestCalls holds every log line of the project to the rules: a fixed message,
// and attributes made by slog's typed functions under keys of this package.
func TestCalls(t *testing.T) {
	for _, c := range calls(t) {
		if m, ok := c.Args[0].(*ast.BasicLit); !ok || m.Kind != token.STRING {
			t.Errorf("%s: the message is not a fixed text", c.place)
		}
		for _, arg := range c.Args[1:] {
			if c.Ellipsis.IsValid() {
				t.Errorf("%s: attributes are not written out", c.place)
				break
			}
			if key := keyOf(arg); !strings.HasPrefix(key, "logkey.") {
				t.Errorf("%s: an attribute is not slog.String(logkey.X, ...) or the like", c.place)
			}
		}
	}
}

// keyOf is the key of an attribute as it is written: "logkey.Topic".
func keyOf(arg ast.Expr) string {
	attr, ok := arg.(*ast.CallExpr)
	if !ok || len(attr.Args) != 2 {
		return ""
	}
	if f, ok := attr.Fun.(*ast.SelectorExpr); !ok || name(f.X) != "slog" {
		return ""
	}
	key, ok := attr.Args[0].(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	return name(key.X) + "." + key.Sel.Name
}

func name(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// keys are the values of this package's constants by their names.
func keys(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "logkey.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all[v.Names[0].Name] = text
		}
		return true
	})
	return all
}

// TestKeysAreUsed finds keys that nothing logs any more.
func TestKeysAreUsed(t *testing.T) {
	used := map[string]bool{}
	for _, c := range calls(t) {
		for _, arg := range c.Args[1:] {
			used[strings.TrimPrefix(keyOf(arg), "logkey.")] = true
		}
	}
	for name := range keys(t) {
		if !used[name] {
			t.Errorf("nothing logs %s", name)
		}
	}
}

var documentedKey = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// TestDocs holds the table of keys in docs/operations.md to this package.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Logs\n")
	if !found {
		t.Fatal("docs/operations.md has no section Logs")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, m := range documentedKey.FindAllStringSubmatch(section, -1) {
		documented = append(documented, m[1])
	}
	var have []string
	for _, key := range keys(t) {
		have = append(have, key)
	}
	for _, key := range have {
		if !slices.Contains(documented, key) {
			t.Errorf("docs/operations.md does not document the key %s", key)
		}
	}
	for _, key := range documented {
		if !slices.Contains(have, key) && key != "time" && key != "level" && key != "msg" {
			t.Errorf("docs/operations.md documents the key %s, which does not exist", key)
		}
	}
}
