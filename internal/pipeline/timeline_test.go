package pipeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// timeline is random rules and a random history of records for them, in the order
// in which they arrive: with no record later than the lateness after one of a later
// time, but for those in late.
type timeline struct {
	seed     uint64
	settings timelineSettings
	rules    map[string]string // contents of rule files, by name
	// arrivals are lines of a log. The last ones are of a time so late that every
	// bucket of the others ends.
	arrivals []string
	late     []string
}

// timelineSettings are what a world needs to know of a timeline, also in the
// processes that a test starts to kill.
type timelineSettings struct {
	Lateness     time.Duration
	Raw, Signals int32 // partitions
}

const (
	timelineFile   = "timeline.json"
	timelineLength = 2 * time.Hour
	// timelineEnd is behind all windows, buckets and the lateness.
	timelineEnd = timelineLength + 24*time.Hour
)

// timelineStart has to lie in the past wherever a test runs: what is later than its
// Kafka record moves no watermark.
var timelineStart = time.Date(2025, 3, 1, 6, 0, 0, 0, time.UTC)

// calls are CloudTrail's names of what the rules may look for, all of one class.
var calls = []string{"DescribeInstances", "StopInstances", "GetSecretValue", "StopLogging", "PutBucketPolicy"}

// newTimeline draws a timeline. Equal seeds give equal ones.
func newTimeline(seed uint64) *timeline {
	rnd := rand.New(rand.NewPCG(seed, 1))
	tl := &timeline{seed: seed, rules: map[string]string{}, settings: timelineSettings{
		Lateness: time.Duration(30+rnd.IntN(600)) * time.Second, Raw: 1 + rnd.Int32N(4), Signals: 1 + rnd.Int32N(3),
	}}
	for i := range 4 + rnd.IntN(5) {
		name := fmt.Sprintf("rule%d", i)
		tl.rules[name] = randomRule(rnd, name)
	}
	type arrival struct {
		at   time.Duration
		line string
	}
	var all []arrival
	for i := range 200 + rnd.IntN(600) {
		// Half of them come close together: only then do windows fill.
		when := time.Duration(rnd.Int64N(int64(timelineLength)))
		if i%2 == 0 {
			when = timelineLength/4*time.Duration(rnd.IntN(4)) + time.Duration(rnd.Int64N(int64(10*time.Minute)))
		}
		when = when.Truncate(time.Second) // as CloudTrail has it
		line := timelineRecord(rnd, fmt.Sprintf("00000000-0000-4000-8000-%012d", i), when, calls[rnd.IntN(len(calls))])
		for range 1 + rnd.IntN(20)/19 { // some are delivered twice
			all = append(all, arrival{when + time.Duration(rnd.Int64N(int64(tl.settings.Lateness))), line})
		}
	}
	slices.SortFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	for _, a := range all {
		tl.arrivals = append(tl.arrivals, a.line)
	}
	for i := range 100 { // so many that every raw partition gets some
		tl.arrivals = append(tl.arrivals, timelineRecord(rnd, fmt.Sprintf("00000000-0000-4000-9000-%012d", i), timelineEnd, "ListUsers"))
	}
	for i := range 20 {
		when := time.Duration(rnd.Int64N(int64(timelineLength))).Truncate(time.Second)
		tl.late = append(tl.late, timelineRecord(rnd, fmt.Sprintf("00000000-0000-4000-a000-%012d", i), when, calls[rnd.IntN(len(calls))]))
	}
	return tl
}

