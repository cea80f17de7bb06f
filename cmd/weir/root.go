package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/internal/yamlpos"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "weir",
		Short: "Security logs through Kafka to OCSF events, alerts and a Parquet lake",
		Long: `weir takes logs of AWS, Azure, Google Cloud, Kubernetes, gateways and networks (weir sources lists them) through
Kafka, normalises them to OCSF, evaluates detections, writes Parquet and delivers alerts.

normalize, replay, check and test need neither Kafka nor a configuration.`,
		Example: `  weir normalize trail.json.gz | jq .api.operation
  weir replay --rules rules/ trail.json.gz
  weir test rules/
  weir run --config weir.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
	}
	root.RunE = group(root)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(newHelp(root))
	root.AddCommand(
		newRun(), newNormalize(), newReplay(), newCheck(), newTest(), newFmt(), newSchema(), newDLQ(), newDeliver(),
		newConfig(), newSources(), newVersion(), newExitCodes(),
	)
	return root
}

// newHelp is cobra's help command, but that a word that names nothing is an error.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command or a topic",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			target, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return group(target)(target, rest) // names what is unknown
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// group is what a command does that only holds others: it shows its help, and
// refuses a word that is none of its commands.
func group(c *cobra.Command) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return exitcode.Wrap(exitcode.Usage,
			fmt.Errorf("unknown command %q%s", c.CommandPath()+" "+args[0], suggest.Hint(args[0], names)), c.CommandPath()+" --help")
	}
}

// flagError makes an error of the flags one of usage and suggests the flag that
// was probably meant.
func flagError(c *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	hint := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		hint = suggest.Hint("--"+unknown.GetSpecifiedName(), names)
	}
	return exitcode.Wrap(exitcode.Usage, fmt.Errorf("%w%s", err, hint), c.CommandPath()+" --help")
}

// noArgs refuses arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exitcode.Wrap(exitcode.Usage, fmt.Errorf("%s takes no arguments, got %q", c.CommandPath(), args[0]), c.CommandPath()+" --help")
}

// report prints an error for the user: what was wrong, then what to do next.
func report(stderr io.Writer, err error) {
	if err == nil {
		return
	}
	var coded *exitcode.Error
	if !errors.As(err, &coded) && exitcode.Of(err) == exitcode.Interrupted {
		fmt.Fprintln(stderr, "error: interrupted") // and not the call that heard of it
		return
	}
	fmt.Fprintf(stderr, "error: %v\n", err)
	if try := exitcode.Next(err); try != "" {
		fmt.Fprintf(stderr, "try: %s\n", try)
	}
}

// printProblems prints the problems of files, one a line, and returns how many
// of them are errors. It shows no source: a line of a configuration may hold a
// secret.
func printProblems(w io.Writer, problems yamlpos.Problems) (errors int) {
	for _, p := range problems {
		fmt.Fprintln(w, p.Error())
		if !p.Warning {
			errors++
		}
	}
	return errors
}

// join is errors.Join, but for an error that the first one already tells.
func join(err, next error) error {
	switch {
	case err == nil:
		return next
	case next == nil || errors.Is(err, next):
		return err
	}
	return errors.Join(err, next)
}

// count is "1 error", "2 errors".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
