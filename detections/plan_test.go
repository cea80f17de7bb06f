package detections

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPlan(t *testing.T) {
	rs := ruleSetOf(t, []string{
		`api_activity: api.operation == "StopLogging" && status_id == 1`,
		`api_activity: api.operation in ["DeleteTrail", "CreateUser"] && {"a": 1}["a"] == 1`,
		`api_activity: actor.user.name.endsWith("x")`,
		`account_change: status_id == 1`,
	})
	p := rs.Plan()
	if len(p.Conditions) != 4 || len(p.Classes) != 2 {
		t.Fatalf("%+v", p)
	}
	for i, want := range []string{"compiled api.operation=[StopLogging]", "falls back at 7:53 api.operation=[CreateUser DeleteTrail]", "compiled none", "compiled status_id=[1]"} {
		c := p.Conditions[i]
		got := "compiled"
		if !c.Compiled {
			got = fmt.Sprintf("falls back at %d:%d", c.Fallbacks[0].Line, c.Fallbacks[0].Column)
		}
		if c.Index == nil {
			got += " none"
		} else {
			got += fmt.Sprintf(" %s=%v", c.Index.Attribute, c.Index.Values)
		}
		if got != want || c.Cost == 0 || c.Line == 0 {
			t.Errorf("%s: %s, want %s (%+v)", c.Rule, got, want, c)
		}
	}
	var costs []uint64
	for _, c := range p.Conditions {
		costs = append(costs, c.Cost)
	}
	api := p.Classes[1]
	if want := costs[2] + max(costs[0], costs[1]); api.Cost != want || api.Unindexed != 1 || api.Conditions != 3 || p.Cost != max(want, p.Classes[0].Cost) || p.MaxCost != DefaultMaxCost {
		t.Errorf("%+v of costs %v", p, costs)
	}
	// What falls back is right all the same.
	ev := sampleEvent()
	ev.API.SetOperation("DeleteTrail")
	if got := matches(rs.NewEngine(), ev); len(got) != 1 || got[0] != "r0001" {
		t.Errorf("matches %v", got)
	}
}

func TestBudgetOfTheRuleSet(t *testing.T) {
	files := fstest.MapFS{RootFile: {Data: []byte("format: 1\nmax_cost: 10\n")}}
	for i, when := range []string{`api.operation == "a"`, `http_request.user_agent.matches("(a|b)+c")`, `http_request.user_agent.contains("x")`} {
		name := fmt.Sprintf("r%d", i)
		files[name+".yaml"] = &fstest.MapFile{Data: []byte(fmt.Sprintf("id: %s\ntitle: t\nstatus: stable\nseverity: low\nclass: api_activity\nwhen: |\n  %s\n"+
			"tests: [{name: a, source: s, raw: \"{}\", alerts: [{}]}, {name: b, source: s, raw: \"{}\", alerts: []}]\n", name, when))}
	}
	_, err := LoadFS(files, LoadOptions{})
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatalf("%v", err)
	}
	if p := problems[0]; p.File != RootFile || !strings.Contains(p.Message, "over all rules, the budget max_cost is 10; the most expensive: r1 (") || KindOf(p).ID != "cost" {
		t.Errorf("%+v %s", p, KindOf(p).ID)
	}
	files[RootFile] = &fstest.MapFile{Data: []byte("format: 1\nmax_cost: 1000\n")}
	rs, err := LoadFS(files, LoadOptions{})
	if err != nil || rs.Plan().MaxCost != 1000 {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]string{"max_cost: 0": "want a number of at least 1", "max_cost: many": "want an integer"} {
		files[RootFile] = &fstest.MapFile{Data: []byte("format: 1\n" + text + "\n")}
		if _, err := LoadFS(files, LoadOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
