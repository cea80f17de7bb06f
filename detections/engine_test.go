package detections

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

// ruleSetOf loads rules from their conditions: each is "class: when".
func ruleSetOf(t testing.TB, conditions []string) *RuleSet {
	t.Helper()
	files := fstest.MapFS{RootFile: {Data: []byte("format: 1\n")}, "lists/admins.yaml": {Data: []byte("type: strings\nvalues: [root, alice]\n")}}
	for i, c := range conditions {
		class, when, _ := strings.Cut(c, ": ")
		name := fmt.Sprintf("r%04d", i)
		files[name+".yaml"] = &fstest.MapFile{Data: []byte(fmt.Sprintf(`id: %s
title: %s
status: stable
severity: low
class: %s
when: |
  %s
alert: {title: "%s {actor.user.name}", group_by: [cloud.account.uid]}
tests: [{name: a, source: s, raw: "{}", alerts: [{}]}, {name: b, source: s, raw: "{}", alerts: []}]
`, name, name, class, when, name))}
	}
	rs, err := LoadFS(files, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// bruteForce is an engine without an index: it tries every rule of the class.
func bruteForce(rs *RuleSet) *Engine {
	e := rs.NewEngine()
	all := &index{classes: map[ocsf.ClassUID]*classIndex{}}
	for number, r := range rs.rules {
		for i, c := range r.Conditions {
			if all.classes[c.Class] == nil {
				all.classes[c.Class] = &classIndex{}
			}
			all.classes[c.Class].always = append(all.classes[c.Class].always, indexed{r, i, number, c.program, c.program.Test()})
		}
	}
	e.index = all
	return e
}

func matches(e *Engine, ev *ocsf.Event) []string {
	var ids []string
	e.Evaluate(ev, func(s *Signal) {
		if s.Error == "" {
			ids = append(ids, s.Rule)
		}
	})
	slices.Sort(ids)
	return ids
}

// vocabulary is small, so that random rules and random events meet.
var (
	operations = []string{"", "StopLogging", "DeleteTrail", "CreateUser", "GetObject", "AssumeRole"}
	services   = []string{"", "cloudtrail.amazonaws.com", "iam.amazonaws.com", "s3.amazonaws.com"}
	users      = []string{"", "root", "alice", "bob"}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// randomCondition combines atoms of every kind that the index knows, and some
// that it does not.
func randomCondition(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		operator := []string{"&&", "&&", "||"}[r.IntN(3)]
		return fmt.Sprintf("(%s %s %s)", randomCondition(r, depth-1), operator, randomCondition(r, depth-1))
	}
	switch r.IntN(22) {
	case 0, 1, 2:
		return fmt.Sprintf("api.operation == %q", pick(r, operations))
	case 3:
		return fmt.Sprintf("api.operation in [%q, %q]", pick(r, operations), pick(r, operations))
	case 4:
		return fmt.Sprintf("%q == api.service.name", pick(r, services))
	case 5:
		return fmt.Sprintf("status_id == %d", r.IntN(3))
	case 6:
		return fmt.Sprintf("!(actor.user.name == %q)", pick(r, users))
	case 7:
		return "actor.user.name in lists.admins"
	case 8:
		return fmt.Sprintf("raw.eventName == %q", pick(r, operations))
	case 9:
		return fmt.Sprintf("resources.exists(x, x.name == %q)", pick(r, users))
	case 10: // what is absent is equal to these, too
		return pick(r, []string{`api.operation == ""`, `actor.user.name == ""`, "status_id == 0", "src_endpoint.port == 0", `api.service.name in ["", "s3.amazonaws.com"]`,
			"status_id in [0, 1]", "status_id == Status.UNKNOWN", `"" == actor.user.uid`, "0 == count"})
	case 11: // names of numbers, and one number twice
		return pick(r, []string{"status_id == Status.SUCCESS", "status_id in [Status.FAILURE, 2, 2]", "activity_id in [Activity.CREATE, Activity.READ]", "Activity.UPDATE == activity_id",
			"severity_id == Severity.HIGH", "class_uid == 6003"})
	case 12: // equal but for the case, and parts
		return fmt.Sprintf("api.operation.%s(%q)", pick(r, []string{"equalsFold", "startsWith", "endsWith", "contains", "glob", "globFold", "startsWithFold", "containsFold"}),
			pick(r, append(operations, "STOPLOGGING", "Stop", "*", "s*g")))
	case 13:
		return fmt.Sprintf("api.operation != %q", pick(r, operations))
	case 14: // a long list, with what occurs at its end
		var names []string
		for i := range 300 {
			names = append(names, fmt.Sprintf("%q", fmt.Sprint("Get", i)))
		}
		return fmt.Sprintf("api.operation in [%s, %q]", strings.Join(names, ", "), pick(r, operations))
	case 15:
		return fmt.Sprintf("(status_id > %d.5 || double(status_id) == %d.0)", r.IntN(3), r.IntN(3))
	case 16:
		return fmt.Sprintf("(has(actor.user.name) ? api.operation == %q : status_id == 1)", pick(r, operations))
	case 17: // elements of lists are in no index
		return fmt.Sprintf("(resources[0].name == %q || metadata.profiles[0] == \"cloud\" || %q in metadata.profiles)", pick(r, users), "host")
	case 18:
		return fmt.Sprintf("(api.operation == %q) == (status_id == 1)", pick(r, operations))
	case 19:
		return fmt.Sprintf("!(api.operation in [%q])", pick(r, operations))
	case 20: // an error beside what decides; never alone
		return fmt.Sprintf("(api.operation == %q && (status_id == 1 || duration(actor.user.name) > duration(\"1s\")))", pick(r, operations))
	}
	return fmt.Sprintf("has(actor.user.name) || activity_id == %d", r.IntN(5))
}

func randomEvent(r *rand.Rand) *ocsf.Event {
	ev := new(ocsf.Event)
	ev.SetClass([]ocsf.ClassUID{ocsf.ClassAPIActivity, ocsf.ClassAPIActivity, ocsf.ClassAccountChange}[r.IntN(3)])
	ev.SetActivityID(int32(r.IntN(5)))
	if v := pick(r, operations); v != "" || r.IntN(2) == 0 {
		ev.API.SetOperation(v)
		ev.SetRawData(fmt.Sprintf(`{"eventName":%q}`, v))
	}
	if v := pick(r, services); v != "" {
		ev.API.Service.SetName(v)
	}
	if v := pick(r, users); v != "" || r.IntN(2) == 0 {
		ev.Actor.User.SetName(v)
		ev.AddResources().SetName(v)
	}
	if n := r.IntN(4); n < 3 {
		ev.SetStatusID(int32(n))
	}
	switch r.IntN(4) {
	case 0:
		ev.SetCount(0)
		ev.SrcEndpoint.SetPort(0)
	case 1:
		ev.SrcEndpoint.SetPort(443)
		ev.SetSeverityID(ocsf.SeverityIDHigh)
		ev.Metadata.Profiles = []string{"cloud", "host"}
	}
	ev.Metadata.SetUID("u")
	return ev
}

// TestIndexEqualsBruteForce: the index hides no match and no error, and invents none.
func TestIndexEqualsBruteForce(t *testing.T) {
	for seed := range uint64(3) {
		indexEqualsBruteForce(t, seed, 300, 1000)
	}
}

func indexEqualsBruteForce(t *testing.T, seed uint64, rules, events int) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, seed))
	var conditions []string
	for len(conditions) < rules {
		c := randomCondition(r, 3)
		if conflicting(t, c) {
			continue
		}
		conditions = append(conditions, "api_activity: "+c)
	}
	rs := ruleSetOf(t, conditions)
	engine, plain := rs.NewEngine(), bruteForce(rs)
	found := 0
	for i := range events {
		ev := randomEvent(r)
		want, got := matches(plain, ev), matches(engine, ev)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d, event %d: %s\n%s", seed, i, diff, ev.AppendJSON(nil))
		}
		found += len(got)
	}
	class, errors := engine.index.classes[ocsf.ClassAPIActivity], int64(0)
	if diff := cmp.Diff(plain.Health(), engine.Health()); diff != "" {
		t.Errorf("seed %d: %s", seed, diff)
	}
	for _, h := range engine.Health() {
		errors += h.Errors
	}
	if len(class.keys) == 0 || len(class.always) == 0 || found == 0 || errors == 0 {
		t.Errorf("%d keys, %d rules without one, %d matches, %d errors: the test shows nothing", len(class.keys), len(class.always), found, errors)
	}
}

