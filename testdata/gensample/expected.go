package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// expectation is what weir must make of the sample. It is computed here, beside
// the generator, and not from weir: each step of the attack says which rule it
// meets.
type expectation struct {
	sources map[string]*sourceCount
	hits    map[hitKey]int
}

// sourceCount accounts for the records of a source:
// Read = Normalised + DeadLettered + Duplicates.
type sourceCount struct {
	Read          int      `json:"read"`
	Normalised    int      `json:"normalised"`
	DeadLettered  int      `json:"dead_lettered"`
	Duplicates    int      `json:"duplicates"`
	DeadLetterWhy []string `json:"dead_letters,omitempty"`
}

// ruleCount is what a rule makes of the sample: Alerts is how many alerts it
// sends at a first hit, RollUps how many of these had further hits in their
// window and are followed by a roll-up.
type ruleCount struct {
	Alerts  int `json:"alerts"`
	RollUps int `json:"roll_ups"`
}

// hitKey names an alert: a rule, its group, and the window that its suppression
// gives (the hit's own number without suppression).
type hitKey struct {
	rule, group string
	bucket      int64
}

func newExpectation() *expectation {
	return &expectation{map[string]*sourceCount{}, map[hitKey]int{}}
}

func (e *expectation) source(name string) *sourceCount {
	if e.sources[name] == nil {
		e.sources[name] = &sourceCount{}
	}
	return e.sources[name]
}

// read adds n records that become events.
func (e *expectation) read(source string, n int) {
	e.source(source).Read += n
	e.source(source).Normalised += n
}

// duplicates adds n records that were read before.
func (e *expectation) duplicates(source string, n int) {
	e.source(source).Read += n
	e.source(source).Duplicates += n
}

// deadLetter adds one record that becomes a dead letter, and why.
func (e *expectation) deadLetter(source, why string) {
	s := e.source(source)
	s.Read++
	s.DeadLettered++
	s.DeadLetterWhy = append(s.DeadLetterWhy, why)
}

// hit adds a hit of a rule at a time. Group is whatever tells the rule's groups
// apart; suppress is the rule's window.
func (e *expectation) hit(rule, group string, at time.Time, suppress time.Duration) {
	e.hits[hitKey{rule, group, at.UnixMilli() / suppress.Milliseconds()}]++
}

// burst adds the hits of a threshold rule: every event from the count-th on.
func (e *expectation) burst(rule, group string, at []time.Time, count int, suppress time.Duration) {
	if len(at) < count {
		panic(fmt.Sprintf("%s: %d events never reach %d", rule, len(at), count))
	}
	for _, t := range at[count-1:] {
		e.hit(rule, group, t, suppress)
	}
}

func (e *expectation) json() []byte {
	rules := map[string]ruleCount{}
	total := ruleCount{}
	for key, hits := range e.hits {
		r := rules[key.rule]
		r.Alerts++
		total.Alerts++
		if hits > 1 {
			r.RollUps++
			total.RollUps++
		}
		rules[key.rule] = r
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	err := enc.Encode(map[string]any{"sources": e.sources, "rules": rules, "total": total})
	if err != nil {
		panic(err) // counts always encode
	}
	return buf.Bytes()
}
