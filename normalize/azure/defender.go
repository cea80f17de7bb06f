package azure

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapAlert maps an alert of Microsoft Defender: as continuous export and the API of
// Defender for Cloud give it, as the table SecurityAlert has it, and as Microsoft Graph has
// those of Defender XDR (alerts_v2).
//
//   - finding_info.uid is the alert's id, which stays the same while it changes; metadata.uid is that
//     id too, and where it changes the copies differ in their bytes.
//   - finding_info.types is the type of alert, analytic the detection, attacks the techniques; the
//     tactics (intent) are finding_info.traits of the category tactic where no technique is told.
//   - resources are the resource ids that the alert names and the compromised entity; evidences the
//     entities: addresses, accounts, hosts, files, processes, URLs.
//   - time is when the alert ended or was made; start_time and end_time are those of what happened.
func (m *Mapper) mapAlert(ev *ocsf.Event) error {
	r := &m.r
	if !m.mapAlertTimes(ev) {
		return normalize.Missing("time that is a time")
	}
	m.mapMetadata(ev, "systemAlertId", "id")
	m.mapTenantOfAlert(ev)
	m.mapResourceCloud(ev)
	ev.SetClass(ocsf.ClassDetectionFinding)
	info := &ev.FindingInfo
	info.SetUID(ev.Metadata.UID())
	firstText(false, info.SetTitle, r.body.any("alertDisplayName", "displayName", "title"), r.body.get("alertName"))
	normalize.Text(r.body.get("description"), info.SetDesc)
	kind := r.body.any("alertType", "detectorId")
	if text := normalize.Text(kind, func(s string) { info.Types = append(info.Types, s) }); text != "" && info.HasTitle() {
		info.Analytic.SetName(info.Title())
		info.Analytic.SetUID(text)
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDUnknown)
	}
	if link := r.body.any("alertUri", "alertLink", "alertWebUrl"); normalize.IsURL(link.Text()) {
		normalize.Text(link, info.SetSrcURL)
	}
	normalize.Text(r.body.any("productComponentName", "productName", "serviceSource"), ev.Metadata.Product.Feature.SetName)
	m.mapAlertState(ev)
	m.mapAlertAttacks(ev)
	m.mapRemediation(ev)
	m.mapAlertResources(ev)
	for e := range m.open(r.body.get("entities")).Elements {
		mapAlertEntity(e, ev)
	}
	return nil
}

func (m *Mapper) mapTenantOfAlert(ev *ocsf.Event) {
	for e := range m.open(m.r.body.get("resourceIdentifiers")).Elements {
		if tenant := fold(e, "aadTenantId"); !ev.Metadata.HasTenantUID() {
			normalize.Text(tenant, ev.Metadata.SetTenantUID)
		}
	}
}

// mapAlertTimes maps the many times of an alert, and tells whether there was one for time.
func (m *Mapper) mapAlertTimes(ev *ocsf.Event) bool {
	r := &m.r
	info := &ev.FindingInfo
	for _, t := range [...]struct {
		names []string
		set   func(int64)
	}{
		{[]string{"startTimeUtc", "startTime", "firstActivityDateTime"}, ev.SetStartTime},
		{[]string{"endTimeUtc", "endTime", "lastActivityDateTime"}, ev.SetEndTime},
		{[]string{"timeGeneratedUtc", "createdDateTime", "timeGenerated"}, info.SetCreatedTime},
		{[]string{"lastUpdateDateTime", "processingEndTimeUtc", "processingEndTime"}, info.SetModifiedTime},
	} {
		for _, name := range t.names {
			if normalize.Time(r.body.get(name), t.set) {
				break
			}
		}
	}
	switch {
	case info.HasCreatedTime():
		ev.SetTime(info.CreatedTime())
	case ev.HasEndTime():
		ev.SetTime(ev.EndTime())
	case ev.HasStartTime():
		ev.SetTime(ev.StartTime())
	case normalize.Time(r.top.get("time"), ev.SetTime):
	default:
		return false
	}
	return true
}

// alertSeverities and alertStates are in lower case.
var alertSeverities = map[string]int32{
	"informational": ocsf.SeverityIDInformational, "information": ocsf.SeverityIDInformational, "low": ocsf.SeverityIDLow,
	"medium": ocsf.SeverityIDMedium, "high": ocsf.SeverityIDHigh,
}

var alertStates = map[string]struct{ status, activity int32 }{
	"active":     {ocsf.DetectionFindingStatusIDNew, ocsf.DetectionFindingActivityIDCreate},
	"new":        {ocsf.DetectionFindingStatusIDNew, ocsf.DetectionFindingActivityIDCreate},
	"inprogress": {ocsf.DetectionFindingStatusIDInProgress, ocsf.DetectionFindingActivityIDUpdate},
	"resolved":   {ocsf.DetectionFindingStatusIDResolved, ocsf.DetectionFindingActivityIDClose},
	"dismissed":  {ocsf.DetectionFindingStatusIDSuppressed, ocsf.DetectionFindingActivityIDClose},
}

