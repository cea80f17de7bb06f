package detections_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/detections"
)

// conditionRule is a rule around a condition of testdata/conditions.txt.
const conditionRule = `id: c.rule
title: x
status: test
severity: low
class: api_activity
when: |
  %s
tests:
  - {name: a, source: aws.cloudtrail, raw: "{}", alerts: 1}
  - {name: b, source: aws.cloudtrail, raw: "{}", alerts: []}
`

// problemsOf is what check prints of a tree; empty for a tree without problems.
func problemsOf(t *testing.T, files map[string]string) string {
	t.Helper()
	fsys := tree(files)
	if files["weir-rules.yaml"] != "" { // a tree of its own
		delete(fsys, "lists/admins.yaml")
		delete(fsys, "lists/offices.yaml")
	}
	rs, err := detections.LoadFS(fsys, detections.LoadOptions{Name: "rules", Sources: testSources, Fixtures: true})
	var problems detections.Problems
	switch {
	case errors.As(err, &problems):
	case err != nil:
		t.Fatal(err)
	default:
		problems = rs.Warnings()
	}
	for _, p := range problems { // machines see the same
		if fix, ok := p.Fix(); ok && (fix.Col < 1 || fix.EndCol < fix.Col || fix.Text == "") {
			t.Errorf("%v: fix %+v", p, fix)
		}
	}
	return problems.Text()
}

// golden compares a text with a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestConditionProblems checks every condition of testdata/conditions.txt, a mistake
// each, in a rule of its own.
func TestConditionProblems(t *testing.T) {
	text, err := os.ReadFile("testdata/conditions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		problems := problemsOf(t, map[string]string{"c/rule.yaml": fmt.Sprintf(conditionRule, line)})
		if problems == "" {
			t.Errorf("nothing is wrong: %s", line)
		}
		fmt.Fprintf(&got, "%s\n\n", strings.ReplaceAll(problems, "rules/c/rule.yaml:", ""))
	}
	golden(t, "testdata/conditions.want", got.String())
}

// TestTreeProblems checks directories, each in one file: rules, lists, weir-rules.yaml
// and what may lie beside them. In them \xNN is a byte.
func TestTreeProblems(t *testing.T) {
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(len(archives), err)
	}
	escape := regexp.MustCompile(`\\x[0-9a-f]{2}`)
	for _, file := range archives {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range archive.Files {
				f.Data = bytes.TrimSuffix(f.Data, []byte("\\\n")) // a file that does not end with a line
				files[f.Name] = escape.ReplaceAllStringFunc(string(f.Data), func(s string) string {
					b, _ := strconv.ParseUint(s[2:], 16, 8)
					return string([]byte{byte(b)})
				})
			}
			golden(t, strings.TrimSuffix(file, ".txtar")+".want", problemsOf(t, files)+"\n")
		})
	}
}

// TestLargeFileProblems: a file that is too large is not read.
func TestLargeFileProblems(t *testing.T) {
	golden(t, "testdata/bad/large_files.want", problemsOf(t, map[string]string{
		"big/rule.yaml":  "# " + strings.Repeat("x", 1<<20),
		"lists/big.yaml": "# " + strings.Repeat("x", 16<<20),
	})+"\n")
}

