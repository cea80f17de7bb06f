package finding_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/finding"
	"github.com/weir-security/weir/sinks/internal/sinktest"
)

func TestRead(t *testing.T) {
	var r finding.Reader
	got, err := r.Read(sinktest.Alert(6))
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1794996849597).UTC()
	want := finding.Finding{
		ID: sinktest.ID(6), UID: sinktest.ID(5), Kind: "rollup", Time: at, Processed: at.Add(2 * time.Second),
		Rule: "aws.cloudtrail.logging_disabled", RuleName: "CloudTrail logging disabled", RuleVersion: "915706245b4d",
		Title: `CloudTrail StopLogging by "dana" <6>`, Description: "A trail was stopped.\nAttackers do this first.",
		Source: "aws.cloudtrail", Severity: "Low", SeverityID: 2, Count: 2, FirstSeen: at, LastSeen: at,
		Techniques: []string{"T1562.008"}, Tags: []string{"defense-evasion"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(jsondoc.Value{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	var r finding.Reader
	for _, text := range []string{"", "no", "[]", `"x"`, "null", `{"a":`, `{} {}`} {
		if _, err := r.Read(sinks.Alert{ID: "a", Value: []byte(text)}); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	if _, err := r.Read(sinks.Alert{Value: []byte(`{}`)}); err == nil {
		t.Error("an alert without any id was read")
	}
	f, err := r.Read(sinks.Alert{Value: []byte(`{"metadata":{"uid":"m"}}`)})
	if err != nil || f.ID != "m" {
		t.Errorf("got id %q, %v", f.ID, err)
	}
}

func TestPlausible(t *testing.T) {
	const processed = 1794996849597
	day := int64(24 * time.Hour / time.Millisecond)
	for _, tt := range []struct {
		name    string
		at      string
		made    bool
		isTheir bool // the event's own time
	}{
		{"now", fmt.Sprint(processed), true, true},
		{"an hour ahead", fmt.Sprint(processed + day/24), true, true},
		{"two days ahead", fmt.Sprint(processed + 2*day), true, false},
		{"a year ago", fmt.Sprint(processed - 365*day), true, true},
		{"two years ago", fmt.Sprint(processed - 730*day), true, false},
		{"1970", "0", true, false},
		{"year 100,000", "3093527980800000", true, false},
		{"a text", `"now"`, true, false},
		{"no time of making", "1794996849597", false, true},
	} {
		text := fmt.Sprintf(`{"time":%s}`, tt.at)
		if tt.made {
			text = fmt.Sprintf(`{"time":%s,"metadata":{"processed_time":%d}}`, tt.at, processed)
		}
		var r finding.Reader
		f, err := r.Read(sinks.Alert{ID: "a", Value: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		want := time.UnixMilli(processed).UTC()
		if tt.isTheir {
			want = f.Time
		}
		if got := f.Plausible(); !got.Equal(want) || got.IsZero() {
			t.Errorf("%s: got %s, want %s", tt.name, got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", `"quoted" \ back`, "<&>", "a\nb\x00\x7f", "é\u2028\U0001f600", "bad\xff", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := finding.AppendMember([]byte("{"), s, s)
		text = append(finding.AppendMember(text, "other", s), '}')
		var got map[string]string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var want string
		quoted, _ := json.Marshal(s)
		_ = json.Unmarshal(quoted, &want)
		if got["other"] != want {
			t.Errorf("%q reads as %q", s, got["other"])
		}
	})
}
