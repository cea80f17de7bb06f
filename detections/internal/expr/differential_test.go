package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf"
)

// generator writes random expressions of a wanted type over the class
// api_activity: well typed, and otherwise whatever comes to mind. Errors (division
// by zero, overflow, positions outside of a text) are frequent.
type generator struct {
	*rand.Rand
	vars []variableOf // of the loops around
}

type variableOf struct{ name, kind string }

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// expr is an expression of a type: bool, text, int, uint, double, time, duration,
// bytes, json, ip, cidr, ints, doubles, texts.
func (g *generator) expr(kind string, depth int) string {
	if depth <= 0 {
		return g.leaf(kind)
	}
	if g.IntN(12) == 0 {
		return fmt.Sprintf("(%s ? %s : %s)", g.expr("bool", depth-1), g.expr(kind, depth-1), g.expr(kind, depth-1))
	}
	e := func(kind string) string { return g.expr(kind, depth-1) }
	if g.IntN(4) == 0 {
		if text := g.rare(kind, depth); text != "" {
			return text
		}
	}
	switch kind {
	case "bool":
		return g.boolean(depth)
	case "text":
		switch g.IntN(8) {
		case 0:
			return fmt.Sprintf("(%s + %s)", e("text"), e("text"))
		case 1:
			return e("text") + "." + g.one("lowerAscii()", "upperAscii()", "trim()", "base64Decode()", "urlDecode()", "reverse()")
		case 2:
			return fmt.Sprintf("string(%s)", e(g.one("json", "int", "double", "text", "ip", "bool")))
		case 3:
			return fmt.Sprintf("%s.substring(%s)", e("text"), e("int")) // often an error
		case 4:
			return fmt.Sprintf("%s[%s]", e("texts"), e("int"))
		case 5:
			return fmt.Sprintf("%s.replace(%s, %s)", e("text"), g.leaf("text"), g.leaf("text"))
		}
	case "int":
		switch g.IntN(8) {
		case 0, 1:
			return fmt.Sprintf("(%s %s %s)", e("int"), g.one("+", "-", "*", "/", "%"), e("int"))
		case 2:
			return fmt.Sprintf("size(%s)", e(g.one("text", "json", "texts", "ints")))
		case 3:
			return fmt.Sprintf("int(%s)", e(g.one("text", "json", "double", "time", "bool", "int")))
		case 4:
			return e("time") + g.one(".getHours()", `.getDayOfWeek("Europe/Berlin")`, ".getFullYear()", `.getHours("+05:30")`, ".getMonth()", `.getDate("America/New_York")`)
		case 5:
			return fmt.Sprintf("%s.distance(%s)", e("text"), e("text"))
		case 6:
			return fmt.Sprintf("%s[%s]", e("ints"), e("int"))
		}
	case "double":
		switch g.IntN(4) {
		case 0:
			return fmt.Sprintf("(%s %s %s)", e("double"), g.one("+", "-", "*", "/"), e("double"))
		case 1:
			return fmt.Sprintf("double(%s)", e(g.one("text", "json", "int")))
		case 2:
			return e("text") + ".entropy()"
		}
	case "time":
		switch g.IntN(4) {
		case 0:
			return fmt.Sprintf("(%s %s %s)", e("time"), g.one("+", "-"), e("duration"))
		case 1:
			return fmt.Sprintf("timestamp(%s)", e(g.one("text", "json", "int")))
		}
	case "duration":
		if g.IntN(3) == 0 {
			return fmt.Sprintf("(%s - %s)", e("time"), e("time"))
		}
	case "json":
		switch g.IntN(5) {
		case 0, 1:
			return e("json") + g.one(".n", ".tags", ".none", ".eventName", `["key.with.dots"]`, ".x", "[0]", "[1]", "[7]")
		case 2:
			return fmt.Sprintf("%s[%s]", g.leaf("json"), e(g.one("int", "text")))
		}
	case "ip":
		return fmt.Sprintf("ip(%s)", e("text"))
	case "texts":
		switch g.IntN(5) {
		case 0:
			return fmt.Sprintf("%s.split(%q)", e("text"), g.one("-", "/", ""))
		case 1:
			return g.loop("map", "text", depth)
		case 2:
			return fmt.Sprintf("[%s, %s]", e("text"), e("text"))
		case 3:
			return g.loop("filter", "bool", depth)
		}
	case "ints":
		return fmt.Sprintf("[%s, %s]", e("int"), e("int"))
	}
	return g.leaf(kind)
}