// randomRule draws a rule: with any block or none, with suppression or without, and
// some that cannot be evaluated.
func randomRule(rnd *rand.Rand, id string) string {
	when := calls[rnd.IntN(len(calls))]
	severity := []string{"low", "medium", "high", "critical", "'src_endpoint.ip == \"198.51.100.1\" ? \"high\" : \"low\"'"}[rnd.IntN(5)]
	keys := []string{"[actor.user.name]", "[src_endpoint.ip]", "[actor.user.name, src_endpoint.ip]", "[cloud.account.uid]"}[rnd.IntN(4)]
	within := 20 + rnd.IntN(900)
	kind := rnd.IntN(10)
	class := fmt.Sprintf("class: api_activity\nwhen: api.operation == %q\n", when)
	step := func(name, call string) string {
		return fmt.Sprintf("{name: %s, class: api_activity, when: 'api.operation == %q', by: %s}", name, call, keys)
	}
	// What a rule asks different values of, and keys of which it is none.
	of, apart := "src_endpoint.ip", "[actor.user.name]"
	if rnd.IntN(2) == 0 {
		of, apart = "actor.user.name", "[src_endpoint.ip]"
	}
	if !strings.Contains(keys, of) {
		apart = keys
	}
	block := ""
	switch kind {
	case 0, 1:
		block = fmt.Sprintf("threshold: {count: %d, within: %ds, by: %s}\n", 2+rnd.IntN(4), within, keys)
	case 2:
		block = fmt.Sprintf("threshold: {distinct: %s, count: 2, within: %ds, by: %s}\n", of, within, apart)
	case 3:
		block = fmt.Sprintf("threshold: {sum: size(actor.user.name), over: %d, within: %ds, by: %s}\n", 5+rnd.IntN(20), within, keys)
	case 4, 5:
		other := calls[rnd.IntN(len(calls))]
		class = fmt.Sprintf("sequence:\n  within: %ds\n  ordered: %v\n  steps:\n    - %s\n    - %s\n", within, kind == 4, step("a", when), step("b", other))
		if rnd.IntN(2) == 0 {
			class += "    - " + step("c", calls[rnd.IntN(len(calls))]) + "\n"
		}
	case 6:
		block = fmt.Sprintf("absence: {of: {class: api_activity, when: 'api.operation == %q', by: %s}, within: %ds}\n", calls[rnd.IntN(len(calls))], keys, within)
	case 7:
		learn := rnd.IntN(15)
		if learn == 0 { // a new group is a hit, whatever its value
			apart = keys
		}
		block = fmt.Sprintf("first_seen: {of: %s, by: %s, for: %dm, learn: %dm}\n", of, apart, 15+rnd.IntN(45), learn)
	case 8:
		if rnd.IntN(2) == 0 {
			class = fmt.Sprintf("class: api_activity\nwhen: 'api.operation == %q && duration(actor.user.name) > duration(\"1s\")'\n", when)
		}
	}
	rule := fmt.Sprintf("id: %s\ntitle: %s on %s\nstatus: stable\nseverity: %s\n", id, id, when, severity) + class + block
	alert := "alert:\n  title: \"{api.operation} by {actor.user.name}\"\n  context: [actor.user.name, src_endpoint.ip]\n"
	if rnd.IntN(2) == 0 {
		alert += fmt.Sprintf("  suppress: %ds\n", 30+rnd.IntN(1800))
		if kind >= 8 {
			alert += "  group_by: " + keys + "\n"
		}
	}
	// A rule set does not load without them.
	return rule + alert + fmt.Sprintf("tests:\n  - {name: fires, source: aws.cloudtrail, raw: '{\"eventName\":%q}', repeat: 10, alerts: [{}]}\n", when) +
		"  - {name: is silent, source: aws.cloudtrail, raw: '{\"eventName\":\"ListUsers\"}', alerts: []}\n"
}

func timelineRecord(rnd *rand.Rand, uid string, when time.Duration, call string) string {
	user := []string{"alice", "bob", "carol"}[rnd.IntN(3)]
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333","userName":%q},"eventTime":%q,"eventSource":"ec2.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.%d","userAgent":"aws-cli/2.31.0","eventID":%q,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}`,
		user, user, timelineStart.Add(when).Format(time.RFC3339), call, 1+rnd.IntN(3), uid)
}

