package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/exitcode"
)

// Every line of every example names a command that there is, with flags that it has.
func TestExamples(t *testing.T) {
	seen := 0
	walk(newRoot(), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			_, command, found := strings.Cut(line, "weir ")
			if !found {
				t.Errorf("%s: an example without weir: %q", c.CommandPath(), line)
				continue
			}
			seen++
			command, _, _ = strings.Cut(command, " | ")
			command, _, _ = strings.Cut(command, " > ")
			root := newRoot() // flags keep what they are given
			target, args, err := root.Find(strings.Fields(command))
			if err != nil || target == root {
				t.Errorf("%s: an example of no command: %q", c.CommandPath(), line)
				continue
			}
			if err := target.ParseFlags(args); err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
			}
		}
	})
	if seen < 10 {
		t.Errorf("there are %d examples", seen)
	}
}

func TestReport(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"an error", errors.New("open x: no such file"), "error: open x: no such file\n"},
		{"with advice", exitcode.Wrap(exitcode.Usage, errors.New("no input"), "weir replay FILE"), "error: no input\ntry: weir replay FILE\n"},
		{"interrupted somewhere", fmt.Errorf("poll: %w", context.Canceled), "error: interrupted\n"},
		{"interrupted, with advice", exitcode.Wrap(exitcode.Interrupted, errors.New("interrupted before the end"), "again"), "error: interrupted before the end\ntry: again\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if report(&out, tt.err); out.String() != tt.want {
				t.Errorf("have %q, want %q", out.String(), tt.want)
			}
		})
	}
}

// Every command and flag says what it is for.
func TestHelpIsComplete(t *testing.T) {
	walk(newRoot(), func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		if c.Runnable() && !c.HasSubCommands() && c.Args == nil && !strings.Contains(c.Use, "...") {
			t.Errorf("%s takes arguments that its usage does not show", c.CommandPath())
		}
	})
}

func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}
