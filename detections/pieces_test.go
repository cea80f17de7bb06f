package detections

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMergePatch holds the examples of RFC 7396, appendix A.
func TestMergePatch(t *testing.T) {
	for _, test := range []struct{ document, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":12345678901234567890,"s":"<&>"}`, `{}`, `{"n":12345678901234567890,"s":"<&>"}`},
	} {
		got, err := mergePatch([]byte(test.document), []byte(test.patch))
		if err != nil || string(got) != test.want {
			t.Errorf("%s + %s = %s, %v, want %s", test.document, test.patch, got, err, test.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "10m": 10 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1w": 168 * time.Hour, "0s": 0,
	} {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "5", "s", "1 h", "-1s", "1.5h", "1ms", "99999999999999999999s", "9999999999w"} {
		if got, err := parseDuration(bad); err == nil {
			t.Errorf("%q = %v", bad, got)
		}
	}
}

func TestSplitTemplate(t *testing.T) {
	for text, want := range map[string][]span{
		"":            nil,
		"plain":       {{text: "plain"}},
		"{a} by {b}":  {{text: "a", isExpr: true, offset: 1}, {text: " by "}, {text: "b", isExpr: true, offset: 8}},
		"{{x}} {a}":   {{text: "{x} "}, {text: "a", isExpr: true, offset: 7}},
		`{f("}")}`:    {{text: `f("}")`, isExpr: true, offset: 1}},
		`{f('\'}')}`:  {{text: `f('\'}')`, isExpr: true, offset: 1}},
		"ä{{'k':1}}x": {{text: "ä{'k':1}x"}},
		"ä{size({})}": {{text: "ä"}, {text: "size({})", isExpr: true, offset: 2}},
	} {
		got, problem, _ := splitTemplate(text)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" || problem != "" {
			t.Errorf("%q: %s%s", text, problem, diff)
		}
	}
	for text, at := range map[string]int{"a {b": 2, "a } b": 2, "{a}}": 3, `{"}`: 0} {
		if _, problem, got := splitTemplate(text); problem == "" || got != at {
			t.Errorf("%q: problem %q at %d, want at %d", text, problem, got, at)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"alice": "alice", "a\nb\x1b[31m": "a b [31m", "a\u202eb": "a b", "ä": "ä",
		strings.Repeat("é", 300): strings.Repeat("é", 256) + "…",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q prints as %q", text, got)
		}
	}
}

func TestCheckTechnique(t *testing.T) {
	if _, err := parseAttack(attackText); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"T1685": "", "T1685.002": "", "T1003.008": "", "T1690": "",
		"T1562.008": "ATT&CK has replaced T1562.008 by T1685.002",
		"T1003.009": "ATT&CK's T1003 has no sub-technique T1003.009",
		"T1053.001": "ATT&CK's T1053 has no sub-technique T1053.001",
		"t1003":     `"t1003" is no ATT&CK technique id; did you mean "T1003"?`,
		"TA0003":    "TA0003 is an ATT&CK tactic; list techniques, as T1110 and T1110.003",
		"T100":      `"T100" is no ATT&CK technique id; they look like T1110 and T1110.003`,
	} {
		if got := checkTechnique(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	for old, replacement := range attackIDs() {
		if replacement != "" && checkTechnique(replacement) != "" {
			t.Errorf("%s is replaced by %s, which is not known", old, replacement)
		}
	}
	for _, bad := range []string{"T1/x", "T1/1-y"} {
		if _, err := parseAttack(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestFloorDiv(t *testing.T) {
	for _, test := range []struct{ a, b, want int64 }{{7, 3, 2}, {6, 3, 2}, {0, 3, 0}, {-1, 3, -1}, {-3, 3, -1}, {-4, 3, -2}} {
		if got := floorDiv(test.a, test.b); got != test.want {
			t.Errorf("floorDiv(%d, %d) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestEnvelopeAdvice(t *testing.T) {
	for record, want := range map[string]string{
		`{"Records":[{}]}`:                "; it is a whole log file: give the elements of Records",
		`{"kind":"EventList","items":[]}`: "; it is a whole log file: give the elements of items",
		`{"Records":"none"}`:              "",
		`{"eventName":"StopLogging"}`:     "",
		`GET / HTTP/1.1`:                  "",
	} {
		if got := envelopeAdvice([]byte(record)); got != want {
			t.Errorf("%s: got %q, want %q", record, got, want)
		}
	}
}
