package detections

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// testManifest describes rules of every kind, in milliseconds small enough that
// windows and buckets interact.
func testManifest() *Manifest {
	g := []string{"g"}
	m := &Manifest{Format: manifestFormat, Digest: "d", Rules: []ManifestRule{
		{ID: "each", Severity: 3},
		{ID: "suppressed", Severity: 4, Suppress: 100, Group: g},
		{ID: "burst", Severity: 4, Block: BlockCount, Count: 3, Within: 50, Suppress: 50, Group: g},
		{ID: "slow", Severity: 2, Block: BlockCount, Count: 2, Within: 30, Suppress: 200, Group: g},
		{ID: "overlap", Severity: 2, Block: BlockCount, Count: 4, Within: 150, Suppress: 40, Group: g},
		{ID: "distinct", Severity: 2, Block: BlockDistinct, Count: 3, Within: 150, Suppress: 60, Group: g, Context: []string{"value"}},
		{ID: "sum", Severity: 2, Block: BlockSum, Over: 25, Within: 80, Suppress: 80, Group: g},
		{ID: "chain", Severity: 2, Block: BlockSequence, Steps: 3, Ordered: true, Within: 100, Suppress: 150, Group: g},
		{ID: "anyhow", Severity: 2, Block: BlockSequence, Steps: 3, Within: 60, Suppress: 60, Group: g},
		{ID: "absent", Severity: 2, Block: BlockAbsence, Within: 40, Suppress: 40, Group: g},
		{ID: "absent_long", Severity: 2, Block: BlockAbsence, Within: 25, Suppress: 400, Group: g},
		{ID: "first", Severity: 2, Block: BlockFirstSeen, For: 300, Learn: 100, Group: g},
		{ID: "first_long", Severity: 2, Block: BlockFirstSeen, For: 90, Suppress: 200, Group: g},
		{ID: "quiet", Status: StatusExperimental, Severity: 2},
	}}
	for i := range m.Rules {
		r := &m.Rules[i]
		r.Version, r.Title = "v1", r.ID
		if r.Status == "" {
			r.Status = StatusStable
		}
	}
	m.index()
	return m
}

func testSignal(rule string, time int64, uid, group string) *Signal {
	return &Signal{
		Rule: rule, Identity: rule, Version: "v1", Digest: "d", Severity: testManifest().Rule(rule).Severity,
		Time: time, UID: uid, Group: `["` + group + `"]`, Title: rule + " by " + group,
		Evidence: json.RawMessage(`{"name":"api_activity","uid":"` + uid + `","data":{"time":1}}`),
	}
}

// randomSignal is a signal of any rule, with what its block looks at.
func randomSignal(r *rand.Rand, time int64, uid string) *Signal {
	rules := testManifest().Rules
	rule := &rules[r.IntN(len(rules))]
	s := testSignal(rule.ID, time, uid, string(rune('a'+r.IntN(2))))
	switch rule.Block {
	case BlockDistinct, BlockFirstSeen:
		s.Value = fmt.Sprint(r.IntN(7))
		s.Context = []json.RawMessage{json.RawMessage(s.Value)}
	case BlockSum:
		s.Sum = r.Int64N(12)
	case BlockSequence:
		s.Step = r.IntN(rule.Steps)
	case BlockAbsence:
		s.Step = r.IntN(2)
	}
	if r.IntN(60) == 0 {
		*s = Signal{Rule: s.Rule, Identity: s.Identity, Version: s.Version, Digest: s.Digest, Severity: errorSeverity, Time: s.Time, UID: s.UID, Error: "no such key"}
	}
	return s
}

func lookup(string) (*Manifest, error) { return testManifest(), nil }

// outcome is what an order of arrival must not change: the ids of alerts, and the
// whole roll-ups.
type outcome struct {
	Alerts  []string
	Rollups []string
}

func (o *outcome) take(events []*ocsf.Event) {
	for _, ev := range events {
		if IsRollup(ev) {
			o.Rollups = append(o.Rollups, string(ev.AppendJSON(nil)))
		} else {
			o.Alerts = append(o.Alerts, ev.Metadata.UID())
		}
	}
}

func (o *outcome) sort() {
	slices.Sort(o.Alerts)
	slices.Sort(o.Rollups)
}

// reference is the outcome by the plain reading of the semantics.
func reference(signals []*Signal) outcome {
	var out outcome
	var rollups []*ocsf.Event
	out.Alerts, rollups = Reference(testManifest(), signals)
	out.take(rollups)
	out.sort()
	return out
}

