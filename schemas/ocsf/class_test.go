package ocsf_test

import (
	"strconv"
	"testing"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// TestClassCaptions sets every activity and status of every class, and compares
// with the facts.
func TestClassCaptions(t *testing.T) {
	f := facts.Load()
	if len(ocsf.Classes) != 11 {
		t.Errorf("%d classes, want 11", len(ocsf.Classes))
	}
	for _, c := range ocsf.Classes {
		fc := f.Class(c.Name)
		var ev ocsf.Event
		for _, v := range c.Attribute("activity_id").Enum {
			ev.Reset()
			ev.SetClass(c.UID)
			ev.SetActivityID(int32(v.Value))
			caption := fc.Attributes["activity_id"].Enum[strconv.FormatInt(v.Value, 10)]
			if v.Value != 99 && ev.ActivityName() != caption {
				t.Errorf("%s activity %d: name is %q, want %q", c.Name, v.Value, ev.ActivityName(), caption)
			}
			if want := fc.Caption + ": " + caption; ev.TypeName() != want {
				t.Errorf("%s activity %d: type_name is %q, want %q", c.Name, v.Value, ev.TypeName(), want)
			}
			if want := int64(fc.UID)*100 + v.Value; ev.TypeUID() != want {
				t.Errorf("%s activity %d: type_uid is %d, want %d", c.Name, v.Value, ev.TypeUID(), want)
			}
		}
		if ev.ClassUID() != fc.UID || ev.ClassName() != fc.Caption || ev.CategoryUID() != fc.CategoryUID ||
			ev.CategoryName() != f.CategoryName(fc.CategoryUID) || ev.Class() != c.UID || c.UID.Name() != c.Name {
			t.Errorf("%s: class %d %q, category %d %q", c.Name, ev.ClassUID(), ev.ClassName(), ev.CategoryUID(), ev.CategoryName())
		}
		for _, v := range c.Attribute("status_id").Enum {
			ev.SetStatusID(int32(v.Value))
			if want := fc.Attributes["status_id"].Enum[strconv.FormatInt(v.Value, 10)]; v.Value != 99 && ev.Status() != want {
				t.Errorf("%s status %d: %q, want %q", c.Name, v.Value, ev.Status(), want)
			}
		}
	}
}

// TestSetClassLate: a mapper may learn the class after activity and status.
func TestSetClassLate(t *testing.T) {
	var ev ocsf.Event
	ev.SetActivityID(1)
	ev.SetStatusID(2)
	ev.SetClass(ocsf.ClassDetectionFinding)
	if ev.Status() != "In Progress" || ev.ActivityName() != "Create" || ev.TypeName() != "Detection Finding: Create" {
		t.Errorf("as a finding: %q %q %q", ev.Status(), ev.ActivityName(), ev.TypeName())
	}
	ev.SetClass(ocsf.ClassAuthentication)
	if ev.Status() != "Failure" || ev.ActivityName() != "Logon" || ev.TypeUID() != 300201 {
		t.Errorf("as a logon: %q %q %d", ev.Status(), ev.ActivityName(), ev.TypeUID())
	}
}

func TestOtherActivity(t *testing.T) {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassHTTPActivity)
	ev.SetActivityID(ocsf.HTTPActivityActivityIDOther)
	ev.SetActivityName("PROPFIND")
	if ev.ActivityName() != "PROPFIND" || ev.TypeName() != "HTTP Activity: Other" {
		t.Errorf("got %q, %q", ev.ActivityName(), ev.TypeName())
	}
	ev.SetActivityID(ocsf.HTTPActivityActivityIDOther)
	if ev.ActivityName() != "PROPFIND" {
		t.Errorf("99 changes the source's word to %q", ev.ActivityName())
	}
}

func TestUnknownClass(t *testing.T) {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(2)
	ev.SetClass(1007)
	if ev.HasClassName() || ev.HasCategoryUID() || ev.HasTypeName() || ev.TypeUID() != 100702 || ev.Class().Name() != "" {
		t.Errorf("got %s", ev.AppendJSON(nil))
	}
}

func TestLookups(t *testing.T) {
	c := ocsf.ClassByName("api_activity")
	if c == nil || c.UID != ocsf.ClassAPIActivity {
		t.Fatalf("ClassByName gives %v", c)
	}
	if a := c.Attribute("src_endpoint"); a == nil || a.Object != "network_endpoint" || a.Requirement != "required" {
		t.Errorf("src_endpoint is %+v", a)
	}
	if a := c.Attribute("cloud"); a == nil || a.Profile != "cloud" {
		t.Errorf("cloud is %+v", a)
	}
	if c.Attribute("user") != nil || ocsf.ClassByName("process_activity") != nil || ocsf.ObjectByName("osint") != nil {
		t.Error("a lookup finds what is not there")
	}
	if o := ocsf.ObjectByName("process/1"); o == nil || o.GoName != "Process1" || o.Attribute("parent_process") != nil {
		t.Errorf("process/1 is %+v", o)
	}
}
