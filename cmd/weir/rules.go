package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/sources"
)

// builtin is what the rules in the binary are called where a directory would be.
const builtin = "built-in"

// loadRules loads the rules of a directory, or those in the binary when dir is
// empty. What is wrong with them goes to standard error. custom are the sources that
// tests may name beside the built-in ones.
func loadRules(c *cobra.Command, dir string, custom ...string) (*detections.RuleSet, error) {
	rules, err := openRules(dir, custom...)
	var problems detections.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(c.ErrOrStderr(), problems.Text())
		wrong, _ := problems.Split()
		return nil, exitcode.Wrap(exitcode.Rule, fmt.Errorf("%s in the rules", count(len(wrong), "error")), "correct them; weir check "+orHere(dir)+" says when all is well")
	}
	return rules, err
}

// openRules is loadRules without printing: the error may be detections.Problems.
func openRules(dir string, custom ...string) (*detections.RuleSet, error) {
	return loadTree(dir, detections.LoadOptions{Sources: custom})
}

// loadTree is openRules with more options; their Sources are those beside the built-in
// ones.
func loadTree(dir string, opts detections.LoadOptions) (*detections.RuleSet, error) {
	opts.Sources = append(sources.Builtin().Names(), opts.Sources...)
	if dir == "" {
		opts.Name = builtin
		return detections.LoadFS(detections.BuiltinRules(), opts)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("open rules: %w", err), "give the directory that holds "+detections.RootFile)
	}
	rules, err := detections.Load(dir, opts)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Wrap(exitcode.Usage, err, "give the directory that holds "+detections.RootFile)
	}
	return rules, err
}

func orHere(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// ruleTree is a directory of rules with the parts of it that the user asked for.
type ruleTree struct {
	dir   string   // empty: the built-in rules
	parts []string // files and directories below dir, slash-separated; empty: all
}

const rulePathHelp = `PATH is a directory of rules, or a file or directory in one. Without it, ./rules if there is one, else the rules built
into the binary.`

// ruleTrees finds the rule directories of arguments.
func ruleTrees(args []string) ([]*ruleTree, error) {
	if len(args) == 0 {
		if _, err := os.Stat(filepath.Join("rules", detections.RootFile)); err == nil {
			args = []string{"rules"}
		} else {
			return []*ruleTree{{}}, nil
		}
	}
	var trees []*ruleTree
	byDir := map[string]*ruleTree{}
	for _, arg := range args {
		if _, err := os.Stat(arg); err != nil {
			return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("open rules: %w", err), "check the path")
		}
		dir, err := detections.FindRoot(arg)
		if err != nil {
			return nil, exitcode.Wrap(exitcode.Usage, err, "give a directory that holds "+detections.RootFile+", or a path below one")
		}
		tree := byDir[dir]
		if tree == nil {
			tree = &ruleTree{dir: dir}
			byDir[dir] = tree
			trees = append(trees, tree)
		}
		part, err := filepath.Rel(dir, arg)
		if err != nil {
			return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("find %s in its rules: %w", arg, err), "")
		}
		tree.parts = append(tree.parts, filepath.ToSlash(part))
	}
	return trees, nil
}

// covers tells whether a file, relative to the rules directory, was asked for.
func (t *ruleTree) covers(file string) bool {
	for _, part := range t.parts {
		if part == "." || part == file || strings.HasPrefix(file, part+"/") {
			return true
		}
	}
	return len(t.parts) == 0
}

// relative is the path of a problem's file below the rules directory.
func (t *ruleTree) relative(file string) string {
	name := t.dir
	if name == "" {
		name = builtin
	}
	rest, err := filepath.Rel(name, file)
	if err != nil {
		return file
	}
	return filepath.ToSlash(rest)
}

// files is the file system of the rules directory, which the tests' fixtures are in.
func (t *ruleTree) files() fs.FS {
	if t.dir == "" {
		return detections.BuiltinRules()
	}
	return os.DirFS(t.dir)
}
