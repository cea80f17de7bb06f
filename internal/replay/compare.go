package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/scan"
)

// Finding is what a comparison knows of an alert or a roll-up.
type Finding struct {
	ID      string
	Rule    string
	Title   string
	Time    int64 // of the hit, of a roll-up the last one; milliseconds
	Start   int64 // of the earliest event
	Rollup  bool
	Hits    int
	Bucket  int64 // start of the clock window; milliseconds
	Length  int64 // of that window, 0 for none
	Version string
	RuleSet string
	Group   map[string]json.RawMessage
	Events  []string // uids
}

// FindingOf reads what the correlator wrote.
func FindingOf(ev *ocsf.Event) (Finding, error) {
	var u struct {
		Weir struct {
			Version  string `json:"version"`
			RuleSet  string `json:"rule_set"`
			Bucket   int64  `json:"bucket"`
			Suppress int64  `json:"suppress"`
			Hits     int    `json:"hits"`

			Group map[string]json.RawMessage `json:"group"`
		} `json:"weir"`
	}
	if err := json.Unmarshal([]byte(ev.Unmapped()), &u); err != nil {
		return Finding{}, fmt.Errorf("read finding %s: %w", ev.Metadata.UID(), err)
	}
	f := Finding{
		ID: ev.Metadata.UID(), Rule: ev.FindingInfo.Analytic.UID(), Title: ev.FindingInfo.Title(), Time: ev.Time(), Start: ev.StartTime(),
		Rollup: detections.IsRollup(ev), Hits: u.Weir.Hits, Bucket: u.Weir.Bucket, Length: u.Weir.Suppress,
		Version: u.Weir.Version, RuleSet: u.Weir.RuleSet, Group: u.Weir.Group,
	}
	for i := range ev.FindingInfo.RelatedEvents {
		f.Events = append(f.Events, ev.FindingInfo.RelatedEvents[i].UID())
	}
	return f, nil
}

