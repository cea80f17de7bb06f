package sinks

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const alertJSON = `{"metadata":{"uid":"u1","log_provider":"aws.cloudtrail"},"severity_id":4,"time":1793700000123,
"finding_info":{"uid":"f1","title":"CloudTrail StopLogging by alice","types":["pci","logging"],"analytic":{"uid":"aws.cloudtrail.logging_disabled"}},
"unmapped":{"weir":{"kind":"rollup"}}}`

func TestRead(t *testing.T) {
	var r Reader
	got, err := r.Read("u1", []byte(alertJSON))
	if err != nil {
		t.Fatal(err)
	}
	want := Attributes{
		Finding: "f1", Title: "CloudTrail StopLogging by alice", Severity: 4, Rule: "aws.cloudtrail.logging_disabled",
		Source: "aws.cloudtrail", Tags: []string{"pci", "logging"}, Time: time.UnixMilli(1793700000123).UTC(), Rollup: true,
	}
	if diff := cmp.Diff(want, got.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if got.Attributes.SeverityName() != "high" || SeverityID("high") != 4 {
		t.Errorf("severity %s, %d", got.Attributes.SeverityName(), SeverityID("high"))
	}
	for _, bad := range []string{"", "{", `{"finding_info":{}}`, `[1]`} {
		a, err := r.Read("u2", []byte(bad))
		if err == nil || a.ID != "u2" || string(a.Value) != bad || a.Attributes.Finding != "" {
			t.Errorf("%q: %+v, %v", bad, a, err)
		}
	}
}

func TestRouteTakes(t *testing.T) {
	var r Reader
	alert, err := r.Read("u1", []byte(alertJSON))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		route Route
		want  bool
	}{
		{"everything", Route{}, true},
		{"severity, at least", Route{MinSeverity: 4}, true},
		{"severity, above", Route{MinSeverity: 5}, false},
		{"source", Route{Sources: []string{"azure.activity", "aws.cloudtrail"}}, true},
		{"another source", Route{Sources: []string{"azure.activity"}}, false},
		{"rule", Route{Rules: []string{"aws.cloudtrail.logging_disabled"}}, true},
		{"rules below", Route{Rules: []string{"kubernetes.*", "aws.*"}}, true},
		{"rules within", Route{Rules: []string{"*.logging_*"}}, true},
		{"no prefix", Route{Rules: []string{"aws.cloudtrail"}}, false},
		{"tag", Route{Tags: []string{"hipaa", "pci"}}, true},
		{"another tag", Route{Tags: []string{"hipaa"}}, false},
		{"all must hold", Route{MinSeverity: 4, Tags: []string{"pci"}, Rules: []string{"azure.*"}}, false},
		{"no roll-ups", Route{NoRollups: true}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.route.Takes(&alert.Attributes); got != tt.want {
				t.Errorf("takes it: %v", got)
			}
			if !tt.route.Takes(&Attributes{}) {
				t.Error("an alert that cannot be read was left out: it would be lost in silence")
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	busy := func(s time.Duration) error {
		return fmt.Errorf("post: %w", &BusyError{After: s * time.Second, Err: errors.New("429")})
	}
	partial := &PartialError{Failures: []Failure{{Index: 0, Err: busy(3)}, {Index: 1, Err: busy(7)}, {Index: 2, Err: errors.New("500")}}}
	for _, tt := range []struct {
		err  error
		want time.Duration
	}{
		{nil, 0},
		{errors.New("500"), 0},
		{busy(5), 5 * time.Second},
		{fmt.Errorf("bulk: %w", partial), 7 * time.Second},
		{errors.Join(errors.New("x"), busy(2)), 2 * time.Second},
	} {
		if got := RetryAfter(tt.err); got != tt.want {
			t.Errorf("RetryAfter(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestRefuseAll(t *testing.T) {
	retry, refused := Outcome(2, RefuseAll(2, errors.New("413")))
	if len(retry) != 0 || len(refused) != 2 || refused[1].Index != 1 || !refused[1].Permanent {
		t.Errorf("retry %v, refused %v", retry, refused)
	}
}
