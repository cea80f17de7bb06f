package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapSignIn maps the sign-ins of users (with and without them being there), service
// principals, managed identities and ADFS.
//
//   - user is who signed in, and actor.user too, as with AWS. actor.app_name and app_uid are
//     the client application; service is the resource for which the token was asked, and the
//     application where no resource is told.
//   - A sign-in failed if its error code is not 0: interrupts (50140, 50074) too. status_code is
//     the code, also 0, status_detail the reason.
//   - is_mfa says that the sign-in demanded more than one factor; status_id whether it was
//     given. auth_factors are the steps that were taken.
//   - logon_type is Interactive, else the record's word (nonInteractiveUser, servicePrincipal,
//     managedIdentity).
//   - auth_protocol_id is Other with the record's word where that is no protocol of OCSF (deviceCode,
//     ropc). "none", which most records have, is not mapped.
//   - risk_level is that of the sign-in, user.risk_level the aggregated one; none and hidden
//     are not mapped. risk_details are the risk event types.
//   - device is what the sign-in came from; one that the directory does not know has the address
//     as device.ip.
//   - actor.authorizations are the policies of conditional access that were applied; what did
//     not apply is in unmapped. action is Allowed or Denied where conditional access decided at all.
//
// Fillers: api.operation and api.service.name are constants where the shape has no envelope.
func (m *Mapper) mapSignIn(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "createdDateTime"); err != nil {
		return err
	}
	m.mapMetadata(ev, "id", "originalRequestId")
	m.mapTenantCloud(ev)
	ev.SetClass(ocsf.ClassAuthentication)
	ev.SetActivityID(ocsf.AuthenticationActivityIDLogon)
	m.mapSignInAPI(ev)
	m.mapSignInUser(ev)
	m.mapSignInServices(ev)
	mapAddress(&ev.SrcEndpoint, r.body.get("ipAddress"), r.top.get("callerIpAddress"))
	m.mapSignInPlace(ev)
	m.mapSignInOutcome(ev)
	m.mapSignInMethod(ev)
	m.mapSignInDevice(ev)
	m.mapSignInRisk(ev)
	m.mapConditionalAccess(ev)
	if ev.HasRiskLevelID() || ev.HasRiskDetails() || ev.HasActionID() {
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "security_control")
	}
	normalize.Text(r.body.get("userAgent"), ev.HTTPRequest.SetUserAgent)
	normalize.Text(r.body.get("uniqueTokenIdentifier"), ev.Session.SetUID)
	normalize.Text(r.body.get("sessionId"), ev.Session.SetUIDAlt)
	return nil
}

func (m *Mapper) mapSignInAPI(ev *ocsf.Event) {
	operation := m.r.top.get("operationName")
	if normalize.Text(operation, ev.API.SetOperation) == "" {
		ev.API.SetOperation("Sign-in activity")
	}
	m.mapAPIVersion(ev)
	ev.API.Service.SetName(directoryService)
}

// directoryService is Entra ID's name as a resource provider.
const directoryService = "Microsoft.aadiam"

func (m *Mapper) mapSignInUser(ev *ocsf.Event) {
	r := &m.r
	user := &ev.User
	name, id := r.body.any("userPrincipalName", "signInIdentifier"), r.body.get("userId")
	principal, principalID := r.body.get("servicePrincipalName"), r.body.get("servicePrincipalId")
	isService := !says(name) && (says(principal) || says(principalID) && !isID(id))
	if isService {
		normalize.Text(principal, user.SetName)
		normalize.Text(principalID, user.SetUID)
		normalize.Text(r.body.get("servicePrincipalCredentialKeyId"), user.SetCredentialUID)
	} else {
		normalize.Text(name, user.SetName)
		if isID(id) {
			normalize.Text(id, user.SetUID)
		}
		if says(name) && normalize.Text(r.body.get("userDisplayName"), user.SetFullName) == "" {
			normalize.Text(r.top.get("identity"), user.SetFullName)
		}
	}
	if !user.HasName() && !user.HasUID() {
		normalize.Text(r.top.get("identity"), user.SetName)
	}
	mapUserType(r.body.get("userType"), isService, user)
	if !user.HasName() && !user.HasUID() {
		user.SetName(normalize.Unknown)
	}
	m.mapHomeTenant(ev)
	copyUser(&ev.Actor.User, user)
}

