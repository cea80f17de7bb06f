package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// accessOperations are the operations that change who may do what.
var accessOperations = map[string]int32{
	"microsoft.authorization/roleassignments/write":  ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.authorization/roleassignments/delete": ocsf.UserAccessActivityIDRevokePrivileges,
	elevateAccess: ocsf.UserAccessActivityIDAssignPrivileges,
}

// elevateAccess gives a global administrator of the tenant, who calls it, the role
// User Access Administrator at the root of all subscriptions.
const elevateAccess = "microsoft.authorization/elevateaccess/action"

func mapClass(operation string, body jsondoc.Value, ev *ocsf.Event) {
	name := strings.ToLower(operation)
	activity, ok := accessOperations[name]
	if !ok {
		ev.SetClass(ocsf.ClassAPIActivity)
		ev.SetActivityID(activityOf(operation))
		if ev.ActivityID() == ocsf.ActivityIDOther {
			ev.SetActivityName(operation)
		}
		return
	}
	ev.SetClass(ocsf.ClassUserAccess)
	ev.SetActivityID(activity)
	if name == elevateAccess {
		ev.User.SetName(ev.Actor.User.Name())
		if ev.Actor.User.HasUID() {
			ev.User.SetUID(ev.Actor.User.UID())
		}
		ev.Privileges = append(ev.Privileges, "User Access Administrator")
		return
	}
	mapAssignment(fold(body, "properties"), ev)
}

// mapAssignment maps a role assignment's properties; their case differs between
// request and response.
func mapAssignment(properties jsondoc.Value, ev *ocsf.Event) {
	principal := fold(properties, "principalId").Text()
	if principal == "" {
		ev.User.SetName(normalize.Unknown)
	} else {
		ev.User.SetUID(principal)
	}
	switch kind := fold(properties, "principalType").Text(); {
	case strings.EqualFold(kind, "User"):
		ev.User.SetTypeID(ocsf.UserTypeIDUser)
	case strings.EqualFold(kind, "ServicePrincipal"):
		ev.User.SetTypeID(ocsf.UserTypeIDService)
	case kind != "":
		ev.User.SetTypeID(ocsf.UserTypeIDOther)
		ev.User.SetType(kind)
	}
	role := fold(properties, "roleDefinitionId").Text()
	role = strings.ToLower(role[strings.LastIndexByte(role, '/')+1:])
	if role == "" {
		role = normalize.Unknown
	}
	ev.Privileges = append(ev.Privileges, role)
}

// fold is the member whose key is key in any case.
func fold(v jsondoc.Value, key string) jsondoc.Value {
	for k, member := range v.Members {
		if strings.EqualFold(k, key) {
			return member
		}
	}
	return jsondoc.Value{}
}
