// Package securityhub maps findings of AWS Security Hub to Detection Findings: in the
// AWS Security Finding Format (ASFF), and in OCSF, in which the newer Security Hub
// speaks; as EventBridge delivers them and as the API gives them.
//
// Decisions:
//
//   - Every finding is a Detection Finding, those of checks of the configuration and of
//     vulnerabilities too: one class to ask for all of them. finding_info.product tells
//     who found it, status_code what a check came to (PASSED, FAILED, WARNING).
//   - Security Hub sends a finding again when it changes: finding_info.uid is its Id,
//     metadata.uid the Id and the time of the update. activity is Create for the first,
//     then Update, Close when it is archived, resolved or suppressed.
//   - time is when the finding was updated, start_time and end_time when it was first and last
//     observed.
//   - severity is the Label; where there is only a number, of 0 to 100, AWS' own scale: 1, 40, 70,
//     90. Numbers stay in unmapped.
//   - resources[].data are the Details. evidences are the Action, the Network, the Process
//     and who holds an access key.
//   - finding_info.attacks are the tactics that Types name (TTPs/Initial Access/...).
//   - EventBridge sends one finding an event. Of more, the first is the event; the others are
//     finding_info.related_events by their ids, whole in unmapped, and the event has the
//     label findings:more.
//   - raw_data is the finding; what EventBridge has around it is in unmapped.
//
// Fillers: a finding without a Title has its Id as title; the remediation that is
// only a URL has it as text, too.
package securityhub

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.AWSSecurityHub, Product: "Security Hub", Vendor: "AWS"}

// Mapper maps Security Hub's findings. It implements normalize.Mapper.
type Mapper struct{ json normalize.JSONRecord }

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	outer, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	finding := unwrap(outer, ev)
	ev.SetClass(ocsf.ClassDetectionFinding)
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
	ev.Cloud.SetProvider("AWS")
	var ok bool
	switch {
	case isASFF(finding):
		ok = m.mapASFF(rec, finding, ev)
	case isOCSF(finding):
		ok = m.mapOCSF(rec, finding, ev)
	default:
		return normalize.WrongSource("no ProductArn of ASFF and no finding_info of OCSF: not a finding of Security Hub")
	}
	if !ok && !normalize.Time(outer.Get("time"), ev.SetTime) {
		return normalize.Missing("UpdatedAt or CreatedAt that is a time")
	}
	m.json.Finish(ev)
	awsfinding.Observe(ev)
	return nil
}

// unwrap finds the finding in what EventBridge delivers, and makes it raw_data.
func unwrap(outer jsondoc.Value, ev *ocsf.Event) jsondoc.Value {
	findings := outer.Get("detail").Get("findings")
	var finding jsondoc.Value
	for f := range findings.Elements {
		if !isASFF(f) && !isOCSF(f) {
			continue
		}
		if !finding.Exists() {
			finding = f
			continue
		}
		id := f.Get("Id").Text()
		if id == "" {
			id = f.Get("finding_info").Get("uid").Text()
		}
		if id != "" {
			ev.FindingInfo.AddRelatedEvents().SetUID(id)
		}
	}
	if len(ev.FindingInfo.RelatedEvents) > 0 {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "findings:more")
	}
	if !finding.Exists() {
		return outer
	}
	ev.SetRawData(finding.JSON())
	return finding
}

// isASFF tells whether v is in AWS' format: its ProductArn is Security Hub's, or it has
// what no other format has.
func isASFF(v jsondoc.Value) bool {
	if !v.Get("Id").Exists() {
		return false
	}
	return strings.Contains(v.Get("ProductArn").Text(), ":securityhub:") ||
		v.Get("AwsAccountId").Exists() && (v.Get("GeneratorId").Exists() || v.Get("Types").Exists() || v.Get("SchemaVersion").Exists())
}

// isOCSF tells whether v is a finding in OCSF that AWS made.
func isOCSF(v jsondoc.Value) bool {
	class, ok := v.Get("class_uid").Int()
	if !ok || class/1000 != 2 || v.Get("finding_info").Kind() != jsondoc.Object {
		return false
	}
	product := v.Get("metadata").Get("product")
	return strings.Contains(product.Get("uid").Text(), ":securityhub:") || strings.EqualFold(product.Get("vendor_name").Text(), "AWS") ||
		strings.EqualFold(product.Get("vendor_name").Text(), "Amazon")
}

// Dialect names the shape of a finding, "" if it is none of Security Hub's: "asff",
// "ocsf", "eventbridge".
func Dialect(root jsondoc.Value) string {
	switch {
	case isASFF(root):
		return "asff"
	case isOCSF(root):
		return "ocsf"
	case root.Get("detail-type").Exists():
		for f := range root.Get("detail").Get("findings").Elements {
			if isASFF(f) || isOCSF(f) {
				return "eventbridge"
			}
		}
	}
	return ""
}

// setUID sets the event's own id: the finding's, and which update it is.
func (m *Mapper) setUID(rec *event.Record, id, updated string, ev *ocsf.Event) {
	switch {
	case id == "":
		ev.Metadata.SetUID(normalize.OriginUID(rec))
		ev.FindingInfo.SetUID(ev.Metadata.UID())
	case updated == "":
		ev.Metadata.SetUID(id)
	default:
		ev.Metadata.SetUID(m.json.Join(id, ":", updated))
	}
}

// setTime sets the time of the event, from those that the finding has of itself.
func setTime(ev *ocsf.Event) bool {
	info := &ev.FindingInfo
	if info.HasFirstSeenTime() {
		ev.SetStartTime(info.FirstSeenTime())
	}
	if info.HasLastSeenTime() {
		ev.SetEndTime(info.LastSeenTime())
	}
	switch {
	case ev.HasTime():
	case info.HasModifiedTime():
		ev.SetTime(info.ModifiedTime())
	case info.HasCreatedTime():
		ev.SetTime(info.CreatedTime())
	case info.HasLastSeenTime():
		ev.SetTime(info.LastSeenTime())
	default:
		return false
	}
	return true
}