// settle writes into a directory what a world of the timeline finds there.
func (tl *timeline) settle(t *testing.T, dir string) {
	t.Helper()
	files := map[string]string{"weir-rules.yaml": "format: 1\n"}
	for name, text := range tl.rules {
		files[name+".yaml"] = text
	}
	rules := filepath.Join(dir, "rules")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(rules, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := json.Marshal(tl.settings)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, timelineFile), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// useTimeline gives a world the settings of its timeline, if it has one.
func useTimeline(dir string, cfg *config.Config) {
	data, err := os.ReadFile(filepath.Join(dir, timelineFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var s timelineSettings
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		panic(err) // the test wrote it
	}
	cfg.Rules.Dir = filepath.Join(dir, "rules")
	cfg.Lateness.Default = s.Lateness
	cfg.Kafka.Partitions.Raw, cfg.Kafka.Partitions.Signals = s.Raw, s.Signals
}

// findings are what must not depend on arrival, processes or faults: the ids of
// alerts, and roll-ups but for the time of processing.
type findings struct {
	Alerts, RollUps []string
}

func (f *findings) sort() {
	slices.Sort(f.Alerts)
	slices.Sort(f.RollUps)
}

// expected are the findings of the reference for the records that are in time, and
// with late those of the stateless rules for the late ones. lateSignals are those
// that must be counted as late.
func (tl *timeline) expected(t *testing.T, w *world, late bool) (want findings, lateSignals int) {
	t.Helper()
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	inTime := signalsOf(t, rules, tl.arrivals)
	if late {
		failures := map[failure]bool{} // each is told of once
		for _, s := range signalsOf(t, rules, tl.late) {
			if m := rules.Manifest().Rule(s.Rule); s.Error != "" {
				failures[failureOf(s)] = true
			} else if m.Suppress > 0 || m.Block != detections.BlockNone {
				lateSignals++
			} else {
				inTime = append(inTime, s)
			}
		}
		lateSignals += len(failures)
	}
	alerts, rollUps := detections.Reference(rules.Manifest(), inTime)
	want.Alerts = alerts
	for _, ev := range rollUps {
		want.RollUps = append(want.RollUps, string(ev.AppendJSON(nil)))
	}
	want.sort()
	return want, lateSignals
}

// signalsOf maps each line and evaluates the rules on it, without any of the roles.
func signalsOf(t *testing.T, rules *detections.RuleSet, lines []string) []*detections.Signal {
	t.Helper()
	s := &shared{log: slog.New(slog.DiscardHandler), opts: broker.Options{MaxMessage: broker.MaxMessageBytes}}
	p := newProcessor(s, sources.Builtin().All(), rules)
	var all []*detections.Signal
	for _, line := range lines {
		out := p.process(broker.EncodeRaw(s.names, &event.Record{Source: "aws.cloudtrail", Value: []byte(line)}), false)
		if out.dead != nil {
			t.Fatalf("%s is a dead letter", line)
		}
		for _, r := range out.signals {
			signal, _, err := detections.ParseSignal(r.Record.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, signal)
		}
	}
	return all
}

// found are the findings in a world's alerts.
func (w *world) found(t *testing.T) findings {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	var got findings
	eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Alerts(), func(r *kgo.Record) {
		var ev ocsf.Event
		if err := ev.UnmarshalJSON(r.Value); err != nil {
			t.Fatal(err)
		}
		if !detections.IsRollup(&ev) {
			got.Alerts = append(got.Alerts, ev.Metadata.UID())
			return
		}
		ev.Metadata.ClearProcessedTime()
		got.RollUps = append(got.RollUps, string(ev.AppendJSON(nil)))
	})
	got.sort()
	return got
}

// arrive appends lines to the world's log.
func (w *world) arrive(t *testing.T, lines []string) {
	t.Helper()
	w.appendLines(t, strings.Join(lines, "\n")+"\n")
}
