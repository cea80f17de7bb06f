package securityhub

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapASFF maps a finding in ASFF; it tells whether that has a time.
func (m *Mapper) mapASFF(rec *event.Record, f jsondoc.Value, ev *ocsf.Event) bool {
	id := normalize.Text(f.Get("Id"), ev.FindingInfo.SetUID)
	m.setUID(rec, id, f.Get("UpdatedAt").Text(), ev)
	normalize.Text(f.Get("SchemaVersion"), ev.Metadata.SetLogVersion)
	normalize.Time(f.Get("ProcessedAt"), ev.Metadata.SetLoggedTime)
	if normalize.Text(f.Get("AwsAccountId"), ev.Cloud.Account.SetUID) != "" {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
		normalize.Text(f.Get("AwsAccountName"), ev.Cloud.Account.SetName)
	}
	normalize.Text(f.Get("Region"), ev.Cloud.SetRegion)
	mapInfo(f, ev)
	mapSeverity(f, ev)
	mapState(f, ev)
	mapCompliance(f.Get("Compliance"), ev)
	mapResources(f.Get("Resources"), ev)
	awsfinding.Action(f.Get("Action"), ev)
	mapNetwork(f.Get("Network"), ev)
	mapProcess(f.Get("Process"), ev)
	mapAccessKeys(f.Get("Resources"), ev)
	mapThreats(f, ev)
	mapVulnerabilities(f.Get("Vulnerabilities"), ev)
	return setTime(ev)
}

func mapInfo(f jsondoc.Value, ev *ocsf.Event) {
	info := &ev.FindingInfo
	normalize.Time(f.Get("CreatedAt"), info.SetCreatedTime)
	normalize.Time(f.Get("UpdatedAt"), info.SetModifiedTime)
	normalize.Time(f.Get("FirstObservedAt"), info.SetFirstSeenTime)
	normalize.Time(f.Get("LastObservedAt"), info.SetLastSeenTime)
	if normalize.Text(f.Get("Title"), info.SetTitle) == "" {
		info.SetTitle(info.UID())
	}
	ev.SetMessage(info.Title())
	normalize.Text(f.Get("Description"), info.SetDesc)
	awsfinding.URL(f.Get("SourceUrl"), info.SetSrcURL)
	awsfinding.Texts(f.Get("Types"), func(kind string) {
		info.Types = append(info.Types, kind)
		if rest, ok := strings.CutPrefix(kind, "TTPs/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			awsfinding.AddTactic(name, info)
			name, _, _ = strings.Cut(rest, ":")
			awsfinding.AddTactic(name[strings.LastIndexByte(name, '/')+1:], info)
		}
	})
	normalize.Text(f.Get("ProductArn"), info.Product.SetUID)
	normalize.Text(f.Get("ProductName"), info.Product.SetName)
	normalize.Text(f.Get("CompanyName"), info.Product.SetVendorName)
	if info.Product.Present() && !info.Product.HasName() && !info.Product.HasUID() {
		info.Product.SetName(normalize.Unknown)
	}
	if normalize.Text(f.Get("GeneratorId"), info.Analytic.SetUID) != "" {
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDRule)
	}
	for related := range f.Get("RelatedFindings").Elements {
		if related.Get("Id").Text() == "" {
			continue
		}
		out := info.AddRelatedEvents()
		normalize.Text(related.Get("Id"), out.SetUID)
		normalize.Text(related.Get("ProductArn"), out.Product.SetUID)
	}
	if score, ok := f.Get("Confidence").Int(); ok && 0 <= score && score <= 100 {
		normalize.Int32(f.Get("Confidence"), ev.SetConfidenceScore)
	}
	normalize.Text(f.Get("Note").Get("Text"), ev.SetComment)
	advice := f.Get("Remediation").Get("Recommendation")
	text := normalize.Text(advice.Get("Text"), ev.Remediation.SetDesc)
	awsfinding.URL(advice.Get("Url"), func(url string) {
		ev.Remediation.References = append(ev.Remediation.References, url)
		if text == "" {
			ev.Remediation.SetDesc(url)
		}
	})
}

// mapSeverity sets the severity: the finding's, which a user may have changed, else
// the provider's.
func mapSeverity(f jsondoc.Value, ev *ocsf.Event) {
	ev.SetSeverityID(ocsf.SeverityIDUnknown)
	for _, severity := range [...]jsondoc.Value{f.Get("Severity"), f.Get("FindingProviderFields").Get("Severity")} {
		if id, ok := awsfinding.Severity(severity.Get("Label").Text()); ok {
			ev.SetSeverityID(id)
			return
		}
		if n, ok := severity.Get("Normalized").Float(); ok {
			ev.SetSeverityID(severityOf(n))
			return
		}
	}
}

// severityOf is AWS' class of a normalised severity.
func severityOf(n float64) int32 {
	switch {
	case n >= 90:
		return ocsf.SeverityIDCritical
	case n >= 70:
		return ocsf.SeverityIDHigh
	case n >= 40:
		return ocsf.SeverityIDMedium
	case n >= 1:
		return ocsf.SeverityIDLow
	}
	return ocsf.SeverityIDInformational
}

// states are the workflow's states.
var states = map[string]int32{
	"NEW":        ocsf.DetectionFindingStatusIDNew,
	"NOTIFIED":   ocsf.DetectionFindingStatusIDInProgress,
	"SUPPRESSED": ocsf.DetectionFindingStatusIDSuppressed,
	"RESOLVED":   ocsf.DetectionFindingStatusIDResolved,
}

// mapState sets what became of the finding. The words stay in unmapped.
func mapState(f jsondoc.Value, ev *ocsf.Event) {
	status, ok := states[f.Get("Workflow").Get("Status").Text()]
	if !ok {
		status = ocsf.DetectionFindingStatusIDNew
	}
	if f.Get("RecordState").Text() == "ARCHIVED" {
		status = ocsf.DetectionFindingStatusIDArchived
	}
	ev.SetStatusID(status)
	created, updated := f.Get("CreatedAt").Text(), f.Get("UpdatedAt").Text()
	switch {
	case status != ocsf.DetectionFindingStatusIDNew && status != ocsf.DetectionFindingStatusIDInProgress:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDClose)
	case updated == "" || created == updated:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDCreate)
	default:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDUpdate)
	}
}

// mapCompliance maps what a check came to, of which control and standards.
func mapCompliance(c jsondoc.Value, ev *ocsf.Event) {
	if c.Len() == 0 {
		return
	}
	info := &ev.FindingInfo
	normalize.Text(c.Get("Status"), ev.SetStatusCode)
	if normalize.Text(c.Get("SecurityControlId"), info.Analytic.SetName) != "" {
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDRule)
	}
	for reason := range c.Get("StatusReasons").Elements {
		if !ev.HasStatusDetail() {
			normalize.Text(reason.Get("Description"), ev.SetStatusDetail)
		}
	}
	awsfinding.Texts(c.Get("RelatedRequirements"), func(requirement string) { tag("RelatedRequirements", requirement, info) })
	for standard := range c.Get("AssociatedStandards").Elements {
		normalize.Text(standard.Get("StandardsId"), func(id string) { tag("AssociatedStandards", id, info) })
	}
}

// tag adds a value to the finding's tag of that name.
func tag(name, value string, info *ocsf.FindingInfo) {
	for i := range info.Tags {
		if info.Tags[i].Name() == name {
			info.Tags[i].Values = append(info.Tags[i].Values, value)
			return
		}
	}
	out := info.AddTags()
	out.SetName(name)
	out.Values = append(out.Values, value)
}
