package deadletter

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
)

// tryShape takes a record for an event if it has the shape of its source.
func tryShape(r *event.Record) (event.Reason, string) {
	if found, _ := sources.Builtin().Detect(r.Value); found == r.Source {
		return "", ""
	}
	return event.ReasonWrongSource, "not of this source"
}

const (
	accessLine = `203.0.113.9 - - [18/Nov/2026:09:41:20 +0000] "GET /pot HTTP/1.1" 418 157 "-" "curl/8.14.1"`
	apiCall    = `{"eventVersion":"1.11","eventTime":"2026-11-18T09:41:07Z","eventSource":"iam.amazonaws.com","eventName":"ListUsers","eventID":"c-1","userIdentity":{"type":"IAMUser"}}`
)

func letterOf(source, value string) *Letter {
	return &Letter{DeadLetter: event.DeadLetter{
		Source: source, Stage: event.StageNormalize, Reason: event.ReasonWrongSource,
		Origin: event.Origin{Collector: "c", Object: "o", Position: 100}, Value: []byte(value), Size: int64(len(value)),
	}}
}

// What no fix of a mapper helps is refused, forced or not, with what to do instead.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Letter)
		why  string
	}{
		{"an alert", func(l *Letter) { l.Stage = event.StageDeliver }, "destination refused"},
		{"a large alert", func(l *Letter) { l.Stage = event.StageCorrelate }, "max.message.bytes"},
		{"a row", func(l *Letter) { l.Stage = event.StageStore }, "could not hold"},
		{"the end is missing", func(l *Letter) { l.Reason = event.ReasonTruncated }, "whole"},
		{"only a beginning", func(l *Letter) { l.Size++ }, "raise limits.record"},
		{"above the limit", func(l *Letter) { l.Value = make([]byte, 2000); l.Size = 2000 }, "1000 bytes"},
		{"a source that nobody reads", func(l *Letter) { l.Source = normalize.AzureActivity }, "azure.activity: {}"},
		{"an unknown source", func(l *Letter) { l.Source = "acme" }, "--as"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := letterOf(normalize.AWSCloudTrail, apiCall)
			test.edit(l)
			j := Judge{Sources: sources.Builtin(), Used: []string{normalize.AWSCloudTrail, "acme"}, Try: func(*event.Record) (event.Reason, string) { return "", "" }, Force: true, RecordLimit: 1000}
			v := j.of(l)
			if v.goes() || !strings.Contains(v.cause.Why, test.why) || v.cause.Now != "" {
				t.Errorf("%d records, cause %+v, want one that says %q", len(v.records), v.cause, test.why)
			}
		})
	}
}

// What goes, goes with the origin that the collector would have given it.
func TestBecomes(t *testing.T) {
	for _, test := range []struct {
		name, source, value string
		judge               Judge
		want                []string // source@position value
		rejects             int
	}{
		{"itself", normalize.AWSCloudTrail, apiCall, Judge{}, []string{"aws.cloudtrail@100 " + apiCall}, 0},
		{"another source's", "azure.activity", apiCall, Judge{As: "aws.cloudtrail"}, []string{"aws.cloudtrail@100 " + apiCall}, 0},
		{"what fails again stays", "azure.activity", apiCall, Judge{}, nil, 0},
		{"itself by force", "azure.activity", apiCall, Judge{Force: true}, []string{"azure.activity@100 " + apiCall}, 0},
		{
			"the records of an envelope", "azure.activity", `{"Records":[` + apiCall + `,{"a":1},` + apiCall + `]}`, Judge{As: "aws.cloudtrail"},
			[]string{"aws.cloudtrail@112 " + apiCall, `aws.cloudtrail@` + strconv.Itoa(113+len(apiCall)) + ` {"a":1}`, "aws.cloudtrail@" + strconv.Itoa(121+len(apiCall)) + " " + apiCall}, 0,
		},
		{
			"lines", "aws.cloudtrail", accessLine + "\n" + strings.Repeat("x", 500) + "\n" + accessLine, Judge{As: "gateway.nginx"},
			[]string{"gateway.nginx@100 " + accessLine, "gateway.nginx@" + strconv.Itoa(101+len(accessLine)) + " " + strings.Repeat("x", 500), "gateway.nginx@" + strconv.Itoa(602+len(accessLine)) + " " + accessLine}, 0,
		},
		{"an envelope of nothing known", "azure.activity", `{"Records":[{"a":1},{"a":2}]}`, Judge{As: "aws.cloudtrail"}, nil, 0},
		{"what is broken inside is a new letter", "gateway.nginx", `{"Records":[` + apiCall + `,{"a":,]}`, Judge{As: "aws.cloudtrail"}, []string{"aws.cloudtrail@112 " + apiCall}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := test.judge
			j.Try, j.Sources = tryShape, sources.Builtin()
			if j.RecordLimit == 0 {
				j.RecordLimit = 1 << 20
			}
			v := j.of(letterOf(test.source, test.value))
			var got []string
			for _, r := range v.records {
				got = append(got, r.Source+"@"+strconv.Itoa(int(r.Origin.Position))+" "+string(r.Value))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if len(v.rejects) != test.rejects {
				t.Errorf("rejects are %+v", v.rejects)
			}
			for _, d := range v.rejects {
				if d.Origin.Position <= 100 || !strings.HasPrefix(test.value[d.Origin.Position-100:], string(d.Value)) {
					t.Errorf("%q is not at %d", d.Value, d.Origin.Position)
				}
			}
			if v.goes() == (v.cause != Cause{}) {
				t.Errorf("goes is %v, and the cause to stay %+v", v.goes(), v.cause)
			}
		})
	}
}

func TestLooksLike(t *testing.T) {
	for value, want := range map[string]string{
		apiCall: "aws.cloudtrail", `{"Records":[` + apiCall + `]}`: "aws.cloudtrail", accessLine: "gateway.nginx", `{"a":1}`: "", "": "",
	} {
		if got := (&Judge{Sources: sources.Builtin()}).looksLike([]byte(value), "azure.activity"); got != want {
			t.Errorf("%.40q looks like %q, want %q", value, got, want)
		}
		if got := (&Judge{Sources: sources.Builtin()}).looksLike([]byte(value), want); got != "" {
			t.Errorf("%.40q of %q looks like %q", value, want, got)
		}
	}
}