// conflicting tells whether a random condition is one that the loader refuses, for
// it can never hold.
func conflicting(t *testing.T, condition string) bool {
	t.Helper()
	files := fstest.MapFS{RootFile: {Data: []byte("format: 1\n")}, "lists/admins.yaml": {Data: []byte("type: strings\nvalues: []\n")},
		"r.yaml": {Data: []byte("class: api_activity\nwhen: |\n  " + condition + "\n")}}
	_, err := LoadFS(files, LoadOptions{})
	return strings.Contains(err.Error(), "can never hold")
}

func TestHealth(t *testing.T) {
	rs := ruleSetOf(t, []string{
		`api_activity: duration(actor.user.name) > duration("1s")`,
		`api_activity: api.operation == "StopLogging"`,
	})
	e := rs.NewEngine()
	ev := sampleEvent()
	for range 3 {
		if got := matches(e, ev); len(got) != 1 {
			t.Fatalf("matches %v", got)
		}
	}
	h := e.Health()
	if h[0].Errors != 3 || h[0].LastError == "" || h[0].Matches != 0 {
		t.Errorf("%+v", h[0])
	}
	if h[1].Errors != 0 || h[1].Matches != 3 {
		t.Errorf("%+v", h[1])
	}
}

func TestUngroupedEventsAreCounted(t *testing.T) {
	rs := ruleSetOf(t, []string{`api_activity: api.operation == "StopLogging"`})
	rs.rules[0].Threshold = &Threshold{Count: 2}
	e := rs.NewEngine()
	ev := sampleEvent()
	if got := matches(e, ev); len(got) != 1 {
		t.Errorf("matches %v", got)
	}
	ev.Cloud.Account.ClearUID()
	if got := matches(e, ev); len(got) != 0 || e.Health()[0].Ungrouped != 1 || e.Health()[0].Matches != 2 {
		t.Errorf("matches %v, %+v", got, e.Health()[0])
	}
}

