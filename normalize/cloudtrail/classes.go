package cloudtrail

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapClass sets the class, the activity and what only that class has.
func mapClass(root jsondoc.Value, eventSource, eventName string, ev *ocsf.Event) {
	op, ok := operations[call{eventSource, eventName}]
	if !ok {
		readOnly, _ := normalize.ParseBool(root.Get("readOnly").Text())
		op = operation{class: ocsf.ClassAPIActivity, activity: activityOf(eventName, readOnly)}
	}
	ev.SetClass(op.class)
	ev.SetActivityID(op.activity)
	if op.activity == ocsf.ActivityIDOther {
		ev.SetActivityName(eventName)
	}
	switch op.class {
	case ocsf.ClassAuthentication:
		mapSignIn(root, eventSource, ev)
	case ocsf.ClassAccountChange:
		mapAccountChange(root, op, ev)
	case ocsf.ClassUserAccess:
		mapUserAccess(root, op, ev)
		mapResources(root.Get("resources"), ev)
	case ocsf.ClassGroupManagement:
		mapGroup(root, op, ev)
	default:
		mapResources(root.Get("resources"), ev)
	}
}

// mapSignIn maps the console's events: the user is the caller, whose name the
// identity center tells apart from the identity.
func mapSignIn(root jsondoc.Value, eventSource string, ev *ocsf.Event) {
	mapUser(root.Get("userIdentity"), &ev.User)
	if !ev.User.HasName() {
		normalize.Text(root.Path("additionalEventData", "UserName"), ev.User.SetName)
	}
	if !ev.User.Present() {
		ev.User.SetName(normalize.Unknown)
	}
	ev.Service.SetName(orUnknown(eventSource))
	normalize.Bool(root.Path("additionalEventData", "MFAUsed"), ev.SetIsMFA)
}

// mapAccountChange maps what happened to a user. A successful call that names
// none is about the caller, as in IAM's API.
func mapAccountChange(root jsondoc.Value, op operation, ev *ocsf.Event) {
	user := &ev.User
	request, response := root.Get("requestParameters"), root.Get("responseElements")
	named := mapTarget(request, op, ev)
	switch {
	case named:
		normalize.Text(response.Path("user", "arn"), user.SetUID)
		normalize.Text(response.Path("user", "userId"), user.SetUIDAlt)
	case op.user == nil || ev.StatusID() == ocsf.StatusIDSuccess:
		mapUser(root.Get("userIdentity"), user)
	}
	for _, key := range [...]jsondoc.Value{response.Path("accessKey", "accessKeyId"), request.Get("accessKeyId")} {
		if id := key.Text(); id != "" {
			credential := user.AddProgrammaticCredentials()
			credential.SetUID(id)
			credential.SetType("AccessKey")
			break
		}
	}
	requireUser(user)
}

// mapUserAccess maps a policy given to or taken from a user or role.
func mapUserAccess(root jsondoc.Value, op operation, ev *ocsf.Event) {
	request := root.Get("requestParameters")
	mapTarget(request, op, ev)
	if op.role {
		ev.User.SetTypeID(ocsf.UserTypeIDOther)
		ev.User.SetType("Role")
	}
	requireUser(&ev.User)
	ev.Privileges = append(ev.Privileges, orUnknown(request.Path(op.privilege...).Text()))
}

// mapGroup maps what happened to a group.
func mapGroup(root jsondoc.Value, op operation, ev *ocsf.Event) {
	request := root.Get("requestParameters")
	name := request.Path(op.group...).Text()
	switch {
	case name == "":
		ev.Group.SetName(normalize.Unknown)
	case op.group[0] == "groupId":
		ev.Group.SetUID(name)
	default:
		ev.Group.SetName(name)
	}
	if op.user != nil {
		mapTarget(request, op, ev)
		requireUser(&ev.User)
	}
	if op.privilege != nil {
		ev.Privileges = append(ev.Privileges, orUnknown(request.Path(op.privilege...).Text()))
	}
}

// mapTarget sets the user that the request names, and the account of the record,
// which is the user's. It tells whether the request names one.
func mapTarget(request jsondoc.Value, op operation, ev *ocsf.Event) bool {
	if op.user == nil {
		return false
	}
	if ev.Cloud.Account.HasUID() {
		ev.User.Account.SetUID(ev.Cloud.Account.UID())
		ev.User.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	target := request.Path(op.user...).Text()
	if target == "" {
		return false
	}
	switch op.user[len(op.user)-1] {
	case "userName", "roleName":
		ev.User.SetName(target)
	default: // Identity Center speaks of ids
		ev.User.SetUID(target)
	}
	return true
}
