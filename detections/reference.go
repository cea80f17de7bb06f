package detections

import (
	"fmt"
	"slices"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Reference gives the ids of the alerts, and the roll-ups, of a finite set of
// signals by the plain reading of the semantics: it is a function of the set, with
// neither order of arrival nor state nor watermark, and so nothing is late. It
// takes quadratic time. Tests hold the Correlator, and the pipeline around it,
// against it. (What an alert says besides its id depends on which hit came first.)
func Reference(m *Manifest, signals []*Signal) (alerts []string, rollups []*ocsf.Event) {
	groups := map[string][]*entry{}
	seen := map[string]bool{}
	for _, s := range signals {
		id := fmt.Sprintf("%s %q %d", s.Key(), s.UID, s.Time)
		if !seen[id] {
			seen[id] = true
			groups[string(s.Key())] = append(groups[string(s.Key())], &entry{time: s.Time, uid: s.UID, signal: s})
		}
	}
	for _, events := range groups {
		slices.SortFunc(events, compareEntries)
		rule := m.Rule(events[0].signal.Rule)
		hits := map[bucketKey][]*entry{}
		for _, e := range events {
			if rule.Within == 0 || len(inWindow(events, e, rule.Within)) >= rule.Count {
				key, _ := (&group{rule: rule}).bucketOf(e)
				hits[key] = append(hits[key], e)
			}
		}
		for key, list := range hits {
			f := finding{rule: rule, key: key, hit: list[0], last: list[len(list)-1], hits: len(list), rollup: true}
			alerts = append(alerts, f.alertID())
			for _, e := range events {
				if slices.ContainsFunc(list, func(h *entry) bool { return e == h || slices.Contains(inWindow(events, h, rule.Within), e) }) {
					f.events = append(f.events, e)
				}
			}
			if len(list) > 1 {
				rollups = append(rollups, f.event())
			}
		}
	}
	return alerts, rollups
}

// inWindow is the events in (e.time-within, e.time].
func inWindow(events []*entry, e *entry, within int64) []*entry {
	var in []*entry
	for _, o := range events {
		if o.time > e.time-within && o.time <= e.time {
			in = append(in, o)
		}
	}
	return in
}