func (g *generator) leaf(kind string) string {
	var mine []string
	for _, v := range g.vars {
		switch {
		case v.kind == kind:
			mine = append(mine, v.name)
		case v.kind == "resource" && kind == "text":
			mine = append(mine, v.name+".uid", v.name+".type", v.name+".owner.name")
		}
	}
	if len(mine) > 0 && g.IntN(2) == 0 {
		return g.one(mine...)
	}
	switch kind {
	case "bool":
		return g.one("true", "false", "(1 / count > 0)", "has(actor.user.name)", "device.is_managed", "has(raw.n)", "has(resources)", "has(actor.user)", `(api.operation == "StopLogging")`, "(1 / size(actor.user.full_name) == 1)")
	case "text":
		return g.one("api.operation", "actor.user.name", "actor.user.uid", "src_endpoint.ip", "resources[0].uid", "resources[5].type", "metadata.profiles[0]", "metadata.profiles[3]",
			`"StopLogging"`, `""`, `"cloud"`, `"12"`, `"1.5"`, `"192.0.2.7"`, `"ÄB-c"`, `"2026-01-31T12:00:00Z"`, `"a%41"`, `"aGk="`, "string(raw.tags[0])", "string(raw.n)",
			`"\u0130x\u017f"`, `"90m"`, `"true"`, "dst_endpoint.hostname")
	case "int":
		return g.one("status_id", "activity_id", "count", "src_endpoint.port", "0", "1", "5", "-1", "9223372036854775807", "-9223372036854775808", "size(resources)")
	case "double":
		return g.one("0.0", "1.5", "-2.25", "1e308", `double("NaN")`, "double(count)")
	case "time":
		return g.one("time", "end_time", "metadata.logged_time", `timestamp("2026-01-31T12:00:00Z")`, `timestamp("9999-12-31T23:59:59Z")`, "timestamp(0)")
	case "duration":
		return g.one(`duration("1h")`, `duration("-30s")`, `duration("2562047h")`)
	case "json":
		return g.one("raw", "unmapped", "raw.eventName", "raw.n", "raw.f", "raw.ok", "raw.none", "raw.tags", "raw.tags[2].k", "unmapped.left.over", "raw.missing", `jwt.header("eyJhbGciOiJub25lIn0.e30.")`)
	case "ip":
		return g.one(`ip("192.0.2.7")`, "ip(src_endpoint.ip)", "ip(actor.user.name)")
	case "texts":
		return g.one("metadata.profiles", `["a", "StopLogging"]`, `["cloud"]`)
	case "ints":
		return g.one("[1, 2, 3]", "[status_id, count]")
	case "doubles":
		return g.one("[1.0, 2.5]", "[double(count), 1.0]")
	case "uint":
		return g.one("0u", "1u", "5u", "18446744073709551615u")
	case "bytes":
		return g.one(`b"hi"`, `b""`, `b"\xff\xfe"`, `bytes("ÄB-c")`)
	case "cidr":
		return g.one(`cidr("192.0.2.0/24")`, "cidr(src_endpoint.ip)", `cidr("::/0")`)
	}
	panic(kind)
}

