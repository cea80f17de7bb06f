package rules_test

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// ruleCount and sourceCount are those of testdata/sample/expected.json.
type ruleCount struct {
	Alerts  int `json:"alerts"`
	RollUps int `json:"roll_ups"`
}

type sourceCount struct {
	Read         int `json:"read"`
	Normalised   int `json:"normalised"`
	DeadLettered int `json:"dead_lettered"`
	Duplicates   int `json:"duplicates"`
}

type expected struct {
	Rules   map[string]ruleCount   `json:"rules"`
	Sources map[string]sourceCount `json:"sources"`
}

var sampleDirs = map[string]string{
	"aws.cloudtrail":   "cloudtrail",
	"azure.activity":   "azure",
	"gateway.nginx":    "nginx",
	"kubernetes.audit": "kubernetes",
}

// TestSample runs the rules over the sample logs: they find the whole attack and
// nothing else.
func TestSample(t *testing.T) {
	sample := filepath.Join("..", "..", "testdata", "sample")
	text, err := os.ReadFile(filepath.Join(sample, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want expected
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	run := newSampleRun(load(t))
	for source, dir := range sampleDirs {
		run.source(t, source, filepath.Join(sample, dir))
	}
	run.give(run.correlator.Finish())
	if diff := cmp.Diff(want, run.got); diff != "" {
		t.Errorf("differs from expected.json (-want +got):\n%s", diff)
	}
	for _, h := range run.engine.Health() {
		if h.Errors > 0 {
			t.Errorf("rule %s could not be evaluated on %d events: %s", h.RuleID, h.Errors, h.LastError)
		}
	}
}

// sampleRun is detect and correlate in one goroutine.
type sampleRun struct {
	engine     *detections.Engine
	correlator *detections.Correlator
	offset     int64
	seen       map[[sha256.Size]byte]bool
	got        expected
}

func newSampleRun(set *detections.RuleSet) *sampleRun {
	manifest := set.Manifest()
	return &sampleRun{
		engine: set.NewEngine(),
		correlator: detections.NewCorrelator(detections.CorrelatorOptions{
			Lookup: func(string) (*detections.Manifest, error) { return manifest, nil },
		}),
		seen: map[[sha256.Size]byte]bool{},
		got:  expected{Rules: map[string]ruleCount{}, Sources: map[string]sourceCount{}},
	}
}

func (r *sampleRun) source(t *testing.T, source, dir string) {
	inputs, err := rawlog.Inputs([]string{dir}, "")
	if err != nil {
		t.Fatal(err)
	}
	var n sourceCount
	reader := rawlog.New(rawlog.Options{Source: source}, rawlog.Handler{
		Event: func(rec *event.Record, ev *ocsf.Event) error {
			n.Read++
			key := sha256.Sum256(append([]byte(ev.Metadata.UID()+"\n"), rec.Value...))
			if r.seen[key] {
				n.Duplicates++
				return nil
			}
			r.seen[key] = true
			n.Normalised++
			return r.event(ev)
		},
		Reject: func(*event.DeadLetter) error { n.Read++; n.DeadLettered++; return nil },
	})
	for _, in := range inputs {
		f, err := in.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := reader.Read(t.Context(), in.Object, f); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	r.got.Sources[source] = n
}

func (r *sampleRun) event(ev *ocsf.Event) (err error) {
	r.engine.Evaluate(ev, func(s *detections.Signal) {
		alerts, signalErr := r.correlator.Signal(s, r.offset)
		if signalErr != nil {
			err = signalErr
			return
		}
		r.offset++
		r.give(alerts)
	})
	return err
}

func (r *sampleRun) give(alerts []*ocsf.Event) {
	for _, a := range alerts {
		rule := a.FindingInfo.Analytic.UID()
		n := r.got.Rules[rule]
		if detections.IsRollup(a) {
			n.RollUps++
		} else {
			n.Alerts++
		}
		r.got.Rules[rule] = n
	}
}
