package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/event"
)

var allKeys = []string{"Records", "records", "items"}

// split reads all pieces and copies what they borrow.
func split(t testing.TB, r io.Reader, o Options) []Piece {
	t.Helper()
	return drain(t, New(r, o))
}

func drain(t testing.TB, s *Splitter) []Piece {
	t.Helper()
	var all []Piece
	for {
		p, err := s.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Value = bytes.Clone(p.Value)
		all = append(all, p)
	}
}

// show writes pieces as a table cell: records as they are, rejected pieces with
// their reason.
func show(pieces []Piece) []string {
	var out []string
	for _, p := range pieces {
		text := string(p.Value)
		if p.Reason != "" {
			text = string(p.Reason) + ": " + text
		}
		out = append(out, text)
	}
	return out
}

func TestSplit(t *testing.T) {
	tests := []struct {
		name  string
		input string
		want  []string
	}{
		{"nothing", "", nil},
		{"white space", " \n\t\r\n", nil},
		{"one object", `{"a":1}`, []string{`{"a":1}`}},
		{"ndjson", "{\"a\":1}\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}},
		{"ndjson with CRLF, empty lines and no last line end", "{\"a\":1}\r\n\r\n{\"b\":2}", []string{`{"a":1}`, `{"b":2}`}},
		{"concatenated", `{"a":1}{"b":2} {"c":3}`, []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
		{"printed", "{\n  \"a\": [\n    1\n  ]\n}\n{\n  \"b\": {}\n}\n", []string{"{\n  \"a\": [\n    1\n  ]\n}", "{\n  \"b\": {}\n}"}},
		{"array", "[{\"a\":1}, {\"b\":[2]},\n3]", []string{`{"a":1}`, `{"b":[2]}`, `3`}},
		{"empty array", `[ ]`, nil},
		{"arrays in a row", "[1]\n[2,[3]]", []string{`1`, `2`, `[3]`}},
		{"CloudTrail", `{"Records":[{"eventName":"A"},{"eventName":"B"}]}`, []string{`{"eventName":"A"}`, `{"eventName":"B"}`}},
		{"CloudTrail without records", `{"Records":[]}`, nil},
		{"Azure", `{"records": [ {"time":"x"} ] }`, []string{`{"time":"x"}`}},
		{"EventList, members on both sides", `{"kind":"EventList","metadata":{"items":[0]},"items":[{"kind":"Event"}],"apiVersion":"audit.k8s.io/v1"}`, []string{`{"kind":"Event"}`}},
		{"an EventList on each line", "{\"items\":[{\"n\":1},{\"n\":2}]}\n{\"items\":[{\"n\":3}]}\n", []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}},
		{"an envelope key twice", `{"Records":[1],"Records":[2]}`, []string{`1`, `2`}},
		{"an envelope key without an array", `{"Records":{"a":[1]}}`, []string{`{"Records":{"a":[1]}}`}},
		{"an envelope key further down", `{"a":{"Records":[1]}}`, []string{`{"a":{"Records":[1]}}`}},
		{"an envelope key as a value", `{"a":"Records","b":[1]}`, []string{`{"a":"Records","b":[1]}`}},
		{"an element is not unwrapped", `[{"Records":[1]}]`, []string{`{"Records":[1]}`}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}", []string{`{"a":1}`}},
		{"byte order mark before each of two files", "\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf[2]", []string{`{"a":1}`, `2`}},
		{"scalars", "1 -2.5e+3 \"x\" true\nfalse null", []string{`1`, `-2.5e+3`, `"x"`, `true`, `false`, `null`}},
		{"escapes", `{"a\"\\\/\b\f\n\r\t\u00e9\uD83D":"\ud83d\ude00"}`, []string{`{"a\"\\\/\b\f\n\r\t\u00e9\uD83D":"\ud83d\ude00"}`}},
		{"invalid UTF-8 is the mapper's to judge", "{\"a\":\"\xff\xc3\"}", []string{"{\"a\":\"\xff\xc3\"}"}},
		{"elements without a comma", `[{"a":1} {"b":2},,{"c":3},]`, []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Format: Format{EnvelopeKeys: allKeys}}
			for name, r := range readers(tt.input) {
				if diff := cmp.Diff(tt.want, show(split(t, r, o))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// readers gives the input in different chunks.
func readers(input string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":         strings.NewReader(input),
		"byte by byte":  iotest.OneByteReader(strings.NewReader(input)),
		"halves":        iotest.HalfReader(strings.NewReader(input)),
		"data with EOF": iotest.DataErrReader(strings.NewReader(input)),
	}
}

func TestSplitBroken(t *testing.T) {
	tests := []struct {
		name  string
		input string
		want  []string
	}{
		{"text between records", "{\"a\":1}\nsegfault at 0x0\n{\"b\":2}\n", []string{`{"a":1}`, `syntax: segfault at 0x0`, `{"b":2}`}},
		{"several lines of text", "one\ntwo\r\n{\"b\":2}\n", []string{`syntax: one`, `syntax: two`, `{"b":2}`}},
		{"unterminated string", "{\"a\":\"x\n{\"b\":2}\n", []string{`syntax: {"a":"x`, `{"b":2}`}},
		{"unterminated object", "{\"a\":1\n{\"b\":2}\n", []string{`syntax: {"a":1`, `{"b":2}`}},
		{"unterminated array takes in the next line", "{\"a\":[\n{\"b\":2}\n{\"c\":3}\n", []string{`syntax: {"a":[`, `{"b":2}`, `{"c":3}`}},
		{"the same at the end", "{\"a\":[\n{\"b\":2}\n", []string{`syntax: {"a":[`, `{"b":2}`}},
		{"text behind a record", "{\"a\":1} trailing\n{\"b\":2}\n", []string{`{"a":1}`, `syntax: trailing`, `{"b":2}`}},
		{"a printed value breaks", "{\n  \"a\": tru,\n  \"b\": 1\n}\n{\n  \"c\": 2\n}\n", []string{"syntax: {\n  \"a\": tru,\n  \"b\": 1\n}", "{\n  \"c\": 2\n}"}},
		{"a printed value without its head", "  \"a\": 1,\n  \"b\": 2\n}\n{\"c\":3}\n", []string{`syntax: "a": 1,`, `syntax: "b": 2`, `syntax: }`, `{"c":3}`}},
		{"lines of an access log", "192.0.2.1 - - [x]\n[24/Jan/2022] -\n{\"a\":1}\n", []string{`syntax: 192.0.2.1 - - [x]`, `syntax: 24/Jan/2022`, `syntax: -`, `{"a":1}`}},
		{"CSV", "time,\"a\"\n1,\"b\"\n", []string{`syntax: time,"a"`, `syntax: 1,"b"`}},
		{"control character", "{\"a\":\"\x01\"}\n{\"b\":2}", []string{"syntax: {\"a\":\"\x01\"}", `{"b":2}`}},
		{"UTF-16", "\xff\xfe{\x00", []string{"syntax: \xff\xfe{\x00"}},
		{"half a byte order mark", "\xef\xbb", []string{"syntax: \xef\xbb"}},

		{"broken literal in an envelope", `{"Records":[{"a":1},{"b":tru,"c":[{}]},{"d":2}]}`, []string{`{"a":1}`, `syntax: {"b":tru,"c":[{}]}`, `{"d":2}`}},
		{"unbalanced bracket in an element", `[{"a":[1,2},{"b":1}]`, []string{`syntax: {"a":[1,2}`, `{"b":1}`}},
		{"unclosed element", `{"Records":[{"a":1},{"b":{"c":2},{"d":3}]}` + "\n", []string{`{"a":1}`, `syntax: {"b":{"c":2},{"d":3}`}},
		{"surplus bracket", `[{"a":1}},{"b":2}]`, []string{`{"a":1}`, `syntax: }`, `{"b":2}`}},
		{"a raw line end in a string of an element", "[{\"a\":\"x\ny\"},\n{\"b\":2}]", []string{"syntax: {\"a\":\"x\ny\"},", `{"b":2}`}},
		{"an element a line, one cut", "{\"Records\":[\n{\"a\":1},\n{\"b\":\"x\n{\"c\":[1\n{\"d\":4},\n{\"e\":5}\n]}\n{\"Records\":[6]}", []string{`{"a":1}`, `syntax: {"b":"x`, `syntax: {"c":[1`, `{"d":4}`, `{"e":5}`, `6`}},
		{"printed elements, one broken", "[\n  {\n    \"a\": \"x,\n    \"b\": [\n      {}\n    ]\n  },\n  {\n    \"c\": 2\n  }\n]", []string{"syntax: {\n    \"a\": \"x,\n    \"b\": [\n      {}\n    ]\n  }", "{\n    \"c\": 2\n  }"}},
		{"unbalanced quote", `{"Records":[{"a":1},{"b":"x},{"c":3}]}`, []string{`{"a":1}`, `syntax: {"b":"x},{"c":3}]}`}},
		{"broken trailer", "{\"Records\":[1],oops}\n{\"b\":2}", []string{`1`, `syntax: oops}`, `{"b":2}`}},
		{"an envelope that lost its end", "{\"items\":[1,2\n{\"items\":[3]}", []string{`1`, `2`, `truncated: `, `3`}},
		{"an envelope that lost its last bracket", "{\"items\":[1,2]\n{\"items\":[3]}", []string{`1`, `2`, `truncated: `, `3`}},
		{"a record of an envelope cut, then the next file", "{\"items\":[{\"a\":\"x\n{\"items\":[{\"b\":2}]}", []string{`syntax: {"a":"x`, `truncated: `, `{"b":2}`}},

		{"ends in a record", `{"a":1}{"b":`, []string{`{"a":1}`, `truncated: {"b":`}},
		{"ends in an element", `{"Records":[{"a":1},{"b":`, []string{`{"a":1}`, `truncated: {"b":`}},
		{"ends behind an element", `{"Records":[{"a":1},`, []string{`{"a":1}`, `truncated: `}},
		{"ends before the brace", `{"Records":[{"a":1}]`, []string{`{"a":1}`, `truncated: `}},
		{"ends in a printed value", "{\n  \"a\": {\n", []string{"truncated: {\n  \"a\": {\n"}},
		{"ends in a literal", "nul", []string{`truncated: nul`}},
		{"ends in a number", "-", []string{`truncated: -`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Format: Format{EnvelopeKeys: allKeys}}
			for name, r := range readers(tt.input) {
				got := split(t, r, o)
				if diff := cmp.Diff(tt.want, show(got)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				for _, p := range got {
					if p.Reason != "" && p.Detail == "" {
						t.Errorf("%s: no detail for %q", name, p.Value)
					}
				}
			}
		})
	}
}

func TestSplitDetails(t *testing.T) {
	tests := []struct{ input, want string }{
		{`{"a":1 "b"}`, `broken JSON at byte 7 of the record: expected a comma or the closing bracket, found '"'`},
		{"{\"a\":\"x\n", `broken JSON at byte 7 of the record: expected no raw control character in a string, found '\n'`},
		{`{"a":"\q"}`, `broken JSON at byte 7 of the record: expected one of "\/bfnrtu after a backslash, found 'q'`},
		{`{"a":01}`, `broken JSON at byte 6 of the record: expected the end of the number after its leading zero, found '1'`},
		{"\xff\xfe", `broken JSON at byte 0 of the record: expected a value, found byte 0xff`},
		{`"a":1`, `broken JSON at byte 3 of the record: expected white space behind a value, found ':'`},
		{strings.Repeat("[", maxDepth+2), `broken JSON at byte 128 of the record: more than 128 levels of nesting; no later record could be told apart, so the rest of the array is rejected with it`},
		{`{"a":`, `the stream ends inside a record: fetch or copy the object again; if it is still being written, the rest is read when it is there`},
	}
	for _, tt := range tests {
		got := split(t, strings.NewReader(tt.input), Options{})
		if len(got) == 0 || got[0].Detail != tt.want {
			t.Errorf("%s:\n got %+v\nwant %s", tt.input, got, tt.want)
		}
	}
}

func TestSplitLines(t *testing.T) {
	tests := []struct {
		name  string
		input string
		want  []string
	}{
		{"nothing", "", nil},
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"no last line end", "a\nb", []string{"a", "b"}},
		{"CRLF and empty lines", "a\r\n\r\n\nb\r\n", []string{"a", "b"}},
		{"white space is part of a line", " a \n\t\n", []string{" a ", "\t"}},
		{"byte order mark", "\xef\xbb\xbfa\n\xef\xbb\xbfb\n", []string{"a", "\xef\xbb\xbfb"}},
		{"half a byte order mark", "\xef\xbb", []string{"\xef\xbb"}},
		{"too long", "a\n" + strings.Repeat("x", 101) + "\nb\n", []string{"a", "too_large: " + strings.Repeat("x", 101), "b"}},
		{"as long as allowed", strings.Repeat("x", 100) + "\r\nb", []string{strings.Repeat("x", 100), "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Format: Format{Kind: Lines}, Limits: Limits{Record: 100}}
			if strings.Contains(tt.name, "allowed") {
				o.Limits.Record++ // the carriage return counts until it is known to be one
			}
			for name, r := range readers(tt.input) {
				if diff := cmp.Diff(tt.want, show(split(t, r, o))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// Lines that begin with the comment of a format are no records; the last one neither.
func TestComments(t *testing.T) {
	const text = "#Version: 1.0\n#Fields: date time\n2026-11-18\t09:04:05\n #no comment\n\n# last"
	for _, kind := range []Kind{Lines, Detect} {
		s := New(strings.NewReader(text), Options{Format: Format{Kind: kind, Comment: "#"}})
		var got []string
		for {
			p, err := s.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(p.Offset, " ", string(p.Value)))
		}
		if want := []string{"33 2026-11-18\t09:04:05", "53  #no comment"}; !slices.Equal(got, want) {
			t.Errorf("kind %d: %q, want %q", kind, got, want)
		}
	}
}

func TestDetect(t *testing.T) {
	tests := []struct {
		name  string
		input string
		want  []string
	}{
		{"object", "\n {\"Records\":[{\"a\":1}]}", []string{`{"a":1}`}},
		{"array", "[ {\"a\":1}]", []string{`{"a":1}`}},
		{"empty array", "[]", nil},
		{"bracketed time", "[24/Jan/2022:16:51:02 +0000] - 404\n", []string{`[24/Jan/2022:16:51:02 +0000] - 404`}},
		{"access log", "192.0.2.1 - - x\n{\"a\":1}\n", []string{`192.0.2.1 - - x`, `{"a":1}`}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":\n1}", []string{"{\"a\":\n1}"}},
		{"indented text", "  a\n", []string{`  a`}},
		{"white space", " \n", nil},
		{"only a bracket", "[", []string{"truncated: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Format: Format{Kind: Detect, EnvelopeKeys: allKeys}}
			for name, r := range readers(tt.input) {
				if diff := cmp.Diff(tt.want, show(split(t, r, o))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestRecordAboveLimit(t *testing.T) {
	large := `{"x":"` + strings.Repeat("y", 20<<20) + `"}`
	digest := sha256.Sum256([]byte(large))
	for name, input := range map[string]string{
		"ndjson":     `{"a":1}` + "\n" + large + "\n" + `{"b":2}`,
		"CloudTrail": `{"Records":[{"a":1},` + large + `,{"b":2}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := New(strings.NewReader(input), Options{Format: Format{EnvelopeKeys: allKeys}})
			got := drain(t, s)
			if len(got) != 3 || string(got[0].Value) != `{"a":1}` || string(got[2].Value) != `{"b":2}` {
				t.Fatalf("neighbours are lost: %d pieces", len(got))
			}
			p := got[1]
			if p.Reason != event.ReasonTooLarge || p.Size != int64(len(large)) || string(p.Value) != large[:keptHead] || p.SHA256 != hex.EncodeToString(digest[:]) {
				t.Errorf("got reason %s, size %d, %d bytes kept, digest %s", p.Reason, p.Size, len(p.Value), p.SHA256)
			}
			if len(s.buf) > 3*DefaultRecordLimit {
				t.Errorf("window grew to %d bytes", len(s.buf))
			}
		})
	}
}

// An object with an envelope key may be longer than a record in front of its array.
func TestLongEnvelopeHead(t *testing.T) {
	input := `{"note":"` + strings.Repeat("y", 1000) + `","Records":[{"a":1}]}`
	got := split(t, strings.NewReader(input), Options{Format: Format{EnvelopeKeys: allKeys}, Limits: Limits{Record: 100}})
	if diff := cmp.Diff([]string{`{"a":1}`}, show(got)); diff != "" {
		t.Error(diff)
	}
}

func TestElementsBeforeTheEnd(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go fmt.Fprint(w, `{"Records":[{"a":1},`)
	p, err := New(r, Options{Format: Format{EnvelopeKeys: allKeys}}).Next()
	if err != nil || string(p.Value) != `{"a":1}` {
		t.Errorf("got %q, %v while the object is open", p.Value, err)
	}
}

func TestReaderError(t *testing.T) {
	r := io.MultiReader(strings.NewReader(`{"a":1}{"b"`), iotest.ErrReader(io.ErrClosedPipe))
	s := New(r, Options{})
	if p, err := s.Next(); err != nil || string(p.Value) != `{"a":1}` {
		t.Fatalf("got %q, %v", p.Value, err)
	}
	if p, err := s.Next(); err != io.ErrClosedPipe {
		t.Errorf("got %+v, %v: an I/O error is no truncation", p, err)
	}
}

func TestGrowing(t *testing.T) {
	var file bytes.Buffer
	s := New(&file, Options{Growing: true, Format: Format{EnvelopeKeys: allKeys}})
	steps := []struct {
		add     string
		want    []string
		pending bool
	}{
		{"", nil, false},
		{"{\"a\":1}\n{\"b\"", []string{`{"a":1}`}, true},
		{"", nil, true},
		{":2}", []string{`{"b":2}`}, false},
		{"\n12", nil, true},
		{"3\n", []string{`123`}, false},
		{"{\"Records\":[4,", []string{`4`}, true},
		{"5]", []string{`5`}, true},
		{"}", nil, false},
		{"{\"c\"", nil, true},
	}
	for i, step := range steps {
		file.WriteString(step.add)
		if diff := cmp.Diff(step.want, show(drain(t, s))); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		if s.Pending() != step.pending {
			t.Errorf("step %d: pending is %v", i, s.Pending())
		}
	}
	before := s.Position()
	s.Finish()
	if diff := cmp.Diff([]string{`truncated: {"c"`}, show(drain(t, s))); diff != "" {
		t.Error(diff)
	}
	if after := s.Position(); after != before {
		t.Errorf("a truncated record moved the position from %v to %v", before, after)
	}
}

func TestDeadLetter(t *testing.T) {
	p := Piece{Offset: 7, Value: []byte("abc"), Size: 3, Reason: event.ReasonSyntax, Detail: "why"}
	got := p.DeadLetter("aws.cloudtrail", event.Origin{Collector: "c", Object: "file:/x"})
	want := event.DeadLetter{
		Source: "aws.cloudtrail", Stage: event.StageCollect, Reason: event.ReasonSyntax, Detail: "why",
		Origin: event.Origin{Collector: "c", Object: "file:/x", Position: 7},
		Value:  []byte("abc"), Size: 3,
		SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The scanner agrees with encoding/json on which bytes are one JSON value.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+7,true,null,"\u00e9\n"]}`, `[[],{}]`, `01`, `"\x"`, `{"a":1,}`, `nul`, `-`, ` 1 `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s scanner
		s.reset(nil)
		n, v := s.scan(data)
		valid := v == scanDone && len(bytes.TrimLeft(data[n:], " \t\r\n")) == 0 || v == scanMore && s.completeAtEnd()
		if s.open.depth == maxDepth {
			return
		}
		if want := json.Valid(data); valid != want {
			t.Errorf("%q: valid is %v, encoding/json says %v", data, valid, want)
		}
	})
}