func (g *generator) boolean(depth int) string {
	e := func(kind string) string { return g.expr(kind, depth-1) }
	switch g.IntN(17) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s && %s)", e("bool"), e("bool"))
	case 3, 4, 5:
		return fmt.Sprintf("(%s || %s)", e("bool"), e("bool"))
	case 6:
		return "!" + "(" + e("bool") + ")"
	case 7, 8:
		kind := g.one("text", "int", "double", "time", "duration", "text")
		return fmt.Sprintf("(%s %s %s)", e(kind), g.one("==", "!=", "<", "<=", ">", ">="), e(kind))
	case 9:
		kind := g.one("bool", "ip", "texts", "ints", "json")
		return fmt.Sprintf("(%s %s %s)", e(kind), g.one("==", "!="), e(kind))
	case 10:
		return fmt.Sprintf("(%s %s %s)", e("json"), g.one("==", "!=", "<", "<=", ">", ">="), e(g.one("text", "int", "double")))
	case 11:
		return fmt.Sprintf("%s.%s(%s)", e("text"), g.one("startsWith", "endsWith", "contains", "equalsFold", "containsFold", "glob", "globFold", "startsWithFold", "endsWithFold"), e("text"))
	case 12:
		return fmt.Sprintf("%s.matches(%q)", e("text"), g.one("^Stop", "[0-9]+", "(?i)logging$"))
	case 13:
		return g.one(
			fmt.Sprintf("(%s in %s)", e("text"), e("texts")), fmt.Sprintf("(%s in %s)", e("int"), e("ints")),
			fmt.Sprintf("(%s in lists.%s)", e(g.one("text", "json")), g.one("admins", "offices", "robots")),
			fmt.Sprintf("(%s in %s)", e("json"), `["a", "StopLogging", "b", "c", "d", "e", "f", "g"]`),
			fmt.Sprintf("(%s in %s)", e("json"), `[1, 5]`),
			fmt.Sprintf("(%s in %s)", e(g.one("text", "int")), e("json")),
			fmt.Sprintf("(%s in [1, 2, 3, 4, 5, 6, 7, 8])", e("int")))
	case 14:
		return g.one("("+e("ip")+g.one(".isPublic()", ".isPrivate()", ".family() == 4")+")", fmt.Sprintf(`cidr("192.0.2.0/24").containsIP(%s)`, e(g.one("ip", "text"))))
	case 15:
		return fmt.Sprintf("(%s %s %s)", e("int"), g.one("<", "<=", ">", ">="), e("double"))
	}
	return g.loop(g.one("exists", "all", "exists_one"), "bool", depth)
}

// loop is a macro over some list; of map and filter, over texts.
func (g *generator) loop(macro, kind string, depth int) string {
	if len(g.vars) == 2 {
		if macro == "map" || macro == "filter" {
			return g.leaf("texts")
		}
		return g.leaf("bool")
	}
	name := g.one("x", "y", "z") + fmt.Sprint(len(g.vars))
	list, element := g.expr("texts", depth-2), "text"
	if macro != "map" && macro != "filter" {
		switch g.IntN(4) {
		case 0:
			list, element = "resources", "resource"
		case 1:
			list, element = g.expr("json", depth-2), "json"
		case 2:
			list, element = g.expr("ints", depth-2), "int"
		}
	}
	g.vars = append(g.vars, variableOf{name, element})
	body := g.expr(kind, depth-1)
	g.vars = g.vars[:len(g.vars)-1]
	return fmt.Sprintf("%s.%s(%s, %s)", list, macro, name, body)
}

// randomEvent is testEvent with random parts left out or changed.
func randomEvent(r *rand.Rand) *ocsf.Event {
	ev := testEvent()
	ev.SetCount(int32(r.IntN(4) - 1))
	ev.SetEndTime(r.Int64N(1 << 42))
	maybe := func(f func()) {
		if r.IntN(3) == 0 {
			f()
		}
	}
	maybe(func() { ev.Actor.User.SetName("alice") })
	maybe(func() { ev.Actor.User.ClearUID() })
	maybe(func() { ev.API.SetOperation("ÄB-c") })
	maybe(func() { ev.SrcEndpoint.SetIP("203.0.113.9") })
	maybe(func() { ev.SrcEndpoint.SetPort(443) })
	maybe(func() { ev.Resources = ev.Resources[:0] })
	maybe(func() { ev.Metadata.Profiles = nil })
	maybe(func() { ev.Device.SetIsManaged(true) })
	maybe(func() { ev.SetRawData(`{"n":9223372036854775808,"tags":[1,2,2],"eventName":7,"f":5}`) })
	maybe(func() { ev.SetRawData(`no json`) })
	maybe(func() { ev.DstEndpoint.SetHostname("\xffÄ\xc3z.example") })
	maybe(func() {
		ev.SetRawData(`{"n":-0.0,"f":1e400,"ok":"true","tags":{"0":1,"k":null},"eventName":"\\ud800x\\u0000","none":[]}`)
	})
	maybe(func() { ev.SetRawData(`[{"n":1},{"n":18446744073709551615},"a",null,1.0,true]`) })
	maybe(func() { ev.SetStatusID(ocsf.StatusIDFailure) })
	return ev
}

