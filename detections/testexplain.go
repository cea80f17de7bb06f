package detections

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf"
)

// maxExplained is how many events a failure explains.
const maxExplained = 3

// explain says of events which part of the condition decided: of those that did
// not match, when alerts are missing, else of those that did.
func (r *testRun) explain(rule *Rule, t *Test) {
	wanted := max(t.Count, len(t.Alerts))
	missing := len(r.out.alerts) < wanted
	if len(r.out.alerts) == wanted {
		return // they differ in what they say
	}
	n := 0
	for _, g := range r.given {
		if r.out.matched[g.event] == missing {
			continue
		}
		if n++; n > maxExplained {
			continue
		}
		text := r.explainEvent(rule, g)
		if text != "" {
			r.failf("%s", text)
		}
	}
	if n > maxExplained {
		r.failf("and so on for %s", plural(n-maxExplained, "event"))
	}
	if len(r.out.groups) > 0 && rule.Within() > 0 {
		r.failf("events by group: %s", groupCounts(r.out.groups))
	}
}

// groupCounts is "a: 4, b: 2", in the order of names; of many groups the first.
func groupCounts(groups map[string]int) string {
	const most = 8
	var parts []string
	for i, group := range slices.Sorted(maps.Keys(groups)) {
		if i == most {
			return strings.Join(parts, ", ") + fmt.Sprintf(" and %d more", len(groups)-most)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(group, "["), "]")
		if name == "" {
			name = "all"
		}
		parts = append(parts, fmt.Sprintf("%s: %d", name, groups[group]))
	}
	return strings.Join(parts, ", ")
}

// explainEvent evaluates the condition of the event's class part by part.
func (r *testRun) explainEvent(rule *Rule, g givenEvent) string {
	class := g.event.Class()
	var b strings.Builder
	var classes []string
	tried := false
	for i := range rule.Conditions {
		c := &rule.Conditions[i]
		classes = append(classes, c.Class.Name())
		if c.Class != class {
			continue
		}
		tried = true
		var scope expr.Scope
		scope.Reset(g.event)
		b.WriteString(g.name + ": " + conditionName(rule, c) + heldText(r.out.matched[g.event]))
		for _, s := range r.compilerOf(rule).Explain(ocsf.ClassByName(class.Name()), c.When, &scope) {
			b.WriteString(stepText(s))
		}
	}
	if !tried {
		return fmt.Sprintf("%s: it is of the class %s, the rule is about %s", g.name, class.Name(), strings.Join(slices.Compact(classes), ", "))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// conditionName tells the conditions of a rule apart.
func conditionName(rule *Rule, c *Condition) string {
	switch {
	case rule.Sequence != nil && c.Step < len(rule.Sequence.Steps):
		return "step " + rule.Sequence.Steps[c.Step]
	case rule.Absence != nil && c.Step > 0:
		return "the condition of absence.of"
	}
	return "the condition"
}

func heldText(matched bool) string {
	if matched {
		return " holds\n"
	}
	return " does not hold\n"
}

func stepText(s expr.Step) string {
	mark := "  "
	if s.Decides {
		mark = "> "
	}
	indent := strings.Repeat("  ", max(s.Depth-1, 0))
	text := fmt.Sprintf("%s%s%-5s  %s\n", mark, indent, s.Value, strings.ReplaceAll(s.Text, "\n", " "))
	for _, read := range s.Reads {
		text += fmt.Sprintf("  %s       %s\n", indent, read)
	}
	return text
}

// compilerOf knows the lists that a rule was compiled with.
func (r *testRun) compilerOf(rule *Rule) *expr.Compiler {
	if rule.compiler != nil {
		return rule.compiler
	}
	return r.rules.compiler
}

// withLists compiles a rule with other lists in place of those of their names.
func (rs *RuleSet) withLists(rule *Rule, lists map[string]*expr.List) (*Rule, error) {
	var all []*expr.List
	for _, name := range rs.compiler.Lists() {
		list := rs.compiler.List(name)
		if own := lists[name]; own != nil {
			list = own
		}
		all = append(all, list)
	}
	compiler, err := expr.NewCompiler(all)
	if err != nil {
		return nil, err
	}
	doc := rule.node.Document().Again()
	compiled := readRule(doc, rule.File, compiler, nil)
	if problems, _ := doc.Problems().Split(); len(problems) > 0 {
		return nil, problems
	}
	compiled.compiler = compiler
	return compiled, nil
}
