package replay

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

const sampleDir = "../../testdata/sample"

func builtinRules(t testing.TB) *detections.RuleSet {
	t.Helper()
	rules, err := detections.LoadFS(detections.BuiltinRules(), detections.LoadOptions{Name: "built-in", Sources: sources.Builtin().Names()})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// sampleLake writes the sample logs' events into a lake, and returns the signals
// that the whole events give.
func sampleLake(t testing.TB, rules *detections.RuleSet) (store lake.Store, signals []string) {
	t.Helper()
	inputs, err := rawlog.Inputs([]string{sampleDir}, "")
	if err != nil {
		t.Fatal(err)
	}
	engine := rules.NewEngine()
	var rows []lake.Row
	r := rawlog.New(rawlog.Options{}, rawlog.Handler{
		Event: func(_ *event.Record, ev *ocsf.Event) error {
			engine.Evaluate(ev, func(s *detections.Signal) { signals = append(signals, string(s.AppendJSON(nil))) })
			rows = append(rows, lake.Row{Offset: int64(len(rows)), Value: ev.AppendJSON(nil), KafkaTime: time.UnixMilli(ev.Time())})
			return nil
		},
		Reject: func(*event.DeadLetter) error { return nil },
	})
	for _, in := range inputs {
		f, err := in.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Read(t.Context(), in.Object, f), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return newLake(t, rows), signals
}

// newLake writes rows as two batches.
func newLake(t testing.TB, rows []lake.Row) lake.Store {
	t.Helper()
	dir, err := lake.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	w := lake.NewWriter(dir)
	start, half := int64(0), len(rows)/2
	for _, part := range [][]lake.Row{rows[:half], rows[half:]} {
		b := lake.Batch{TopicID: [16]byte{1}, Start: start, End: start + int64(len(part))}
		start = b.End
		if res, err := w.Write(t.Context(), lake.Events, b, part); err != nil || len(res.Rejected) > 0 {
			t.Fatal(err, res.Rejected)
		}
	}
	return dir
}

func signalsOf(t testing.TB, l *Lake) (signals []string, res Result) {
	t.Helper()
	res, err := l.Signals(t.Context(), func(s *detections.Signal) error {
		signals = append(signals, string(s.AppendJSON(nil)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return signals, res
}

// What is left unread of an event must not show in a signal: not in its group, not
// in its title, not in its evidence.
func TestSignalsAreThoseOfWholeEvents(t *testing.T) {
	rules := builtinRules(t)
	store, want := sampleLake(t, rules)
	got, res := signalsOf(t, &Lake{Store: store, Rules: rules})
	slices.Sort(want)
	slices.Sort(got)
	if len(want) < 100 {
		t.Fatalf("only %d signals: the sample shows too little", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-whole events +lake:\n%s", diff)
	}
	if res.Stats.Events >= res.Stats.Rows {
		t.Errorf("%d of %d rows were made into events: nothing was left out", res.Stats.Events, res.Stats.Rows)
	}
	var matches int64
	for _, h := range res.Health {
		matches += h.Matches
	}
	if int(matches) < len(got) {
		t.Errorf("the rules' health counts %d matches of %d", matches, len(got))
	}
}

// A replay gives its signals in the same order each time, whatever file is read
// first.
func TestOrderIsStable(t *testing.T) {
	rules := builtinRules(t)
	store, _ := sampleLake(t, rules)
	first, _ := signalsOf(t, &Lake{Store: store, Rules: rules})
	second, _ := signalsOf(t, &Lake{Store: store, Rules: rules})
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("-first +second:\n%s", diff)
	}
}

// A narrow time reads as far around it as rules look.
func TestReach(t *testing.T) {
	rules := builtinRules(t)
	store, _ := sampleLake(t, rules)
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	l := &Lake{Store: store, Rules: rules, From: at, To: at.Add(time.Minute), Lateness: time.Minute}
	q := l.query()
	if reach := l.Reach(); reach <= time.Minute || !q.From.Equal(at.Add(-reach)) || !q.To.Equal(at.Add(time.Minute+reach)) {
		t.Errorf("reach %s, from %s to %s", reach, q.From, q.To)
	}
}
