// Package guardduty maps findings of Amazon GuardDuty to Detection Findings: as
// EventBridge delivers them and as its export to S3 and its API give them, with names
// that begin with a small letter or a capital.
//
// Decisions:
//
//   - GuardDuty sends a finding again whenever it sees more of the same:
//     finding_info.uid is the finding's id, metadata.uid the id and the time of the
//     update. activity is Create for the first, then Update, Close when archived.
//   - time is when the finding was updated, start_time and end_time when the activity
//     was first and last seen; count is how often.
//   - severity: Critical from 9, High from 7, Medium from 4, else Low. The number stays in
//     unmapped.
//   - What was done, from where, is evidences: one for the action (a call, a connection,
//     a probe, a DNS request, a sign-in to a database), with the identity that did it;
//     one for the process of Runtime Monitoring; one for each file of a malware scan.
//     In a connection src_endpoint is who opened it.
//   - resources have the role that the finding tells (Target, Actor), data the details.
//   - finding_info.attacks are the tactics and techniques that an attack sequence names,
//     and the tactic that the type begins with (PrivilegeEscalation:IAMUser/...).
//   - raw_data is the finding; what EventBridge has around it is in unmapped.
//
// Fillers: a finding without a title has its type as title. What is neither named nor
// addressed on one side of a connection is normalize.Unknown.
package guardduty

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.AWSGuardDuty, Product: "GuardDuty", Vendor: "AWS"}

// Mapper maps GuardDuty findings. It implements normalize.Mapper.
type Mapper struct{ json normalize.JSONRecord }

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// get is a member by its name with a small first letter.
var get = awsfinding.Get

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	outer, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	finding := outer
	if inner := outer.Get("detail"); isFinding(inner) {
		finding = inner
		ev.SetRawData(inner.JSON())
	}
	if !isFinding(finding) {
		return normalize.WrongSource("no type and service of GuardDuty: not a GuardDuty finding")
	}
	service := get(finding, "service")
	if !mapTimes(finding, service, outer, ev) {
		return normalize.Missing("updatedAt or createdAt that is a time")
	}
	m.mapIdentity(rec, finding, ev)
	mapCloud(finding, ev)
	mapSeverity(get(finding, "severity"), ev)
	mapInfo(finding, service, ev)
	mapState(finding, service, ev)
	awsfinding.Action(get(service, "action"), ev)
	mapPrincipal(get(finding, "resource"), ev)
	mapRuntime(get(service, "runtimeDetails"), ev)
	mapMalware(service, ev)
	mapSequence(awsfinding.Path(service, "detection", "sequence"), ev)
	mapResources(get(finding, "resource"), ev, roleOf(service))
	m.json.Finish(ev)
	awsfinding.Observe(ev)
	return nil
}

// isFinding tells whether v is a finding: it has a type of GuardDuty's form, and what
// no other service's findings have.
func isFinding(v jsondoc.Value) bool {
	if v.Kind() != jsondoc.Object || strings.IndexByte(get(v, "type").Text(), ':') < 1 {
		return false
	}
	service := get(v, "service")
	return get(service, "serviceName").Text() == "guardduty" || get(service, "detectorId").Exists() ||
		strings.Contains(get(v, "arn").Text(), ":guardduty:")
}

// Dialect names the shape of a GuardDuty finding, "" if it is none: "eventbridge",
// "finding", "api" (names with a capital).
func Dialect(root jsondoc.Value) string {
	switch {
	case isFinding(root.Get("detail")):
		return "eventbridge"
	case !isFinding(root):
		return ""
	case root.Get("type").Exists():
		return "finding"
	}
	return "api"
}

// mapTimes sets the times; it tells whether the finding has one of its own.
func mapTimes(finding, service, outer jsondoc.Value, ev *ocsf.Event) bool {
	info := &ev.FindingInfo
	normalize.Time(get(finding, "createdAt"), info.SetCreatedTime)
	normalize.Time(get(finding, "updatedAt"), info.SetModifiedTime)
	if normalize.Time(get(service, "eventFirstSeen"), info.SetFirstSeenTime) {
		ev.SetStartTime(info.FirstSeenTime())
	}
	if normalize.Time(get(service, "eventLastSeen"), info.SetLastSeenTime) {
		ev.SetEndTime(info.LastSeenTime())
	}
	switch {
	case info.HasModifiedTime():
		ev.SetTime(info.ModifiedTime())
	case info.HasCreatedTime():
		ev.SetTime(info.CreatedTime())
	case info.HasLastSeenTime():
		ev.SetTime(info.LastSeenTime())
	default:
		return normalize.Time(outer.Get("time"), ev.SetTime)
	}
	return true
}

