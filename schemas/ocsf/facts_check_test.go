package ocsf_test

import (
	"testing"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// TestBuiltEventIsValid: what setters derive agrees with what the facts demand.
func TestBuiltEventIsValid(t *testing.T) {
	var ev ocsf.Event
	stopLogging(&ev)
	for _, v := range facts.Validate(ev.AppendJSON(nil)) {
		t.Errorf("%v", v)
	}
}
