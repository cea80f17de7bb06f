package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
)

func newTest() *cobra.Command {
	var format, run, file string
	c := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run the tests that rules carry",
		Long: `Runs the tests of rules on the real path: raw records through mapper, conditions, windows and suppression to alerts.
Needs no Kafka.

` + rulePathHelp,
		Example: `  weir test
  weir test rules/aws/cloudtrail/logging_disabled.yaml
  weir test --run 'console_sign_in_without_mfa/' rules/`,
		RunE: func(c *cobra.Command, args []string) error { return runTest(c, args, format, run, file) },
	}
	configFlag(c, &file)
	formatFlag(c, &format, "text", "json")
	c.Flags().StringVar(&run, "run", "", "only tests whose RULE/TEST matches `REGEX`")
	return c
}

// testResult is the outcome of one test.
type testResult struct {
	Rule     string   `json:"rule"`
	Test     string   `json:"test"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
}

func runTest(c *cobra.Command, args []string, format, run, file string) error {
	wanted, err := regexp.Compile(run)
	if err != nil {
		return exitcode.Wrap(exitcode.Usage, fmt.Errorf("--run: %w", err), "give a regular expression of RE2 syntax")
	}
	table, err := loadSources(c, file)
	if err != nil {
		return err
	}
	trees, err := ruleTrees(args)
	if err != nil {
		return err
	}
	results := []testResult{}
	for _, tree := range trees {
		found, err := testTree(c, tree, table, wanted)
		if err != nil {
			return err
		}
		results = append(results, found...)
	}
	if err := printTests(c, results, format); err != nil {
		return err
	}
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

// testTree runs the tests of a rule directory that were asked for.
func testTree(c *cobra.Command, tree *ruleTree, table *sources.Table, wanted *regexp.Regexp) ([]testResult, error) {
	rules, err := loadRules(c, tree.dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, rule := range rules.Rules() {
		if tree.covers(rule.File) && anyTest(rule, wanted) {
			ids = append(ids, rule.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	report := rules.RunTests(tree.files(), rawlog.NewMappers(table).Map, detections.TestOptions{Rules: ids})
	var results []testResult
	for _, r := range report.Results {
		if wanted.MatchString(r.Rule + "/" + r.Test) {
			results = append(results, testResult{r.Rule, r.Test, r.File, r.Line, r.Col, len(r.Failures) == 0, r.Failures})
		}
	}
	return results, nil
}

func anyTest(rule *detections.Rule, wanted *regexp.Regexp) bool {
	for _, t := range rule.Tests {
		if wanted.MatchString(rule.ID + "/" + t.Name) {
			return true
		}
	}
	return false
}

func printTests(c *cobra.Command, results []testResult, format string) error {
	if format == "json" {
		out := json.NewEncoder(c.OutOrStdout())
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(results)
	}
	passed, rules := 0, map[string]bool{}
	for _, r := range results {
		rules[r.Rule] = true
		if r.Passed {
			passed++
			continue
		}
		text := fmt.Sprintf("%s:%d:%d: %s: %s", r.File, r.Line, r.Column, r.Rule, r.Test)
		for _, f := range r.Failures {
			text += "\n    " + strings.ReplaceAll(f, "\n", "\n    ")
		}
		if _, err := fmt.Fprintln(c.OutOrStdout(), text); err != nil {
			return err
		}
	}
	if passed < len(results) || passed == 0 {
		return nil
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "ok: %s of %s\n", count(passed, "test"), count(len(rules), "rule"))
	return err
}
