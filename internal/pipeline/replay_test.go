package pipeline

import (
	"fmt"
	"testing"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/replay"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// TestReplay holds a replay over the lake against what live detection found, for
// random rules and timelines: without late events nothing may differ, with some
// nothing else than they.
func TestReplay(t *testing.T) {
	for seed := uint64(3001); seed < 3005; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			tl := newTimeline(seed)
			w := tl.world(t, fastDir(t))
			w.arrive(t, tl.arrivals)
			runOK(t, w)
			live, differences := w.compareReplay(t)
			if live == 0 {
				t.Error("live detection found nothing: the timeline shows nothing")
			}
			for _, d := range differences {
				t.Errorf("seed %d: %+v", seed, d)
			}
			w.arrive(t, tl.late)
			runOK(t, w)
			_, differences = w.compareReplay(t)
			for _, d := range differences {
				if d.Reason != replay.Late {
					t.Errorf("seed %d: with late events: %+v", seed, d)
				}
			}
		})
	}
}

// compareReplay replays the world's rules over its lake and compares.
func (w *world) compareReplay(t *testing.T) (live int, differences []replay.Difference) {
	t.Helper()
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := lake.ReadDir(w.config.Lake.Dir)
	if err != nil {
		t.Fatal(err)
	}
	l := &replay.Lake{Store: dir, Rules: rules, Lateness: w.config.Lateness.Longest()}
	correlator := detections.NewCorrelator(detections.CorrelatorOptions{
		Lookup: func(string) (*detections.Manifest, error) { return rules.Manifest(), nil },
	})
	var replayed []replay.Finding
	keep := func(alerts []*ocsf.Event) error {
		for _, a := range alerts {
			f, err := replay.FindingOf(a)
			if err != nil {
				return err
			}
			replayed = append(replayed, f)
		}
		return nil
	}
	offset := int64(0)
	_, err = l.Signals(t.Context(), func(s *detections.Signal) error {
		alerts, err := correlator.Signal(s, offset)
		offset++
		if err != nil {
			return err
		}
		return keep(alerts)
	})
	if err == nil {
		err = keep(correlator.Finish())
	}
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Findings(t.Context())
	if err == nil {
		differences, err = l.Compare(t.Context(), replayed, found)
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(found), differences
}
