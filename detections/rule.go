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
	ID      string
	Aliases []string // former ids, the oldest first
	Title   string
	Status  Status
	// Severity is an OCSF severity_id; SeverityExpr the CEL source of one that depends
	// on the event, and then Severity is 0.
	Severity       int32
	SeverityExpr   string
	Description    string
	Attack         []string // ATT&CK technique ids
	References     []string
	FalsePositives []string
	Tags           []string
	Related        []string // ids of other projects' rules about the same; for people only

	// Conditions are what an event is tried against: one for each class of a rule with
	// `class` or `any`, and then that of an absence's `of`; of a sequence one for each
	// step.
	Conditions []Condition
	// At most one block makes a rule stateful.
	Threshold *Threshold
	Sequence  *Sequence
	Absence   *Absence
	FirstSeen *FirstSeen
	Alert     Alert
	Tests     []Test

	// Version is a hash of what decides about hits and groups: not of text, title
	// or tests.
	Version string
	// File is the rule's file below the rules directory, with slashes.
	File string

	node     yamlpos.Node
	compiler *expr.Compiler // if it is not that of the rule set
}

// Condition is an expression over the events of one class.
type Condition struct {
	Class ocsf.ClassUID
	When  string // the CEL source
	// Step is the number of the step of a sequence that the condition is of, or 1 for
	// `of` of an absence; else 0.
	Step int

	node    yamlpos.Node // of When
	program *expr.Expr
	group   []*expr.Expr // one for each of Alert.Group
	value   *expr.Expr   // what `distinct`, `sum` or `first_seen.of` looks at, or nil
	// title and severity are nil where no hit can be of the condition, severity also
	// where it is the same for all events.
	title    *template
	severity *expr.Expr
	context  []*expr.Expr // one for each of Alert.Context, nil where the class lacks it
}

// Threshold makes a hit of an event whose window (time - Within, time] holds, in its
// group and with itself, Count events, or Count different values of Distinct, or a
// sum of Sum that is more than Over.
type Threshold struct {
	Count    int
	Within   time.Duration
	Distinct string `json:",omitempty"` // the CEL source
	Sum      string `json:",omitempty"` // the CEL source
	Over     int64  `json:",omitempty"`
}

// Sequence makes a hit of an event that ends a chain of distinct events, one a step,
// the first of them later than time - Within. Ordered ones do not go back in time;
// else the steps may come in any order, the hit as the latest.
type Sequence struct {
	Within  time.Duration
	Ordered bool
	Steps   []string // their names
}

// Absence makes a hit of an event that no event of the other condition follows in
// [time, time + Within).
type Absence struct{ Within time.Duration }

// FirstSeen makes a hit of an event with a value that its group did not have in
// [time - For, time). What comes before a group is Learn old is no hit.
type FirstSeen struct {
	Of    string // the CEL source
	For   time.Duration
	Learn time.Duration
}

// Alert is what a rule says when it has a hit.
type Alert struct {
	Title string // template: {} holds CEL
	// Group is `group_by` of a stateless rule or `by` of a stateful one; of a sequence
	// with the names and sources of the first step.
	Group []GroupKey
	// Context is what of the hits' events the alert shows.
	Context []GroupKey
	// Suppress is the length of the clock windows in which a group alerts once; zero
	// for one alert per event (stateless, first_seen) or Rule.Within (others).
	Suppress time.Duration
}

// GroupKey is one part of a group's identity, or of an alert's context.
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
func (r *Rule) SeverityName() string {
	if r.SeverityExpr != "" {
		return r.SeverityExpr
	}
	return severityName(r.Severity)
}

// Block says which block a rule has.
func (r *Rule) Block() Block {
	switch {
	case r.Threshold != nil && r.Threshold.Distinct != "":
		return BlockDistinct
	case r.Threshold != nil && r.Threshold.Sum != "":
		return BlockSum
	case r.Threshold != nil:
		return BlockCount
	case r.Sequence != nil:
		return BlockSequence
	case r.Absence != nil:
		return BlockAbsence
	case r.FirstSeen != nil:
		return BlockFirstSeen
	}
	return BlockNone
}

// Within is the length of the window in which events of a group make a hit together:
// `within` of the block, zero for a rule without.
func (r *Rule) Within() time.Duration {
	switch {
	case r.Threshold != nil:
		return r.Threshold.Within
	case r.Sequence != nil:
		return r.Sequence.Within
	case r.Absence != nil:
		return r.Absence.Within
	}
	return 0
}

// Test is one test of a rule.
type Test struct {
	Name   string
	Source string
	Events []TestEvent
	// Alerts is what is expected of each alert; nil if only Count, their number, is
	// given.
	Alerts []WantAlert
	Count  int
	// Lists are in place of the lists of those names.
	Lists map[string]*expr.List
	// Seen is what first_seen knows before the first event.
	Seen []Seen

	node, alerts yamlpos.Node
}

// wantsAlerts tells a test that expects an alert from one that expects none.
func (t *Test) wantsAlerts() bool { return t.Count > 0 || len(t.Alerts) > 0 }

// TestEvent is one record, or a run of equal ones, that a test feeds in.
type TestEvent struct {
	Source string        // names the mapper; empty for the test's
	Input  string        // a fixture file, or
	Raw    string        // the record itself
	Set    []byte        // a JSON Merge Patch of every record
	Repeat int           // how many times, at least 1
	Every  time.Duration // between repetitions
	At     time.Duration // after the first event of the test; see HasAt
	HasAt  bool

	node  yamlpos.Node
	input yamlpos.Node
}

// WantAlert is one alert that a test expects. Empty fields are not compared.
type WantAlert struct {
	Title    string
	Severity string
	Group    map[string]string
	Context  map[string]string
	Window   *WantWindow
	Events   int // how many events the alert is about
	Bodies   []WantBody

	node yamlpos.Node
}

// WantBody is what a destination must be sent: the content of a file beside the
// rule.
type WantBody struct{ Destination, Equals string }