// logRecord is one record of a signals partition.
type logRecord struct {
	signal    *Signal
	heartbeat *Heartbeat
}

// randomLog is a log in which no signal is later than the lateness allows: signals
// of two raw partitions in disorder, some twice, with heartbeats that tell the
// truth of what each partition has sent.
func randomLog(r *rand.Rand, n int) []logRecord {
	const lateness = 60
	var log []logRecord
	var greatest [2]int64
	beat := func(partition int, idle bool) {
		log = append(log, logRecord{heartbeat: &Heartbeat{Partition: fmt.Sprint("raw/", partition), MaxTime: greatest[partition],
			Lateness: lateness, Idle: idle, Sent: int64(len(log))}})
	}
	beat(0, false)
	beat(1, false)
	now := [2]int64{1000, 1000}
	for i := range n {
		p := r.IntN(2)
		if now[p] > now[1-p]+400 {
			p = 1 - p
		}
		now[p] += r.Int64N(20)
		time := max(now[p]-r.Int64N(lateness), 1000)
		greatest[p] = max(greatest[p], time)
		s := randomSignal(r, time, fmt.Sprint("u", i))
		log = append(log, logRecord{signal: s})
		for steps := testManifest().Rule(s.Rule).Steps; s.Error == "" && steps > 0 && r.IntN(3) == 0; {
			other := *s // an event may match several steps
			other.Step = r.IntN(steps)
			log = append(log, logRecord{signal: &other})
		}
		if r.IntN(10) == 0 {
			log = append(log, logRecord{signal: s}) // redelivered
		}
		if r.IntN(4) == 0 {
			beat(p, false)
		}
	}
	return log
}

func signalsOf(log []logRecord) []*Signal {
	var all []*Signal
	for _, rec := range log {
		if rec.signal != nil {
			all = append(all, rec.signal)
		}
	}
	return all
}