// mapAlertState leaves the words in unmapped: OCSF's captions are others.
func (m *Mapper) mapAlertState(ev *ocsf.Event) {
	r := &m.r
	ev.SetSeverityID(ocsf.SeverityIDUnknown)
	if id := lookup(alertSeverities, r.body.any("alertSeverity", "severity", "reportedSeverity").Text()); id != 0 {
		ev.SetSeverityID(id)
	}
	state := lookup(alertStates, r.body.any("status", "state").Text())
	if state.status == 0 {
		state.activity = ocsf.DetectionFindingActivityIDCreate
	}
	ev.SetStatusID(state.status)
	ev.SetActivityID(state.activity)
}

// mapAlertAttacks lists the techniques, "T1078" or "T1078.004", and else the tactics.
func (m *Mapper) mapAlertAttacks(ev *ocsf.Event) {
	r := &m.r
	info := &ev.FindingInfo
	for _, name := range [...]string{"techniques", "subTechniques", "mitreTechniques"} {
		for e := range m.open(r.body.get(name)).Elements {
			technique := e.Text()
			if len(technique) < 5 || technique[0] != 'T' {
				continue
			}
			main, _, isSub := strings.Cut(technique, ".")
			if isSub && slices.ContainsFunc(info.Attacks, func(a ocsf.Attack) bool { return a.SubTechnique.UID() == technique }) {
				continue // in techniques and in subTechniques
			}
			e.Use()
			attack := info.AddAttacks()
			attack.Technique.SetUID(main)
			if isSub {
				attack.SubTechnique.SetUID(technique)
			}
		}
	}
	intent := r.body.any("intent", "tactics")
	if tactics := intent.Text(); tactics != "" && !strings.EqualFold(tactics, "unknown") {
		intent.Use()
		trait := info.AddTraits()
		trait.SetCategory("tactic")
		trait.SetName(tactics)
	}
}

// mapRemediation maps the steps, a list or one text.
func (m *Mapper) mapRemediation(ev *ocsf.Event) {
	steps := m.r.body.any("remediationSteps", "recommendedActions")
	list := m.open(steps)
	text := joined(list)
	if text == "" {
		return
	}
	if list.Kind() == jsondoc.String || list.Len() == 1 { // a longer list stays in unmapped, too
		list.Use()
	}
	ev.Remediation.SetDesc(text)
}

func (m *Mapper) mapAlertResources(ev *ocsf.Event) {
	r := &m.r
	seen := m.r.resourceID().Text()
	m.mapResource(ev)
	add := func(id jsondoc.Value) {
		text := id.Text()
		if text == "" {
			return
		}
		if strings.EqualFold(text, seen) {
			return
		}
		seen = text
		id.Use()
		parsed := parseResourceID(text)
		addResource(text, &parsed, ev)
		setSubscription(parsed.subscription, ev)
	}
	add(r.body.get("azureResourceId"))
	for e := range m.open(r.body.get("resourceIdentifiers")).Elements {
		add(fold(e, "azureResourceId"))
	}
	mapCompromised(r.body.get("compromisedEntity"), ev)
	setSubscription(r.body.get("workspaceSubscriptionId").Text(), ev)
}

// mapCompromised lists what an alert says is compromised: a name, seldom an id.
func mapCompromised(entity jsondoc.Value, ev *ocsf.Event) {
	if entity.Text() == "" {
		return
	}
	out := ev.AddResources()
	normalize.Text(entity, out.SetName)
	out.SetRoleID(ocsf.ResourceDetailsRoleIDAffected)
}

// setSubscription sets the account of an alert that names a resource or a workspace.
func setSubscription(subscription string, ev *ocsf.Event) {
	if subscription != "" && !ev.Cloud.Account.HasUID() {
		ev.Cloud.Account.SetUID(strings.ToLower(subscription))
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAzureSubscription)
	}
}

