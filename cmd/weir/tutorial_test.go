package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTutorial does what the first section of docs/rules.md says, in its order: it
// writes the files, runs the commands, and compares what they print.
func TestTutorial(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatalf("the commands need a shell: %v", err)
	}
	page, err := os.ReadFile(filepath.Join(repository(t), "docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## A first rule\n")
	text, _, _ = strings.Cut(text, "\n## ")
	dir := t.TempDir()
	block := regexp.MustCompile("(?ms)(?:^`([^`\n]+)`\n\n)?^```(yaml|console)\n(.*?)^```$")
	files, commands := 0, 0
	for _, m := range block.FindAllStringSubmatch(text, -1) {
		if m[2] == "yaml" {
			file := filepath.Join(dir, filepath.FromSlash(m[1]))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(m[3]), 0o644); err != nil {
				t.Fatal(err)
			}
			files++
			continue
		}
		for _, command := range strings.Split(strings.TrimPrefix(m[3], "$ "), "\n$ ") {
			line, want, _ := strings.Cut(command, "\n")
			commands++
			if got := tutorialRun(t, sh, dir, line); strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
				t.Errorf("$ %s\n%s", line, cmp.Diff(want, got))
			}
		}
	}
	if files < 3 || commands < 5 {
		t.Errorf("%d files and %d commands", files, commands)
	}
}

// tutorialRun runs one command line: weir in this process, anything else by the shell.
func tutorialRun(t *testing.T, sh, dir, line string) string {
	t.Helper()
	if args, ok := strings.CutPrefix(line, "weir "); ok {
		t.Chdir(dir)
		var out bytes.Buffer
		Run(context.Background(), strings.Fields(args), strings.NewReader(""), &out, &bytes.Buffer{})
		return out.String()
	}
	c := exec.Command(sh, "-c", line)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("$ %s: %v", line, err)
	}
	return string(out)
}
