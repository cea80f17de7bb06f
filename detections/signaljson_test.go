package detections

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

// fullSignal has every member.
func fullSignal() *Signal {
	return &Signal{
		Rule: "aws/root", Identity: "root", Version: "v1", Digest: "d", Severity: 4, Time: 1_767_225_600_000, Source: "aws.cloudtrail",
		UID: "5a1c", Group: `["ä<\"b",null]`, Step: 2, Value: `"x"`, Sum: -7, Title: "A & \u2028 \x00 \xff title",
		Context:  []json.RawMessage{json.RawMessage(`null`), json.RawMessage(`"<a>"`), json.RawMessage(`{"k":[1.50]}`)},
		Evidence: evidenceOf(sampleEvent(), new(ocsf.Event), new([]byte), ""), Error: "no",
	}
}

// signalValues are records of signals, whole and broken.
func signalValues() []string {
	var all []string
	for _, s := range []*Signal{fullSignal(), {}, testSignal("each", 5, "u", "g"), {Context: []json.RawMessage{}}} {
		older, _ := json.Marshal(envelope{Signal: s}) // as weir wrote it before
		all = append(all, string(s.AppendJSON(nil)), string(older))
	}
	for _, h := range []*Heartbeat{{}, {Partition: "raw/0", MaxTime: 1, Lateness: 2, Idle: true, Partitions: 3, Sent: math.MaxInt64}} {
		older, _ := json.Marshal(envelope{Heartbeat: h})
		all = append(all, string(h.AppendJSON(nil)), string(older))
	}
	whole := all[0]
	for i := 0; i < len(whole); i += 7 {
		all = append(all, whole[:i], whole[:i]+"x"+whole[i:], whole[:i]+whole[min(i+1, len(whole)):])
	}
	return append(all, ``, `{}`, `[]`, `null`, `{"signal":null}`, `{"signal":{},"heartbeat":{}}`, `{"signal":5}`, `{"Signal":{"RULE":"x"}}`, `{"signal":{"rule":null}}`,
		`{"signal":{"severity":4294967296}}`, `{"signal":{"severity":1.0}}`, `{"signal":{"step":1e2}}`, `{"signal":{"rule":"a","rule":"b"}}`, `{"signal":{"zz":1}}`,
		`{"signal":{"evidence":null,"context":[null]}}`, `{"signal":{"context":null}}`, `{"signal":{"evidence":{"a":1,"a":2}}}`, `{"signal":{}} `, `{"signal":{}}{}`, `{"heartbeat":{"idle":false}}`,
		`{"signal":{"title":"\ud800"}}`, "{\"signal\":{\"title\":\"\xff\"}}", `{"signal":{"evidence":`+strings.Repeat("[", 12000)+strings.Repeat("]", 12000)+`}}`)
}

// checkParse holds ParseSignal against encoding/json.
func checkParse(t *testing.T, value string) (streamed bool) {
	t.Helper()
	s, h, err := ParseSignal([]byte(value))
	wantS, wantH, wantErr := parseSignal([]byte(value))
	if (err == nil) != (wantErr == nil) || !cmp.Equal(wantS, s) || !cmp.Equal(wantH, h) {
		t.Errorf("%s\n\tgives %+v %+v %v, encoding/json %+v %+v %v", value, s, h, err, wantS, wantH, wantErr)
	}
	var r signalStream
	_, _, streamed = r.parse([]byte(value))
	return streamed
}

func TestParseSignalEqualsReference(t *testing.T) {
	streamed := 0
	for _, value := range signalValues() {
		if checkParse(t, value) {
			streamed++
		}
	}
	if streamed < 6 {
		t.Errorf("%d of the records are read at once, which shows too little", streamed)
	}
	for _, s := range []*Signal{fullSignal(), testSignal("each", 5, "u", "g")} {
		if !checkParse(t, string(s.AppendJSON([]byte("x"))[1:])) {
			t.Errorf("what weir writes is not read at once: %s", s.AppendJSON(nil))
		}
	}
}

// TestAppendSignal: what is written is what encoding/json would write, in another order.
func TestAppendSignal(t *testing.T) {
	for _, s := range []*Signal{fullSignal(), {}, testSignal("each", 5, "u", "g")} {
		older, err := json.Marshal(envelope{Signal: s})
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(older, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(s.AppendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzParseSignal(f *testing.F) {
	for _, value := range signalValues() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) { checkParse(t, value) })
}

func BenchmarkParseSignal(b *testing.B) {
	value := fullSignal().AppendJSON(nil)
	for name, parse := range map[string]func([]byte) (*Signal, *Heartbeat, error){"stream": ParseSignal, "encoding_json": parseSignal} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if _, _, err := parse(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
