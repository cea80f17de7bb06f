package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
)

// engineReport is a rule directory's plan as JSON: of the rules that were asked for;
// classes, shared parts and cost are those of the directory.
type engineReport struct {
	Rules string `json:"rules"` // the directory
	*detections.Plan
}

// runCheckEngine says how the engine evaluates rules that are in order.
func runCheckEngine(c *cobra.Command, args []string, config, format string) error {
	if format != "text" && format != "json" {
		return exitcode.Wrap(exitcode.Usage, fmt.Errorf("--engine has no format %q", format), "use text or json")
	}
	cfg, err := loadConfig(c, config)
	if err != nil {
		return err
	}
	trees, err := ruleTrees(args)
	if err != nil {
		return err
	}
	reports := []engineReport{}
	conditions := 0
	for _, tree := range trees {
		rules, err := loadRules(c, tree.dir, customSources(cfg)...)
		if err != nil {
			return err
		}
		r := engineReport{Rules: tree.dir, Plan: rules.Plan()}
		if r.Rules == "" {
			r.Rules = builtin
		}
		all := r.Conditions
		r.Conditions = []detections.ConditionPlan{}
		for _, p := range all {
			if tree.covers(p.File) {
				r.Conditions = append(r.Conditions, p)
			}
		}
		conditions += len(r.Conditions)
		reports = append(reports, r)
	}
	if err := printEngine(c, reports, format); err != nil {
		return err
	}
	if conditions == 0 {
		return exitcode.Wrap(exitcode.Nothing, errors.New("no rules there"), "give a path that holds rules")
	}
	return nil
}

func printEngine(c *cobra.Command, reports []engineReport, format string) error {
	if format == "json" {
		out := json.NewEncoder(c.OutOrStdout())
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(reports)
	}
	for _, r := range reports {
		if err := r.print(c); err != nil {
			return err
		}
	}
	return nil
}

// print lists every condition, what is not compiled, and each class.
func (r *engineReport) print(c *cobra.Command) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tCLASS\tENGINE\tINDEX\tCOST")
	compiled, unindexed := 0, 0
	for _, p := range r.Conditions {
		engine, index := "compiled", "none"
		if p.Compiled {
			compiled++
		} else {
			engine = "falls back"
		}
		if p.Index != nil {
			index = p.Index.Attribute + " " + shortened(p.Index.Values)
		} else {
			unindexed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", p.Rule, p.Class, engine, index, p.Cost)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	out := c.OutOrStdout()
	for _, p := range r.Conditions {
		for _, f := range p.Fallbacks {
			fmt.Fprintf(out, "%s:%d:%d: %s; cel-go evaluates it\n", path.Join(r.Rules, p.File), f.Line, f.Column, f.Why)
		}
	}
	fmt.Fprintf(out, "\n%s, %d compiled, %d without an index attribute; %s\n", count(len(r.Conditions), "condition"), compiled, unindexed, count(r.Shared, "shared part"))
	for _, class := range r.Classes {
		fmt.Fprintf(out, "%s: %s, %d without an index attribute, at most %d an event\n", class.Class, count(class.Conditions, "condition"), class.Unindexed, class.Cost)
	}
	_, err := fmt.Fprintf(out, "cost: at most %d of %d an event (max_cost in %s)\n", r.Cost, r.MaxCost, detections.RootFile)
	return err
}

// shortened is the first values of an index attribute.
func shortened(values []string) string {
	const most = 3
	if len(values) > most {
		return fmt.Sprintf("%s (%d more)", strings.Join(values[:most], ", "), len(values)-most)
	}
	return strings.Join(values, ", ")
}
