package detections

import (
	"encoding/json"
	"fmt"
	"time"
)

// Manifest is what correlate and deliver need to know of a rule set. It is the
// value of a record in the topic rulesets, keyed by Digest.
type Manifest struct {
	Format int            `json:"format"`
	Digest string         `json:"digest"`
	Rules  []ManifestRule `json:"rules"`

	byID map[string]*ManifestRule
}

// manifestFormat is the version of the Manifest's encoding.
const manifestFormat = 1

// ManifestRule is one rule of a manifest. Durations are in milliseconds.
type ManifestRule struct {
	ID             string   `json:"id"`
	Version        string   `json:"version"`
	Title          string   `json:"title"`
	Description    string   `json:"description,omitempty"`
	Status         Status   `json:"status"`
	Severity       int32    `json:"severity"`
	Attack         []string `json:"attack,omitempty"`
	References     []string `json:"references,omitempty"`
	FalsePositives []string `json:"false_positives,omitempty"`
	Tags           []string `json:"tags,omitempty"`
	// Group is the names of the group's values, in the order of Signal.Group.
	Group []string `json:"group,omitempty"`
	// Count and Within describe a threshold; both are zero for a stateless rule.
	Count  int   `json:"count,omitempty"`
	Within int64 `json:"within,omitempty"`
	// Suppress is the length of a clock window in which a group alerts once; zero
	// for one alert per event.
	Suppress int64 `json:"suppress,omitempty"`
}

// JSON is the manifest's encoding.
func (m *Manifest) JSON() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode manifest: %v", err)) // strings and integers only
	}
	return text
}

// ParseManifest reads what JSON wrote.
func ParseManifest(text []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("parse rule-set manifest: %w", err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("parse rule-set manifest: format %d, this version reads %d", m.Format, manifestFormat)
	}
	m.index()
	return &m, nil
}

func (m *Manifest) index() {
	m.byID = make(map[string]*ManifestRule, len(m.Rules))
	for i := range m.Rules {
		m.byID[m.Rules[i].ID] = &m.Rules[i]
	}
}

// Rule finds a rule by id, or nil.
func (m *Manifest) Rule(id string) *ManifestRule { return m.byID[id] }

// manifestRule describes a loaded rule.
func manifestRule(r *Rule) ManifestRule {
	m := ManifestRule{
		ID: r.ID, Version: r.Version, Title: r.Title, Description: r.Description, Status: r.Status,
		Severity: r.Severity, Attack: r.Attack, References: r.References, FalsePositives: r.FalsePositives,
		Tags: r.Tags, Suppress: r.suppress().Milliseconds(),
	}
	for _, k := range r.Alert.Group {
		m.Group = append(m.Group, k.Name)
	}
	if r.Threshold != nil {
		m.Count, m.Within = r.Threshold.Count, r.Threshold.Within.Milliseconds()
	}
	return m
}

// suppress is the effective length of the clock windows: a stateful rule without
// `suppress` uses `within`.
func (r *Rule) suppress() time.Duration {
	if r.Alert.Suppress == 0 && r.Threshold != nil {
		return r.Threshold.Within
	}
	return r.Alert.Suppress
}
