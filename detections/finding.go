package detections

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// finding is an alert, or the roll-up of one, before it is an event.
type finding struct {
	rule   *ManifestRule
	key    bucketKey
	hit    *entry   // the hit that alerts; of a roll-up, the first one
	last   *entry   // of a roll-up: the last hit
	hits   int      // of a roll-up: all of the bucket
	events []*entry // in the hits' windows, by time
	rollup bool
}

// evidenceLimit bounds the evidence in one alert: of more events, the first and
// the last halves of it are shown.
const evidenceLimit = 20

// product is how alerts name their maker.
const product = "weir"

// alertID identifies the alert of a bucket: the same rule, version, group,
// severity and bucket always give the same id.
func (f *finding) alertID() string {
	s := f.hit.signal
	group := s.Group
	if s.Error != "" {
		group = errorGroup
	}
	bucket := binary.BigEndian.AppendUint64(nil, uint64(f.key.start))
	return hashID(s.Identity, s.Version, group, strconv.Itoa(int(f.key.severity)), string(bucket)+f.key.uid)
}

// hashID hashes parts, each with its length, to 32 hexadecimal digits.
func hashID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(p)))
		h.Write(length[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// event is the finding as a complete OCSF event, but for
// metadata.processed_time, which needs a clock.
func (f *finding) event() *ocsf.Event {
	s, alert := f.hit.signal, f.alertID()
	shown := f.shown()
	ev := evidenceEvent(shown)
	ev.SetClass(ocsf.ClassDetectionFinding)
	id, at := alert, f.hit.time
	if f.rollup {
		id, at = hashID(alert, "rollup"), f.last.time
		ev.SetActivityID(ocsf.DetectionFindingActivityIDUpdate)
	} else {
		ev.SetActivityID(ocsf.DetectionFindingActivityIDCreate)
	}
	ev.SetTime(at)
	ev.SetStartTime(f.events[0].time)
	ev.SetEndTime(f.events[len(f.events)-1].time)
	ev.SetCount(int32(len(f.events)))
	ev.SetSeverityID(f.key.severity)
	ev.SetStatusID(ocsf.DetectionFindingStatusIDNew)
	ev.SetIsAlert(true)
	ev.SetMessage(s.Title)
	ev.Metadata.SetUID(id)
	ev.Metadata.SetVersion(ocsf.Version)
	ev.Metadata.Product.SetName(product)
	ev.Metadata.Product.SetVendorName(product)
	ev.Metadata.SetEventCode(s.Rule)
	if s.Source != "" {
		ev.Metadata.SetLogProvider(s.Source)
	}
	f.info(ev, alert, shown)
	ev.SetUnmapped(f.unmapped(alert))
	return ev
}

// info fills finding_info: what was found, by which rule, in which events.
func (f *finding) info(ev *ocsf.Event, alert string, shown []*entry) {
	info := &ev.FindingInfo
	info.SetUID(alert)
	info.SetTitle(f.hit.signal.Title)
	if f.hit.signal.Error != "" {
		info.SetDesc("The rule may have missed events: " + f.hit.signal.Error)
	} else if f.rule.Description != "" {
		info.SetDesc(strings.TrimSpace(f.rule.Description))
	}
	info.SetFirstSeenTime(f.events[0].time)
	info.SetLastSeenTime(f.events[len(f.events)-1].time)
	info.Analytic.SetUID(f.rule.ID)
	info.Analytic.SetName(f.rule.Title)
	info.Analytic.SetTypeID(ocsf.AnalyticTypeIDRule)
	info.Analytic.SetVersion(f.rule.Version)
	for _, id := range f.rule.Attack {
		attack := info.AddAttacks()
		technique, _, isSub := strings.Cut(id, ".")
		attack.Technique.SetUID(technique)
		if isSub {
			attack.SubTechnique.SetUID(id)
		}
	}
	for _, e := range shown {
		info.AddRelatedEvents().SetUID(e.uid)
	}
	info.SetRelatedEventsCount(int32(len(f.events)))
	info.Types = append(info.Types, f.rule.Tags...)
}

// shown is the events whose evidence goes into the finding.
func (f *finding) shown() []*entry {
	if len(f.events) <= evidenceLimit {
		return f.events
	}
	half := evidenceLimit / 2
	return append(append([]*entry{}, f.events[:half]...), f.events[len(f.events)-half:]...)
}

// evidenceEvent is an event that holds the evidence of some signals and nothing
// else.
func evidenceEvent(entries []*entry) *ocsf.Event {
	const open, end = `{"evidences":[`, `]}`
	size := len(open) + len(end)
	for _, e := range entries {
		size += len(e.signal.Evidence) + len(",")
	}
	text := append(make([]byte, 0, size), open...)
	for _, e := range entries {
		if len(e.signal.Evidence) == 0 {
			continue
		}
		if text[len(text)-1] != '[' {
			text = append(text, ',')
		}
		text = append(text, e.signal.Evidence...)
	}
	if text[len(text)-1] == '[' {
		return new(ocsf.Event)
	}
	// Elements are kilobytes: the list would grow through twice its size.
	ev := &ocsf.Event{Evidences: make([]ocsf.Evidences, 0, len(entries))}
	if err := ev.UnmarshalJSON(append(text, end...)); err != nil {
		// Evidence of another version of weir: the alert matters more.
		ev.Reset()
	}
	return ev
}

// The kinds of findings, in unmapped.weir.kind.
const (
	kindAlert  = "alert"
	kindRollup = "rollup"
	kindError  = "rule_error"
)

// unmapped is what of a finding OCSF has no attribute for.
func (f *finding) unmapped(alert string) ocsf.JSON {
	type weir struct {
		Kind           string          `json:"kind"`
		Alert          string          `json:"alert"`
		Rule           string          `json:"rule"`
		Version        string          `json:"version"`
		RuleSet        string          `json:"rule_set"`
		Status         Status          `json:"status"`
		Block          Block           `json:"block,omitempty"`
		Group          json.RawMessage `json:"group,omitempty"`
		Context        json.RawMessage `json:"context,omitempty"`
		Bucket         int64           `json:"bucket"`
		Suppress       int64           `json:"suppress,omitempty"`
		Hits           int             `json:"hits"`
		Distinct       int             `json:"distinct,omitempty"`
		Sum            int64           `json:"sum,omitempty"`
		Error          string          `json:"error,omitempty"`
		References     []string        `json:"references,omitempty"`
		FalsePositives []string        `json:"false_positives,omitempty"`
	}
	w := weir{Kind: kindAlert, Alert: alert, Rule: f.rule.ID, Version: f.rule.Version, RuleSet: f.hit.signal.Digest,
		Status: f.rule.Status, Block: f.rule.Block, Group: f.group(), Context: f.context(), Bucket: f.key.start, Suppress: f.rule.Suppress,
		Hits: f.hits, Error: f.hit.signal.Error, References: f.rule.References, FalsePositives: f.rule.FalsePositives}
	switch {
	case w.Error != "":
		w.Kind = kindError
	case f.rollup:
		w.Kind = kindRollup
	}
	switch f.rule.Block {
	case BlockDistinct:
		w.Distinct = f.distinct()
	case BlockSum:
		for _, e := range f.events {
			w.Sum += e.signal.Sum
		}
	}
	text, err := json.Marshal(map[string]weir{"weir": w})
	if err != nil {
		panic(fmt.Sprintf("encode finding: %v", err)) // strings, integers and JSON that weir wrote
	}
	return ocsf.JSON(text)
}

// distinct is how many different values the events have.
func (f *finding) distinct() int {
	values := map[string]bool{}
	for _, e := range f.events {
		values[e.signal.Value] = true
	}
	return len(values)
}

// contextLimit bounds the different values that a finding shows of each attribute of
// `context`.
const contextLimit = 20

// context is the different values of the rule's context in the events, by name, the
// first ones in order; "..." follows where there are more.
func (f *finding) context() json.RawMessage {
	if len(f.rule.Context) == 0 {
		return nil
	}
	text := []byte{'{'}
	for i, name := range f.rule.Context {
		seen := map[string]bool{}
		var shown []byte
		for _, e := range f.events {
			if i >= len(e.signal.Context) {
				continue // of another version of the rule's text
			}
			value := string(e.signal.Context[i])
			if value == "null" || seen[value] {
				continue
			}
			if seen[value] = true; len(seen) > contextLimit {
				value = `"..."`
			}
			shown = append(append(shown, ','), value...)
			if len(seen) > contextLimit {
				break
			}
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(text, quoteJSON(name)...), ":["...)
		text = append(append(text, bytes.TrimPrefix(shown, []byte{','})...), ']')
	}
	return append(text, '}')
}

// group is the group's values by name.
func (f *finding) group() json.RawMessage {
	var values []json.RawMessage
	if json.Unmarshal([]byte(f.hit.signal.Group), &values) != nil || len(values) != len(f.rule.Group) {
		return nil
	}
	text := []byte{'{'}
	for i, name := range f.rule.Group {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, quoteJSON(name)...), ':'), values[i]...)
	}
	return append(text, '}')
}

// IsRuleError tells a finding about a rule that could not be evaluated, among the
// events that a Correlator gives.
func IsRuleError(ev *ocsf.Event) bool {
	var u struct {
		Weir struct {
			Kind string `json:"kind"`
		} `json:"weir"`
	}
	return json.Unmarshal([]byte(ev.Unmapped()), &u) == nil && u.Weir.Kind == kindError
}

// IsRollup tells a roll-up from an alert, among the events that a Correlator gives.
func IsRollup(ev *ocsf.Event) bool {
	return ev.ActivityID() == ocsf.DetectionFindingActivityIDUpdate
}
