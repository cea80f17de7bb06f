package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// provisioningActions say what provisioning did, by class: to accounts, to groups, to
// anything else. An action without an activity is Other.
var provisioningActions = map[string]struct{ account, group, entity int32 }{
	"create":       {ocsf.AccountChangeActivityIDCreate, ocsf.GroupManagementActivityIDCreate, ocsf.EntityManagementActivityIDCreate},
	"delete":       {ocsf.AccountChangeActivityIDDelete, ocsf.GroupManagementActivityIDDelete, ocsf.EntityManagementActivityIDDelete},
	"stageddelete": {ocsf.AccountChangeActivityIDDelete, ocsf.GroupManagementActivityIDDelete, ocsf.EntityManagementActivityIDDelete},
	"disable":      {ocsf.AccountChangeActivityIDDisable, other, ocsf.EntityManagementActivityIDDisable},
	"enable":       {ocsf.AccountChangeActivityIDEnable, other, ocsf.EntityManagementActivityIDEnable},
	"update":       {other, other, ocsf.EntityManagementActivityIDUpdate},
}

// mapProvisioning maps what Entra ID did to an identity in another system. The actor is
// who began it, most often the service itself, with the application that provisions as
// actor.app_name; user, group or entity is the identity there, or where it comes from while
// there is none there. Records of the API and of diagnostic settings differ in the case of
// their names (Id, displayName).
func (m *Mapper) mapProvisioning(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "activityDateTime"); err != nil {
		return err
	}
	m.mapMetadata(ev, "id")
	m.mapTenantCloud(ev)
	if normalize.Text(r.top.get("operationName"), ev.API.SetOperation) == "" {
		ev.API.SetOperation("Provisioning activity")
	}
	m.mapAPIVersion(ev)
	ev.API.Service.SetName(directoryService)
	m.mapProvisioner(ev)
	m.mapProvisioningOutcome(ev)
	target := m.open(r.body.get("targetIdentity"))
	if fold(target, "id").Text() == "" && fold(target, "displayName").Text() == "" && fold(target, "name").Text() == "" {
		target = m.open(r.body.get("sourceIdentity"))
	}
	m.mapProvisioned(target, ev)
	return nil
}

func (m *Mapper) mapProvisioner(ev *ocsf.Event) {
	actor := &ev.Actor
	by := m.open(m.r.body.get("initiatedBy"))
	normalize.Text(fold(by, "id"), actor.User.SetUID)
	normalize.Text(nameIn(by), actor.User.SetName)
	kind := fold(by, "initiatorType")
	if !kind.Exists() {
		kind = fold(by, "type")
	}
	if !actor.User.Present() {
		actor.User.SetName(normalize.Unknown)
	}
	switch word := kind.Text(); {
	case strings.EqualFold(word, "system"):
		actor.User.SetTypeID(ocsf.UserTypeIDSystem)
	case strings.EqualFold(word, "application"):
		actor.User.SetTypeID(ocsf.UserTypeIDService)
	case strings.EqualFold(word, "user"):
		actor.User.SetTypeID(ocsf.UserTypeIDUser)
	}
	app := m.open(m.r.body.get("servicePrincipal"))
	if app.Kind() == jsondoc.Array {
		app = app.Index(0)
	}
	normalize.Text(nameIn(app), actor.SetAppName)
	normalize.Text(fold(app, "id"), actor.SetAppUID)
}

// nameIn is displayName or name.
func nameIn(v jsondoc.Value) jsondoc.Value {
	if name := fold(v, "displayName"); says(name) {
		return name
	}
	return fold(v, "name")
}

func (m *Mapper) mapProvisioningOutcome(ev *ocsf.Event) {
	r := &m.r
	info := m.open(r.body.any("provisioningStatusInfo", "statusInfo"))
	status := fold(info, "status")
	if !says(status) {
		status = r.top.get("resultType")
	}
	switch word := status.Text(); {
	case word == "":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case strings.EqualFold(word, "success"), word == "0":
		ev.SetStatusID(ocsf.StatusIDSuccess)
	case strings.EqualFold(word, "failure"), strings.EqualFold(word, "failed"):
		ev.SetStatusID(ocsf.StatusIDFailure)
	default: // skipped, warning
		status.Use()
		ev.SetStatusID(ocsf.StatusIDOther)
		ev.SetStatus(word)
	}
	failure := fold(info, "errorInformation")
	if !says(failure) {
		failure = info
	}
	normalize.Text(fold(failure, "errorCode"), ev.SetStatusCode)
	if normalize.Text(fold(failure, "reason"), ev.SetStatusDetail) == "" {
		normalize.Text(r.top.get("resultDescription"), ev.SetStatusDetail)
	}
}

func (m *Mapper) mapProvisioned(identity jsondoc.Value, ev *ocsf.Event) {
	r := &m.r
	action := r.body.any("provisioningAction", "action").Text()
	activities, known := lookup(provisioningActions, action), true
	if activities.account == 0 {
		activities.account, activities.group, activities.entity, known = other, other, other, false
	}
	kind := fold(identity, "identityType")
	if !says(kind) {
		kind = fold(identity, "type")
	}
	id, name := fold(identity, "id"), nameIn(identity)
	switch {
	case strings.EqualFold(kind.Text(), "user"):
		ev.SetClass(ocsf.ClassAccountChange)
		ev.SetActivityID(activities.account)
		normalize.Text(id, ev.User.SetUID)
		if normalize.Text(name, ev.User.SetName); !ev.User.HasName() && !ev.User.HasUID() {
			ev.User.SetName(normalize.Unknown)
		}
		ev.User.SetTypeID(ocsf.UserTypeIDUser)
	case strings.EqualFold(kind.Text(), "group"):
		ev.SetClass(ocsf.ClassGroupManagement)
		ev.SetActivityID(activities.group)
		normalize.Text(id, ev.Group.SetUID)
		if normalize.Text(name, ev.Group.SetName); !ev.Group.HasName() && !ev.Group.HasUID() {
			ev.Group.SetName(normalize.Unknown)
		}
	default:
		ev.SetClass(ocsf.ClassEntityManagement)
		ev.SetActivityID(activities.entity)
		normalize.Text(id, ev.Entity.SetUID)
		if normalize.Text(name, ev.Entity.SetName); !ev.Entity.HasName() && !ev.Entity.HasUID() {
			ev.Entity.SetName(normalize.Unknown)
		}
		if word := kind.Text(); word != "" {
			kind.Use()
			ev.Entity.SetTypeID(ocsf.ManagedEntityTypeIDOther)
			ev.Entity.SetType(word)
		}
	}
	if ev.ActivityID() == other {
		if action == "" {
			action = ev.API.Operation()
		} else if !known {
			r.body.any("provisioningAction", "action").Use()
		}
		ev.SetActivityName(action)
	}
}
