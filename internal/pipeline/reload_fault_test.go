package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/telemetry"
	filewatch "github.com/weir-security/weir/internal/watch"
	"github.com/weir-security/weir/schemas/ocsf"
)

// reload is how a world's rules are taken up when they change.
func (w *world) reload() *Reload {
	return &Reload{
		Dir: w.config.Rules.Dir,
		Load: func() (*detections.RuleSet, error) {
			return detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
		},
		watch: filewatch.Options{Settle: 20 * time.Millisecond, Poll: time.Second},
	}
}

// The rules of these tests. Every record matches mark, whose version tells by which set
// it was judged; burst is in both sets, and window is another rule in the second.
const (
	markOne   = "mark/api.operation != \"NeverOne\"/"
	markTwo   = "mark/api.operation != \"NeverTwo\"/"
	burst     = "burst/api.operation == \"StopLogging\"/threshold: {count: 3, within: 2h, by: [actor.user.name]}"
	windowOne = "window/api.operation == \"DeleteTrail\"/threshold: {count: 2, within: 2h, by: [actor.user.name]}"
	windowTwo = "window/api.operation == \"DeleteTrail\"/threshold: {count: 2, within: 90m, by: [actor.user.name]}"
)

// changingRule is the text of "id/condition/block".
func changingRule(text string) (id, rule string) {
	id, text, _ = strings.Cut(text, "/")
	when, block, _ := strings.Cut(text, "/")
	return id, fmt.Sprintf("id: %s\ntitle: %s\nstatus: stable\nseverity: low\nclass: api_activity\nwhen: '%s'\n%s\n", id, id, when, block) +
		"tests:\n  - {name: a, source: aws.cloudtrail, raw: \"{}\", alerts: [{}]}\n  - {name: b, source: aws.cloudtrail, raw: \"{}\", alerts: []}\n"
}