// mapHomeTenant sets the account of the user, which is the tenant where a guest is at
// home; that of others is the tenant itself.
func (m *Mapper) mapHomeTenant(ev *ocsf.Event) {
	home := normalize.Text(m.r.body.get("homeTenantId"), ev.User.Account.SetUID)
	if home == "" && ev.Cloud.Account.HasUID() && ev.User.TypeID() != ocsf.UserTypeIDOther {
		ev.User.Account.SetUID(ev.Cloud.Account.UID())
	}
	if ev.User.Account.HasUID() {
		setTenantType(&ev.User.Account)
	}
}

// isID tells whether v names somebody: who is unknown to the directory has zeros.
func isID(v jsondoc.Value) bool {
	text := v.Text()
	return strings.Trim(text, "0-") != ""
}

// mapUserType sets the user's type: a guest's is the record's word.
func mapUserType(word jsondoc.Value, isService bool, user *ocsf.User) {
	switch {
	case isService:
		user.SetTypeID(ocsf.UserTypeIDService)
	case strings.EqualFold(word.Text(), "guest"):
		word.Use()
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(word.Text())
	case user.HasName() || user.HasUID():
		user.SetTypeID(ocsf.UserTypeIDUser)
	}
}

// copyUser makes of the user of an event its actor, too.
func copyUser(to, from *ocsf.User) {
	if from.HasName() {
		to.SetName(from.Name())
	}
	if from.HasUID() {
		to.SetUID(from.UID())
	}
	if from.HasFullName() {
		to.SetFullName(from.FullName())
	}
	if from.HasCredentialUID() {
		to.SetCredentialUID(from.CredentialUID())
	}
	if from.Account.HasUID() {
		to.Account.SetUID(from.Account.UID())
		setTenantType(&to.Account)
	}
	if from.HasTypeID() {
		to.SetTypeID(from.TypeID())
		if from.TypeID() == ocsf.UserTypeIDOther {
			to.SetType(from.Type())
		}
	}
}

// mapSignInServices maps the application that signed in, and what it signed in to.
// In Log Analytics ResourceId is the directory's, and ResourceIdentity what is
// resourceId elsewhere.
func (m *Mapper) mapSignInServices(ev *ocsf.Event) {
	r := &m.r
	normalize.Text(r.body.get("appDisplayName"), ev.Actor.SetAppName)
	normalize.Text(r.body.get("appId"), ev.Actor.SetAppUID)
	normalize.Text(r.body.get("resourceDisplayName"), ev.Service.SetName)
	id := r.body.get("resourceIdentity")
	if !says(id) && r.shape != analytics {
		id = r.body.get("resourceId")
	}
	if !strings.HasPrefix(id.Text(), "/") { // the directory's own
		normalize.Text(id, ev.Service.SetUID)
	}
	if !ev.Service.Present() {
		if ev.Actor.HasAppName() {
			ev.Service.SetName(ev.Actor.AppName())
		}
		if ev.Actor.HasAppUID() {
			ev.Service.SetUID(ev.Actor.AppUID())
		}
	}
	if !ev.Service.Present() {
		ev.Service.SetName(normalize.Unknown)
	}
}

// mapSignInPlace maps where the address is: the details of Log Analytics are in
// another column than the country.
func (m *Mapper) mapSignInPlace(ev *ocsf.Event) {
	r := &m.r
	src := &ev.SrcEndpoint
	mapLocation(m.open(r.body.any("locationDetails", "location")), &src.Location)
	if country := r.top.get("location"); !src.Location.HasCountry() && isCountry(country.Text()) {
		normalize.Text(country, src.Location.SetCountry)
	}
	mapNumber(r.body.get("autonomousSystemNumber"), src.AutonomousSystem.SetNumber)
}

