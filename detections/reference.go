package detections

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weir-security/weir/schemas/ocsf"
)

// Reference gives the ids of the alerts, and the roll-ups, of a finite set of
// signals by the plain reading of the semantics: it is a function of the set, with
// neither order of arrival nor state nor watermark, and so nothing is late. It
// takes quadratic time and more. Tests hold the Correlator, and the pipeline around
// it, against it. (What an alert says besides its id depends on which hit came first.)
func Reference(m *Manifest, signals []*Signal) (alerts []string, rollups []*ocsf.Event) {
	groups := map[string][]*Signal{}
	for _, s := range signals {
		groups[s.groupKey()] = append(groups[s.groupKey()], s)
	}
	for _, group := range groups {
		rule := m.Rule(group[0].Rule)
		failed := group[0].Error != ""
		if failed {
			rule = &ManifestRule{ID: rule.ID, Version: rule.Version, Title: rule.Title, Status: rule.Status, Suppress: failureEvery}
		}
		events := eventsOf(group)
		hits := map[bucketKey][]*entry{}
		for _, e := range events {
			if isReferenceHit(rule, events, e) {
				key, _ := rule.bucketOf(e)
				hits[key] = append(hits[key], e)
			}
		}
		for key, list := range hits {
			f := finding{rule: rule, key: key, hit: list[0], last: list[len(list)-1], hits: len(list), rollup: true}
			alerts = append(alerts, f.alertID())
			for _, e := range events {
				if slices.ContainsFunc(list, func(h *entry) bool { return isEvidence(rule, h, e) }) {
					f.events = append(f.events, e)
				}
			}
			if len(list) > 1 && !failed {
				rollups = append(rollups, f.event())
			}
		}
	}
	return alerts, rollups
}

// eventsOf is the events of a group's signals, by time and uid, each once, with the
// steps that any of its signals has.
func eventsOf(group []*Signal) []*entry {
	byID := map[string]*entry{}
	var events []*entry
	for _, s := range group {
		id := fmt.Sprintf("%q %d", s.UID, s.Time)
		e := byID[id]
		if e == nil {
			e = &entry{time: s.Time, uid: s.UID, signal: s}
			byID[id] = e
			events = append(events, e)
		}
		e.steps |= 1 << s.Step
		if s.Step > e.signal.Step {
			e.signal = s
		}
	}
	slices.SortFunc(events, func(a, b *entry) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.uid, b.uid)) })
	return events
}

// isEvidence tells whether an event belongs to a hit: it is the hit, or in its window
// where several events make a hit.
func isEvidence(rule *ManifestRule, hit, e *entry) bool {
	switch rule.Block {
	case BlockNone, BlockAbsence, BlockFirstSeen:
		return e == hit
	}
	return e.time > hit.time-rule.Within && e.time <= hit.time
}

// isReferenceHit is the definition of a hit.
func isReferenceHit(rule *ManifestRule, events []*entry, e *entry) bool {
	var window []*entry // (e.time-within, e.time]
	distinct, sum := map[string]bool{}, int64(0)
	for _, o := range events {
		if o.time > e.time-rule.Within && o.time <= e.time {
			window = append(window, o)
			distinct[o.signal.Value] = true
			sum += o.signal.Sum
		}
	}
	switch rule.Block {
	case BlockCount:
		return len(window) >= rule.Count
	case BlockDistinct:
		return len(distinct) >= rule.Count
	case BlockSum:
		return sum > rule.Over
	case BlockSequence:
		return endsChain(rule, window, e)
	case BlockAbsence:
		return e.steps&1 != 0 && !slices.ContainsFunc(events, func(o *entry) bool {
			return o != e && o.steps&2 != 0 && o.time >= e.time && o.time < e.time+rule.Within
		})
	case BlockFirstSeen:
		return isFirst(rule, events, e)
	}
	return true
}

// endsChain tries every chain.
func endsChain(rule *ManifestRule, window []*entry, e *entry) bool {
	chain := make([]*entry, rule.Steps)
	var fill func(step int) bool
	fill = func(step int) bool {
		if step < 0 {
			return slices.Contains(chain, e)
		}
		for _, o := range window {
			switch {
			case o.steps&(1<<step) == 0, slices.Contains(chain[step+1:], o):
			case rule.Ordered && step == rule.Steps-1 && o != e:
			case rule.Ordered && step < rule.Steps-1 && o.time > chain[step+1].time:
			default:
				if chain[step] = o; fill(step - 1) {
					return true
				}
				chain[step] = nil
			}
		}
		return false
	}
	return fill(rule.Steps - 1)
}

// isFirst tells whether an event has a value that its group did not have in the
// period before it, when the group has existed for longer than it learns. A group
// begins anew with an event that none precedes in the period.
func isFirst(rule *ManifestRule, events []*entry, e *entry) bool {
	since, last := e.time, int64(never)
	for _, o := range events {
		if o.time-last >= rule.For {
			since = o.time
		}
		last = o.time
		if o == e {
			break
		}
		if o.signal.Value == e.signal.Value && o.time > e.time-rule.For {
			return false
		}
	}
	return e.time-since >= rule.Learn
}
