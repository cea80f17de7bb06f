package replay

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// minutes is a moment after noon in milliseconds.
func minutes(n int) int64 { return noon.Add(time.Duration(n) * time.Minute).UnixMilli() }

// apiCall is the n-th event to be processed, of some minutes after noon.
func apiCall(n, at int) lake.Row {
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetTime(minutes(at))
	ev.Metadata.SetUID(fmt.Sprintf("event-%d", n))
	ev.Metadata.SetProcessedTime(minutes(10_000 + n))
	return lake.Row{Offset: int64(n), Value: ev.AppendJSON(nil), KafkaTime: noon}
}

// TestReasons has one difference of each kind.
func TestReasons(t *testing.T) {
	rules := builtinRules(t)
	var rule *detections.ManifestRule
	for i, r := range rules.Manifest().Rules {
		if r.Within > 0 && r.Suppress <= time.Hour.Milliseconds() {
			rule = &rules.Manifest().Rules[i]
			break
		}
	}
	if rule == nil {
		t.Fatal("no built-in rule has a window")
	}
	store := newLake(t, []lake.Row{apiCall(0, 0), apiCall(1, 600), apiCall(2, 300), apiCall(3, 1200)})
	l := &Lake{Store: store, Rules: rules, Lateness: 10 * time.Minute}
	finding := func(id string, at int, events ...string) Finding {
		return Finding{ID: id, Rule: rule.ID, Time: minutes(at), Start: minutes(at), Version: rule.Version, RuleSet: rules.Digest(), Events: events}
	}
	older := finding("of an older version", 601)
	older.Rule, older.Version = rules.Manifest().Rules[len(rules.Manifest().Rules)-1].ID, "0"
	newer := finding("of the new version", 604)
	newer.Rule = older.Rule
	newer.Version = rules.Manifest().Rule(older.Rule).Version
	gone := finding("of a rule that is gone", 602)
	gone.Rule = "gone"
	set := finding("of another rule set", 603)
	set.RuleSet = "0"
	rollup := finding("counted otherwise", 900)
	rollup.Rollup, rollup.Hits = true, 3
	recount := rollup
	recount.Hits = 4
	same := finding("the same", 700, "event-1")
	live := []Finding{same, older, gone, finding("live late", 605, "event-2"), finding("live early", -600), rollup, finding("live only", 850)}
	replayed := []Finding{same, newer, finding("replay late", 606, "event-1", "event-2"), recount, finding("replay open", 1199), finding("replay only", 800, "event-1")}

	check := func(live []Finding, want map[string]Reason) {
		t.Helper()
		differences, err := l.Compare(t.Context(), replayed, live)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]Reason{}
		for i, d := range differences {
			got[fmt.Sprintf("%s, live %v", d.ID, d.Live)] = d.Reason
			if i > 0 && d.Time < differences[i-1].Time {
				t.Errorf("%s is out of order", d.ID)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	want := map[string]Reason{
		"of an older version, live true":    RuleChanged,
		"of a rule that is gone, live true": RuleChanged,
		"of the new version, live false":    RuleChanged,
		"live late, live true":              Late,
		"live early, live true":             BeforeRetention,
		"replay late, live false":           Late,
		"replay open, live false":           Open,
		"counted otherwise, live true":      Unexplained,
		"counted otherwise, live false":     Unexplained,
		"live only, live true":              Unexplained,
		"replay only, live false":           Unexplained,
	}
	check(live, want)
	// What live findings of another rule set there are may be due to its lists.
	want["of another rule set, live true"] = ListChanged
	want["counted otherwise, live true"] = ListChanged // its other side says so
	for _, id := range []string{"replay late", "replay open", "counted otherwise", "replay only"} {
		want[id+", live false"] = ListChanged
	}
	check(append(live, set), want)
}
