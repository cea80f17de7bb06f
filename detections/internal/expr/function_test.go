package expr

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/schemas/ocsf"
)

// functionEvent is the event of the reference's examples.
func functionEvent() *ocsf.Event {
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.API.SetOperation("StopLogging")
	ev.API.Service.SetName("cloudtrail.amazonaws.com")
	ev.SrcEndpoint.SetIP("192.0.2.7")
	ev.AddResources().SetUID("arn:aws:cloudtrail:us-east-1:111122223333:trail/main")
	ev.SetRawData(`{"eventName":"StopLogging"}`)
	return ev
}

// TestFunctions: the example of every function in the reference holds, compiled
// and by cel-go.
func TestFunctions(t *testing.T) {
	c := testCompiler(t)
	seen := map[string]bool{}
	for _, f := range Functions() {
		if f.Section == "" || f.Signature == "" || f.Doc == "" || f.Cost == "" || f.Example == "" {
			t.Errorf("%s: incomplete", f.Name)
		}
		if seen[f.Section+f.Signature] {
			t.Errorf("%s: twice", f.Signature)
		}
		seen[f.Section+f.Signature] = true
		if name := f.Name[strings.LastIndex(f.Name, ".")+1:]; !strings.Contains(f.Example, name) {
			t.Errorf("%s: the example does not show it", f.Name)
		}
		e, problems := compile(c, "api_activity", f.Example, Condition)
		if e == nil {
			t.Errorf("%s: %s: %v", f.Name, f.Example, problems)
			continue
		}
		var s Scope
		s.Reset(functionEvent())
		if v, err := e.Holds(&s); err != nil || !v {
			t.Errorf("%s: %s: %v, %v", f.Name, f.Example, v, err)
		}
		s.Reset(functionEvent())
		if v, err := e.Reference(&s); err != nil || v != types.True {
			t.Errorf("%s: %s: by cel-go %v, %v", f.Name, f.Example, v, err)
		}
	}
}

// TestEveryFunctionIsListed: what an author can call is in the reference.
func TestEveryFunctionIsListed(t *testing.T) {
	c := testCompiler(t)
	ce, err := c.class(ocsf.ClassByName("api_activity"))
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, f := range Functions() {
		text += " " + f.Name + " " + f.Doc + " " + f.Example
	}
	for name := range ce.env.Functions() {
		short := name[strings.LastIndex(name, ".")+1:]
		if isName(name) && !strings.ContainsAny(name, "_@") && !strings.Contains(text, short) && !unlisted[name] {
			t.Errorf("%s is in no row of the reference", name)
		}
	}
}

// unlisted are functions that rules have little use for: CEL's types, unsigned
// integers and optional values, which absent attributes are not.
var unlisted = map[string]bool{"uint": true, "type": true, "optional.unwrap": true, "unwrapOpt": true, "optional.ofNonZeroValue": true}

// TestReferenceIsCurrent: docs/functions.md is what the table says.
func TestReferenceIsCurrent(t *testing.T) {
	got, err := os.ReadFile("../../../docs/functions.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Reference()) {
		t.Error("docs/functions.md is not current: run make generate")
	}
}

// TestMakingTextAllocatesNothing: conditions that make text of what an event has, and do
// not hold, share memory for it.
func TestMakingTextAllocatesNothing(t *testing.T) {
	c := testCompiler(t)
	ev := testEvent()
	ev.Actor.User.SetName("Mallory%40Example.com")
	for _, text := range []string{
		`actor.user.name + "/" + api.operation == "x"`,
		`actor.user.name.lowerAscii() == "x"`,
		`actor.user.name.urlDecode() == "x"`,
		`regex.replace(actor.user.name, "^[a-z]+", "x") == "y"`,
		`ip(actor.user.name).isPublic() || isIP(api.service.name)`,
		`has(jwt.claims(actor.user.name).sub)`,
	} {
		e, problems := compile(c, "api_activity", text, Condition)
		if e == nil {
			t.Errorf("%s: %q", text, problems)
			continue
		}
		var s Scope
		n := testing.AllocsPerRun(200, func() {
			s.Reset(ev)
			if holds, err := e.Holds(&s); holds || err != nil {
				t.Errorf("%s is %v, %v", text, holds, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func TestMayBeIP(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	addresses := 0
	for range 200_000 {
		text := make([]byte, 1+r.IntN(12))
		for i := range text {
			text[i] = "0123459afAF::...%gx "[r.IntN(20)]
		}
		if _, err := netip.ParseAddr(string(text)); err == nil {
			if addresses++; !mayBeIP(string(text)) {
				t.Fatalf("%q is an address", text)
			}
		}
	}
	if addresses < 100 {
		t.Errorf("%d addresses, which shows too little", addresses)
	}
}
