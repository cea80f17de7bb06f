package ocsf_test

import (
	"strings"
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

// FuzzValidate: validator and codec were made from the same facts by different
// code. What is valid is refused by the reader only for being outside of the
// selection, and what it reads stays valid when it is written again.
func FuzzValidate(f *testing.F) {
	var ev ocsf.Event
	stopLogging(&ev)
	f.Add(ev.AppendJSON(nil))
	minimal := `"severity_id":1,"time":1,"metadata":{"version":"1.8.0","product":{"uid":"p"},"profiles":["cloud","host"]}}`
	f.Add([]byte(`{"class_uid":0,"category_uid":0,"activity_id":0,"type_uid":0,"cloud":{"provider":"Azure"},` + minimal))
	f.Add([]byte(`{"class_uid":4001,"category_uid":4,"activity_id":6,"type_uid":400106,"cloud":{"provider":"AWS"},"dst_endpoint":{"ip":"::1"},` + minimal))
	f.Add([]byte(`{"class_uid":2004,"category_uid":2,"activity_id":1,"type_uid":200401,"osint":[],"finding_info":{"uid":"f"},` + minimal))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(facts.Validate(data)) > 0 {
			return
		}
		var ev ocsf.Event
		if err := ev.UnmarshalJSON(data); err != nil {
			if !strings.Contains(err.Error(), "no such attribute in the selection") {
				t.Fatalf("valid, but %v\n%s", err, data)
			}
			return
		}
		for _, v := range facts.Validate(ev.AppendJSON(nil)) {
			t.Errorf("written again: %v\n%s\n%s", v, data, ev.AppendJSON(nil))
		}
	})
}
