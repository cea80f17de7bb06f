package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag that takes one of a few words.
type choice struct {
	to      *string
	choices []string
}

func (f choice) String() string { return *f.to }
func (f choice) Type() string   { return strings.Join(f.choices, "|") }

func (f choice) Set(s string) error {
	if !slices.Contains(f.choices, s) {
		return fmt.Errorf("want one of %s", strings.Join(f.choices, ", "))
	}
	*f.to = s
	return nil
}

// formatFlag adds --format, whose first choice is the default.
func formatFlag(c *cobra.Command, to *string, choices ...string) {
	choiceFlag(c, to, "format", "form of the output", choices...)
}

// choiceFlag adds a flag that takes one of a few words, the first by default.
func choiceFlag(c *cobra.Command, to *string, name, usage string, choices ...string) {
	*to = choices[0]
	c.Flags().Var(choice{to, choices}, name, usage)
}
