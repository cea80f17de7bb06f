package sinks

import (
	"testing"
	"time"

	"github.com/weir-security/weir/schemas/ocsf/facts"
)

func TestNewTestAlert(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 30, 0, 123456789, time.UTC)
	alert := NewTestAlert("soc", at)
	for _, v := range facts.Validate(alert.Value) {
		t.Errorf("%v", v)
	}
	a := alert.Attributes
	if !a.Test || a.Finding != alert.ID || a.Rule != TestRule || a.Title != "TEST of weir's destination soc, nothing happened" {
		t.Errorf("attributes %+v", a)
	}
	if again := NewTestAlert("soc", at); again.ID != alert.ID || NewTestAlert("other", at).ID == alert.ID {
		t.Error("the id is not one of destination and time")
	}
}