// mapAlertEntity maps one entity of an alert to an evidence. What it refers to by $ref,
// and what has no place, stays in unmapped.
func mapAlertEntity(e jsondoc.Value, ev *ocsf.Event) {
	kind := fold(e, "type").Text()
	evidence := ev.AddEvidences()
	switch strings.ToLower(kind) {
	case "ip":
		if address := fold(e, "address"); normalize.IsIP(address.Text()) {
			normalize.Text(address, evidence.SrcEndpoint.SetIP)
			location := fold(e, "location")
			if code := fold(location, "countryCode"); isCountry(code.Text()) {
				normalize.Text(code, evidence.SrcEndpoint.Location.SetCountry)
			}
			normalize.Text(fold(location, "city"), evidence.SrcEndpoint.Location.SetCity)
			mapNumber(fold(location, "asn"), evidence.SrcEndpoint.AutonomousSystem.SetNumber)
		}
	case "account":
		mapAlertAccount(e, &evidence.User)
	case "host", "azure-resource-host":
		normalize.Text(fold(e, "hostName"), evidence.Device.SetName)
		normalize.Text(fold(e, "azureId"), evidence.Device.SetUID)
		if evidence.Device.Present() {
			evidence.Device.SetTypeID(ocsf.DeviceTypeIDUnknown)
		}
	case "file":
		mapAlertFile(e, &evidence.File)
	case "process":
		mapAlertProcess(e, &evidence.Process)
	case "url":
		if url := fold(e, "url"); normalize.IsURL(url.Text()) {
			normalize.Text(url, evidence.URL.SetURLString)
		}
	case "azure-resource":
		if id := fold(e, "resourceId"); id.Text() != "" {
			resource := evidence.AddResources()
			normalize.Text(id, resource.SetUID)
		}
	}
	if !evidence.Present() {
		ev.Evidences = ev.Evidences[:len(ev.Evidences)-1]
		return
	}
	normalize.Observe(ev, "evidences.src_endpoint.ip", ocsf.ObservableTypeIDIPAddress, evidence.SrcEndpoint.IP())
	normalize.Observe(ev, "evidences.user.name", ocsf.ObservableTypeIDUserName, evidence.User.Name())
	if kind != "" {
		evidence.SetName(kind)
		fold(e, "type").Use()
	}
}

func mapAlertFile(e jsondoc.Value, file *ocsf.File) {
	if normalize.Text(fold(e, "name"), file.SetName) == "" {
		return
	}
	normalize.Text(fold(e, "directory"), file.SetPath)
	file.SetTypeID(ocsf.FileTypeIDRegularFile)
	for h := range fold(e, "fileHashes").Elements {
		algorithm := lookup(hashAlgorithms, fold(h, "algorithm").Text())
		value := fold(h, "value")
		if algorithm.digits == 0 || len(value.Text()) != algorithm.digits || strings.Trim(value.Text(), "0123456789abcdefABCDEF") != "" {
			continue
		}
		hash := file.AddHashes()
		hash.SetAlgorithmID(algorithm.id)
		normalize.Text(value, hash.SetValue)
	}
}

// hashAlgorithms are by Defender's words for them, in lower case.
var hashAlgorithms = map[string]struct {
	id     int32
	digits int // of a hash in hexadecimal
}{
	"md5": {ocsf.FingerprintAlgorithmIDMD5, 32}, "sha1": {ocsf.FingerprintAlgorithmIDSHA1, 40}, "sha256": {ocsf.FingerprintAlgorithmIDSHA256, 64},
}

// mapAlertProcess maps a process that has an id, which may be hexadecimal: OCSF has none
// without.
func mapAlertProcess(e jsondoc.Value, process *ocsf.Process) {
	id := fold(e, "processId")
	mapNumber(id, process.SetPID)
	if n, err := strconv.ParseInt(id.Text(), 0, 32); err == nil {
		process.SetPID(int32(n))
	}
	if process.HasPID() {
		normalize.Text(fold(e, "commandLine"), process.SetCmdLine)
	}
}

func mapAlertAccount(e jsondoc.Value, user *ocsf.User) {
	upn := fold(e, "userPrincipalName")
	if !says(upn) {
		upn = fold(e, "name")
	}
	normalize.Text(upn, user.SetName)
	normalize.Text(fold(e, "aadUserId"), user.SetUID)
	normalize.Text(fold(e, "displayName"), user.SetFullName)
	normalize.Text(fold(e, "upnSuffix"), user.SetDomain)
	if user.Present() && !user.HasName() && !user.HasUID() {
		user.SetName(normalize.Unknown)
	}
}

// mapSecurityAlert maps an alert of Defender as the Activity log tells of it: category
// Security, Microsoft.Security/locations/alerts/activate/action.
func (m *Mapper) mapSecurityAlert(ev *ocsf.Event) {
	r := &m.r
	ev.SetClass(ocsf.ClassDetectionFinding)
	ev.SetActivityID(ocsf.DetectionFindingActivityIDCreate)
	ev.SetStatusID(ocsf.DetectionFindingStatusIDNew)
	info := &ev.FindingInfo
	id := r.resourceID().Text()
	if name := id[strings.LastIndexByte(id, '/')+1:]; name != "" {
		info.SetUID(name)
	} else {
		info.SetUID(ev.Metadata.UID())
	}
	firstText(false, info.SetTitle, nameOf(r.top.get("eventName")), r.body.any("eventName", "alertDisplayName", "title"))
	normalize.Text(r.top.get("description"), info.SetDesc)
	if severity := lookup(alertSeverities, r.body.get("severity").Text()); severity != 0 {
		ev.SetSeverityID(severity)
	}
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "host") // actor
	m.mapResource(ev)
	mapCompromised(r.body.get("compromisedEntity"), ev)
	m.mapAlertAttacks(ev)
}
