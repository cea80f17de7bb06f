package config

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// AlertRoute says which alerts a destination gets. Of a list, one item must fit.
type AlertRoute struct {
	MinSeverity string // empty: any
	Sources     []string
	Rules       []string // ids of rules, with * for any characters
	Tags        []string
	Rollups     bool // whether roll-ups go there, too
}

// The severities of a route, the least first.
var severities = []string{"informational", "low", "medium", "high", "critical"}

func newAlertRoute(*reader) *AlertRoute { return &AlertRoute{Rollups: true} }

func (a *AlertRoute) fields() []field {
	return []field{
		{"min_severity", "the least severity", textOrNothing{oneOf(&a.MinSeverity, severities), &a.MinSeverity}},
		{"sources", "kinds of logs, as `weir sources` lists them: that of the event that alerted", namedList{to: &a.Sources, source: true}},
		{"rules", "ids of rules; `*` stands for any characters: `aws.*`, `*.root_used`", namedList{to: &a.Rules, wanted: "the id of a rule, like aws.cloudtrail.root_used or aws.*", shape: rulePattern}},
		{"tags", "tags of rules", namedList{to: &a.Tags, wanted: "a tag", shape: anyText}},
		{"rollups", "whether the roll-up goes there, too: the final count that follows an alert with more than one hit", boolean(&a.Rollups)},
	}
}

var (
	rulePattern = regexp.MustCompile(`^[A-Za-z0-9_.*-]{1,200}$`)
	anyText     = regexp.MustCompile(`^.{1,200}$`)
)

// namedList is a list of names: of sources, or of a form.
type namedList struct {
	to     *[]string
	source bool // the names are sources
	wanted string
	shape  *regexp.Regexp
}

func (namedList) form() string { return "list" }

func (l namedList) read(r *reader, n yamlpos.Node) {
	if n.IsList() && len(n.List()) == 0 {
		n.Problemf("is empty: no alert would go there; delete it")
	}
	for _, item := range n.List() {
		text, ok := r.text(item)
		switch {
		case !ok:
		case l.source && !r.knowsSource(item, text):
		case !l.source && !l.shape.MatchString(text):
			item.Problemf("want %s, got %q", l.wanted, text)
		case slices.Contains(*l.to, text):
			item.Problemf("%q is in the list twice", text)
		default:
			r.set(item)
			*l.to = append(*l.to, text)
		}
	}
}

func (l namedList) write() *yaml.Node {
	if len(*l.to) == 0 {
		return nil
	}
	return flowList(*l.to)
}

// RoutedRule is what a route asks about a rule.
type RoutedRule struct {
	ID       string
	Severity string
	Tags     []string
}

// CheckRoutes warns of routes, and of items of routes, that fit none of the rules:
// match tells whether an id is of a pattern. The warnings are yamlpos.Problems.
func (c *Config) CheckRoutes(rules []RoutedRule, match func(pattern, id string) bool) yamlpos.Problems {
	var warnings yamlpos.Problems
	warn := func(path, format string, args ...any) {
		at := c.places[path]
		warnings = append(warnings, yamlpos.Problem{
			File: c.File, Line: at.line, Col: at.col, Path: path, Warning: true, Message: fmt.Sprintf(format, args...),
		})
	}
	for i, a := range c.Alerts {
		if a.Route == nil {
			continue
		}
		at, before := fmt.Sprintf("alerts[%d].route", i), len(warnings)
		for j, pattern := range a.Route.Rules {
			if !slices.ContainsFunc(rules, func(r RoutedRule) bool { return match(pattern, r.ID) }) {
				warn(fmt.Sprintf("%s.rules[%d]", at, j), "no rule has the id %q", pattern)
			}
		}
		for j, tag := range a.Route.Tags {
			if !slices.ContainsFunc(rules, func(r RoutedRule) bool { return slices.Contains(r.Tags, tag) }) {
				warn(fmt.Sprintf("%s.tags[%d]", at, j), "no rule has the tag %q", tag)
			}
		}
		if len(warnings) == before && !slices.ContainsFunc(rules, func(r RoutedRule) bool { return a.Route.fits(r, match) }) {
			warn(at, "fits the alerts of no rule: none has all of it")
		}
	}
	return warnings
}

// fits tells whether an alert of a rule can go this way.
func (a *AlertRoute) fits(r RoutedRule, match func(pattern, id string) bool) bool {
	return slices.Index(severities, r.Severity) >= slices.Index(severities, a.MinSeverity) &&
		(len(a.Rules) == 0 || slices.ContainsFunc(a.Rules, func(p string) bool { return match(p, r.ID) })) &&
		(len(a.Tags) == 0 || slices.ContainsFunc(a.Tags, func(t string) bool { return slices.Contains(r.Tags, t) }))
}
