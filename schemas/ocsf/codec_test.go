package ocsf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// sample is a value for every attribute of a list, as encoding/json holds it.
// depth tells values apart and lengthens lists.
func sample(attributes []ocsf.Attribute, depth int) map[string]any {
	object := map[string]any{}
	for i, a := range attributes {
		value := sampleValue(&a, depth*100+i)
		if a.Kind == ocsf.KindObject {
			value = sample(ocsf.ObjectByName(a.Object).Attributes, depth+1)
		}
		if a.Array {
			value = []any{value, value}
		}
		object[a.Name] = value
	}
	return object
}

func sampleValue(a *ocsf.Attribute, n int) any {
	switch a.Kind {
	case ocsf.KindString:
		return a.Name + " \u00e9\"\\\n\t<&>\u2028\x01 \U0001f512"
	case ocsf.KindInt32:
		return math.MinInt32 + n
	case ocsf.KindInt64:
		return math.MaxInt64 - n
	case ocsf.KindFloat64:
		return float64(n) + 0.1
	case ocsf.KindBool:
		return n%2 == 0
	}
	return map[string]any{"b": []any{1, "x", nil}, "a": "\u00e9"}
}

// union is every attribute of every class.
func union() []ocsf.Attribute {
	var list []ocsf.Attribute
	seen := map[string]bool{}
	for _, c := range ocsf.Classes {
		for _, a := range c.Attributes {
			if !seen[a.Name] {
				seen[a.Name] = true
				list = append(list, a)
			}
		}
	}
	return list
}

// reference is the JSON of a sample by encoding/json, which sorts keys as we do.
func reference(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	// encoding/json escapes U+2028, which JSON does not ask for.
	return bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte(`\u2028`), []byte("\u2028"))
}

// TestRoundTripOfEverything sets every attribute of the selection and holds the
// codec against encoding/json.
func TestRoundTripOfEverything(t *testing.T) {
	want := reference(t, sample(union(), 1))
	var ev ocsf.Event
	if err := ev.UnmarshalJSON(want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(ev.AppendJSON(nil))); diff != "" {
		t.Fatalf("read and written again (-want +got):\n%s", diff)
	}
	if prefix := ev.AppendJSON([]byte("x")); !bytes.Equal(prefix[1:], want) {
		t.Error("AppendJSON depends on what is before it")
	}
	ev.Reset()
	if got := string(ev.AppendJSON(nil)); got != "{}" || ev.Present() {
		t.Errorf("after Reset there remains %s", got)
	}
	// What Reset keeps for reuse must not show through.
	one := []byte(`{"resources":[{"owner":{"uid":"u"}}],"metadata":{"profiles":["cloud"]}}`)
	if err := ev.UnmarshalJSON(one); err != nil {
		t.Fatal(err)
	}
	if got := ev.AppendJSON(nil); string(got) != `{"metadata":{"profiles":["cloud"]},"resources":[{"owner":{"uid":"u"}}]}` {
		t.Errorf("a reused event reads as %s", got)
	}
}

