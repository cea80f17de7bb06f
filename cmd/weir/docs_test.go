package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docCommand is a command line of weir in a page of the documentation.
type docCommand struct {
	page    string // from the project's root
	line    int
	command string // without the program
	runs    bool   // in a code block, and of files that the project has: bin/weir
}

// docCommands finds the command lines in code blocks and between backquotes.
func docCommands(t *testing.T) []docCommand {
	t.Helper()
	root := repository(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []docCommand
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, page)
		if err != nil {
			t.Fatal(err)
		}
		inBlock, number := false, 0
		for line := range strings.Lines(string(text)) {
			number++
			switch {
			case strings.HasPrefix(line, "```"):
				inBlock = !inBlock
			case inBlock:
				if m := blockCommand.FindStringSubmatch(line); m != nil {
					found = append(found, docCommand{name, number, m[2], m[1] != ""})
				}
			default:
				for _, m := range inlineCommand.FindAllStringSubmatch(line, -1) {
					found = append(found, docCommand{name, number, m[1], false})
				}
			}
		}
	}
	return found
}

var (
	blockCommand  = regexp.MustCompile(`^(bin/)?weir (\S.*\S)`)
	inlineCommand = regexp.MustCompile("`(?:bin/)?weir ([a-z][^`]*)`")
	// what stands behind a command: a comment, a pipe, a file, what to put in
	behindCommand = regexp.MustCompile(`\s+(#|\||>|\[|\.\.\.).*$|\\\|.*$`)
)

// The command lines of the documentation name commands that there are, with flags
// that they have.
func TestDocsCommandsExist(t *testing.T) {
	found := docCommands(t)
	if len(found) < 20 {
		t.Fatalf("there are %d command lines", len(found))
	}
	for _, d := range found {
		command := behindCommand.ReplaceAllString(d.command, "")
		root := newRoot()
		target, args, err := root.Find(strings.Fields(command))
		if err != nil || target == root && strings.Fields(command)[0] != "help" {
			t.Errorf("%s:%d: no such command: weir %s", d.page, d.line, command)
			continue
		}
		if err := target.ParseFlags(args); err != nil {
			t.Errorf("%s:%d: weir %s: %v", d.page, d.line, command, err)
		}
	}
}

// The command lines in code blocks that begin with bin/weir do what the page says
// when they are pasted after make build. run is not among them: it is a service,
// and make run has its own tests.
func TestDocsCommandsRun(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatalf("the command lines need a shell: %v", err)
	}
	ran := 0
	for _, d := range docCommands(t) {
		if !d.runs || strings.HasPrefix(d.command, "run") {
			continue
		}
		ran++
		c := exec.Command(sh, "-c", "weir "+d.command)
		c.Dir = repository(t)
		var stderr strings.Builder
		c.Stderr = &stderr
		if out, err := c.Output(); err != nil || len(out) == 0 {
			t.Errorf("%s:%d: weir %s: %v, %d bytes of output\n%s", d.page, d.line, d.command, err, len(out), stderr.String())
		}
	}
	if ran < 4 {
		t.Errorf("%d command lines were run", ran)
	}
}

// Pages link to files that there are.
func TestDocsLinks(t *testing.T) {
	root := repository(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`)
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(page), m[1])
			}
		}
	}
}
