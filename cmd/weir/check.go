package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/normalize/mapping"
)

func newCheck() *cobra.Command {
	var format string
	var engine, strict bool
	var config string
	c := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Find everything that is wrong with rules and mappings",
		Long: `Checks rules as the start does: keys, ids, types, attributes, conditions, cost, that each has a firing and a silent test. It
runs no test. Every problem is printed with its line and column. A warning is no error, unless --strict asks for it: then it ends
with 2 as well.

--format sarif is for code scanning, --format github annotates the lines of a pull request.

--engine says how the engine evaluates the rules: which are compiled, what is left to cel-go, which attribute leads to each,
and what an event may cost.

` + rulePathHelp + mappingPathHelp,
		Example: `  weir check
  weir check rules/
  weir check mappings/acme.vpn.yaml
  weir check --format json rules/aws/ | jq '.problems[]'
  weir check --format sarif rules/ >weir.sarif`,
		RunE: func(c *cobra.Command, args []string) error {
			if engine {
				return runCheckEngine(c, args, config, format)
			}
			return runCheck(c, args, config, format, strict)
		},
	}
	configFlag(c, &config)
	c.Flags().BoolVar(&engine, "engine", false, "say how the engine evaluates the rules")
	c.Flags().BoolVar(&strict, "strict", false, "end with 2 if there are warnings, too")
	formatFlag(c, &format, "text", "json", "sarif", "github")
	return c
}

// checked is the outcome of a check.
type checked struct {
	Rules    int            `json:"rules"`
	Mappings int            `json:"mappings,omitempty"`
	Problems []checkProblem `json:"problems"`
	errors   int
	custom   []string            // sources that tests may name beside the built-in ones
	fills    map[string][]string // what they fill, by class
}

// checkProblem is a problem as JSON.
type checkProblem struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Path     string `json:"path,omitempty"`
	Message  string `json:"message"`
	Severity string `json:"severity"` // "error", "warning"
	Kind     string `json:"kind"`
	EndCol   int    `json:"end_column,omitempty"`
	// Fix stands in place of the characters from its column to before its end.
	Fix *checkFix `json:"fix,omitempty"`

	problem detections.Problem
}

type checkFix struct {
	Column    int    `json:"column"`
	EndColumn int    `json:"end_column"`
	Text      string `json:"text"`
}

func runCheck(c *cobra.Command, args []string, config, format string, strict bool) error {
	cfg, err := loadConfig(c, config)
	if err != nil {
		return err
	}
	mappings, trees, err := splitTrees(args)
	if err != nil {
		return err
	}
	result := checked{Problems: []checkProblem{}, fills: map[string][]string{}}
	configured, err := loadMappings(cfg, nil)
	if err != nil {
		return err
	}
	for _, m := range configured {
		result.knows(m)
	}
	if err := result.checkMappings(mappings); err != nil {
		return err
	}
	for _, tree := range trees {
		if err := result.check(tree); err != nil {
			return err
		}
	}
	if err := result.print(c, format); err != nil {
		return err
	}
	switch {
	case result.errors > 0:
		return exitcode.Wrap(exitcode.Rule, fmt.Errorf("%s in the %s", count(result.errors, "error"), whole(len(trees), len(mappings))), "")
	case strict && len(result.Problems) > 0:
		return exitcode.Wrap(exitcode.Rule, fmt.Errorf("%s in the %s", count(len(result.Problems), "warning"), whole(len(trees), len(mappings))), "")
	case result.Rules+result.Mappings == 0:
		return exitcode.Wrap(exitcode.Nothing, errors.New("no rules there"), "give a path that holds rules")
	}
	return nil
}

// knows makes the rules that are checked know a source that has a mapping.
func (r *checked) knows(m *mapping.Mapping) {
	if slices.Contains(r.custom, m.Source) {
		return
	}
	r.custom = append(r.custom, m.Source)
	for class, paths := range m.Fills() {
		r.fills[class] = append(r.fills[class], paths...)
	}
}

// check adds what a rule directory holds, of what was asked for.
func (r *checked) check(tree *ruleTree) error {
	rules, err := loadTree(tree.dir, detections.LoadOptions{Sources: r.custom, Fixtures: true, Fills: r.fills})
	var problems detections.Problems
	switch {
	case errors.As(err, &problems):
	case err != nil:
		return err
	default:
		problems = rules.Warnings()
		for _, rule := range rules.Rules() {
			if tree.covers(rule.File) {
				r.Rules++
			}
		}
	}
	for _, p := range problems {
		if !tree.covers(tree.relative(p.File)) {
			continue
		}
		if !p.Warning {
			r.errors++
		}
		r.Problems = append(r.Problems, problemOf(p))
	}
	if len(problems) > 0 && rules == nil && r.errors == 0 {
		return exitcode.Wrap(exitcode.Rule, fmt.Errorf("the rules beside them have %s, so they cannot be checked", count(len(problems), "problem")), "weir check "+tree.dir)
	}
	return nil
}

func problemOf(p detections.Problem) checkProblem {
	out := checkProblem{File: p.File, Line: p.Line, Column: p.Col, EndCol: p.EndCol, Path: p.Path, Message: p.Message,
		Severity: severityOf(p), Kind: detections.KindOf(p).ID, problem: p}
	if fix, ok := p.Fix(); ok {
		out.Fix = &checkFix{fix.Col, fix.EndCol, fix.Text}
	}
	return out
}

func severityOf(p detections.Problem) string {
	if p.Warning {
		return "warning"
	}
	return "error"
}

// messageOf is the message with the place in the document, as Error has it.
func messageOf(p detections.Problem) string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

func (r *checked) print(c *cobra.Command, format string) error {
	switch format {
	case "json":
		out := json.NewEncoder(c.OutOrStdout())
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(r)
	case "sarif":
		problems := make([]detections.Problem, len(r.Problems))
		for i, p := range r.Problems {
			problems[i] = p.problem
		}
		return printSARIF(c.OutOrStdout(), problems)
	case "github":
		for _, p := range r.Problems {
			a := annotation{p.Severity, p.File, p.Line, p.Column, p.EndCol - 1, "weir: " + p.Kind, messageOf(p.problem)}
			if err := a.print(c.OutOrStdout()); err != nil {
				return err
			}
		}
		return nil
	}
	return r.printText(c)
}

func (r *checked) printText(c *cobra.Command) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(c.OutOrStdout(), p.problem.Text()); err != nil {
			return err
		}
	}
	if warnings := len(r.Problems) - r.errors; r.errors == 0 && r.Rules+r.Mappings > 0 {
		of := count(r.Rules, "rule")
		if r.Mappings > 0 && r.Rules > 0 {
			of += ", " + count(r.Mappings, "mapping")
		} else if r.Mappings > 0 {
			of = count(r.Mappings, "mapping")
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "ok: %s, %s\n", of, count(warnings, "warning"))
		return err
	}
	return nil
}