// TestEachAttributeAlone finds a presence bit that two attributes share.
func TestEachAttributeAlone(t *testing.T) {
	var ev ocsf.Event
	all := sample(union(), 1)
	for name, value := range all {
		want := reference(t, map[string]any{name: value})
		if err := ev.UnmarshalJSON(want); err != nil {
			t.Fatal(err)
		}
		if got := ev.AppendJSON(nil); !bytes.Equal(got, want) {
			t.Errorf("%s alone reads as %s", name, got)
		}
		if !ev.Present() {
			t.Errorf("%s does not make the event present", name)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"unknown", `{"actor":{"user":{"nam":"a"}}}`, "actor.user.nam: no such attribute in the selection of OCSF 1.8.0"},
		{"of another object", `{"actor":{"ip":"192.0.2.1"}}`, "actor.ip: no such attribute in the selection of OCSF 1.8.0"},
		{"not selected", `{"osint":[]}`, "osint: no such attribute in the selection of OCSF 1.8.0"},
		{"null", `{"message":null}`, "message: want a string, have null"},
		{"number for string", `{"message":1}`, "message: want a string, have number"},
		{"string for int", `{"severity_id":"1"}`, "severity_id: want an integer of 32 bits, have string"},
		{"fraction", `{"severity_id":1.5}`, "severity_id: want an integer of 32 bits, have 1.5"},
		{"above int32", `{"severity_id":2147483648}`, "severity_id: want an integer of 32 bits, have 2147483648"},
		{"below int32", `{"severity_id":-2147483649}`, "severity_id: want an integer of 32 bits, have -2147483649"},
		{"above int64", `{"time":9223372036854775808}`, "time: want an integer of 64 bits, have 9223372036854775808"},
		{"float too large", `{"src_endpoint":{"location":{"lat":1e400}}}`, "src_endpoint.location.lat: want a number that fits a float64, have 1e400"},
		{"string for bool", `{"is_mfa":"true"}`, "is_mfa: want true or false, have string"},
		{"array for object", `{"actor":[]}`, "actor: want an object, have array"},
		{"object for array", `{"resources":{}}`, "resources: want an array, have object"},
		{"in a list of objects", `{"resources":[{},{"uid":1}]}`, "resources[1].uid: want a string, have number"},
		{"in a list of strings", `{"metadata":{"labels":["a",2]}}`, "metadata.labels[1]: want a string, have number"},
		{"unmapped is an object", `{"unmapped":[1]}`, "unmapped: want an object, have array"},
		{"empty name", `{"actor":{"":1}}`, "actor.: no such attribute in the selection of OCSF 1.8.0"},
		{"no object", `[]`, "want an object, have array"},
		{"twice", `{"time":1,"time":2}`, "an attribute is there twice"},
		{"no JSON", `{"time":1`, "parse json: byte 9: the text ends inside the document"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ev ocsf.Event
			err := ev.UnmarshalJSON([]byte(tt.json))
			var d *ocsf.DecodeError
			if !errors.As(err, &d) {
				t.Fatalf("error is %v, want a *DecodeError", err)
			}
			if got := strings.TrimPrefix(err.Error(), "decode OCSF event: "); got != tt.want {
				t.Errorf("error is\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestWhatJSONCannotHold shows what becomes of Go values outside of JSON.
func TestWhatJSONCannotHold(t *testing.T) {
	var ev ocsf.Event
	ev.SetMessage("a\xffb\xed\xa0\x80c\xf0\x9f")
	ev.SrcEndpoint.Location.SetLat(math.Inf(1))
	ev.SrcEndpoint.Location.SetLong(math.NaN())
	if ev.SrcEndpoint.Present() {
		t.Error("an infinity or NaN is present")
	}
	ev.SetUnmapped("{\n  \"a\": [1,\r\n2]}")
	ev.API.Request.SetData("")
	ev.API.Response.SetData("{\n")
	want := `{"api":{"request":{"data":null},"response":{"data":null}},` +
		"\"message\":\"a\ufffdb\ufffd\ufffd\ufffdc\ufffd\ufffd\",\"unmapped\":{\"a\":[1,2]}}"
	if diff := cmp.Diff(want, string(ev.AppendJSON(nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFloats(t *testing.T) {
	for _, v := range []float64{0, -1, 0.1, 52.520008, 1e-7, 1e20, 1e21, -2.5e300, math.SmallestNonzeroFloat64, math.MaxFloat64} {
		var ev, again ocsf.Event
		ev.SrcEndpoint.Location.SetLat(v)
		if err := again.UnmarshalJSON(ev.AppendJSON(nil)); err != nil {
			t.Fatal(err)
		}
		if got := again.SrcEndpoint.Location.Lat(); got != v {
			t.Errorf("%v reads back as %v", v, got)
		}
	}
}

// TestDeepestRecordReadsBack: a record as deep as jsondoc allows still makes an
// event that can be read, wherever its JSON is held.
func TestDeepestRecordReadsBack(t *testing.T) {
	deep := ocsf.JSON(strings.Repeat(`{"a":`, jsondoc.MaxDepth) + "1" + strings.Repeat("}", jsondoc.MaxDepth))
	var ev, again ocsf.Event
	ev.SetUnmapped(deep)
	ev.API.Request.SetData(deep)
	e := ev.AddEvidences()
	e.SetData(deep)
	e.API.Response.SetData(deep)
	e.AddResources().SetData(deep)
	if err := again.UnmarshalJSON(ev.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
	if r := again.Evidences[0].Resources[0]; r.Data() != deep {
		t.Errorf("evidences[0].resources[0].data reads back as %s", r.Data())
	}
}

// TestAppendJSONAllocatesNothing is the budget of the codec's writing half, and
// of building an event again in the memory of the last.
func TestAppendJSONAllocatesNothing(t *testing.T) {
	var ev ocsf.Event
	stopLogging(&ev)
	dst := ev.AppendJSON(nil)
	if n := testing.AllocsPerRun(100, func() { dst = ev.AppendJSON(dst[:0]) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { stopLogging(&ev) }); n != 0 {
		t.Errorf("building an event again allocates %v times", n)
	}
}

// TestDecodeJSONAllocations: a warm document and event read without allocating,
// but for strings with escapes (here raw_data, request.data keeps its text).
func TestDecodeJSONAllocations(t *testing.T) {
	var ev ocsf.Event
	stopLogging(&ev)
	text := string(ev.AppendJSON(nil))
	d := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	n := testing.AllocsPerRun(100, func() {
		if err := d.ParseString(text); err != nil {
			t.Fatal(err)
		}
		if err := ev.DecodeJSON(d.Root()); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("DecodeJSON allocates %v times, want at most 2", n)
	}
}

// FuzzRoundTrip: what reads is written so that it reads as the same, and the
// text that is written is valid and on one line.
func FuzzRoundTrip(f *testing.F) {
	var ev ocsf.Event
	stopLogging(&ev)
	f.Add(ev.AppendJSON(nil))
	f.Add(reference(f, sample(union(), 1)))
	f.Add([]byte(`{"unmapped":{"a":[1, 2.50,{}]},"message":"\ud83d\ude00\u0000","time":-1}`))
	f.Add([]byte(`{"resources":[{},{"data":null}],"privileges":[""],"actor":{"user":{}}}`))
	f.Add([]byte(`{"src_endpoint":{"location":{"lat":-0.0,"long":1e-7}},"severity_id":1e1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second ocsf.Event
		if first.UnmarshalJSON(data) != nil {
			return
		}
		written := first.AppendJSON(nil)
		if !json.Valid(written) || bytes.ContainsAny(written, "\n\r") {
			t.Fatalf("no valid JSON on one line: %s", written)
		}
		if err := second.UnmarshalJSON(written); err != nil {
			t.Fatalf("does not read what it wrote: %v\n%s", err, written)
		}
		if again := second.AppendJSON(nil); !bytes.Equal(again, written) {
			t.Fatalf("reads as another event:\n%s\n%s", written, again)
		}
	})
}

// TestTextsAreWrittenAsEncodingJSONReadsThem: every byte, and runs of escapes in
// every order of neighbours.
func TestTextsAreWrittenAsEncodingJSONReadsThem(t *testing.T) {
	pieces := []string{"", "a", `"`, `\`, "\n", "\x00", "\x7f", "é", "\u2028", "\xff", "\ufffd", "😀"}
	for b := range 256 {
		pieces = append(pieces, string([]byte{byte(b)}))
	}
	for _, first := range pieces {
		for _, second := range pieces {
			var ev ocsf.Event
			text := first + second + strings.Repeat("x", len(second)) + first + second + "a run of more than eight" + second
			ev.SetMessage(text)
			var got struct{ Message string }
			if err := json.Unmarshal(ev.AppendJSON(nil), &got); err != nil || got.Message != strings.Map(func(r rune) rune { return r }, text) {
				t.Fatalf("%q reads as %q, %v", text, got.Message, err)
			}
		}
	}
}
