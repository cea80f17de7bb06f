package detections

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// matched emits the signal of a condition that holds of the scope's event. An event
// without an attribute of `by`, or without what a block adds up, joins no group and
// is counted.
func (e *Engine) matched(c indexed, ev *ocsf.Event, emit func(*Signal)) {
	health, condition := &e.health[c.number], &c.rule.Conditions[c.condition]
	group, complete, err := groupOf(condition.group, &e.scope)
	if err != nil {
		e.failed(c, ev, err, emit)
	}
	s := e.signal(c.rule, ev)
	s.Step, s.Group = condition.Step, group
	if c.rule.Block() != BlockNone {
		if condition.value != nil {
			present, err := condition.fillValue(c.rule, s, &e.scope)
			if err != nil {
				e.failed(c, ev, err, emit)
			}
			complete = complete && present
		}
		if !complete {
			health.Ungrouped++
			return
		}
	}
	if err := condition.describe(c.rule, s, &e.scope); err != nil {
		e.failed(c, ev, err, emit)
	}
	s.Evidence = evidenceOf(ev, &e.scratch, &e.buffer, c.rule.stepName(condition.Step))
	emit(s)
}

// failed counts an evaluation that ended in an error, and emits the signal of which
// correlate makes a finding for the rule's owner.
func (e *Engine) failed(c indexed, ev *ocsf.Event, err error, emit func(*Signal)) {
	e.health[c.number].fail(err)
	s := e.signal(c.rule, ev)
	s.Severity = errorSeverity
	s.Error = printable(err.Error())
	s.Title = fmt.Sprintf("Rule %s could not be evaluated", c.rule.ID)
	emit(s)
}

// signal is what every signal of a rule and an event says.
func (e *Engine) signal(r *Rule, ev *ocsf.Event) *Signal {
	return &Signal{
		Rule: r.ID, Identity: r.Identity(), Version: r.Version, Digest: e.digest,
		Severity: r.Severity, Time: ev.Time(), Source: ev.Metadata.LogProvider(), UID: ev.Metadata.UID(),
	}
}

// stepName is the name of a step of a sequence, else empty.
func (r *Rule) stepName(step int) string {
	if r.Sequence == nil {
		return ""
	}
	return r.Sequence.Steps[step]
}

// fillValue gives a signal what the rule's block adds up; false if the event lacks it.
func (c *Condition) fillValue(r *Rule, s *Signal, scope *expr.Scope) (present bool, err error) {
	if !c.value.Present(scope) {
		return false, nil
	}
	v, err := c.value.Eval(scope)
	if err != nil {
		return false, err
	}
	if r.Block() == BlockSum {
		s.Sum, present = summand(v)
		return present, nil
	}
	text := canonical(v, c.value.Path == "")
	s.Value = bounded(text)
	return text != "null", nil
}

// maxSummand bounds what one event adds to a sum, so that no group's sum overflows:
// 70 TB of bytes.
const maxSummand = 1 << 46

// summand is a number as sums take it: whole, so that the order of adding does not
// matter, and not negative, so that a further event never undoes a hit.
func summand(v ref.Val) (int64, bool) {
	var f float64
	switch v := v.(type) {
	case types.Int:
		return min(max(int64(v), 0), maxSummand), true
	case types.Uint:
		return int64(min(uint64(v), maxSummand)), true
	case types.Double:
		f = float64(v)
	case ocsfcel.JSON:
		n, err := strconv.ParseFloat(v.Text(), 64) // also of a text, as AWS has them
		if err != nil {
			return 0, false
		}
		f = n
	default:
		return 0, false
	}
	if math.IsNaN(f) {
		return 0, false
	}
	return int64(math.Round(min(max(f, 0), maxSummand))), true
}

// maxValue bounds a value that signals carry to be compared, in bytes.
const maxValue = 256

// bounded keeps long values apart by a digest at their end.
func bounded(text string) string {
	if len(text) <= maxValue {
		return text
	}
	return strings.ToValidUTF8(text[:maxValue-36], "") + "…#" + hashID(text)
}

// describe gives a signal its title, severity and context. What could not be computed
// is a dash in the title, a severity of `high`, and absent in the context; err is the
// first reason.
func (c *Condition) describe(r *Rule, s *Signal, scope *expr.Scope) (err error) {
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	if c.title != nil {
		title, problem := c.title.render(scope)
		s.Title = title
		keep(problem)
	}
	if c.severity != nil {
		severity, problem := severityOf(c.severity, scope)
		s.Severity = severity
		keep(problem)
	}
	for _, e := range c.context {
		value := "null"
		if e != nil && e.Present(scope) {
			v, problem := e.Eval(scope)
			if problem == nil {
				value = canonical(v, e.Path == "")
				if len(value) > maxValue {
					value = quoteJSON(printable(valueText(v)))
				}
			}
			keep(problem)
		}
		s.Context = append(s.Context, json.RawMessage(value))
	}
	return err
}

// What a severity is that cannot be computed: nobody shall overlook the alert. And
// that of a finding about a rule.
const (
	unknownSeverity = ocsf.SeverityIDHigh
	errorSeverity   = ocsf.SeverityIDMedium
)

// severityOf is what a severity's expression gives: one of the words, in any case,
// or OCSF's number.
func severityOf(e *expr.Expr, scope *expr.Scope) (int32, error) {
	v, err := e.Eval(scope)
	if err != nil {
		return unknownSeverity, err
	}
	text := valueText(v)
	if id := severityID(strings.ToLower(text)); id != ocsf.SeverityIDUnknown {
		return id, nil
	}
	for id, name := range severityNames {
		if name != "" && text == fmt.Sprint(id) {
			return int32(id), nil
		}
	}
	if text == fmt.Sprint(ocsf.SeverityIDFatal) {
		return ocsf.SeverityIDCritical, nil
	}
	return unknownSeverity, fmt.Errorf("severity is %q: want %s, or a number from 1 to 6", printable(text), strings.Join(severityNames[1:], ", "))
}