func TestSignalOfAMatch(t *testing.T) {
	rs := ruleSetOf(t, []string{`api_activity: api.operation == "StopLogging"`})
	var got []*Signal
	rs.NewEngine().Evaluate(sampleEvent(), func(s *Signal) { got = append(got, s) })
	if len(got) != 1 {
		t.Fatalf("%d signals", len(got))
	}
	s := got[0]
	if s.Group != `["111122223333"]` || s.Title != "r0000 alice" || s.Severity != ocsf.SeverityIDLow || s.Time != 1_700_000_000_000 ||
		s.Digest != rs.Digest() || s.Version != rs.rules[0].Version || s.UID == "" {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(string(s.Evidence), `"operation":"StopLogging"`) {
		t.Errorf("evidence %s", s.Evidence)
	}
	if key := string(s.Key()); key != "r0000@"+s.Version+s.Group {
		t.Errorf("key %s", key)
	}
}

func TestDeprecatedRulesDoNotRun(t *testing.T) {
	for status, want := range map[string]int{"stable": 1, "experimental": 1, "deprecated": 0} {
		files := fstest.MapFS{RootFile: {Data: []byte("format: 1\n")}, "r.yaml": {Data: []byte(`id: r
title: r
status: ` + status + `
severity: low
class: api_activity
when: "true"
tests: [{name: a, source: s, raw: "{}", alerts: [{}]}, {name: b, source: s, raw: "{}", alerts: []}]
`)}}
		rs, err := LoadFS(files, LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := matches(rs.NewEngine(), sampleEvent()); len(got) != want {
			t.Errorf("%s: matches %v", status, got)
		}
	}
}

// realShapedRules are rules as clouds have them: nearly all require an operation
// of a service.
func realShapedRules(n int) []string {
	var conditions []string
	for i := range n {
		service := fmt.Sprintf("service%d.amazonaws.com", i%40)
		c := fmt.Sprintf(`api_activity: api.service.name == %q && api.operation in ["Delete%d", "Update%d"] && status_id == Status.SUCCESS && !(actor.user.name in lists.admins)`, service, i, i)
		if i%25 == 0 {
			c = fmt.Sprintf(`api_activity: actor.user.type_id == UserType.SYSTEM && src_endpoint.ip == "198.51.100.%d" && raw.requestParameters.force == true`, i%250)
		}
		conditions = append(conditions, c)
	}
	return conditions
}

func TestEvaluateAllocatesNothingWithoutACandidate(t *testing.T) {
	e := ruleSetOf(t, realShapedRules(200)).NewEngine()
	ev := sampleEvent()
	if n := testing.AllocsPerRun(100, func() { e.Evaluate(ev, func(*Signal) { t.Error("matches") }) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{500, 1000, 3000} {
		rs := ruleSetOf(b, realShapedRules(n))
		miss, candidate, hit := sampleEvent(), sampleEvent(), sampleEvent()
		for _, ev := range []*ocsf.Event{candidate, hit} {
			ev.API.SetOperation("Delete7")
			ev.API.Service.SetName("service7.amazonaws.com")
		}
		hit.Actor.User.SetName("bob") // alice is an admin, which the rules exclude
		for _, bench := range []struct {
			name   string
			engine *Engine
			event  *ocsf.Event
		}{
			{"index/nothing matches", rs.NewEngine(), miss},
			{"index/one candidate", rs.NewEngine(), candidate},
			{"index/one matches", rs.NewEngine(), hit},
			{"brute force/nothing matches", bruteForce(rs), miss},
		} {
			b.Run(fmt.Sprintf("%d rules/%s", n, bench.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					bench.engine.Evaluate(bench.event, func(*Signal) {})
				}
			})
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	conditions := realShapedRules(500)
	for b.Loop() {
		ruleSetOf(b, conditions)
	}
}

func BenchmarkCorrelate(b *testing.B) {
	c := NewCorrelator(CorrelatorOptions{Lookup: lookup})
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		s := testSignal("burst", i*10, fmt.Sprint(i), fmt.Sprint(i%100))
		if _, err := c.Signal(s, i); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 0 {
			c.Heartbeat(&Heartbeat{Partition: "raw/0", MaxTime: i * 10, Sent: i}, i)
		}
	}
}
