package detections

import (
	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Engine finds which rules of a rule set an event matches. It is for one
// goroutine; engines of one rule set share its programs and index.
type Engine struct {
	index  *index
	digest string
	scope  expr.Scope
	health []RuleHealth // by the rule's number in the index
	// scratch and buffer are what evidence is made in.
	scratch ocsf.Event
	buffer  []byte
}

// RuleHealth is how one rule fares in one engine.
type RuleHealth struct {
	RuleID string
	// Matches is how often the condition held.
	Matches int64
	// Ungrouped is how often it held of an event that lacks a `by` attribute and so
	// joins no group.
	Ungrouped int64
	// Errors is how often the condition, or a part of the group, could not be
	// evaluated; LastError is why.
	Errors    int64
	LastError string
}

// Add adds what became of the same rule in another engine.
func (h *RuleHealth) Add(o RuleHealth) {
	h.Matches += o.Matches
	h.Ungrouped += o.Ungrouped
	h.Errors += o.Errors
	if o.LastError != "" {
		h.LastError = o.LastError
	}
}

// NewEngine makes an engine of the rules that run: all but deprecated ones. Any
// goroutine may call it.
func (rs *RuleSet) NewEngine() *Engine { return newEngine(rs.running, rs.index, rs.Digest()) }

func newEngine(rules []*Rule, index *index, digest string) *Engine {
	e := &Engine{index: index, digest: digest, health: make([]RuleHealth, len(rules))}
	for i, r := range rules {
		e.health[i].RuleID = r.ID
		for _, c := range r.Conditions {
			c.program.Prepare(&e.scope)
		}
	}
	return e
}

// Health is that of every rule since the engine was made.
func (e *Engine) Health() []RuleHealth {
	return append([]RuleHealth(nil), e.health...)
}

// Evaluate gives a signal for every rule that the event matches. The signals are
// the callee's to keep; the event is not kept. It allocates nothing unless a rule
// matches, or calls a function that makes a value.
func (e *Engine) Evaluate(ev *ocsf.Event, emit func(*Signal)) {
	class := e.index.classes[ev.Class()]
	if class == nil {
		return
	}
	e.scope.Reset(ev)
	for i := range class.keys {
		for _, c := range class.keys[i].lookup(ev) {
			e.try(c, ev, emit)
		}
	}
	for _, c := range class.always {
		e.try(c, ev, emit)
	}
}

// try evaluates one condition.
func (e *Engine) try(c indexed, ev *ocsf.Event, emit func(*Signal)) {
	holds, err := c.test.Holds(&e.scope)
	if err != nil {
		e.failed(c, ev, err, emit)
		return
	}
	if !holds {
		return
	}
	e.health[c.number].Matches++
	e.matched(c, ev, emit)
}

func (h *RuleHealth) fail(err error) {
	h.Errors++
	h.LastError = err.Error()
}
