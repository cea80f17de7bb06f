package rules_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/detections/rules"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
)

func load(t *testing.T) *detections.RuleSet {
	t.Helper()
	set, err := detections.LoadFS(rules.FS, detections.LoadOptions{Name: "built-in", Sources: sources.Builtin().Names()})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestNoWarnings wants the built-in rules to be examples.
func TestNoWarnings(t *testing.T) {
	for _, warning := range load(t).Warnings() {
		t.Error(warning)
	}
}

// TestRules runs the tests that the rules carry.
func TestRules(t *testing.T) {
	set := load(t)
	report := set.RunTests(rules.FS, rawlog.NewMappers(sources.Builtin(), nil).Map, detections.TestOptions{})
	if len(report.Results) == 0 {
		t.Fatal("no tests")
	}
	for _, r := range report.Results {
		t.Run(r.Rule+"/"+r.Test, func(t *testing.T) {
			for _, failure := range r.Failures {
				t.Errorf("%s:%d:%d: %s", r.File, r.Line, r.Col, failure)
			}
		})
	}
}

// TestListed holds the table of docs/rules-content.md to the rules, line by line.
func TestListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules-content.md")
	if err != nil {
		t.Fatal(err)
	}
	text, all := string(page), load(t).Rules()
	for _, r := range all {
		line := fmt.Sprintf("| `%s` | %s | %s | %s |\n", r.ID, r.Title, r.SeverityName(), strings.Join(r.Attack, ", "))
		if !strings.Contains(text, line) {
			t.Errorf("the page lacks: %s", line)
		}
	}
	if n := strings.Count(text, "\n| `"); n != len(all) {
		t.Errorf("the page has %d rules, there are %d", n, len(all))
	}
	if count := fmt.Sprintf("\n%d rules below", len(all)); !strings.Contains(text, count) {
		t.Errorf("the page does not say%s", count)
	}
}