func (m *Mapper) mapSignInOutcome(ev *ocsf.Event) {
	r := &m.r
	status := m.open(r.body.get("status"))
	code := fold(status, "errorCode")
	if !says(code) {
		code = r.top.get("resultType")
	}
	switch text := normalize.Text(code, ev.SetStatusCode); {
	case text == "":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case text == "0", strings.EqualFold(text, "success"):
		ev.SetStatusID(ocsf.StatusIDSuccess)
	default:
		ev.SetStatusID(ocsf.StatusIDFailure)
	}
	for _, reason := range [...]jsondoc.Value{fold(status, "failureReason"), r.top.get("resultDescription"), fold(status, "additionalDetails")} {
		if text := reason.Text(); text != "" && text != "Other." && !ev.HasStatusDetail() {
			normalize.Text(reason, ev.SetStatusDetail)
		}
	}
}

func (m *Mapper) mapSignInDevice(ev *ocsf.Event) {
	detail := m.open(m.r.body.get("deviceDetail"))
	device := &ev.Device
	normalize.Text(fold(detail, "deviceId"), device.SetUID)
	normalize.Text(fold(detail, "displayName"), device.SetName)
	if !says(detail) {
		return
	}
	if !device.HasUID() && !device.HasName() { // OCSF wants one of them, or an address
		if !ev.SrcEndpoint.HasIP() {
			return
		}
		device.SetIP(ev.SrcEndpoint.IP())
	}
	normalize.Bool(fold(detail, "isCompliant"), device.SetIsCompliant)
	normalize.Bool(fold(detail, "isManaged"), device.SetIsManaged)
	device.SetTypeID(ocsf.DeviceTypeIDUnknown)
	if name := normalize.Text(fold(detail, "operatingSystem"), device.OS.SetName); name != "" {
		device.OS.SetTypeID(osType(name))
	}
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "host")
}

func osType(name string) int32 {
	for _, os := range [...]struct {
		prefix string
		id     int32
	}{
		{"windowsphone", ocsf.OSTypeIDWindowsMobile}, {"windows", ocsf.OSTypeIDWindows}, {"android", ocsf.OSTypeIDAndroid},
		{"ios", ocsf.OSTypeIDIOS}, {"ipados", ocsf.OSTypeIDIPadOS}, {"mac", ocsf.OSTypeIDMacOS}, {"linux", ocsf.OSTypeIDLinux},
	} {
		if _, ok := cutPrefixFold(name, os.prefix); ok {
			return os.id
		}
	}
	return ocsf.OSTypeIDUnknown
}

func (m *Mapper) mapSignInRisk(ev *ocsf.Event) {
	r := &m.r
	mapRiskLevel(r.body.get("riskLevelDuringSignIn"), ev.SetRiskLevelID)
	mapRiskLevel(r.body.get("riskLevelAggregated"), ev.User.SetRiskLevelID)
	types := r.body.get("riskEventTypes_v2")
	if !says(m.open(types)) {
		types = r.body.get("riskEventTypes")
	}
	if list := m.open(types); says(list) {
		if text := joined(list); text != "" {
			if list.Len() == 1 { // a longer list stays in unmapped, too
				list.Use()
			}
			ev.SetRiskDetails(text)
		}
	}
}

// riskLevels are Entra's levels; none and hidden are no levels.
var riskLevels = map[string]int32{"low": ocsf.RiskLevelIDLow, "medium": ocsf.RiskLevelIDMedium, "high": ocsf.RiskLevelIDHigh}

// mapRiskLevel keeps the word in unmapped, whose caption OCSF writes with a capital.
func mapRiskLevel(v jsondoc.Value, set func(int32)) {
	if id := lookup(riskLevels, v.Text()); id != 0 {
		set(id)
	}
}

// joined is the texts of a list, with commas between them; "" if it has others.
func joined(list jsondoc.Value) string {
	if list.Kind() == jsondoc.String {
		return list.Text()
	}
	out := ""
	for e := range list.Elements {
		text, ok := e.Str()
		switch {
		case !ok:
			return ""
		case out == "":
			out = text
		default:
			out += ", " + text
		}
	}
	return out
}