// useRules replaces files of the world's rules, and returns what they are now.
func (w *world) useRules(t *testing.T, texts ...string) *detections.RuleSet {
	t.Helper()
	for _, text := range texts {
		id, rule := changingRule(text)
		file := filepath.Join(w.config.Rules.Dir, id+".yaml")
		err := os.WriteFile(file+".new", []byte(rule), 0o600)
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// changing is a world whose rules change while records come.
type changing struct {
	*world
	next  int // the record to come
	lines map[string][]string
}

// newChanging gives a world the first rules.
func newChanging(t *testing.T, w *world) *changing {
	t.Helper()
	tl := &timeline{rules: map[string]string{}, settings: timelineSettings{Lateness: time.Hour, Raw: 4, Signals: 3}}
	for _, text := range []string{markOne, burst, windowOne} {
		id, rule := changingRule(text)
		tl.rules[id] = rule
	}
	return &changing{world: tl.world(t, w.dir), lines: map[string][]string{}}
}

// more appends records of a phase, a second apart: calls of an operation by each user.
func (c *changing) more(t *testing.T, phase string, calls ...string) {
	t.Helper()
	var lines []string
	for _, call := range calls {
		operation, user, _ := strings.Cut(call, " ")
		when := timelineStart.Add(time.Duration(c.next) * time.Second)
		if phase == "end" {
			when = timelineStart.Add(timelineEnd)
		}
		lines = append(lines, fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","userName":%q},"eventTime":%q,"eventSource":"cloudtrail.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.1","eventID":"00000000-0000-4000-b000-%012d","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`,
			user, when.Format(time.RFC3339), operation, c.next))
		c.next++
	}
	c.lines[phase] = append(c.lines[phase], lines...)
	c.arrive(t, lines)
}

// plainCalls is so many records that only mark matches.
func plainCalls(n int) []string { return slices.Repeat([]string{"ListUsers eve"}, n) }

// announced is how often a rule set was announced: once by each process that goes over
// to it, right before it does.
func announced(t *testing.T, w *world, opts broker.Options, digest string) (n int) {
	t.Helper()
	eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Rulesets(), func(r *kgo.Record) {
		if string(r.Key) == digest {
			n++
		}
	})
	return n
}

// check holds the alerts against the reference: of the records of a phase by the rules
// that were in use then, of those of phase either by one of the two.
func (c *changing) check(t *testing.T, one, two *detections.RuleSet) {
	t.Helper()
	of := func(rules *detections.RuleSet, rule string, phases ...string) (signals []*detections.Signal) {
		for _, phase := range phases {
			for _, s := range signalsOf(t, rules, c.lines[phase]) {
				if s.Rule == rule {
					signals = append(signals, s)
				}
			}
		}
		return signals
	}
	var want findings
	add := func(rules *detections.RuleSet, signals []*detections.Signal) {
		alerts, rollUps := detections.Reference(rules.Manifest(), signals)
		want.Alerts = append(want.Alerts, alerts...)
		for _, ev := range rollUps {
			want.RollUps = append(want.RollUps, ev.FindingInfo.UID())
		}
	}
	add(one, of(one, "mark", "one"))
	add(two, of(two, "mark", "two", "end"))
	add(one, of(one, "window", "one"))
	add(two, of(two, "window", "two", "end"))
	add(two, of(two, "burst", "one", "either", "two", "end"))
	either := map[string]string{} // id of the alert by the first rules, by that by the second
	for _, line := range c.lines["either"] {
		a, _ := detections.Reference(one.Manifest(), of1(of, one, c, line))
		b, _ := detections.Reference(two.Manifest(), of1(of, two, c, line))
		either[b[0]] = a[0]
	}
	got := c.changed(t)
	firsts := 0
	for second, first := range either {
		n := count(got.Alerts, first) + count(got.Alerts, second)
		if n != 1 {
			t.Errorf("a record between two rule sets has %d alerts, want 1", n)
		}
		firsts += count(got.Alerts, first)
		got.Alerts = slices.DeleteFunc(got.Alerts, func(id string) bool { return id == first || id == second })
	}
	t.Logf("of %d records that came during the change, %d were judged by the rules before", len(either), firsts)
	want.sort()
	got.sort()
	if diff := cmp.Diff(want, got); diff != "" || len(want.RollUps) == 0 {
		t.Errorf("findings differ from the reference (-reference +pipeline):\n%s", diff)
	}
}

// of1 are the signals of mark for one line.
func of1(of func(*detections.RuleSet, string, ...string) []*detections.Signal, rules *detections.RuleSet, c *changing, line string) []*detections.Signal {
	c.lines["this"] = []string{line}
	defer delete(c.lines, "this")
	return of(rules, "mark", "this")
}

func count(ids []string, id string) (n int) {
	for _, other := range ids {
		if other == id {
			n++
		}
	}
	return n
}

// changed are the ids of the alerts, and those of the alerts that have a roll-up: its
// rule set depends on who saw the first hit.
func (c *changing) changed(t *testing.T) findings {
	t.Helper()
	opts, release := c.reach(t)
	defer release()
	names := broker.Names{Prefix: c.config.Kafka.TopicPrefix}
	sets := map[string]bool{}
	eachCommitted(t, opts, names.Rulesets(), func(r *kgo.Record) { sets[string(r.Key)] = true })
	var got findings
	eachCommitted(t, opts, names.Alerts(), func(r *kgo.Record) {
		var ev ocsf.Event
		if err := ev.UnmarshalJSON(r.Value); err != nil {
			t.Fatal(err)
		}
		if detections.IsRollup(&ev) {
			got.RollUps = append(got.RollUps, ev.FindingInfo.UID())
		} else {
			got.Alerts = append(got.Alerts, ev.Metadata.UID())
		}
	})
	eachCommitted(t, opts, names.Signals(), func(r *kgo.Record) {
		s, _, err := detections.ParseSignal(r.Value)
		if err != nil || s != nil && !sets[s.Digest] {
			t.Errorf("a signal names a rule set that nobody announced, %v", err)
		}
	})
	events := map[string]int{}
	eachCommitted(t, opts, names.Events(), func(r *kgo.Record) { events[string(r.Key)]++ })
	if len(events) != c.next || total(events) != c.next {
		t.Errorf("%d events of %d uids, want one of each of %d records", total(events), len(events), c.next)
	}
	return got
}

// TestKilledWhileRulesChange kills a process between the check of changed rules and
// their first use.
func TestKilledWhileRulesChange(t *testing.T) {
	for _, fault := range ReloadFaults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			c := newChanging(t, newWorld(fastDir(t)))
			one := c.useRules(t)
			c.more(t, "one", append(plainCalls(100), "StopLogging alice", "StopLogging alice", "DeleteTrail bob", "DeleteTrail carol", "DeleteTrail carol", "DeleteTrail carol")...)
			if err := c.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
				t.Fatal(err)
			}
			m := startVisit(t, c.world, visit{Kind: kindKill, Fault: fault, Nth: 1, Instance: c.config.Instance, Roles: Roles, Reload: true, Batch: 20})
			c.more(t, "either", plainCalls(100)...)
			awaited(t, func() string { // it has loaded the rules before
				if m.did(t)[RoleDetect] == 0 {
					return "the process does not work: " + m.stats
				}
				return ""
			})
			two := c.useRules(t, markTwo, windowTwo)
			c.more(t, "either", plainCalls(100)...)
			select {
			case <-m.done:
			case <-time.After(faultPatience):
				m.kill(t)
				t.Fatalf("the process is not killed at %s\n%s", fault, m.out.String())
			}
			if m.cmd.ProcessState.Sys() == nil || m.err == nil || !strings.Contains(m.err.Error(), "killed") {
				t.Fatalf("the process should have been killed: %v\n%s", m.err, m.out.String())
			}
			// What is left of them was judged by nobody yet, or is judged now by the new rules.
			if err := c.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
				t.Fatal(err)
			}
			c.more(t, "two", append(plainCalls(100), "StopLogging alice", "DeleteTrail bob", "DeleteTrail dave", "DeleteTrail dave")...)
			c.more(t, "end", plainCalls(100)...)
			if err := c.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
				t.Fatal(err)
			}
			c.check(t, one, two)
		})
	}
}

// TestReloadShared changes the rules of two processes while records come.
func TestReloadShared(t *testing.T) {
	w, opts := servedWorld(t)
	reloadShared(t, w, opts)
}

// reloadShared changes the rules under two processes that share the work while records
// come, and then breaks them. Each record is judged by one set, whole; what has not
// changed goes on with its open windows, and so does the old version of what has.
func reloadShared(t *testing.T, w *world, opts broker.Options) {
	c := newChanging(t, w)
	one := c.useRules(t)
	here := startServiceWith(t, c.world, func(o *Options) {
		o.Sources, o.Roles, o.Reload, o.batchRecords = c.sources(), append([]Role{RoleCollect}, sharedRoles...), c.reload(), 50
	})
	other := startVisit(t, c.world, visit{Kind: kindNone, Instance: c.config.Instance + "b", Roles: sharedRoles, Reload: true, Batch: 50, FlushRows: 300})
	allOwn(t, opts, c.world, c.config.Instance, c.config.Instance+"b")

	names := broker.Names{Prefix: c.config.Kafka.TopicPrefix}
	through := func() {
		t.Helper()
		awaited(t, func() string {
			n := 0
			eachCommitted(t, opts, names.Events(), func(*kgo.Record) { n++ })
			if n < c.next {
				return fmt.Sprintf("%d of %d records are through", n, c.next)
			}
			return ""
		})
	}
	c.more(t, "one", append(plainCalls(300), "StopLogging alice", "StopLogging alice", "DeleteTrail bob", "DeleteTrail carol", "DeleteTrail carol", "DeleteTrail carol")...)
	through()

	c.more(t, "either", plainCalls(300)...)
	two := c.useRules(t, markTwo, windowTwo)
	awaited(t, func() string { // records flow until both have gone over
		c.more(t, "either", plainCalls(20)...)
		if n := announced(t, c.world, opts, two.Digest()); n < 2 {
			return fmt.Sprintf("%d of 2 processes have gone over to the changed rules", n)
		}
		return ""
	})
	through()
	c.more(t, "two", append(plainCalls(300), "StopLogging alice", "DeleteTrail bob", "DeleteTrail dave", "DeleteTrail dave", "DeleteTrail dave")...)
	through()

	broken := filepath.Join(c.config.Rules.Dir, "mark.yaml")
	if err := os.WriteFile(broken, []byte("id: mark\nnonsense: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "broken rules are refused", func() bool { return sum(here.scrape(t)["weir_rules_reload_total"], "outcome=refused") > 0 })
	if got := sum(here.scrape(t)["weir_rules_reload_successful"]); got != 0 {
		t.Errorf("weir_rules_reload_successful is %v", got)
	}
	if _, body := here.get(t, telemetry.PathReady); !strings.Contains(body, "are refused") || !strings.Contains(body, two.Digest()) {
		t.Errorf("readiness does not tell of it: %s", body)
	}
	c.more(t, "two", append(plainCalls(300), "StopLogging frank", "StopLogging frank", "StopLogging frank")...)
	through()
	if _, rule := changingRule(markTwo); os.WriteFile(broken, []byte(rule), 0o600) != nil {
		t.Fatal("write the mended rule")
	}
	c.more(t, "end", plainCalls(100)...)
	through()
	here.drain()
	if err := <-here.ended; err != nil {
		t.Error(err)
	}
	other.drain(t)
	for name, log := range map[string]string{"here": here.log.String(), "other": other.out.String()} {
		for _, said := range []string{"rules are in use", "are refused"} {
			if !strings.Contains(log, said) {
				t.Errorf("%s: the log does not say %q:\n%s", name, said, log)
			}
		}
	}
	if err := c.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	c.check(t, one, two)
}