// differ compares what expressions give, compiled and by cel-go, of some events.
// It tells how many values and errors there were.
func differ(t *testing.T, r *rand.Rand, expressions []*Expr, texts []string, events int) (values, errors int) {
	t.Helper()
	var s Scope
	for range events {
		s.Reset(randomEvent(r))
		for i, e := range expressions {
			want, err := e.Reference(&s)
			got, ok := e.compiled.Value(&s.frame)
			switch {
			case err != nil && ok:
				t.Errorf("%s\n\tcompiled gives %v, cel-go the error %v", texts[i], got, err)
			case err == nil && !ok && len(e.Fallbacks) == 0:
				t.Errorf("%s\n\tcompiled gives nothing, cel-go %v", texts[i], want)
			case ok && !same(got, want):
				t.Errorf("%s\n\tcompiled gives %v, cel-go %v\n\t%s", texts[i], got, want, s.frame.Event.AppendJSON(nil))
			}
			if v, ok := e.compiled.Truth(&s.frame); err == nil && want.Type() == types.BoolType && len(e.Fallbacks) == 0 && (!ok || types.Bool(v) != want) {
				t.Errorf("%s\n\tTruth is %v, %v, cel-go gives %v", texts[i], v, ok, want)
			}
			if err != nil {
				errors++
			} else {
				values++
			}
			if t.Failed() {
				return
			}
		}
	}
	return values, errors
}

func same(a, b ref.Val) bool {
	if a.Type() != b.Type() {
		return false
	}
	x, isDouble := a.(types.Double)
	y, _ := b.(types.Double)
	if isDouble && math.IsNaN(float64(x)) && math.IsNaN(float64(y)) {
		return true
	}
	if a.Type().TypeName() == "json" {
		return fmt.Sprint(a) == fmt.Sprint(b)
	}
	if a.Type().TypeName() == "ip" {
		return a.Value() == b.Value()
	}
	return types.Equal(a, b) == types.True
}

// random are random expressions of one compiler, so that they share parts.
func random(t testing.TB, r *rand.Rand, n int) (expressions []*Expr, texts []string, refused int) {
	c := testCompiler(t)
	for range n {
		g := &generator{Rand: r}
		text, want := g.expr("bool", 2+r.IntN(4)), Condition
		if r.IntN(4) == 0 {
			text, want = g.expr(g.one("text", "int", "uint", "double", "time", "duration", "json"), 1+r.IntN(3)), Scalar
		}
		if len(text) > 2000 {
			continue
		}
		e, problems := compile(c, "api_activity", text, want)
		if e == nil {
			refused++
			for _, p := range problems {
				if !expected(p) {
					t.Errorf("%s\n\t%s", text, p)
				}
			}
			continue
		}
		expressions, texts = append(expressions, e), append(texts, text)
	}
	return expressions, texts, refused
}

// expected tells whether the loader may refuse a random expression with that
// message: it is well typed, but may be absurd, too expensive, or have a part without
// attributes that is an error.
func expected(problem string) bool {
	for _, part := range []string{"never hold", "costs up to", "warning", "nest", "is not a", "index counts from 0",
		"has no value", "overflow", "type conversion error", "cannot convert", "is neither a network", "a value is wanted here", "is no network"} {
		if strings.Contains(problem, part) {
			return true
		}
	}
	return false
}

// TestCompiledEqualsReference holds closures against cel-go.
func TestCompiledEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	expressions, texts, refused := random(t, r, 1500)
	covered := 0
	for _, e := range expressions {
		if len(e.Fallbacks) == 0 {
			covered++
		}
	}
	values, errors := differ(t, r, expressions, texts, 12)
	t.Logf("%d expressions, %d wholly compiled, %d refused; %d values, %d errors", len(expressions), covered, refused, values, errors)
	if !t.Failed() && (len(expressions) < 500 || covered < len(expressions)*9/10 || errors*100 < values || values == 0) {
		t.Error("the test shows too little")
	}
}

// FuzzCompiled is TestCompiledEqualsReference with other seeds.
func FuzzCompiled(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		expressions, texts, _ := random(t, r, 12)
		differ(t, r, expressions, texts, 6)
	})
}
