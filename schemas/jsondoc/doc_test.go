package jsondoc_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/jsondoc"
)

func mustParse(t testing.TB, text string) *jsondoc.Doc {
	t.Helper()
	var d jsondoc.Doc
	if err := d.ParseString(text); err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return &d
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, text string
		offset     int
		msg        string
	}{
		{"empty", "", 0, "the text ends inside the document"},
		{"only space", " \n", 2, "the text ends inside the document"},
		{"byte order mark", "\ufeff{}", 0, "want a value"},
		{"trailing text", `{} x`, 3, "text after the document"},
		{"second document", `{}{}`, 2, "text after the document"},
		{"truncated object", `{"a":`, 5, "the text ends inside the document"},
		{"truncated string", `{"a":"b`, 7, "the text ends inside the document"},
		{"truncated escape", `"\`, 1, "unknown escape"},
		{"truncated literal", `tru`, 3, "the text ends inside the document"},
		{"misspelt literal", `trux`, 3, "want true"},
		{"single quotes", `{'a':1}`, 1, "want a key in double quotes"},
		{"python None", `{"a":None}`, 5, "want a value"},
		{"trailing comma in object", `{"a":1,}`, 7, "want a key in double quotes"},
		{"trailing comma in array", `[1,]`, 3, "want a value"},
		{"missing comma", `[1 2]`, 3, "want a comma or ] after the element"},
		{"missing comma in object", `{"a":1 "b":2}`, 7, "want a comma or } after the member"},
		{"missing colon", `{"a" 1}`, 5, "want a colon after the key"},
		{"wrong closer", `[1}`, 2, "want a comma or ] after the element"},
		{"leading zero", `[01]`, 2, "want a comma or ] after the element"},
		{"plus sign", `+1`, 0, "want a value"},
		{"no digit after point", `1.x`, 2, "want a digit after the point"},
		{"no exponent", `1ex`, 2, "want a digit in the exponent"},
		{"NaN", `NaN`, 0, "want a value"},
		{"raw NUL", "\"a\x00\"", 2, "control character in a string"},
		{"raw newline in string", "\"a\nb\"", 2, "control character in a string"},
		{"unknown escape", `"\x41"`, 1, "unknown escape"},
		{"short unicode escape", `"\u12"`, 1, "unknown escape"},
		{"invalid UTF-8 before the error", "[\"\xff\xfe\", x]", 7, "want a value"},
		{"invalid UTF-8 outside a string", "[1, \xff]", 4, "want a value"},
		{"too deep", strings.Repeat("[", 65), 64, "nested deeper than 64"},
		{"too many duplicates", `[{` + strings.Repeat(`"a":1,`, 65) + `"a":1}]`, 1, "more than 64 duplicate keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d jsondoc.Doc
			err := d.Parse([]byte(tt.text))
			var parseErr *jsondoc.Error
			if !errors.As(err, &parseErr) {
				t.Fatalf("got error %v, want a *jsondoc.Error", err)
			}
			if parseErr.Offset != tt.offset || parseErr.Msg != tt.msg {
				t.Errorf("got %d: %s\nwant %d: %s", parseErr.Offset, parseErr.Msg, tt.offset, tt.msg)
			}
			if d.Root().Exists() {
				t.Error("a document that does not parse has a root")
			}
		})
	}
}

func TestDeepestNesting(t *testing.T) {
	mustParse(t, strings.Repeat("[", 64)+strings.Repeat("]", 64))
	mustParse(t, strings.Repeat(`{"a":`, 64)+"1"+strings.Repeat("}", 64))
}

func TestFlags(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"none", `{"a":"\ud83d\ude00 é","A":1,"aa":[{"a":1},{"a":2}]}`, nil},
		{"duplicate", `{"a":1,"b":2,"a":3}`, []string{"duplicate_key"}},
		{"escaped duplicate", `{"a":1,"\u0061":3}`, []string{"duplicate_key"}},
		{"twice escaped duplicate", `{"\u0061":1,"\u0061":3}`, []string{"duplicate_key"}},
		{"nested duplicate", `[{"x":{"":1,"":2}}]`, []string{"duplicate_key"}},
		{"same once repaired", "{\"\xff\":1,\"\\ud800\":2}", []string{"duplicate_key", "invalid_utf8", "lone_surrogate"}},
		{"invalid UTF-8", "\"caf\xe9\"", []string{"invalid_utf8"}},
		{"encoded surrogate", "\"\xed\xa0\x80\"", []string{"invalid_utf8"}},
		{"high surrogate alone", `"\ud83d"`, []string{"lone_surrogate"}},
		{"low surrogate first", `"\ude00\ud83d"`, []string{"lone_surrogate"}},
		{"escaped NUL", `"a\u0000b"`, []string{"nul"}},
		{"escaped replacement character", `"\ufffd"`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustParse(t, tt.text).Flags().Names()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlagsBelongToOneParse(t *testing.T) {
	d := mustParse(t, `{"a":1,"a":"\u0000\ud800"}`)
	if err := d.ParseString(`{"a":1}`); err != nil {
		t.Fatal(err)
	}
	if d.Flags() != 0 {
		t.Errorf("flags of the document before remain: %v", d.Flags().Names())
	}
}

func TestDuplicateKeys(t *testing.T) {
	for _, filler := range []string{"", manyMembers(61), manyMembers(62), manyMembers(63), manyMembers(100)} {
		d := mustParse(t, `{`+filler+`"user":"alice","\u0075ser":"bob","user":"eve"}`)
		if got := d.Root().Get("user").Text(); got != "eve" {
			t.Errorf("Get gives %q, want the last: eve", got)
		}
		d.Root().Get("user").Use()
		for k, v := range d.Root().Members {
			if k != "user" {
				v.Use()
			} else if v.Text() != "eve" {
				t.Errorf("Members gives %q for user", v.Text())
			}
		}
		want := `{"user#duplicate1":"alice","\u0075ser#duplicate2":"bob"}`
		if got := string(d.AppendUnused(nil)); got != want {
			t.Errorf("unused is %s\nwant      %s", got, want)
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"k` + strings.Repeat("i", i) + `":0,`)
	}
	return b.String()
}

