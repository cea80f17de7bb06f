package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapRiskDetection maps a detection of Identity Protection, of a user or a service
// principal.
//
//   - finding_info.title and types are the kind of risk; severity and risk_level its level.
//   - evidences has the user, the address and the agent of what was risky; resources
//     the user too; finding_info.related_events the sign-in, by its metadata.uid.
//   - status is New while at risk, In Progress when somebody has confirmed it, Resolved when it
//     was remediated or is safe, Suppressed when it was dismissed. status_detail is riskDetail. A
//     record comes with every change: activity is Create, Update or Close accordingly.
func (m *Mapper) mapRiskDetection(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "activityDateTime", "detectedDateTime"); err != nil {
		return err
	}
	m.mapMetadata(ev, "id")
	m.mapRisk(ev)
	info := &ev.FindingInfo
	info.SetUID(ev.Metadata.UID())
	title := normalize.Text(r.body.any("riskEventType", "riskType"), info.SetTitle)
	if title != "" {
		info.Types = append(info.Types, title)
	}
	normalize.Time(r.body.get("detectedDateTime"), info.SetCreatedTime)
	normalize.Time(r.body.get("lastUpdatedDateTime"), info.SetModifiedTime)
	normalize.Text(r.body.get("source"), func(source string) { info.DataSources = append(info.DataSources, source) })
	if id := r.body.get("requestId"); id.Text() != "" {
		id.Use()
		related := info.AddRelatedEvents()
		related.SetUID(id.Text())
		related.SetTypeUID(int64(ocsf.ClassAuthentication)*100 + ocsf.AuthenticationActivityIDLogon)
	}
	evidence := ev.AddEvidences()
	mapRiskSubject(r.body, ev, &evidence.User)
	mapAddress(&evidence.SrcEndpoint, r.body.get("ipAddress"), r.top.get("callerIpAddress"))
	mapLocation(m.open(r.body.any("locationDetails", "location")), &evidence.SrcEndpoint.Location)
	for e := range m.open(r.body.get("additionalInfo")).Elements {
		if strings.EqualFold(fold(e, "Key").Text(), "userAgent") {
			normalize.Text(fold(e, "Value"), evidence.HTTPRequest.SetUserAgent)
		}
	}
	normalize.Observe(ev, "evidences.src_endpoint.ip", ocsf.ObservableTypeIDIPAddress, evidence.SrcEndpoint.IP())
	return nil
}

// mapRiskyUser maps the state of a user or service principal. Its id is the user's: it
// is that of the finding, and no uid of the record.
func (m *Mapper) mapRiskyUser(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "riskLastUpdatedDateTime"); err != nil {
		return err
	}
	m.mapMetadata(ev)
	m.mapRisk(ev)
	info := &ev.FindingInfo
	evidence := ev.AddEvidences()
	mapRiskSubject(r.body, ev, &evidence.User)
	title := "Risky user"
	if evidence.User.TypeID() == ocsf.UserTypeIDService {
		title = "Risky service principal"
	}
	info.SetTitle(title)
	if evidence.User.HasUID() {
		info.SetUID(evidence.User.UID())
	} else {
		info.SetUID(ev.Metadata.UID())
	}
	return nil
}

// riskStates are the states of a risk, in lower case.
var riskStates = map[string]struct{ status, activity int32 }{
	"atrisk":               {ocsf.DetectionFindingStatusIDNew, ocsf.DetectionFindingActivityIDCreate},
	"confirmedcompromised": {ocsf.DetectionFindingStatusIDInProgress, ocsf.DetectionFindingActivityIDUpdate},
	"remediated":           {ocsf.DetectionFindingStatusIDResolved, ocsf.DetectionFindingActivityIDClose},
	"confirmedsafe":        {ocsf.DetectionFindingStatusIDResolved, ocsf.DetectionFindingActivityIDClose},
	"dismissed":            {ocsf.DetectionFindingStatusIDSuppressed, ocsf.DetectionFindingActivityIDClose},
}

// mapRisk maps what detections and users have in common.
func (m *Mapper) mapRisk(ev *ocsf.Event) {
	r := &m.r
	m.mapTenantCloud(ev)
	ev.SetClass(ocsf.ClassDetectionFinding)
	if state := lookup(riskStates, r.body.get("riskState").Text()); state.status != 0 {
		ev.SetStatusID(state.status)
		ev.SetActivityID(state.activity)
	} else {
		ev.SetStatusID(ocsf.StatusIDUnknown)
		ev.SetActivityID(ocsf.DetectionFindingActivityIDUpdate)
	}
	if detail := r.body.get("riskDetail"); !strings.EqualFold(detail.Text(), "none") {
		normalize.Text(detail, ev.SetStatusDetail)
	}
	if normalize.Text(r.top.get("operationName"), ev.API.SetOperation) != "" {
		ev.API.Service.SetName(directoryService)
		m.mapAPIVersion(ev)
	}
	ev.SetSeverityID(ocsf.SeverityIDInformational)
	level := r.body.get("riskLevel")
	if id := lookup(riskLevels, level.Text()); id != 0 {
		ev.SetRiskLevelID(id)
		ev.SetSeverityID(id + 1) // Low is 2 among severities
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "security_control")
	}
}

// mapRiskSubject maps whom it is about, as evidence and as resource.
func mapRiskSubject(b *members, ev *ocsf.Event, user *ocsf.User) {
	normalize.Text(b.get("userPrincipalName"), user.SetName)
	normalize.Text(b.get("userDisplayName"), user.SetFullName)
	id, kind := b.get("userId"), "User"
	if !says(id) && !user.HasName() {
		if id = b.get("servicePrincipalId"); says(id) || says(b.any("servicePrincipalDisplayName", "appId")) {
			kind = "ServicePrincipal"
		}
		normalize.Text(b.any("servicePrincipalDisplayName", "displayName"), user.SetName)
	}
	if !says(id) {
		id = b.get("id")
	}
	normalize.Text(id, user.SetUID)
	if !user.HasName() && !user.HasUID() {
		user.SetName(normalize.Unknown)
	}
	mapUserType(b.get("userType"), kind == "ServicePrincipal", user)
	resource := ev.AddResources()
	resource.SetType(kind)
	if user.HasUID() {
		resource.SetUID(user.UID())
	}
	if user.HasName() {
		resource.SetName(user.Name())
	}
}
