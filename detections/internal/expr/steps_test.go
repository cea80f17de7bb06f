package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/ocsf"
)

// hugeEvent is one that an attacker made: lists and texts of so many elements.
func hugeEvent(n int) *ocsf.Event {
	ev := testEvent()
	long := strings.Repeat("a", n)
	ev.Actor.User.SetName(long)
	ev.API.SetOperation(long[:n/2] + "b")
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"%d"`, i))
	}
	ev.SetRawData(`{"n":` + fmt.Sprint(n) + `,"l":[` + strings.Join(list, ",") + `]}`)
	ev.Resources = ev.Resources[:0]
	for i := range n / 4 {
		ev.AddResources().SetUID(fmt.Sprint(i))
	}
	return ev
}

// TestExhausted: what takes the square of an event's size, or makes a text of it, is an
// error on an event that is too large for it, and cel-go is not asked.
func TestExhausted(t *testing.T) {
	c := testCompiler(t)
	small, huge := hugeEvent(40), hugeEvent(80_000)
	for _, text := range []string{
		`resources.exists(a, resources.exists(b, a.uid == b.name + "z"))`,
		`resources.exists(a, "zz" in raw.l)`,
		`raw.l.exists(a, actor.user.name.contains(string(a) + "z"))`,
		`resources.exists(a, api.operation.containsFold(a.uid + "z"))`,
		`resources.exists(a, a.uid.glob("z*") || actor.user.name.glob("*0*0z"))`,
		`resources.exists(a, actor.user.name.matches("[0-9]z"))`,
		`resources.exists(a, (actor.user.name + a.uid).base64Decode() == "z")`,
		`resources.exists(a, (actor.user.name + a.uid).entropy() > 99.0)`,
		`raw.l.map(a, string(a)).distinct().size() == 3`,
		`sets.intersects(raw.l.map(a, string(a) + "z"), resources.map(a, a.uid))`,
		`actor.user.name.replace("a", actor.user.name) == "x"`,
		`resources.exists(a, regex.extractAll(actor.user.name, "a")[0] == a.uid + "z")`,
		`resources.exists(a, regex.replace(actor.user.name, "a", "") == a.uid + "z")`,
		`resources.map(a, actor.user.name).join(",") == "x"`,
		`"%s".format([resources.map(a, actor.user.name)]) == "x"`,
		`resources.map(a, actor.user.name + a.uid).size() == 3`,
	} {
		e, problems := compile(c, "api_activity", text, Condition)
		if e == nil {
			t.Errorf("%s: %q", text, problems)
			continue
		}
		var s Scope
		s.Reset(small)
		if holds, err := e.Holds(&s); holds || err != nil {
			t.Errorf("%s of a small event is %v, %v", text, holds, err)
		}
		s.Reset(huge)
		if _, err := e.Holds(&s); !errors.Is(err, errExhausted) {
			t.Errorf("%s of a huge event: %v", text, err)
		}
	}
}

// TestExhaustedIsAbsorbed: as of any error, the other side of || and && may decide, and
// the next expression has steps of its own, also of parts that both have.
func TestExhaustedIsAbsorbed(t *testing.T) {
	c := testCompiler(t)
	const loop = `resources.exists(a, resources.exists(b, a.uid == b.name + "z"))`
	var s Scope
	s.Reset(hugeEvent(80_000))
	for _, text := range []string{`raw.n == 80000 || ` + loop, `!(raw.n == 0 && ` + loop + `)`} {
		e, problems := compile(c, "api_activity", text, Condition)
		if e == nil {
			t.Fatalf("%s: %q", text, problems)
		}
		if holds, err := e.Holds(&s); !holds || err != nil {
			t.Errorf("%s is %v, %v", text, holds, err)
		}
	}
	alone, _ := compile(c, "api_activity", loop, Condition)
	if _, err := alone.Eval(&s); !errors.Is(err, errExhausted) {
		t.Errorf("the loop alone: %v", err)
	}
	next, _ := compile(c, "api_activity", `size(raw.l) == 80000 && raw.l.exists(x, x == "79999")`, Condition)
	if holds, err := next.Holds(&s); !holds || err != nil {
		t.Errorf("the next expression is %v, %v", holds, err)
	}
}

// TestReferenceIsBounded: what only cel-go evaluates ends, too.
func TestReferenceIsBounded(t *testing.T) {
	e, problems := compile(testCompiler(t), "api_activity", `resources.exists(a, resources.exists(b, {"x": a.uid}["x"] == b.name + "z"))`, Condition)
	if e == nil || len(e.Fallbacks) == 0 {
		t.Fatalf("%q", problems)
	}
	var s Scope
	s.Reset(hugeEvent(20_000))
	if holds, err := e.Holds(&s); err == nil {
		t.Errorf("it is %v", holds)
	}
}

// TestPatternFactor: counted repetitions cost what they become, not what they are
// written in.
func TestPatternFactor(t *testing.T) {
	for pattern, least := range map[string]int{"^Stop": 1, "(a?){50}b": 20, "(x.{0,200}){3}b": 150} {
		if got := patternFactor(pattern); got < least || got > 10*least {
			t.Errorf("%s has %d, want at least %d", pattern, got, least)
		}
	}
	c := testCompiler(t)
	cheap, _ := compile(c, "api_activity", `actor.user.name.matches("(a|b)c{2}")`, Condition)
	dear, _ := compile(c, "api_activity", `actor.user.name.matches("(a|b)c{900}")`, Condition)
	if cheap.Cost > 200 || dear.Cost < 2000 {
		t.Errorf("costs are %d and %d", cheap.Cost, dear.Cost)
	}
}

// TestEnoughSteps: what goes through a text once has steps for the largest record.
func TestEnoughSteps(t *testing.T) {
	c := testCompiler(t)
	ev := testEvent()
	ev.Actor.User.SetName(strings.Repeat("a", 4<<20))
	for _, text := range []string{
		`actor.user.name.matches("^([A-Za-z0-9.]+)@example[.](com|org|net|internal|local)$")`,
		`regex.replace(actor.user.name, "^([A-Za-z0-9.]+)@example[.](com|org|net|internal|local)$", "\\1") == "q"`,
		`regex.extract(actor.user.name, "^([a-z]+)@x$").hasValue()`,
		`regex.replace(actor.user.name, "b(c)", "\\1") == "q"`,
		`regex.extractAll(actor.user.name, "b+") == ["b"]`,
		`actor.user.name.lowerAscii() + "x" == "q"`,
	} {
		e, problems := compile(c, "api_activity", text, Condition)
		if e == nil {
			t.Errorf("%s: %q", text, problems)
			continue
		}
		var s Scope
		s.Reset(ev)
		if holds, err := e.Holds(&s); holds || err != nil {
			t.Errorf("%s is %v, %v", text, holds, err)
		}
	}
}

func TestAnchored(t *testing.T) {
	for pattern, want := range map[string]bool{"^a": true, `\Aa`: true, "^(a|b)$": true, "^a|b": false, "a": false, "(?m)^a": false, "": false, "(": false} {
		if anchored(pattern) != want {
			t.Errorf("anchored(%q) is %v", pattern, !want)
		}
	}
}
