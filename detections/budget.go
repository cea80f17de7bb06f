package detections

import (
	"fmt"
	"strings"

	"github.com/weir-security/weir/internal/yamlpos"
)

// budget reads `max_cost` of weir-rules.yaml: what the event that costs the most may
// cost, over all rules that it can lead to.
func (l *loader) budget(m *yamlpos.Mapping) {
	l.maxCost = DefaultMaxCost
	f := m.Get("max_cost")
	if !f.Exists() {
		return
	}
	if n := f.Int(); n < 1 {
		f.Problemf("want a number of at least 1, as %d, which is the default", DefaultMaxCost)
	} else {
		l.maxCost = uint64(n)
	}
}

// checkBudget refuses a rule set that could be too expensive as a whole; a Problem
// of weir-rules.yaml, or nothing.
func (l *loader) checkBudget(rs *RuleSet) (problems Problems) {
	worst, rules := rs.index.overBudget(l.maxCost)
	if worst == nil {
		return nil
	}
	var most []string
	for _, r := range rules[:min(len(rules), 3)] {
		place := "without an index attribute"
		if r.Index != nil {
			place = "at " + r.Index.Attribute
		}
		most = append(most, fmt.Sprintf("%s (%d, %s)", r.Rule, r.Cost, place))
	}
	return Problems{{File: l.fileName(RootFile), Line: 1, Col: 1, Message: fmt.Sprintf(
		"an event of %s may cost %d over all rules, the budget max_cost is %d; the most expensive: %s. Let them require a value of an attribute as api.operation, which the index can look up, or allow more with max_cost",
		worst.Class, worst.Cost, l.maxCost, strings.Join(most, ", "))}}
}
