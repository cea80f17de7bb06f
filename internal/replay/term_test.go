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

const newRegion = `id: region
title: New region
status: stable
severity: low
class: api_activity
when: "true"
first_seen: {of: cloud.region, by: [actor.user.uid], for: 2d, learn: 1d}
` + someTests

const someTests = `tests:
  - {name: a, source: aws.cloudtrail, raw: "{}", alerts: [{}]}
  - {name: b, source: aws.cloudtrail, raw: "{}", alerts: []}
`

// TestReplayOfAPartDecidesAsOfTheWhole: what was long before From decides what is first
// seen after it.
func TestReplayOfAPartDecidesAsOfTheWhole(t *testing.T) {
	rules, err := detections.LoadFS(fstest.MapFS{
		detections.RootFile: {Data: []byte("format: 1\n")}, "region.yaml": {Data: []byte(newRegion)},
		"other.yaml": {Data: []byte("id: other\ntitle: Other\nstatus: stable\nseverity: low\nclass: api_activity\nwhen: api.operation == \"x\"\n" + someTests)},
	}, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		var rows []lake.Row
		for i := range 200 {
			ev := new(ocsf.Event)
			ev.SetClass(ocsf.ClassAPIActivity)
			ev.SetTime(noon.UnixMilli() + r.Int64N(14*24*time.Hour.Milliseconds()))
			ev.Metadata.SetUID(fmt.Sprintf("event-%d", i))
			ev.Actor.User.SetUID(fmt.Sprint(r.IntN(2)))
			ev.Cloud.SetRegion(fmt.Sprint(min(r.IntN(40), 12)))
			rows = append(rows, lake.Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: time.UnixMilli(ev.Time())})
		}
		store := newLake(t, rows)
		from := noon.Add(time.Duration(4+r.IntN(5)) * 24 * time.Hour)
		to := from.Add(3 * 24 * time.Hour)
		whole := alertsOf(t, &Lake{Store: store, Rules: rules}, from, to)
		part := alertsOf(t, &Lake{Store: store, Rules: rules, From: from, To: to}, from, to)
		if diff := cmp.Diff(whole, part); diff != "" {
			t.Errorf("seed %d: -whole +part\n%s", seed, diff)
		}
		found += len(whole)
	}
	if found == 0 {
		t.Error("nothing was seen for the first time")
	}
}

// alertsOf is the ids of the alerts in [from, to).
func alertsOf(t *testing.T, l *Lake, from, to time.Time) (ids []string) {
	t.Helper()
	c := detections.NewCorrelator(detections.CorrelatorOptions{Lookup: func(string) (*detections.Manifest, error) { return l.Rules.Manifest(), nil }})
	offset := int64(0)
	var alerts []*ocsf.Event
	_, err := l.Signals(t.Context(), func(s *detections.Signal) error {
		out, err := c.Signal(s, offset)
		alerts = append(alerts, out...)
		offset++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range append(alerts, c.Finish()...) {
		if at := time.UnixMilli(a.Time()); !at.Before(from) && at.Before(to) {
			ids = append(ids, a.Metadata.UID())
		}
	}
	slices.Sort(ids)
	return ids
}
