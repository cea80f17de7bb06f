package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/sinks"
)

func newDeliver() *cobra.Command {
	c := &cobra.Command{
		Use:   "deliver",
		Short: "List and test destinations of alerts, and show what they are sent",
		Args:  cobra.ArbitraryArgs,
	}
	c.RunE = group(c)
	c.AddCommand(newDeliverList(), newDeliverRender(), newDeliverTest())
	return c
}

func newDeliverTest() *cobra.Command {
	var file string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "test NAME",
		Short: "Send a destination one alert that says that it is a test",
		Long: `Sends one alert to a destination, past its route, and reports the destination's answer. The alert is a valid OCSF Detection
Finding of severity informational whose title begins with TEST and which has unmapped.weir.test. It goes nowhere else: not
to Kafka, not into the lake.

The exit code is 0 if the destination took the alert, else 5.`,
		Example: `  weir deliver test pager --config weir.yaml`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, a, err := destinationArg(c, file, args)
			if err != nil {
				return err
			}
			return deliverTest(c, cfg, a, timeout)
		},
	}
	configFlag(c, &file)
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "longest wait for the answer")
	return c
}

func deliverTest(c *cobra.Command, cfg *config.Config, a *config.Alert, timeout time.Duration) (err error) {
	d, err := pipeline.OpenDestination(cfg, a, pipeline.DestinationOptions{Terminal: c.OutOrStdout(), Color: isTerminal(c.OutOrStdout())})
	if err != nil {
		return exitcode.Wrap(exitcode.IO, err, "")
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	ctx, cancel := context.WithTimeout(c.Context(), timeout)
	defer cancel()
	alert := sinks.NewTestAlert(a.Name, time.Now())
	answer := d.Deliver(ctx, []sinks.Alert{alert})
	if c.Context().Err() != nil {
		return c.Context().Err()
	}
	if answer == nil {
		_, err := fmt.Fprintf(c.OutOrStdout(), "ok: %s took the test alert %s\n", a.Name, alert.ID)
		return err
	}
	_, refused := sinks.Outcome(1, answer)
	reason, what := answer, "did not take"
	var partial *sinks.PartialError
	if errors.As(answer, &partial) && len(partial.Failures) == 1 {
		reason = partial.Failures[0].Err // without the count of alerts
	}
	if len(refused) > 0 {
		what = "refuses"
	}
	return exitcode.Wrap(exitcode.IO, fmt.Errorf("%s %s the test alert: %w", a.Name, what, reason), "weir deliver render "+a.Name+" shows what it was sent")
}

// destinationArg finds the destination that a command is about.
func destinationArg(c *cobra.Command, file string, args []string) (*config.Config, *config.Alert, error) {
	if len(args) != 1 {
		return nil, nil, exitcode.Wrap(exitcode.Usage, errors.New("give the name of one destination"), "weir deliver list shows them")
	}
	cfg, err := loadConfig(c, file)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for i := range cfg.Alerts {
		if cfg.Alerts[i].Name == args[0] {
			return cfg, &cfg.Alerts[i], nil
		}
		names = append(names, cfg.Alerts[i].Name)
	}
	return nil, nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("no destination is called %q%s", args[0], suggest.Hint(args[0], names)), "weir deliver list shows them")
}
