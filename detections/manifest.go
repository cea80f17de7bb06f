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

// manifestFormat is the version of the Manifest's encoding. Format 1 knew no block but
// a threshold of events.
const manifestFormat = 2

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
	// Block is what makes a hit. Manifests of format 1 have none, and a Count for a
	// threshold.
	Block Block `json:"block,omitempty"`
	// Within is the length of the window of a block, zero for first_seen and without.
	Within int64 `json:"within,omitempty"`
	Count  int   `json:"count,omitempty"`
	Over   int64 `json:"over,omitempty"`
	// Steps is how many steps a sequence has, and Ordered whether they have an order.
	Steps   int  `json:"steps,omitempty"`
	Ordered bool `json:"ordered,omitempty"`
	// For and Learn describe first_seen.
	For   int64 `json:"for,omitempty"`
	Learn int64 `json:"learn,omitempty"`
	// Suppress is the length of a clock window in which a group alerts once; zero
	// for one alert per event.
	Suppress int64 `json:"suppress,omitempty"`
	// Context is the names of the values in Signal.Context.
	Context []string `json:"context,omitempty"`
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
	if m.Format < 1 || m.Format > manifestFormat {
		return nil, fmt.Errorf("parse rule-set manifest: format %d, this version reads 1 to %d", m.Format, manifestFormat)
	}
	for i := range m.Rules {
		if r := &m.Rules[i]; m.Format == 1 && r.Count > 0 {
			r.Block = BlockCount
		}
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
	for _, k := range r.Alert.Context {
		m.Context = append(m.Context, k.Name)
	}
	m.Block, m.Within = r.Block(), r.Within().Milliseconds()
	switch {
	case r.Threshold != nil:
		m.Count, m.Over = r.Threshold.Count, r.Threshold.Over
	case r.Sequence != nil:
		m.Steps, m.Ordered = len(r.Sequence.Steps), r.Sequence.Ordered
	case r.FirstSeen != nil:
		m.For, m.Learn = r.FirstSeen.For.Milliseconds(), r.FirstSeen.Learn.Milliseconds()
	}
	return m
}

// suppress is the effective length of the clock windows: a rule with a window and
// without `suppress` uses `within`.
func (r *Rule) suppress() time.Duration {
	if r.Alert.Suppress == 0 {
		return r.Within()
	}
	return r.Alert.Suppress
}