// Keys that a quick look cannot tell apart: equal length, and equal bytes at the
// start, in the middle and at the end.
func TestSimilarKeys(t *testing.T) {
	d := mustParse(t, `{"aBxCz":1,"aCxBz":2,"a\u0042xDz":3,"aBxCz":4,"":5}`)
	for key, want := range map[string]string{"aBxCz": "4", "aCxBz": "2", "aBxDz": "3", "": "5", "aDxBz": ""} {
		if got := d.Root().Get(key).Text(); got != want {
			t.Errorf("%q is %q, want %q", key, got, want)
		}
	}
	if got := d.Root().Len(); got != 4 {
		t.Errorf("%d members, want 4", got)
	}
}

func TestDuplicateNamesStepOverTheSourcesOwn(t *testing.T) {
	d := mustParse(t, `{"a#duplicate1":0,"a":1,"a":2,"a":3}`)
	want := `{"a#duplicate1":0,"a#duplicate2":1,"a#duplicate3":2,"a":3}`
	if got := d.Root().JSON(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := mustParse(t, want).Flags(); got != 0 {
		t.Errorf("the JSON has flags %v", got.Names())
	}
}

func TestRepairedText(t *testing.T) {
	d := mustParse(t, "{\"bad\":\"a\xff\xfeb\",\"lone\":\"x\\ud800y\"}")
	for key, want := range map[string]string{"bad": "a\ufffd\ufffdb", "lone": "x\ufffdy"} {
		if got := d.Root().Get(key).Text(); got != want {
			t.Errorf("%s reads %q, want %q", key, got, want)
		}
	}
	want := "{\"bad\":\"a\ufffd\ufffdb\",\"lone\":\"x\\ufffdy\"}"
	if got := d.Root().Raw(); got != want {
		t.Errorf("Raw is %q\nwant   %q", got, want)
	}
}

func TestScalars(t *testing.T) {
	d := mustParse(t, `{"s":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00","plain":"x","n":12,"f":-1.5e2,"t":true,"z":null,"o":{},"a":[1,"two"]}`)
	root := d.Root()
	texts := map[string]string{
		"s": "a\"\\/\b\f\n\r\té😀", "plain": "x", "n": "12", "f": "-1.5e2", "t": "true", "z": "", "o": "", "a": "", "missing": "",
	}
	for key, want := range texts {
		if got := root.Get(key).Text(); got != want {
			t.Errorf("Text of %s is %q, want %q", key, got, want)
		}
	}
	kinds := map[string]jsondoc.Kind{
		"s": jsondoc.String, "n": jsondoc.Number, "t": jsondoc.Bool, "z": jsondoc.Null, "o": jsondoc.Object, "a": jsondoc.Array, "missing": jsondoc.Absent,
	}
	for key, want := range kinds {
		if got := root.Get(key).Kind(); got != want {
			t.Errorf("kind of %s is %v, want %v", key, got, want)
		}
	}
	if b, ok := root.Get("t").Bool(); !b || !ok {
		t.Errorf("Bool of true is %v, %v", b, ok)
	}
	if _, ok := root.Get("s").Bool(); ok {
		t.Error("a string is a bool")
	}
	if _, ok := root.Get("n").Str(); ok {
		t.Error("a number is a string")
	}
	if got := root.Path("a").Index(1).Text(); got != "two" {
		t.Errorf("a[1] is %q", got)
	}
	if root.Path("a").Index(2).Exists() || root.Path("a").Index(-1).Exists() || root.Path("n", "x", "y").Exists() {
		t.Error("something is there where nothing is")
	}
	if got := root.Len(); got != 8 {
		t.Errorf("Len is %d, want 8", got)
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct {
		text    string
		i       int64
		isInt   bool
		f       float64
		isFloat bool
	}{
		{"0", 0, true, 0, true},
		{"-0", 0, true, math.Copysign(0, -1), true},
		{"9007199254740993", 9007199254740993, true, 9007199254740992, true},
		{"9223372036854775807", math.MaxInt64, true, math.MaxInt64, true},
		{"-9223372036854775808", math.MinInt64, true, math.MinInt64, true},
		{"9223372036854775808", 0, false, 1 << 63, true},
		{"0.0", 0, true, 0, true},
		{"1e3", 1000, true, 1000, true},
		{"1.5", 0, false, 1.5, true},
		{"9007199254740993.0", 0, false, 9007199254740992, true},
		{"1e400", 0, false, math.Inf(1), false},
	}
	for _, tt := range tests {
		v := mustParse(t, tt.text).Root()
		if i, ok := v.Int(); i != tt.i || ok != tt.isInt {
			t.Errorf("Int of %s is %d, %v; want %d, %v", tt.text, i, ok, tt.i, tt.isInt)
		}
		if f, ok := v.Float(); f != tt.f || ok != tt.isFloat {
			t.Errorf("Float of %s is %g, %v; want %g, %v", tt.text, f, ok, tt.f, tt.isFloat)
		}
	}
}

func TestAppendUnused(t *testing.T) {
	const text = ` { "a" : 1 , "b" : { "c" : [ 1, { "d" : "x\ty" } , 3 ], "e" : {} }, "f" : [ [] , null ] } `
	tests := []struct {
		name string
		use  func(root jsondoc.Value)
		want string
	}{
		{"nothing used", func(jsondoc.Value) {}, `{"a":1,"b":{"c":[1,{"d":"x\ty"},3],"e":{}},"f":[[],null]}`},
		{"all used", func(root jsondoc.Value) { root.Use() }, ``},
		{"a scalar", func(root jsondoc.Value) { root.Get("a").Use() }, `{"b":{"c":[1,{"d":"x\ty"},3],"e":{}},"f":[[],null]}`},
		{"the middle of an array", func(root jsondoc.Value) { root.Path("b", "c").Index(1).Get("d").Use() }, `{"a":1,"b":{"c":[1,3],"e":{}},"f":[[],null]}`},
		{"all in a container", func(root jsondoc.Value) {
			root.Path("b", "c").Use()
			root.Path("b", "e").Use()
			root.Get("f").Index(0).Use()
		}, `{"a":1,"f":[null]}`},
		{"every leaf", func(root jsondoc.Value) {
			root.Get("a").Use()
			root.Get("b").Use()
			for e := range root.Get("f").Elements {
				e.Use()
			}
		}, ``},
		{"an absent value", func(root jsondoc.Value) { root.Get("nope").Use(); root.Get("f").Use() }, `{"a":1,"b":{"c":[1,{"d":"x\ty"},3],"e":{}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := mustParse(t, text)
			tt.use(d.Root())
			if got := string(d.AppendUnused([]byte("> "))); got != "> "+tt.want {
				t.Errorf("got  %s\nwant > %s", got, tt.want)
			}
		})
	}
}

func TestJSONIsCompact(t *testing.T) {
	d := mustParse(t, "{\"a\": [1,\n 2], \"b\": \" \\n \"}")
	if got := d.Root().Get("a").JSON(); got != "[1,2]" {
		t.Errorf("got %s", got)
	}
	if got := d.Root().JSON(); got != `{"a":[1,2],"b":" \n "}` {
		t.Errorf("got %s", got)
	}
	var absent jsondoc.Value
	if absent.JSON() != "" || absent.Raw() != "" || absent.AppendJSON(nil) != nil {
		t.Error("an absent value has text")
	}
}

func TestStringsOutliveTheDocument(t *testing.T) {
	data := []byte(`{"a":"first"}`)
	var d jsondoc.Doc
	if err := d.Parse(data); err != nil {
		t.Fatal(err)
	}
	s := d.Root().Get("a").Text()
	copy(data, `{"a":"other"}`)
	if err := d.Parse(data); err != nil {
		t.Fatal(err)
	}
	if s != "first" {
		t.Errorf("the string changed to %q", s)
	}
}

func TestWrappedNestsDeeper(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	d := jsondoc.Doc{Wrapped: 8}
	if err := d.Parse(nested(72)); err != nil {
		t.Errorf("72 levels: %v", err)
	}
	if err := d.Parse(nested(73)); err == nil || !strings.Contains(err.Error(), "nested deeper than 72") {
		t.Errorf("73 levels: %v", err)
	}
	d.Wrapped = 1000
	if err := d.Parse(nested(73)); err == nil {
		t.Error("Wrapped is not bounded by MaxWrapped")
	}
}

func TestRespell(t *testing.T) {
	spelling := map[string]string{"eventname": "eventName", "arn": "ARN", "longer": "notofthelength"}
	d := mustParse(t, `{"eventname":"a","n":{"Arn":1,"arn":2,"longer":4},"text":"eventname"}`)
	held := d.Root().Get("n")
	if !d.Respell(spelling) {
		t.Fatal("nothing respelt")
	}
	if got := d.Root().Get("eventName").Text(); got != "a" || d.Root().Get("eventname").Exists() {
		t.Errorf("eventName is %q", got)
	}
	if got := held.Get("ARN").Text(); got != "2" {
		t.Errorf("of two members of one name Get gives %q, want the last: 2", got)
	}
	want := `{"eventName":"a","n":{"ARN#duplicate1":1,"ARN":2,"longer":4},"text":"eventname"}`
	if got := d.Root().JSON(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if mustParse(t, `{"eventName":1}`).Respell(spelling) {
		t.Error("respells what is spelt so")
	}
}
