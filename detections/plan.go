package detections

import (
	"cmp"
	"slices"
	"strconv"
)

// DefaultMaxCost is what one event may cost at most if weir-rules.yaml does not say
// `max_cost`; see Plan.
const DefaultMaxCost = 1_000_000

// Plan is how the engine evaluates the running rules of a rule set, and what that
// may cost.
type Plan struct {
	Conditions []ConditionPlan `json:"conditions"`
	Classes    []ClassPlan     `json:"classes"`
	// Shared is how many sub-expressions occur in several places and are evaluated
	// once an event.
	Shared int `json:"shared"`
	// Cost is the greatest Cost of a class, MaxCost the budget for it.
	Cost    uint64 `json:"cost"`
	MaxCost uint64 `json:"max_cost"`
}

// ConditionPlan is that of one condition of a rule.
type ConditionPlan struct {
	Rule  string `json:"rule"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	Class string `json:"class"`
	// Compiled tells that the engine evaluates all of it; else Fallbacks are the parts
	// for which it asks cel-go, if the other parts do not decide.
	Compiled  bool       `json:"compiled"`
	Fallbacks []Fallback `json:"fallbacks,omitempty"`
	// Index is what leads to the condition. Without, every event of the class tries it.
	Index *IndexPlan `json:"index,omitempty"`
	// Cost is the estimated cost on a large event.
	Cost uint64 `json:"cost"`
}

// Fallback is a part of a condition that the engine does not compile.
type Fallback struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Why    string `json:"why"`
}

// IndexPlan is an attribute and the values of it that lead to a condition.
type IndexPlan struct {
	Attribute string   `json:"attribute"`
	Values    []string `json:"values"`
}

// ClassPlan sums the conditions of a class up.
type ClassPlan struct {
	Class      string `json:"class"`
	Conditions int    `json:"conditions"`
	Unindexed  int    `json:"unindexed"`
	// Cost is what the event that costs the most may cost: all conditions without an
	// index, and for each attribute of the index those of the most expensive value.
	Cost uint64 `json:"cost"`
}

// Plan says how the engine evaluates the running rules.
func (rs *RuleSet) Plan() *Plan {
	p := &Plan{Shared: rs.compiler.Shared(), MaxCost: rs.maxCost}
	for uid, class := range rs.index.classes {
		c := ClassPlan{Class: uid.Name(), Cost: class.cost(), Unindexed: len(class.always)}
		for _, i := range class.all() {
			c.Conditions++
			p.Conditions = append(p.Conditions, conditionPlan(i))
		}
		p.Classes = append(p.Classes, c)
		p.Cost = max(p.Cost, c.Cost)
	}
	slices.SortFunc(p.Classes, func(a, b ClassPlan) int { return cmp.Compare(a.Class, b.Class) })
	slices.SortFunc(p.Conditions, func(a, b ConditionPlan) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Line, b.Line))
	})
	return p
}

func conditionPlan(i placed) ConditionPlan {
	c := i.rule.Conditions[i.condition]
	p := ConditionPlan{Rule: i.rule.ID, File: i.rule.File, Class: c.Class.Name(), Cost: c.program.Cost, Index: i.index, Compiled: len(c.program.Fallbacks) == 0}
	p.Line, _ = c.node.Pos()
	for _, f := range c.program.Fallbacks {
		line, column, _ := c.node.Place(f.Line, f.Col)
		p.Fallbacks = append(p.Fallbacks, Fallback{line, column, f.Why})
	}
	return p
}

// placed is a condition with its place in the index.
type placed struct {
	indexed
	index *IndexPlan
}

// all is every condition of the class, once.
func (x *classIndex) all() []placed {
	var all []placed
	for _, c := range x.always {
		all = append(all, placed{c, nil})
	}
	for i := range x.keys {
		k := &x.keys[i]
		byCondition := map[indexed]*IndexPlan{}
		add := func(c indexed, value string) {
			if byCondition[c] == nil {
				byCondition[c] = &IndexPlan{Attribute: k.name}
			}
			byCondition[c].Values = append(byCondition[c].Values, value)
		}
		for value, conditions := range k.texts {
			for _, c := range conditions {
				add(c, value)
			}
		}
		for value, conditions := range k.numbers {
			for _, c := range conditions {
				add(c, strconv.FormatInt(value, 10))
			}
		}
		for c, plan := range byCondition {
			slices.Sort(plan.Values)
			all = append(all, placed{c, plan})
		}
	}
	return all
}

// cost is that of the event that costs the most: it has the most expensive value of
// every attribute of the index.
func (x *classIndex) cost() uint64 {
	sum := costOf(x.always)
	for i := range x.keys {
		var most uint64
		for _, conditions := range x.keys[i].texts {
			most = max(most, costOf(conditions))
		}
		for _, conditions := range x.keys[i].numbers {
			most = max(most, costOf(conditions))
		}
		sum += most
	}
	return sum
}

func costOf(conditions []indexed) (sum uint64) {
	for _, c := range conditions {
		sum += c.program.Cost
	}
	return sum
}

// overBudget gives the class whose events may cost more than the budget, and the
// rules that cost the most in it, the most expensive first; nil if there is none.
func (x *index) overBudget(most uint64) (worst *ClassPlan, rules []ConditionPlan) {
	var index *classIndex
	for uid, class := range x.classes {
		if cost := class.cost(); cost > most && (worst == nil || cost > worst.Cost || cost == worst.Cost && uid.Name() < worst.Class) {
			worst, index = &ClassPlan{Class: uid.Name(), Cost: cost}, class
		}
	}
	if worst == nil {
		return nil, nil
	}
	for _, c := range index.all() {
		rules = append(rules, conditionPlan(c))
	}
	slices.SortFunc(rules, func(a, b ConditionPlan) int {
		return cmp.Or(cmp.Compare(unindexedFirst(a), unindexedFirst(b)), cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Rule, b.Rule))
	})
	return worst, rules
}

func unindexedFirst(c ConditionPlan) int {
	if c.Index == nil {
		return 0
	}
	return 1
}
