package sinks

import (
	"errors"
	"fmt"
	"time"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Attributes are what of an alert decides where it goes, and what the head of a
// message shows.
type Attributes struct {
	// Finding is finding_info.uid: one for an alert and its roll-up, whose ids differ.
	Finding  string
	Title    string
	Severity int32 // severity_id
	Rule     string
	Source   string // of the event that alerted; empty if it has none
	Tags     []string
	Time     time.Time
	Rollup   bool
	// Test marks the alert of `weir deliver test`.
	Test bool
}

// SeverityName is the severity as rules spell it, or "unknown".
func (a Attributes) SeverityName() string {
	if name, known := severityNames[a.Severity]; known {
		return name
	}
	return "unknown"
}

// Severities are the names of severities, the least first.
var Severities = []string{"informational", "low", "medium", "high", "critical", "fatal"}

var severityNames = map[int32]string{
	ocsf.SeverityIDInformational: Severities[0],
	ocsf.SeverityIDLow:           Severities[1],
	ocsf.SeverityIDMedium:        Severities[2],
	ocsf.SeverityIDHigh:          Severities[3],
	ocsf.SeverityIDCritical:      Severities[4],
	ocsf.SeverityIDFatal:         Severities[5],
}

// SeverityID is the severity_id of a name, 0 if it is none.
func SeverityID(name string) int32 {
	for id, n := range severityNames {
		if n == name {
			return id
		}
	}
	return ocsf.SeverityIDUnknown
}

// Reader makes alerts of the records of the topic alerts. Its zero value is ready;
// it belongs to one goroutine.
type Reader struct{ doc jsondoc.Doc }

// Read makes an alert of a record's key and value. With an error the alert has no
// attributes; it may be delivered all the same, for the destination to refuse.
func (r *Reader) Read(id string, value []byte) (Alert, error) {
	alert := Alert{ID: id, Value: value}
	r.doc.Wrapped = jsondoc.MaxWrapped
	if err := r.doc.Parse(value); err != nil {
		return alert, fmt.Errorf("read alert: %w", err)
	}
	root := r.doc.Root()
	info, weir := root.Get("finding_info"), root.Path("unmapped", "weir")
	a := Attributes{
		Finding: info.Get("uid").Text(),
		Title:   info.Get("title").Text(),
		Rule:    info.Path("analytic", "uid").Text(),
		Source:  root.Path("metadata", "log_provider").Text(),
		Rollup:  weir.Get("kind").Text() == "rollup",
	}
	if a.Finding == "" {
		return alert, errors.New("read alert: no finding_info.uid: not an OCSF Detection Finding")
	}
	severity, _ := root.Get("severity_id").Int()
	a.Severity = int32(severity)
	if ms, ok := root.Get("time").Int(); ok {
		a.Time = time.UnixMilli(ms).UTC()
	}
	for tag := range info.Get("types").Elements {
		a.Tags = append(a.Tags, tag.Text())
	}
	a.Test, _ = weir.Get("test").Bool()
	alert.Attributes = a
	return alert, nil
}