// mapIdentity sets what tells findings, and the updates of one, apart.
func (m *Mapper) mapIdentity(rec *event.Record, finding jsondoc.Value, ev *ocsf.Event) {
	id := normalize.Text(get(finding, "id"), ev.FindingInfo.SetUID)
	arn := normalize.Text(get(finding, "arn"), ev.FindingInfo.SetUIDAlt)
	if id == "" && arn != "" {
		id = arn
		ev.FindingInfo.SetUID(id)
	}
	switch updated := get(finding, "updatedAt").Text(); {
	case id == "":
		ev.Metadata.SetUID(normalize.OriginUID(rec))
		ev.FindingInfo.SetUID(ev.Metadata.UID())
	case updated == "":
		ev.Metadata.SetUID(id)
	default:
		ev.Metadata.SetUID(m.json.Join(id, ":", updated))
	}
	normalize.Text(get(finding, "schemaVersion"), ev.Metadata.SetLogVersion)
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
}

func mapCloud(finding jsondoc.Value, ev *ocsf.Event) {
	ev.Cloud.SetProvider("AWS")
	if normalize.Text(get(finding, "accountId"), ev.Cloud.Account.SetUID) != "" {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	normalize.Text(get(finding, "region"), ev.Cloud.SetRegion)
	normalize.Text(get(finding, "partition"), ev.Cloud.SetCloudPartition)
}

// mapSeverity sets the class of GuardDuty's number, which stays in unmapped.
func mapSeverity(severity jsondoc.Value, ev *ocsf.Event) {
	number, err := strconv.ParseFloat(severity.Text(), 64)
	switch {
	case err != nil:
		ev.SetSeverityID(ocsf.SeverityIDUnknown)
	case number >= 9:
		ev.SetSeverityID(ocsf.SeverityIDCritical)
	case number >= 7:
		ev.SetSeverityID(ocsf.SeverityIDHigh)
	case number >= 4:
		ev.SetSeverityID(ocsf.SeverityIDMedium)
	default:
		ev.SetSeverityID(ocsf.SeverityIDLow)
	}
}

func mapInfo(finding, service jsondoc.Value, ev *ocsf.Event) {
	info := &ev.FindingInfo
	normalize.Text(get(finding, "type"), func(kind string) {
		info.Types = append(info.Types, kind)
		info.Analytic.SetName(kind)
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDUnknown)
		if strings.Contains(kind, "AnomalousBehavior") {
			info.Analytic.SetTypeID(ocsf.AnalyticTypeIDLearningMLDL)
		}
		if purpose, _, ok := strings.Cut(kind, ":"); ok {
			awsfinding.AddTactic(purpose, info)
		}
	})
	if normalize.Text(get(finding, "title"), info.SetTitle) == "" {
		info.SetTitle(get(finding, "type").Text())
	}
	ev.SetMessage(info.Title())
	normalize.Text(get(finding, "description"), info.SetDesc)
	normalize.Text(get(service, "detectorId"), info.Product.SetUID)
	if info.Product.Present() {
		info.Product.SetName(source.Product)
		info.Product.SetVendorName(source.Vendor)
	}
	normalize.Text(get(service, "featureName"), ev.Metadata.Product.Feature.SetName)
	for intelligence := range awsfinding.Path(service, "evidence", "threatIntelligenceDetails").Elements {
		awsfinding.Texts(get(intelligence, "threatNames"), func(name string) {
			info.Traits = append(info.Traits, ocsf.Trait{})
			trait := &info.Traits[len(info.Traits)-1]
			trait.SetName(name)
			trait.SetCategory("threat")
		})
	}
}

// mapState sets what became of the finding.
func mapState(finding, service jsondoc.Value, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassDetectionFinding)
	ev.SetIsAlert(true)
	normalize.Int32(get(service, "count"), ev.SetCount)
	archived, _ := get(service, "archived").Bool()
	created, updated := get(finding, "createdAt").Text(), get(finding, "updatedAt").Text()
	switch {
	case archived:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDClose)
		ev.SetStatusID(ocsf.DetectionFindingStatusIDArchived)
	case updated == "" || created == updated:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDCreate)
		ev.SetStatusID(ocsf.DetectionFindingStatusIDNew)
	default:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDUpdate)
		ev.SetStatusID(ocsf.DetectionFindingStatusIDNew)
	}
}
