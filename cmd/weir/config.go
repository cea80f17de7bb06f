package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/sinks"
)

func newConfig() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check or show a configuration",
		Args:  cobra.ArbitraryArgs,
	}
	c.RunE = group(c)
	c.AddCommand(newConfigCheck(), newConfigShow())
	return c
}

func newConfigCheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check",
		Short: "Find everything that is wrong with a configuration",
		Long: `Reads the configuration as the start would, without the network: keys, values, environment variables, files of
secrets, certificates, and the rules that it names. Prints every error with its line and column.`,
		Example: "  weir config check --config weir.yaml",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return exitcode.Wrap(exitcode.Usage, errors.New("no configuration to check"), "weir config check --config weir.yaml")
			}
			cfg, err := loadConfig(c, file)
			if err != nil {
				return err
			}
			if _, err := sourcesOf(cfg); err != nil {
				return err
			}
			if _, err := loadConfiguredRules(c, cfg); err != nil {
				return err
			}
			if err := pipeline.CheckCertificates(cfg); err != nil {
				return exitcode.Wrap(exitcode.Usage, err, "")
			}
			if err := checkDestinations(cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok\n", file)
			return err
		},
	}
	configFlag(c, &file)
	return c
}

func newConfigShow() *cobra.Command {
	var file, format string
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the whole configuration, defaults filled in and secrets masked",
		Long: `Prints the whole configuration as weir uses it: defaults filled in, variables expanded, secrets masked. In YAML a
comment beside each value says which line it is from. Without --config it is the defaults.`,
		Example: `  weir config show
  weir config show --config weir.yaml --format json | jq .lake`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(c, file)
			if err != nil {
				return err
			}
			print := cfg.YAML
			if format == "json" {
				print = cfg.JSON
			}
			text, err := print()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	configFlag(c, &file)
	formatFlag(c, &format, "yaml", "json")
	return c
}

func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVarP(file, "config", "c", "", "configuration `FILE`")
}

// checkRedact is what package redact says of a configuration.
var checkRedact = config.CheckRedact{
	Key:   redact.CheckKey,
	Value: func(expr string) error { _, err := redact.CheckValue(expr); return err },
	Path:  redact.CheckPath,
}

// loadConfig reads the configuration, or the defaults when file is empty. It
// prints what is wrong with the file to standard error.
func loadConfig(c *cobra.Command, file string) (*config.Config, error) {
	if file == "" {
		return config.Default(), nil
	}
	cfg, err := config.Load(file, config.Options{Sources: sources.Builtin().Names(), CheckFormat: sources.CheckFormat, CheckRedact: checkRedact})
	var problems yamlpos.Problems
	switch {
	case errors.As(err, &problems):
		return nil, configProblems(c, problems)
	case errors.Is(err, fs.ErrNotExist):
		return nil, exitcode.Wrap(exitcode.Usage, err, "give the file with --config; weir config show prints one to begin with")
	case err != nil:
		return nil, exitcode.Wrap(exitcode.Usage, err, "")
	}
	return cfg, nil
}

// sourcesOf is the table of sources of a configuration.
func sourcesOf(cfg *config.Config) (*sources.Table, error) { return sourcesWith(cfg, nil) }

// sourcesWith is sourcesOf with the mappings of further files.
func sourcesWith(cfg *config.Config, files []string) (*sources.Table, error) {
	mappings, err := loadMappings(cfg, files)
	if err != nil {
		return nil, err
	}
	table, err := sources.New(sources.Options{Formats: cfg.Formats(), Mappings: mappings})
	if err != nil {
		return nil, exitcode.Wrap(exitcode.Usage, err, "weir sources lists the sources and what they take")
	}
	return table, nil
}

// redactionOf compiles the redaction of a configuration; nil if it is switched off.
func redactionOf(cfg *config.Config) (*redact.Policy, error) {
	r := &cfg.Redact
	if !r.Enabled {
		return nil, nil
	}
	policy, err := redact.New(redact.Options{Key: []byte(string(r.Key)), Keys: r.Keys, Values: r.Values, Drop: r.Drop, Hash: r.Hash})
	if err != nil {
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("redact: %w", err), "docs/redaction.md says what may stand there")
	}
	return policy, nil
}

// loadSources is the table of sources of a configuration file, or the built-in one
// when file is empty, with its redaction; and with the mappings of further files.
func loadSources(c *cobra.Command, file string, mappings ...string) (*sources.Table, *redact.Policy, error) {
	cfg, err := loadConfig(c, file)
	if err != nil {
		return nil, nil, err
	}
	table, err := sourcesWith(cfg, mappings)
	if err != nil {
		return nil, nil, err
	}
	policy, err := redactionOf(cfg)
	return table, policy, err
}

// configProblems prints what is wrong with a configuration and returns the error
// that counts it.
func configProblems(c *cobra.Command, problems yamlpos.Problems) error {
	n := printProblems(c.ErrOrStderr(), problems)
	return exitcode.Wrap(exitcode.Usage, fmt.Errorf("%s in the configuration", count(n, "error")), "weir config show prints every key with its default")
}

// loadConfiguredRules loads the rules that a configuration names and checks the one
// against the other.
func loadConfiguredRules(c *cobra.Command, cfg *config.Config) (*detections.RuleSet, error) {
	rules, err := loadRules(c, cfg.Rules.Dir, customSources(cfg)...)
	if err != nil {
		return nil, err
	}
	var problems yamlpos.Problems
	if errors.As(cfg.CheckWindows(rules.MaxWindow()), &problems) {
		return nil, configProblems(c, problems)
	}
	var routed []config.RoutedRule
	for _, r := range rules.Rules() {
		routed = append(routed, config.RoutedRule{ID: r.ID, Severity: r.SeverityName(), Tags: r.Tags})
	}
	printProblems(c.ErrOrStderr(), cfg.CheckRoutes(routed, sinks.MatchRule)) // warnings
	return rules, nil
}

// checkDestinations makes every destination that can be made without touching
// anything: templates are parsed and certificates read.
func checkDestinations(cfg *config.Config) error {
	for i := range cfg.Alerts {
		a := &cfg.Alerts[i]
		if a.Type == config.AlertFile {
			continue // it would create the file
		}
		d, err := pipeline.OpenDestination(cfg, a, pipeline.DestinationOptions{Terminal: io.Discard})
		if err == nil {
			err = d.Close()
		}
		if err != nil {
			return exitcode.Wrap(exitcode.Usage, err, "")
		}
	}
	return nil
}
