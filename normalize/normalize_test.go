package normalize

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

func TestOriginUID(t *testing.T) {
	record := func(object string, position int64, value string) *event.Record {
		return &event.Record{Value: []byte(value), Origin: event.Origin{Collector: "any", Object: object, Position: position}}
	}
	base := OriginUID(record("file:/a.log", 0, "line"))
	if len(base) != 32 {
		t.Errorf("uid %q has not 128 bits in hex", base)
	}
	again := record("file:/a.log", 0, "line")
	again.Origin.Collector = "" // a replay has none
	if got := OriginUID(again); got != base {
		t.Errorf("the same record has the uids %s and %s", base, got)
	}
	for name, other := range map[string]*event.Record{
		"object": record("file:/b.log", 0, "line"), "position": record("file:/a.log", 1, "line"), "bytes": record("file:/a.log", 0, "other"),
	} {
		if OriginUID(other) == base {
			t.Errorf("another %s gives the same uid", name)
		}
	}
}

// A value of the wrong kind sets nothing and stays unused, so that it comes to
// unmapped; an empty one sets nothing and is used.
func TestMoveValues(t *testing.T) {
	var d jsondoc.Doc
	err := d.ParseString(`{"text":"a","number":7,"yes":"Yes","when":"2026-11-18T09:14:07Z",
		"object":{"a": 1},"null":null,"empty":"","big":4294967296,"word":"maybe"}`)
	if err != nil {
		t.Fatal(err)
	}
	root := d.Root()
	got := map[string]any{}
	text := func(key string) func(string) { return func(s string) { got[key] = s } }
	number := func(key string) func(int32) { return func(n int32) { got[key] = n } }
	flag := func(key string) func(bool) { return func(b bool) { got[key] = b } }

	Text(root.Get("text"), text("text"))
	Text(root.Get("object"), text("object as text"))
	Text(root.Get("null"), text("null"))
	Text(root.Get("empty"), text("empty"))
	Text(root.Get("absent"), text("absent"))
	Int32(root.Get("number"), number("number"))
	Int32(root.Get("big"), number("big"))
	Bool(root.Get("yes"), flag("yes"))
	Bool(root.Get("word"), flag("word"))
	Time(root.Get("when"), func(ms int64) { got["when"] = ms })
	Data(root.Get("object").Get("a"), func(j ocsf.JSON) { got["data"] = string(j) })

	want := map[string]any{
		"text": "a", "number": int32(7), "yes": true, "when": int64(1794993247000), "data": "1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
	unused := string(d.AppendUnused(nil))
	if want := `{"big":4294967296,"word":"maybe"}`; unused != want {
		t.Errorf("unused is %s\nwant      %s", unused, want)
	}
}

func TestObservablesLeaveFillersOut(t *testing.T) {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SrcEndpoint.SetIP("192.0.2.1")
	ev.Actor.User.SetName(Unknown)
	ev.AddResources().SetName(Collection)
	AddObservables(&ev)
	if len(ev.Observables) != 1 || ev.Observables[0].Value() != "192.0.2.1" || ev.Observables[0].TypeID() != ocsf.ObservableTypeIDIPAddress {
		t.Errorf("observables: %+v", ev.Observables)
	}
}

func TestErrorTellsThePlace(t *testing.T) {
	err := &Error{Reason: event.ReasonSyntax, Detail: "want a value", Offset: 12}
	if got := err.Error(); got != "map record: syntax: byte 12: want a value" {
		t.Errorf("got %q", got)
	}
	if got := Missing("verb").Error(); got != "map record: missing: no verb" {
		t.Errorf("got %q", got)
	}
}
