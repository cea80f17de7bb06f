package main

import (
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/exitcode"
)

// newExitCodes is a help topic: a command that cannot be run.
func newExitCodes() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit code of every command says",
		Long:  "Every command ends with one of\n\n" + exitcode.Help(),
	}
}
