package detections

import (
	"regexp"
	"slices"
	"time"

	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Limits of blocks.
const (
	// maxCount bounds the events, or the different values, that a threshold asks for.
	maxCount = 100_000
	// maxSteps bounds the steps of a sequence.
	maxSteps = 8
	// MaxTerm is the longest `for` of first_seen: how long terms are kept.
	MaxTerm = 90 * 24 * time.Hour
)

// blocks are the keys of which a rule has one at most.
var blocks = []string{"threshold", "sequence", "absence", "first_seen"}

// block reads the rule's conditions and its block.
func (r *reader) block(m *yamlpos.Mapping) {
	first := ""
	for _, key := range blocks {
		if !m.Get(key).Exists() {
			continue
		}
		if first != "" {
			m.Key(key).Problemf("a rule has one block, and this one has %s already", first)
			continue
		}
		first = key
	}
	if first == "sequence" {
		for _, key := range []string{"class", "when", "any"} {
			m.Get(key)
			m.Key(key).Problemf("a sequence has class and when in each of its steps, not beside it")
		}
		r.sequence(m.Get(first).Mapping())
		return
	}
	r.conditions(m)
	switch first {
	case "threshold":
		r.threshold(m.Get(first).Mapping())
	case "absence":
		r.absence(m.Get(first).Mapping())
	case "first_seen":
		r.firstSeen(m.Get(first).Mapping())
	}
}

// threshold reads the block of that name.
func (r *reader) threshold(m *yamlpos.Mapping) {
	m.Others(windowKeys)
	t := &Threshold{}
	distinct, sum, count, over := m.Get("distinct"), m.Get("sum"), m.Get("count"), m.Get("over")
	switch {
	case distinct.Exists() && sum.Exists():
		m.Key("sum").Problemf("a threshold has distinct or sum, not both")
	case distinct.Exists():
		t.Distinct = r.value(distinct, nil)
	case sum.Exists():
		t.Sum = r.value(sum, isNumber)
	}
	if sum.Exists() {
		m.Key("count").Problemf("a sum is held against `over`; count is for events and for distinct")
		if over = m.Require("over"); over.Exists() {
			if t.Over = over.Int(); over.IsInt() && t.Over < 0 {
				over.Problemf("at least 0; sums are not negative")
			}
		}
	} else {
		m.Key("over").Problemf("over belongs to sum; %s is held against `count`", map[bool]string{true: "distinct", false: "the number of events"}[distinct.Exists()])
		if count = m.Require("count"); count.Exists() {
			t.Count = int(count.Int())
			switch {
			case !count.IsInt(): // reported
			case t.Count < 2:
				count.Problemf("at least 2; every event is one by itself without a threshold")
			case t.Count > maxCount:
				count.Problemf("at most %d", maxCount)
			}
		}
	}
	t.Within = window(m.Require("within"))
	r.groups(m.Require("by"), 0, len(r.rule.Conditions))
	r.oneValue(distinct, t.Distinct)
	m.Done()
	r.rule.Threshold = t
}

// oneValue reports a value that the events of a group share, where it is about different
// ones.
func (r *reader) oneValue(n yamlpos.Node, source string) {
	if source != "" && slices.ContainsFunc(r.rule.Alert.Group, func(k GroupKey) bool { return k.Expr == source }) {
		n.Problemf("this can never hold: %s is in `by`, so a group has one value of it", source)
	}
}

// value compiles what a block adds up, for every condition, and gives its canonical
// source. fits says which types do; nil for every scalar.
func (r *reader) value(n yamlpos.Node, fits func(*types.Type) bool) (source string) {
	text := n.Str()
	for i, class := range r.classes {
		if text == "" {
			break
		}
		e := r.compile(n, text, 0, class, expr.Scalar)
		if e == nil {
			continue
		}
		if fits != nil && !fits(e.Type) {
			n.Problemf("want a number; this is of type %s", typeName(e.Type))
		}
		r.rule.Conditions[i].value = e
		source = e.Source
	}
	return source
}

func isNumber(t *types.Type) bool {
	switch t.Kind() {
	case types.IntKind, types.UintKind, types.DoubleKind:
		return true
	}
	return isJSON(t)
}

func isJSON(t *types.Type) bool { return t.TypeName() == ocsfcel.JSONType.TypeName() }

// typeName is a type as rules' authors call it.
func typeName(t *types.Type) string {
	if isJSON(t) {
		return "JSON"
	}
	return t.TypeName()
}

// stepPattern is the name of a step.
var stepPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// sequence reads the block of that name.
func (r *reader) sequence(m *yamlpos.Mapping) {
	m.Others(windowKeys)
	s := &Sequence{Within: window(m.Require("within")), Ordered: true}
	if ordered := m.Get("ordered"); ordered.Exists() {
		s.Ordered = ordered.Bool()
	}
	all := m.Require("steps")
	steps := all.List()
	switch {
	case !all.IsList():
	case len(steps) < 2:
		all.Problemf("a sequence has at least 2 steps; a single one is a rule with class and when")
	case len(steps) > maxSteps:
		all.Problemf("at most %d steps, got %d", maxSteps, len(steps))
	}
	seen := map[string]bool{}
	for i, n := range steps {
		step := n.Mapping()
		step.Others(windowKeys)
		name := step.Require("name")
		text := name.Str()
		switch {
		case text == "":
		case !stepPattern.MatchString(text):
			name.Problemf("a name consists of lower-case letters, digits and _")
		case seen[text]:
			name.Problemf("%s is listed twice", text)
		}
		seen[text] = true
		s.Steps = append(s.Steps, text)
		before := len(r.rule.Conditions)
		r.condition(step.Require("class"), step.Require("when"), i)
		r.groups(step.Require("by"), before, len(r.rule.Conditions))
		step.Done()
	}
	m.Done()
	r.rule.Sequence = s
}

// absence reads the block of that name: the rule's own conditions are of the event
// that another must follow.
func (r *reader) absence(m *yamlpos.Mapping) {
	own := len(r.rule.Conditions)
	m.Others(windowKeys)
	a := &Absence{}
	of := m.Require("of").Mapping()
	if of.Node().IsMapping() {
		r.condition(of.Require("class"), of.Require("when"), 1)
	}
	a.Within = window(m.Require("within"))
	by, ofBy := m.Get("by"), of.Get("by")
	switch { // one of them is enough if both events are grouped by the same
	case !by.Exists() && !ofBy.Exists():
		if of.Node().IsMapping() {
			of.Require("by")
		}
	case !by.Exists():
		by = ofBy
	case !ofBy.Exists():
		ofBy = by
	}
	if by.Exists() {
		r.groups(by, 0, own)
		r.groups(ofBy, own, len(r.rule.Conditions))
	}
	of.Done()
	m.Done()
	r.rule.Absence = a
}

// firstSeen reads the block of that name.
func (r *reader) firstSeen(m *yamlpos.Mapping) {
	m.Others(windowKeys)
	of := m.Require("of")
	f := &FirstSeen{Of: r.value(of, nil)}
	period, learn := m.Require("for"), m.Get("learn")
	var ok bool
	switch f.For, ok = duration(period); {
	case !ok:
	case f.For <= 0:
		period.Problemf("must be more than zero")
	case f.For > MaxTerm:
		period.Problemf("at most %dd, got %s", int(MaxTerm.Hours()/24), period.Text())
	}
	if f.Learn, ok = duration(learn); ok && f.For > 0 && f.Learn > f.For {
		learn.Problemf("at most `for`: after a silence of %s a group is new, and learns again", period.Text())
	}
	r.groups(m.Require("by"), 0, len(r.rule.Conditions))
	if f.Learn > 0 { // else a group that is new is a hit
		r.oneValue(of, f.Of)
	}
	m.Done()
	r.rule.FirstSeen = f
}

// canHit tells whether the event of a condition can be a hit: of an ordered sequence
// only that of the last step, of an absence only the rule's own.
func (r *Rule) canHit(c *Condition) bool {
	switch {
	case r.Sequence != nil && r.Sequence.Ordered:
		return c.Step == len(r.Sequence.Steps)-1
	case r.Absence != nil:
		return c.Step == 0
	}
	return true
}