func feed(t *testing.T, c *Correlator, rec logRecord, offset int64) []*ocsf.Event {
	t.Helper()
	if rec.heartbeat != nil {
		return c.Heartbeat(rec.heartbeat, offset)
	}
	events, err := c.Signal(rec.signal, offset)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// roughLog is a log as nobody wants it.
func roughLog(r *rand.Rand, n int) []logRecord {
	var log []logRecord
	now, beats := int64(1000), 3+r.IntN(60)
	for i := range n {
		now += r.Int64N(8)
		time := now - r.Int64N(80)
		if r.IntN(20) == 0 {
			time -= r.Int64N(500)
		}
		log = append(log, logRecord{signal: randomSignal(r, time, fmt.Sprint("u", r.IntN(i+1)))})
		if r.IntN(beats) == 0 {
			h := &Heartbeat{Partition: fmt.Sprint("raw/", r.IntN(3)), MaxTime: now - r.Int64N(300), Lateness: 30,
				Idle: r.IntN(5) == 0, Sent: int64(i) * 1000}
			if r.IntN(20) == 0 {
				h.MaxTime = 0 // a restarted detect
			}
			log = append(log, logRecord{heartbeat: h})
		}
	}
	return log
}

func jsonOf(events []*ocsf.Event) []string {
	var all []string
	for _, ev := range events {
		all = append(all, string(ev.AppendJSON(nil)))
	}
	return all
}

// TestCheckpointMovesOn: a restart does not read the whole log.
func TestCheckpointMovesOn(t *testing.T) {
	c := NewCorrelator(CorrelatorOptions{Lookup: lookup})
	log := randomLog(rand.New(rand.NewPCG(1, 2)), 5000)
	log = slices.DeleteFunc(log, func(rec logRecord) bool { return rec.signal != nil && rec.signal.Error != "" }) // they are kept for an hour
	for i, rec := range log {
		feed(t, c, rec, int64(i))
	}
	cp := c.Checkpoint(int64(len(log)))
	if lag := int64(len(log)) - cp.From; lag > 2000 {
		t.Errorf("a restart reads %d records of %d", lag, len(log))
	}
	if len(cp.String()) > 100 {
		t.Errorf("metadata %q has %d bytes", cp, len(cp.String()))
	}
	if kept := len(c.order); kept > 1000 {
		t.Errorf("%d events are kept", kept)
	}
}

func TestLateSignals(t *testing.T) {
	c := NewCorrelator(CorrelatorOptions{Lookup: lookup})
	c.Heartbeat(&Heartbeat{Partition: "raw/0", MaxTime: 10_000, Sent: 1}, 0)
	for i, test := range []struct {
		rule   string
		time   int64
		alerts int
		late   int64
	}{
		{"each", 5_000, 1, 0},       // depends on no other event: alerts
		{"suppressed", 9_000, 0, 1}, // its bucket has ended
		{"burst", 9_999, 0, 2},      // the events before it may be gone
		{"suppressed", 10_001, 1, 2},
		{"quiet", 10_001, 0, 2},
	} {
		events, err := c.Signal(testSignal(test.rule, test.time, fmt.Sprint(i), "g"), int64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != test.alerts || c.Stats().Late != test.late {
			t.Errorf("%s at %d: %d alerts, %d late, want %d, %d", test.rule, test.time, len(events), c.Stats().Late, test.alerts, test.late)
		}
	}
	if c.Stats().Withheld != 1 {
		t.Errorf("withheld %d, want 1 of an experimental rule", c.Stats().Withheld)
	}
}

func TestWatermark(t *testing.T) {
	w := newWatermark(Checkpoint{})
	const minute = 60_000
	for i, step := range []struct {
		beat Heartbeat
		want int64
	}{
		{Heartbeat{Partition: "a/0"}, beforeAll}, // has seen nothing
		{Heartbeat{Partition: "b/0", MaxTime: 900, Lateness: 100}, beforeAll},
		{Heartbeat{Partition: "a/0", MaxTime: 500}, 500},
		{Heartbeat{Partition: "b/0", MaxTime: 450, Lateness: 100}, 500},                     // never back
		{Heartbeat{Partition: "b/0", MaxTime: 450, Lateness: 100, Idle: true}, 500},         // a holds
		{Heartbeat{Partition: "a/0", MaxTime: 700}, 700},                                    // b no longer counts
		{Heartbeat{Partition: "a/0", MaxTime: 700, Idle: true}, 700},                        // none counts
		{Heartbeat{Partition: "c/0", MaxTime: 100, Sent: 1}, 700},                           // new and behind
		{Heartbeat{Partition: "a/0", MaxTime: 900, Sent: 11 * minute}, 900},                 // c fell silent
		{Heartbeat{Partition: "b/0", MaxTime: 1200, Lateness: 100, Sent: 11 * minute}, 900}, // a holds
	} {
		w.heard(&step.beat, int64(i), true)
		if w.now != step.want {
			t.Errorf("step %d: watermark %d, want %d", i, w.now, step.want)
		}
	}
}

// TestWatermarkWaitsForAll: one process that runs detect may be ahead of another of
// which nothing was heard yet.
func TestWatermarkWaitsForAll(t *testing.T) {
	w := newWatermark(Checkpoint{})
	for i, step := range []struct {
		beat Heartbeat
		want int64
	}{
		{Heartbeat{Partition: "a/0", MaxTime: 900, Partitions: 2}, beforeAll},
		{Heartbeat{Partition: "a/1", Partitions: 2}, beforeAll}, // has read nothing
		{Heartbeat{Partition: "a/1", MaxTime: 300, Partitions: 2}, 300},
		{Heartbeat{Partition: "a/0", MaxTime: 950, Partitions: 3}, 300}, // a topic more
		{Heartbeat{Partition: "a/1", MaxTime: 500, Partitions: 3}, 500}, // does not stop it
	} {
		w.heard(&step.beat, int64(i), true)
		if w.now != step.want {
			t.Errorf("step %d: watermark %d, want %d", i, w.now, step.want)
		}
	}
}

// TestWatermarkSurvivesRestart: it may be higher than what the partitions say now.
func TestWatermarkSurvivesRestart(t *testing.T) {
	w := newWatermark(Checkpoint{From: 3, Needed: 5, Watermark: 500})
	w.heard(&Heartbeat{Partition: "a/0", MaxTime: 900}, 4, false) // only remembered
	w.heard(&Heartbeat{Partition: "b/0", MaxTime: 100}, 6, true)
	if w.now != 500 {
		t.Errorf("watermark %d, want 500", w.now)
	}
	w.heard(&Heartbeat{Partition: "b/0", MaxTime: 1000}, 7, true)
	if w.now != 900 {
		t.Errorf("watermark %d, want 900", w.now)
	}
}

func TestLookupFailureChangesNothing(t *testing.T) {
	known := false
	c := NewCorrelator(CorrelatorOptions{Lookup: func(string) (*Manifest, error) {
		if !known {
			return nil, fmt.Errorf("not there yet")
		}
		return testManifest(), nil
	}})
	s := testSignal("each", 1, "u", "g")
	if _, err := c.Signal(s, 0); err == nil || !strings.Contains(err.Error(), "look up rule set d: not there yet") {
		t.Errorf("error %v", err)
	}
	known = true
	if events, err := c.Signal(s, 0); err != nil || len(events) != 1 {
		t.Errorf("second try: %d alerts, %v", len(events), err)
	}
	s.Version = "v2"
	if _, err := c.Signal(s, 1); err == nil {
		t.Error("a version that the manifest lacks is accepted")
	}
}

// TestFindingsAreValid holds alert and roll-up against the facts of OCSF.
func TestFindingsAreValid(t *testing.T) {
	m := testManifest()
	m.Rule("burst").Description = "What it means.\n"
	m.Rule("burst").Attack = []string{"T1110.003", "T1078"}
	m.Rule("burst").References = []string{"https://example.com/a"}
	m.Rule("burst").FalsePositives = []string{"A script."}
	m.Rule("burst").Tags = []string{"cloud"}
	c := NewCorrelator(CorrelatorOptions{Lookup: func(string) (*Manifest, error) { return m, nil }})
	var events []*ocsf.Event
	for i := range int64(40) {
		s := testSignal("burst", 1_700_000_000_000+i, fmt.Sprint("u", i), "g\"x")
		s.Group = `["g\"x"]`
		s.Evidence = evidenceOf(sampleEvent(), new(ocsf.Event), new([]byte), "")
		alerts, err := c.Signal(s, i)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, alerts...)
	}
	events = append(events, c.Finish()...)
	if len(events) != 2 || IsRollup(events[0]) || !IsRollup(events[1]) {
		t.Fatalf("%d events", len(events))
	}
	for _, ev := range events {
		text := ev.AppendJSON(nil)
		for _, v := range facts.Validate(text) {
			t.Errorf("%s: %s", v.Path, v.Message)
		}
		if n := len(ev.Evidences); n == 0 || n > evidenceLimit {
			t.Errorf("%d evidences", n)
		}
	}
	if got := events[1].Count(); got != 40 {
		t.Errorf("roll-up counts %d events", got)
	}
	if got := events[0].Unmapped(); !strings.Contains(string(got), `"group":{"g":"g\"x"}`) {
		t.Errorf("unmapped %s", got)
	}
	if events[0].FindingInfo.UID() != events[1].FindingInfo.UID() || events[0].Metadata.UID() == events[1].Metadata.UID() {
		t.Error("alert and roll-up are one finding in two events")
	}
}

func sampleEvent() *ocsf.Event {
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDUpdate)
	ev.SetTime(1_700_000_000_000)
	ev.SetStatusID(ocsf.StatusIDSuccess)
	ev.Metadata.SetUID("5a1c0d5e-aaaa-4f3e-8a77-000000000001")
	ev.Actor.User.SetName("alice")
	ev.Actor.User.SetTypeID(ocsf.UserTypeIDUser)
	ev.API.SetOperation("StopLogging")
	ev.API.Service.SetName("cloudtrail.amazonaws.com")
	ev.SrcEndpoint.SetIP("192.0.2.7")
	ev.SrcEndpoint.SetPort(443)
	ev.Cloud.Account.SetUID("111122223333")
	ev.Cloud.SetRegion("eu-central-1")
	for i := range 8 {
		ev.AddResources().SetUID(fmt.Sprint("arn:aws:s3:::bucket-", i))
	}
	ev.AddResources().SetType("AWS::S3::Bucket") // neither uid nor name: no evidence
	return ev
}

func TestParseSignal(t *testing.T) {
	s := testSignal("each", 5, "u", "g")
	back, heartbeat, err := ParseSignal(s.AppendJSON(nil))
	if diff := cmp.Diff(s, back); diff != "" || heartbeat != nil || err != nil {
		t.Errorf("%s%v%v", diff, heartbeat, err)
	}
	h := &Heartbeat{Partition: "raw/0", MaxTime: 1, Lateness: 2, Idle: true, Sent: 3}
	if s, back, err := ParseSignal(h.AppendJSON(nil)); s != nil || err != nil || *back != *h {
		t.Errorf("%v %v %v", s, back, err)
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"signal":{},"heartbeat":{}}`, `{"signal":5}`} {
		if _, _, err := ParseSignal([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestCheckpointText(t *testing.T) {
	if cp, err := ParseCheckpoint(""); err != nil || cp != (Checkpoint{}) {
		t.Errorf("%v %v", cp, err)
	}
	for _, bad := range []string{"x", `{"v":2,"from":1}`, `{}`} {
		if _, err := ParseCheckpoint(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