// Findings are those that live detection wrote into the lake, with a hit within
// [From, To).
func (l *Lake) Findings(ctx context.Context) ([]Finding, error) {
	q := scan.Query{Table: lake.Findings, From: l.From, To: l.To}
	files, err := q.Files(ctx, l.Store)
	if err != nil {
		return nil, fmt.Errorf("list the lake %s: %w", l.Store, err)
	}
	var all []Finding
	for _, file := range files {
		if _, err := q.Read(ctx, l.Store, file, func(ev *ocsf.Event) error {
			f, err := FindingOf(ev)
			all = append(all, f)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Reason classes a difference between live findings and those of a replay.
type Reason string

// The reasons, of which only Unexplained speaks against weir.
const (
	// RuleChanged: the finding is of another version of its rule, or the rule is gone.
	RuleChanged Reason = "rule changed"
	// ListChanged: the finding is of another rule set, of which the rule is the same:
	// its lists may differ.
	ListChanged Reason = "list changed"
	// Late: an event of the finding came later than live detection waits, so that it
	// did not count, or not in time.
	Late Reason = "late"
	// BeforeRetention: the lake no longer has the events that the finding may be of.
	BeforeRetention Reason = "before retention"
	// Open: live detection has not come to it: the events of its window may go on.
	Open Reason = "open"
	// Unexplained is none of them.
	Unexplained Reason = "unexplained"
)

// Difference is a finding that only one side has, or has with other hits.
type Difference struct {
	Finding
	Live   bool // the live side has it, or has it so
	Reason Reason
}

// Compare holds the findings of a replay against the live ones, by id; roll-ups
// also by the number of their hits. What differs is classed, in order of time.
func (l *Lake) Compare(ctx context.Context, replayed, live []Finding) ([]Difference, error) {
	type identity struct {
		id   string
		hits int
	}
	of := func(f Finding) identity {
		if f.Rollup {
			return identity{f.ID, f.Hits}
		}
		return identity{id: f.ID}
	}
	index := func(findings []Finding) map[identity]Finding {
		m := map[identity]Finding{}
		for _, f := range findings {
			m[of(f)] = f
		}
		return m
	}
	left, right := index(live), index(replayed)
	var differences []Difference
	for id, f := range left {
		if _, both := right[id]; !both {
			differences = append(differences, Difference{Finding: f, Live: true})
		}
	}
	for id, f := range right {
		if _, both := left[id]; !both {
			differences = append(differences, Difference{Finding: f})
		}
	}
	if len(differences) == 0 {
		return nil, nil
	}
	slices.SortFunc(differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
	})
	return differences, l.explain(ctx, differences, live)
}

// explain gives each difference its reason.
func (l *Lake) explain(ctx context.Context, differences []Difference, live []Finding) error {
	arrivals, err := l.arrivals(ctx)
	if err != nil {
		return err
	}
	late, err := l.lateSignals(ctx, arrivals)
	if err != nil {
		return err
	}
	manifest := l.Rules.Manifest()
	// Rules of which live findings are of another version, or of another rule set.
	otherVersions, otherSets := map[string]bool{}, map[string]bool{}
	for _, f := range live {
		if rule := manifest.Rule(f.Rule); rule == nil || f.Version != rule.Version {
			otherVersions[f.Rule] = true
		} else if f.RuleSet != manifest.Digest {
			otherSets[f.Rule] = true
		}
	}
	for i := range differences {
		d := &differences[i]
		rule := manifest.Rule(d.Rule)
		switch {
		case rule == nil || d.Version != rule.Version || !d.Live && otherVersions[d.Rule]:
			d.Reason = RuleChanged
		case d.RuleSet != manifest.Digest || !d.Live && otherSets[d.Rule]:
			d.Reason = ListChanged
		case arrivals.anyLate(d.Events) || late.concern(d, rule):
			d.Reason = Late
		case (d.Live || rule.Block == detections.BlockFirstSeen) && d.Start-rule.Within-rule.Suppress-rule.For-rule.Learn < arrivals.first:
			d.Reason = BeforeRetention
		case max(d.Bucket+d.Length, d.Time)+rule.Within+l.Lateness.Milliseconds() >= arrivals.last:
			d.Reason = Open
		default:
			d.Reason = Unexplained
		}
	}
	// A roll-up with other hits differs twice; only one of the two names the event.
	reasons := map[string]Reason{}
	for _, d := range differences {
		if d.Reason != Unexplained {
			reasons[d.ID] = d.Reason
		}
	}
	for i := range differences {
		if d := &differences[i]; d.Reason == Unexplained && reasons[d.ID] != "" {
			d.Reason = reasons[d.ID]
		}
	}
	return nil
}

// arrivals tell which events came late.
type arrivals struct {
	first, last int64 // event times in the lake, of those asked for
	late        map[string]bool
}

func (a *arrivals) anyLate(uids []string) bool {
	return slices.ContainsFunc(uids, func(uid string) bool { return a.late[uid] })
}

// lateSignals are the matches of late events by rule and group: an event that live
// detection did not count decides also about findings that do not name it.
type lateSignals map[string][]int64

func (l *Lake) lateSignals(ctx context.Context, a *arrivals) (lateSignals, error) {
	late := lateSignals{}
	if len(a.late) == 0 {
		return late, nil
	}
	groups := map[string][]string{} // names of the values, by rule
	for _, r := range l.Rules.Manifest().Rules {
		groups[r.ID] = r.Group
	}
	_, err := l.Signals(ctx, func(s *detections.Signal) error {
		if a.late[s.UID] {
			key := signalGroup(s, groups[s.Rule])
			late[key] = append(late[key], s.Time)
		}
		return nil
	})
	return late, err
}

// signalGroup is the rule and the group of a signal, as that of a finding.
func signalGroup(s *detections.Signal, names []string) string {
	var values []json.RawMessage
	group := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(s.Group), &values) == nil && len(values) == len(names) {
		for i, name := range names {
			group[name] = values[i]
		}
	}
	return groupKey(s.Rule, group)
}

// groupKey tells rules and groups apart. Maps are encoded in the order of their keys.
func groupKey(rule string, group map[string]json.RawMessage) string {
	text, err := json.Marshal(group)
	if err != nil || len(group) == 0 {
		return rule
	}
	return rule + string(text)
}

// concern tells whether a late event of the finding's group could have made the
// difference: one in its windows, or for first_seen any before.
func (late lateSignals) concern(d *Difference, rule *detections.ManifestRule) bool {
	from := min(d.Start, d.Bucket) - rule.Within
	to := max(d.Time, d.Bucket+d.Length) + rule.Within
	return slices.ContainsFunc(late[groupKey(d.Rule, d.Group)], func(at int64) bool {
		return at <= to && (at >= from || rule.Block == detections.BlockFirstSeen)
	})
}

// arrival is when an event happened and when live detection had it; milliseconds.
type arrival struct {
	uid        string
	time, seen int64
}

// arrivals reads all events within reach. Late is what came when an event more than
// the lateness younger had been there, of whatever source: the watermark that it
// might have missed.
func (l *Lake) arrivals(ctx context.Context) (*arrivals, error) {
	q := l.query()
	if past, _, ok := l.past(); ok {
		q.From = past.From
	}
	for class := range q.Classes {
		q.Classes[class] = scan.Columns{Attributes: []string{"class_uid", "time", "metadata.uid", "metadata.processed_time"}}
	}
	files, err := q.Files(ctx, l.Store)
	if err != nil {
		return nil, fmt.Errorf("list the lake %s: %w", l.Store, err)
	}
	var all []arrival
	a := &arrivals{first: math.MaxInt64, last: math.MinInt64, late: map[string]bool{}}
	for _, f := range files {
		if _, err := q.Read(ctx, l.Store, f, func(ev *ocsf.Event) error {
			all = append(all, arrival{uid: ev.Metadata.UID(), time: ev.Time(), seen: ev.Metadata.ProcessedTime()})
			a.first, a.last = min(a.first, ev.Time()), max(a.last, ev.Time())
			return nil
		}); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(x, y arrival) int { return cmp.Compare(x.seen, y.seen) })
	youngest := int64(math.MinInt64)
	for _, e := range all {
		if youngest != math.MinInt64 && e.time < youngest-l.Lateness.Milliseconds() {
			a.late[e.uid] = true
		}
		youngest = max(youngest, e.time)
	}
	return a, nil
}

// Within tells whether a time is in [From, To).
func (l *Lake) Within(ms int64) bool {
	at := time.UnixMilli(ms)
	return (l.From.IsZero() || !at.Before(l.From)) && (l.To.IsZero() || at.Before(l.To))
}
