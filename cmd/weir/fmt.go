package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
)

func newFmt() *cobra.Command {
	var o fmtOptions
	c := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Lay rule files out in one way",
		Long: `Writes rules and lists in the canonical layout: keys in order, blocks indented by two, one space around operators of
conditions, && and || at the beginning of lines. Comments stay, and so do line breaks within conditions. What a file says, and
the version of its rule, does not change. Files that are no YAML are left alone and reported.

--check changes nothing and ends with 1 if a file is laid out otherwise; --diff shows how.

` + rulePathHelp,
		Example: `  weir fmt rules/
  weir fmt --check rules/
  weir fmt --diff rules/aws/cloudtrail/logging_disabled.yaml`,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args) },
	}
	c.Flags().BoolVar(&o.check, "check", false, "name the files that would change, and change none")
	c.Flags().BoolVar(&o.diff, "diff", false, "show what would change, and change nothing")
	return c
}

type fmtOptions struct{ check, diff bool }

func (o *fmtOptions) run(c *cobra.Command, args []string) error {
	trees, err := ruleTrees(args)
	if err != nil {
		return err
	}
	files, changed, broken := 0, 0, 0
	for _, tree := range trees {
		if tree.dir == "" {
			return exitcode.Wrap(exitcode.Usage, errors.New("the built-in rules are part of the program"), "give a directory of rules")
		}
		names, err := tree.yamlFiles()
		if err != nil {
			return exitcode.Wrap(exitcode.IO, fmt.Errorf("list rules: %w", err), "")
		}
		for _, name := range names {
			files++
			different, err := o.file(c, tree.dir, name)
			switch {
			case errors.Is(err, errFormat):
				broken++
				fmt.Fprintln(c.ErrOrStderr(), strings.TrimPrefix(err.Error(), errFormat.Error()+": "))
			case err != nil:
				return err
			case different:
				changed++
			}
		}
	}
	switch {
	case files == 0:
		return exitcode.Wrap(exitcode.Nothing, errors.New("no rules there"), "give a path that holds rules")
	case broken > 0:
		return exitcode.Wrap(exitcode.Rule, fmt.Errorf("%s cannot be laid out", count(broken, "file")), "weir check says what is wrong")
	case changed > 0 && (o.check || o.diff):
		return exitcode.Wrap(exitcode.No, fmt.Errorf("%d of %s laid out otherwise", changed, count(files, "file")), "weir fmt "+strings.Join(args, " "))
	}
	return nil
}

// errFormat is in the error of a file that cannot be laid out.
var errFormat = errors.New("format")

// file lays one file out; it tells whether that changes it.
func (o *fmtOptions) file(c *cobra.Command, dir, name string) (bool, error) {
	file := filepath.Join(dir, filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if err != nil {
		return false, exitcode.Wrap(exitcode.IO, fmt.Errorf("read rule: %w", err), "")
	}
	out, err := detections.Format(name, text)
	if err != nil {
		var p detections.Problem
		if errors.As(err, &p) {
			p.File = path.Join(filepath.ToSlash(dir), name)
			return false, fmt.Errorf("%w: %s", errFormat, p.Text())
		}
		return false, fmt.Errorf("%w: %s: %w", errFormat, path.Join(filepath.ToSlash(dir), name), err)
	}
	if bytes.Equal(text, out) {
		return false, nil
	}
	if o.diff {
		_, err = c.OutOrStdout().Write(diff.Diff(file, text, file+" (formatted)", out))
		return true, err
	}
	if _, err := fmt.Fprintln(c.OutOrStdout(), file); err != nil || o.check {
		return true, err
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.WriteFile(file, out, mode); err != nil {
		return true, exitcode.Wrap(exitcode.IO, fmt.Errorf("write rule: %w", err), "")
	}
	return true, nil
}

// yamlFiles are the files of rules and lists that were asked for, below the directory.
func (t *ruleTree) yamlFiles() ([]string, error) {
	var files []string
	err := fs.WalkDir(t.files(), ".", func(file string, d fs.DirEntry, err error) error {
		base := path.Base(file)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (base == "testdata" || file != "." && (base[0] == '.' || base[0] == '_')):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(base, ".yaml") && t.covers(file):
			files = append(files, file)
		}
		return nil
	})
	return files, err
}
