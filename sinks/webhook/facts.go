package webhook

import (
	"maps"
	"slices"
	"strings"
)

// fact is one line of a message.
type fact struct{ Name, Value string }

// The most facts, and the longest texts in them in bytes: the messages of services
// have limits, and a long text must not make one of the alert's refusal.
const (
	maxFacts = 10
	maxName  = 60
	maxFact  = 300
)

// evidencePaths are what is shown of an alert that has no group: who did it, from
// where, to what.
var evidencePaths = []string{"actor.user.name", "user.name", "src_endpoint.ip", "cloud.account.uid", "api.operation"}

// facts are what a person wants to know first: the rule, who and where, how much. All
// that comes from a log is on one line and bounded.
func facts(alert any) []fact {
	all := []fact{
		{"Rule", text(get(alert, "finding_info.analytic.uid"))},
		{"Source", text(get(alert, "metadata.log_provider"))},
	}
	if group, ok := get(alert, "unmapped.weir.group").(map[string]any); ok && len(group) > 0 {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			all = append(all, fact{name, text(group[name])})
		}
	} else {
		for _, path := range evidencePaths {
			all = append(all, fact{path, text(get(alert, "evidences.0."+path))})
		}
	}
	last := []fact{
		{"Events", text(get(alert, "count"))},
		{"ATT&CK", attacks(alert)},
		{"First", rfc3339(get(alert, "start_time"))},
	}
	var shown []fact
	for i, f := range append(all, last...) {
		f = fact{truncate(oneLine(f.Name), maxName, byteLen), truncate(oneLine(f.Value), maxFact, byteLen)}
		if f.Value != "" && (i >= len(all) || len(shown) < maxFacts-len(last)) {
			shown = append(shown, f)
		}
	}
	return shown
}

func byteLen(s string) int { return len(s) }

func attacks(alert any) string {
	list, _ := get(alert, "finding_info.attacks").([]any)
	var ids []string
	for _, attack := range list {
		if id := text(orDefault(get(attack, "technique.uid"), get(attack, "sub_technique.uid"))); id != "" {
			ids = append(ids, id)
		}
	}
	return strings.Join(ids, ", ")
}
