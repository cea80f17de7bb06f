package sinks

import (
	"path"
	"slices"
)

// Route says which alerts a destination is for. All that it gives must hold; of a
// list, one of its items. The zero Route is for every alert.
type Route struct {
	MinSeverity int32    // severity_id
	Sources     []string // names
	Rules       []string // ids, with * for any characters; see MatchRule
	Tags        []string
	NoRollups   bool // only the alert itself, not the final count that may follow
}

// Takes tells whether an alert goes this way. One without attributes goes every
// way: it is the destination that refuses it, and then it is a dead letter.
func (r *Route) Takes(a *Attributes) bool {
	switch {
	case a.Finding == "":
		return true
	case r.NoRollups && a.Rollup:
		return false
	case a.Severity < r.MinSeverity:
		return false
	case len(r.Sources) > 0 && !slices.Contains(r.Sources, a.Source):
		return false
	case len(r.Rules) > 0 && !slices.ContainsFunc(r.Rules, func(p string) bool { return MatchRule(p, a.Rule) }):
		return false
	case len(r.Tags) > 0 && !slices.ContainsFunc(r.Tags, func(t string) bool { return slices.Contains(a.Tags, t) }):
		return false
	}
	return true
}

// MatchRule tells whether a rule's id is of a pattern: "aws.cloudtrail.*" is every
// rule below aws.cloudtrail, at any depth.
func MatchRule(pattern, id string) bool {
	ok, err := path.Match(pattern, id) // an id has no slash, so * goes over dots
	return err == nil && ok
}
