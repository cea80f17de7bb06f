package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema rule|list|manifest",
		Short: "Print the JSON Schema of rule files, for editors",
		Long: `Prints a JSON Schema of rules, of lists, or of weir-rules.yaml, with which editors complete and check keys. The first line of a
rule names it: # yaml-language-server: $schema=PATH-OR-URL. weir check knows more than a schema can say.`,
		Example: "  weir schema rule >rule.schema.json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.Wrap(exitcode.Usage, fmt.Errorf("want one of rule, list, manifest, got %d arguments", len(args)), c.CommandPath()+" --help")
			}
			text, err := detections.Schema(args[0])
			if err != nil {
				return exitcode.Wrap(exitcode.Usage, err, c.CommandPath()+" --help")
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
}
