package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize/redact"
)

func newTest() *cobra.Command {
	var o testOptions
	c := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run the tests that rules and mappings carry",
		Long: `Runs the tests of rules on the real path: raw records through mapper, conditions, windows and suppression to alerts, and for
a test with body to what a destination is sent. The clock is that of the events. Needs no Kafka and no network.

A failure says how the alerts differ and which part of the condition decided. --update writes what came into the expected
alerts of the rule files, and the bodies into their files; comments and layout stay. --permute gives each timeline again in
other orders of arrival: all must give the same alerts.

` + rulePathHelp + mappingPathHelp,
		Example: `  weir test
  weir test rules/aws/cloudtrail/logging_disabled.yaml
  weir test mappings/acme.vpn.yaml
  weir test --run 'console_sign_in_without_mfa/' rules/
  weir test --permute 100 rules/
  weir test --watch rules/
  weir test --format junit rules/ >weir.xml`,
		RunE: func(c *cobra.Command, args []string) error { return o.command(c, args) },
	}
	configFlag(c, &o.config)
	formatFlag(c, &o.format, "text", "json", "junit", "github")
	c.Flags().StringVar(&o.run, "run", "", "only tests whose RULE/TEST matches `REGEX`")
	c.Flags().IntVar(&o.permute, "permute", 0, "give each timeline again in `N` random orders of arrival")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "what the orders of --permute are made from")
	c.Flags().BoolVar(&o.update, "update", false, "write what came into the expected alerts and bodies")
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "run again what a change of the files concerns, until interrupted")
	return c
}

type testOptions struct {
	config, format, run string
	permute             int
	seed                uint64
	update, watch       bool

	wanted *regexp.Regexp
	table  *sources.Table
	custom []string // sources of the configuration that have a mapping
	redact *redact.Policy
	render detections.RenderFunc
}

func (o *testOptions) command(c *cobra.Command, args []string) error {
	if err := o.prepare(c); err != nil {
		return err
	}
	mappings, trees, err := splitTrees(args)
	if err != nil {
		return err
	}
	results, err := o.mappings(mappings)
	if err != nil {
		return err
	}
	if o.watch {
		return o.watchTrees(c, trees)
	}
	ofRules, err := o.trees(c, trees)
	if err != nil {
		return err
	}
	results = append(results, ofRules...)
	if err := o.print(c.OutOrStdout(), results); err != nil {
		return err
	}
	return outcomeOf(results)
}

// prepare reads the flags.
func (o *testOptions) prepare(c *cobra.Command) (err error) {
	if o.wanted, err = regexp.Compile(o.run); err != nil {
		return exitcode.Wrap(exitcode.Usage, fmt.Errorf("--run: %w", err), "give a regular expression of RE2 syntax")
	}
	if o.permute < 0 {
		return exitcode.Wrap(exitcode.Usage, fmt.Errorf("--permute: want a number of orders, got %d", o.permute), "")
	}
	if o.watch && o.format != "text" {
		return exitcode.Wrap(exitcode.Usage, errors.New("--watch prints text, again and again"), "leave --format away")
	}
	cfg, err := loadConfig(c, o.config)
	if err != nil {
		return err
	}
	if o.redact, err = redactionOf(cfg); err != nil {
		return err
	}
	if o.table, err = sourcesOf(cfg); err != nil {
		return err
	}
	o.custom = customSources(cfg)
	var named *config.Config
	if o.config != "" {
		named = cfg
	}
	o.render, err = bodyRenderer(named)
	return err
}

// testResult is the outcome of one test.
type testResult struct {
	Rule     string   `json:"rule"`
	Test     string   `json:"test"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Passed   bool     `json:"passed"`
	Updated  bool     `json:"updated,omitempty"`
	Failures []string `json:"failures,omitempty"`

	took    time.Duration
	mapping bool // the test is one of a mapping
}

// outcomeOf is the error that failed or missing tests end the command with.
func outcomeOf(results []testResult) error {
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	switch {
	case len(results) == 0:
		return exitcode.Wrap(exitcode.Nothing, errors.New("no tests"), "check PATH and --run; weir check PATH counts the rules there")
	case failed > 0:
		return exitcode.Wrap(exitcode.No, fmt.Errorf("%d of %s failed", failed, count(len(results), "test")), "")
	}
	return nil
}

func (o *testOptions) trees(c *cobra.Command, trees []*ruleTree) ([]testResult, error) {
	results := []testResult{}
	for _, tree := range trees {
		rules, err := loadRules(c, tree.dir, o.custom...)
		if err != nil {
			return nil, err
		}
		found, err := o.tree(c.ErrOrStderr(), tree, rules)
		if err != nil {
			return nil, err
		}
		results = append(results, found...)
	}
	return results, nil
}

// tree runs the tests of a rule directory that were asked for.
func (o *testOptions) tree(stderr io.Writer, tree *ruleTree, rules *detections.RuleSet) ([]testResult, error) {
	var ids []string
	for _, rule := range rules.Rules() {
		if tree.covers(rule.File) {
			ids = append(ids, rule.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	report := rules.RunTests(tree.files(), rawlog.NewMappers(o.table, o.redact).Map, detections.TestOptions{
		Rules: ids, Permute: o.permute, Seed: o.seed, Render: o.render,
		Wants: func(rule, test string) bool { return o.wanted.MatchString(rule + "/" + test) },
	})
	updated := false
	if o.update && report.Failed() > 0 {
		if tree.dir == "" {
			return nil, exitcode.Wrap(exitcode.Usage, errors.New("--update: the built-in rules are part of the program"), "give a directory of rules")
		}
		files, err := report.Update(tree.dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			fmt.Fprintf(stderr, "updated %s\n", path.Join(tree.dir, f))
		}
		updated = len(files) > 0
	}
	var results []testResult
	for _, r := range report.Results {
		results = append(results, testResult{Rule: r.Rule, Test: r.Test, File: r.File, Line: r.Line, Column: r.Col,
			Passed: len(r.Failures) == 0 || updated && r.Updated, Updated: updated && r.Updated, Failures: r.Failures, took: r.Took})
	}
	return results, nil
}
