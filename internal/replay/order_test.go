package replay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// orderRules are rules of each block, with windows and buckets across midnight.
func orderRules(t *testing.T) *detections.RuleSet {
	t.Helper()
	files := fstest.MapFS{detections.RootFile: {Data: []byte("format: 1\n")}}
	for id, rest := range map[string]string{
		"each":     "class: api_activity\nwhen: api.operation == \"a\"\n",
		"hourly":   "class: api_activity\nwhen: api.operation == \"b\"\nalert: {group_by: [actor.user.uid], suppress: 7h}\n",
		"count":    "class: api_activity\nwhen: api.operation == \"a\"\nthreshold: {count: 3, within: 5h, by: [actor.user.uid]}\n",
		"distinct": "class: api_activity\nwhen: \"true\"\nthreshold: {distinct: cloud.region, count: 3, within: 2h, by: [actor.user.uid]}\n",
		"sequence": "sequence:\n  within: 6h\n  steps:\n    - {name: a, class: api_activity, when: 'api.operation == \"a\"', by: [actor.user.uid]}\n    - {name: b, class: api_activity, when: 'api.operation == \"b\"', by: [actor.user.uid]}\n",
		"absence":  "class: api_activity\nwhen: api.operation == \"a\"\nabsence: {of: {class: api_activity, when: 'api.operation == \"c\"', by: [actor.user.uid]}, within: 3h, by: [actor.user.uid]}\n",
		"first":    "class: api_activity\nwhen: \"true\"\nfirst_seen: {of: cloud.region, by: [actor.user.uid], for: 2d, learn: 6h}\n",
	} {
		files[id+".yaml"] = &fstest.MapFile{Data: []byte("id: " + id + "\ntitle: " + id + "\nstatus: stable\nseverity: low\n" + rest + someTests)}
	}
	rules, err := detections.LoadFS(files, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// outcome is what a correlator made of a lake.
type outcome struct {
	Alerts, RollUps []string
	most            int // signals that were kept at once
	late            int64
}

// correlate correlates the lake's signals, as time advances or all at the end.
func correlate(t *testing.T, l Lake, advancing bool) (o outcome) {
	t.Helper()
	c := detections.NewCorrelator(detections.CorrelatorOptions{Lookup: func(string) (*detections.Manifest, error) { return l.Rules.Manifest(), nil }})
	take := func(alerts []*ocsf.Event) {
		for _, a := range alerts {
			if detections.IsRollup(a) {
				o.RollUps = append(o.RollUps, string(a.AppendJSON(nil)))
			} else {
				o.Alerts = append(o.Alerts, string(a.AppendJSON(nil)))
			}
		}
	}
	if advancing {
		l.Advance = func(ms int64) error {
			take(c.Advance(ms))
			c.TakeTerms()
			return nil
		}
	}
	offset := int64(0)
	_, err := l.Signals(t.Context(), func(s *detections.Signal) error {
		out, err := c.Signal(s, offset)
		take(out)
		offset++
		_, kept, _ := c.Size()
		o.most = max(o.most, kept)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	take(c.Finish())
	slices.Sort(o.Alerts)
	slices.Sort(o.RollUps)
	o.late = c.Stats().Late
	return o
}

// TestAdvanceChangesNothing: alerts and roll-ups of random timelines are the same to the
// last byte whether the correlator lets go of what is past or keeps it all.
func TestAdvanceChangesNothing(t *testing.T) {
	const days = 8
	rules := orderRules(t)
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 7))
		var rows []lake.Row
		for i := range 500 {
			ev := new(ocsf.Event)
			ev.SetClass(ocsf.ClassAPIActivity)
			arrived := noon.Add(time.Duration(r.Int64N(int64(days * 24 * time.Hour)))).Truncate(time.Minute)
			at := arrived
			if r.IntN(30) == 0 { // in no day
				at = arrived.AddDate(-2+3*r.IntN(2), 0, r.IntN(3))
			}
			ev.SetTime(at.UnixMilli())
			ev.Metadata.SetUID(fmt.Sprintf("event-%d", i))
			ev.API.SetOperation([]string{"a", "b", "c"}[r.IntN(3)])
			ev.Actor.User.SetUID(fmt.Sprint(r.IntN(3)))
			ev.Cloud.SetRegion(fmt.Sprint(min(r.IntN(30), 12)))
			rows = append(rows, lake.Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: arrived})
		}
		store := newLake(t, rows)
		from := noon.AddDate(0, 0, 2+r.IntN(3))
		for name, l := range map[string]Lake{
			"whole": {Store: store, Rules: rules},
			"part":  {Store: store, Rules: rules, From: from, To: from.AddDate(0, 0, 4), Lateness: time.Hour},
		} {
			want, got := correlate(t, l, false), correlate(t, l, true)
			if diff := cmp.Diff(want.Alerts, got.Alerts); diff != "" {
				t.Errorf("seed %d, %s: alerts (-at the end +advancing):\n%s", seed, name, diff)
			}
			if diff := cmp.Diff(want.RollUps, got.RollUps); diff != "" {
				t.Errorf("seed %d, %s: roll-ups (-at the end +advancing):\n%s", seed, name, diff)
			}
			if got.late != 0 || len(want.Alerts) < 50 || len(want.RollUps) < 5 {
				t.Errorf("seed %d, %s: %d late, %d alerts, %d roll-ups", seed, name, got.late, len(want.Alerts), len(want.RollUps))
			}
			if name == "whole" && got.most*2 > want.most {
				t.Errorf("seed %d: up to %d signals are kept of %d: memory is not bounded by the days", seed, got.most, want.most)
			}
		}
	}
}
