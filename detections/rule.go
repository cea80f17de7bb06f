package detections

import (
	"time"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Status says how far a rule is trusted.
type Status string

// The states of a rule.
const (
	StatusExperimental Status = "experimental" // runs and is counted, alerts nobody
	StatusTest         Status = "test"         // alerts; being tuned
	StatusStable       Status = "stable"       // alerts
	StatusDeprecated   Status = "deprecated"   // checked and tested, but not evaluated
)

// Rule is one rule as its author wrote it, checked. A RuleSet's rules are shared
// and never change.
type Rule struct {
	ID             string
	Aliases        []string // former ids, the oldest first
	Title          string
	Status         Status
	Severity       int32 // an OCSF severity_id
	Description    string
	Attack         []string // ATT&CK technique ids
	References     []string
	FalsePositives []string
	Tags           []string

	// Conditions is one condition for each class that the rule is about; a rule
	// with a `class` has one, a rule with `any` has several.
	Conditions []Condition
	// Threshold is nil for a stateless rule.
	Threshold *Threshold
	Alert     Alert
	Tests     []Test

	// Version is a hash of what decides about hits and groups: not of text, title
	// or tests.
	Version string
	// File is the rule's file below the rules directory, with slashes.
	File string

	node yamlpos.Node
}

// Condition is an expression over the events of one class.
type Condition struct {
	Class ocsf.ClassUID
	When  string // the CEL source

	program *expr.Expr
}

// Threshold makes a hit of an event that has at least Count events of its group,
// itself included, in (time - Within, time].
type Threshold struct {
	Count  int
	Within time.Duration
}

// Alert is what a rule says when it has a hit.
type Alert struct {
	Title string // template: {} holds CEL
	// Group is `group_by` of a stateless rule or `by` of a stateful one.
	Group []GroupKey
	// Suppress is the length of the clock windows in which a group alerts once;
	// zero for one alert per event (stateless) or Threshold.Within (stateful).
	Suppress time.Duration

	titles []*template    // one for each condition
	groups [][]*expr.Expr // for each condition, one for each group key
}

// GroupKey is one part of a group's identity.
type GroupKey struct {
	Name string // the attribute's path, or a name given in the rule
	Expr string // the CEL source
}

// Identity is the id that alerts are identified by: the rule's first one.
func (r *Rule) Identity() string {
	if len(r.Aliases) > 0 {
		return r.Aliases[0]
	}
	return r.ID
}

// SeverityName is the severity as rule files spell it.
func (r *Rule) SeverityName() string { return severityName(r.Severity) }

// Test is one test of a rule.
type Test struct {
	Name   string
	Source string
	Events []TestEvent
	Alerts []WantAlert

	node yamlpos.Node
}

// TestEvent is one record, or a run of equal ones, that a test feeds in.
type TestEvent struct {
	Input  string        // a fixture file, or
	Raw    string        // the record itself
	Set    []byte        // a JSON Merge Patch of every record
	Repeat int           // how many times, at least 1
	Every  time.Duration // between repetitions
	At     time.Duration // after the first event of the test; see HasAt
	HasAt  bool

	node yamlpos.Node
}

// WantAlert is one alert that a test expects. Empty fields are not compared.
type WantAlert struct {
	Title    string
	Severity string
	Group    map[string]string

	node yamlpos.Node
}
