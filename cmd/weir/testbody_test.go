package main

import (
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
)

// TestBodies: every destination that a test may name renders an alert, always to the
// same bytes.
func TestBodies(t *testing.T) {
	render, err := bodyRenderer(nil)
	if err != nil {
		t.Fatal(err)
	}
	var alert ocsf.Event
	if err := alert.UnmarshalJSON(sinks.NewTestAlert("x", time.Unix(1_767_225_600, 0)).Value); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"terminal", "file", "slack", "teams", "pagerduty", "webhook", "splunk", "elastic", "sentinel", "syslog", "kafka"} {
		body, err := render(name, &alert)
		if err != nil || len(body) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
		if again, err := render(name, &alert); err != nil || string(again) != string(body) {
			t.Errorf("%s: another body the second time: %v\n%s\n%s", name, err, body, again)
		}
	}
	if _, err := render("slak", &alert); err == nil || !strings.Contains(err.Error(), `did you mean "slack"?`) {
		t.Errorf("an unknown destination: %v", err)
	}
}
