// Package finding reads of an alert's OCSF Detection Finding what destinations make
// columns and indexed fields of.
package finding

import (
	"errors"
	"fmt"
	"time"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/sinks"
)

// Finding is an alert, read. It is valid until the Reader's next Read.
type Finding struct {
	// Root is the whole document.
	Root jsondoc.Value

	// ID tells an alert from its roll-up (metadata.uid, the key of its record);
	// UID is one for both (finding_info.uid).
	ID, UID string
	// Kind is "alert" or "rollup"; empty of what weir did not write.
	Kind string
	// Time is when the event that alerted happened; zero if it is not told.
	Time time.Time
	// Processed is when weir made the alert: a fact of the record, not of a clock.
	Processed time.Time

	Rule, RuleName, RuleVersion string
	Title, Description          string
	Source                      string // of the event: "aws.cloudtrail"
	Severity                    string // OCSF's caption: "High"
	SeverityID                  int64
	Count                       int64 // events in the finding
	FirstSeen, LastSeen         time.Time
	Techniques                  []string // of ATT&CK, the sub-technique where there is one
	Tags                        []string
	// Test marks the alert of `weir deliver test`.
	Test bool
}

// Reader reads alerts. Its zero value is ready; it belongs to one goroutine.
type Reader struct{ doc jsondoc.Doc }

// Read reads an alert. An error means that it is no JSON object: no destination can
// take it.
func (r *Reader) Read(a sinks.Alert) (Finding, error) {
	r.doc.Wrapped = jsondoc.MaxWrapped
	if err := r.doc.Parse(a.Value); err != nil {
		return Finding{}, fmt.Errorf("read alert: %w", err)
	}
	root := r.doc.Root()
	if root.Kind() != jsondoc.Object {
		return Finding{}, errors.New("read alert: not a JSON object")
	}
	info, weir := root.Get("finding_info"), root.Path("unmapped", "weir")
	f := Finding{
		Root:        root,
		ID:          a.ID,
		UID:         info.Get("uid").Text(),
		Kind:        weir.Get("kind").Text(),
		Time:        millis(root.Get("time")),
		Processed:   millis(root.Path("metadata", "processed_time")),
		Rule:        info.Path("analytic", "uid").Text(),
		RuleName:    info.Path("analytic", "name").Text(),
		RuleVersion: info.Path("analytic", "version").Text(),
		Title:       info.Get("title").Text(),
		Description: info.Get("desc").Text(),
		Source:      root.Path("metadata", "log_provider").Text(),
		Severity:    root.Get("severity").Text(),
		FirstSeen:   millis(info.Get("first_seen_time")),
		LastSeen:    millis(info.Get("last_seen_time")),
	}
	if f.ID == "" {
		f.ID = root.Path("metadata", "uid").Text()
	}
	if f.ID == "" {
		return Finding{}, errors.New("read alert: no id")
	}
	f.SeverityID, _ = root.Get("severity_id").Int()
	f.Count, _ = root.Get("count").Int()
	f.Test, _ = weir.Get("test").Bool()
	for attack := range info.Get("attacks").Elements {
		id := attack.Path("sub_technique", "uid").Text()
		if id == "" {
			id = attack.Path("technique", "uid").Text()
		}
		if id != "" {
			f.Techniques = append(f.Techniques, id)
		}
	}
	for tag := range info.Get("types").Elements {
		f.Tags = append(f.Tags, tag.Text())
	}
	return f, nil
}

// The years that RFC 3339 can write.
var firstMilli, lastMilli = int64(-62135596800000), int64(253402300799999)

// millis is a timestamp_t; zero if it is none.
func millis(v jsondoc.Value) time.Time {
	ms, ok := v.Int()
	if !ok || ms < firstMilli || ms > lastMilli {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Plausible is the time under which a destination files the alert: Time, unless that is more
// than a day after or 400 days before weir made the alert; then Processed. Who chooses an
// event's time must not hide its alert from "the last hour" or open thousands of
// indices; the lake has the same bounds. It is a function of the alert alone, so that
// one that is sent again is filed where it was.
func (f *Finding) Plausible() time.Time {
	switch {
	case f.Processed.IsZero():
		return f.Time
	case f.Time.IsZero(), f.Time.After(f.Processed.AddDate(0, 0, 1)), f.Time.Before(f.Processed.AddDate(0, 0, -400)):
		return f.Processed
	}
	return f.Time
}