// TestLinkProblems: what a directory may hold that no text can.
func TestLinkProblems(t *testing.T) {
	dir := t.TempDir()
	write := func(file, text string) {
		t.Helper()
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("weir-rules.yaml", "format: 1\n")
	write("a/b/rule.yaml", "id: a.b.rule\n")
	pipe := filepath.Join(dir, "a", "pipe.yaml")
	for _, err := range []error{
		os.Symlink("..", filepath.Join(dir, "a", "loop")), os.Symlink("b", filepath.Join(dir, "a", "twice")),
		os.Symlink("nowhere.yaml", filepath.Join(dir, "a", "gone.yaml")), syscall.Mkfifo(pipe, 0o600),
		os.Symlink("pipe.yaml", filepath.Join(dir, "a", "to_pipe.yaml")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := detections.LoadFS(os.DirFS(dir), detections.LoadOptions{Name: "rules"})
	var problems detections.Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	golden(t, "testdata/bad/links.want", problems.Text()+"\n")
}

// reporters are the functions that report a problem, and which argument of theirs is
// the message.
var reporters = map[string]int{"Problemf": 0, "Warnf": 0, "Report": 3, "Warn": 3, "errorAt": 1, "errorAfter": 1, "warnAt": 1, "errorPlaced": 2, "report": 3, "refuse": 1}

// messageFunctions make messages, or parts of them, that others report: every text of
// theirs with a space in it counts as one.
var messageFunctions = []string{"checkTechnique", "parseDuration", "splitTemplate", "checkBudget", "ParseCIDR", "Placeable", "hintOrAll", "isText", "adviceOn", "syntaxAdvice",
	"syntaxMessage", "parserMessage", "unreadable", "otherWords", "typeMessage", "unequalKinds", "wrongArguments", "unfilled", "literals", "listNames", "absentAdvice", "describe"}

// passedOn are the places that report what another function, of those above, has said.
var passedOn = []string{
	"detections.about", "detections.compile", "detections.duration", "detections.listValues", "detections.title", "detections.root", "detections.read", "detections.refuse", "detections.lists",
	"detections.checkBudget", "expr.Compile", "expr.compile", "expr.syntax", "expr.mistyped", "expr.errorAt", "expr.errorAfter", "expr.errorPlaced", "expr.warnAt", "expr.literals",
	"expr.lintNode", "expr.lintComparison", "expr.unfilled", "yamlpos.Problemf", "yamlpos.Warnf", "yamlpos.Warn", "yamlpos.Report", "yamlpos.syntax", "yamlpos.isText",
}

// without are messages that no file brings about, each with the reason.
var without = map[string]string{
	"read yaml: ":           "an error of the YAML library that is none of its own kinds",
	"estimate the cost: %v": "an error within cel-go",
	" is of the event, which is only being made; a field of the record is raw.NAME": "of custom sources: normalize/mapping has it",
	"want a number, got %q": "of configurations: internal/config has it",
}

// messages are the messages in the sources of a package, by their place.
func messages(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all, fset := map[string]string{}, token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			name := declared(d)
			if slices.Contains(messageFunctions, name) {
				texts(d, func(at token.Pos, text string) { all[fset.Position(at).String()] = text })
			}
			ast.Inspect(d, func(n ast.Node) bool {
				message := reported(n)
				if message == nil {
					return true
				}
				found := false
				texts(message, func(at token.Pos, text string) { all[fset.Position(at).String()], found = text, true })
				if where := parsed.Name.Name + "." + name; !found && !slices.Contains(passedOn, where) {
					t.Errorf("%s: %s reports a message that this test does not see: give it as a literal, or name who makes it", fset.Position(n.Pos()), where)
				}
				return true
			})
		}
	}
	return all
}

// declared is the name of a function, or of the first constant or variable of a declaration.
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Name.Name
	case *ast.GenDecl:
		if v, ok := d.Specs[0].(*ast.ValueSpec); ok {
			return v.Names[0].Name
		}
	}
	return ""
}

// reported is the message of a call that reports a problem, or of a Problem that is made.
func reported(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Message" {
			return n.Value
		}
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		if at, ok := reporters[name]; ok && at < len(n.Args) {
			return n.Args[at]
		}
	}
	return nil
}

// texts are the literals with a space in them.
func texts(n ast.Node, yield func(token.Pos, string)) {
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && isQuestion(call) {
			return false
		}
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(strings.TrimSpace(text), " ") {
				yield(lit.Pos(), text)
			}
		}
		return true
	})
}

// isQuestion tells calls whose texts are what others say: strings.HasPrefix(message, ...)
// and the like.
func isQuestion(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && x.Name == "strings" && f.Sel.Name != "Join"
	case *ast.Ident:
		return f.Name == "len"
	}
	return false
}

var verb = regexp.MustCompile(`%[#+0-9.]*[a-zA-Z]`)

// TestEveryMessageHasAGoldenFile: what check can say is said in some file of testdata.
func TestEveryMessageHasAGoldenFile(t *testing.T) {
	var said strings.Builder
	files, err := filepath.Glob("testdata/bad/*.want")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "testdata/conditions.want") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(text)
	}
	count := 0
	for _, dir := range []string{".", "internal/expr", "../internal/yamlpos"} {
		for place, text := range messages(t, dir) {
			count++
			parts := verb.Split(text, -1)
			for i, p := range parts {
				parts[i] = regexp.QuoteMeta(p)
			}
			if without[text] == "" && !regexp.MustCompile(strings.Join(parts, ".*")).MatchString(said.String()) {
				t.Errorf("%s: no golden file of testdata/bad has this message: %s", place, text)
			}
		}
	}
	if count < 120 {
		t.Errorf("only %d messages were found", count)
	}
}

// TestKindsOfProblems prints which golden messages are of the kind that is none of the
// others.
func TestKindsOfProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.want")
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`^(?:rules/\S+?)?:?\d+:\d+: (?:warning: )?(?:(?:[a-xz]|y[b-z])[a-z_.0-9\[\]]*: )?(.*)$`)
	var got []string
	for _, file := range append(files, "testdata/conditions.want") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			m := place.FindStringSubmatch(strings.TrimSpace(line))
			if m != nil && detections.KindOf(detections.Problem{Message: m[1]}).ID == "invalid" {
				got = append(got, m[1])
			}
		}
	}
	slices.Sort(got)
	golden(t, "testdata/kind_invalid.want", strings.Join(slices.Compact(got), "\n")+"\n")
}
