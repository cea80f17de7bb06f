package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapAudit maps the audit log of Entra ID and the services beside it (PIM, self-service,
// invitations).
//
//   - api.operation is the activity's display name, api.service.name the service that logged it,
//     metadata.event_code its category (UserManagement).
//   - api.request.data is targetResources: who or what was changed, with old and new values.
//   - What is done to a user, a group, a role or a policy has the class for it; what is named by
//     neither table nor category is api_activity.
//   - A service principal is an account, and so is an application as far as its credentials go: Account
//     Change, with the keys that came or went as user.programmatic_credentials. Other changes of an
//     application are Entity Management.
//   - Consents, app roles and owners are User Access: user is who may do more, privileges what, resources
//     where.
//
// Fillers: an initiator that is not told (Entra itself), a target or a role is normalize.Unknown.
func (m *Mapper) mapAudit(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "activityDateTime"); err != nil {
		return err
	}
	normalize.Text(r.field("category"), ev.Metadata.SetEventCode)
	m.mapMetadata(ev, "id")
	m.mapTenantCloud(ev)
	operation := normalize.Text(r.body.get("activityDisplayName"), ev.API.SetOperation)
	if operation == "" {
		operation = normalize.Text(r.field("operationName"), ev.API.SetOperation)
	}
	if operation == "" {
		return normalize.Missing("activityDisplayName")
	}
	m.mapAPIVersion(ev)
	if normalize.Text(r.body.get("loggedByService"), ev.API.Service.SetName) == "" {
		ev.API.Service.SetName(directoryService)
	}
	initiator := m.mapInitiator(ev)
	mapAddress(&ev.SrcEndpoint, fold(initiator, "ipAddress"), r.top.get("callerIpAddress"), r.top.get("ipAddress"))
	m.mapAuditOutcome(ev)
	normalize.Text(r.body.get("userAgent"), ev.HTTPRequest.SetUserAgent)
	details := m.open(r.body.get("additionalDetails"))
	if agent := detail(details, "User-Agent"); !ev.HTTPRequest.HasUserAgent() {
		normalize.Text(agent, ev.HTTPRequest.SetUserAgent)
	}
	targets := m.open(r.body.get("targetResources"))
	if says(targets) && targets.Kind() != jsondoc.Array {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "kind:targetResources")
	}
	m.mapAuditClass(operation, newAuditTargets(targets, details), ev)
	if says(targets) {
		r.body.get("targetResources").Use()
		ev.API.Request.SetData(ocsf.JSON(targets.JSON()))
	}
	requireRequestUID(ev)
	return nil
}

// mapInitiator maps initiatedBy, which has a user or an app, and gives the one it has.
func (m *Mapper) mapInitiator(ev *ocsf.Event) jsondoc.Value {
	actor := &ev.Actor
	by := m.open(m.r.body.get("initiatedBy"))
	normalize.WantObject("initiatedBy", by, ev)
	user, app := fold(by, "user"), fold(by, "app")
	initiator := user
	if says(user) {
		if normalize.Text(fold(user, "userPrincipalName"), actor.User.SetName) == "" {
			normalize.Text(fold(user, "displayName"), actor.User.SetName)
		} else {
			normalize.Text(fold(user, "displayName"), actor.User.SetFullName)
		}
		normalize.Text(fold(user, "id"), actor.User.SetUID)
		if actor.User.Present() {
			actor.User.SetTypeID(ocsf.UserTypeIDUser)
		}
	}
	if says(app) {
		normalize.Text(fold(app, "displayName"), actor.SetAppName)
		normalize.Text(fold(app, "appId"), actor.SetAppUID)
		if !actor.User.Present() {
			initiator = app
			normalize.Text(fold(app, "servicePrincipalId"), actor.User.SetUID)
			normalize.Text(fold(app, "servicePrincipalName"), actor.User.SetName)
			if actor.User.Present() {
				actor.User.SetTypeID(ocsf.UserTypeIDService)
			}
		}
	}
	if !actor.User.Present() && !actor.HasAppUID() && !actor.HasAppName() {
		if normalize.Text(m.r.top.get("identity"), actor.User.SetName) == "" {
			actor.User.SetName(normalize.Unknown)
		}
	}
	return initiator
}

func (m *Mapper) mapAuditOutcome(ev *ocsf.Event) {
	result := m.r.field("result")
	switch word := result.Text(); {
	case word == "":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case strings.EqualFold(word, "success"):
		ev.SetStatusID(ocsf.StatusIDSuccess)
	case strings.EqualFold(word, "failure"), strings.EqualFold(word, "failed"), strings.EqualFold(word, "timeout"), strings.EqualFold(word, "clientError"), strings.EqualFold(word, "serverError"):
		ev.SetStatusID(ocsf.StatusIDFailure)
	default: // interrupted
		result.Use()
		ev.SetStatusID(ocsf.StatusIDOther)
		ev.SetStatus(word)
	}
	normalize.Text(m.r.field("resultReason"), ev.SetStatusDetail)
	if !ev.HasStatusDetail() {
		normalize.Text(m.r.field("resultDescription"), ev.SetStatusDetail)
	}
}

// detail is the value of a key of additionalDetails, [{"key": .., "value": ..}].
func detail(details jsondoc.Value, key string) jsondoc.Value {
	for e := range details.Elements {
		if strings.EqualFold(fold(e, "key").Text(), key) {
			return fold(e, "value")
		}
	}
	return jsondoc.Value{}
}
