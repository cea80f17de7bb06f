package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// accessOperations are the operations that change who may do what, in lower case.
var accessOperations = map[string]int32{
	"microsoft.authorization/roleassignments/write":                 ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.authorization/roleassignments/delete":                ocsf.UserAccessActivityIDRevokePrivileges,
	"microsoft.authorization/classicadministrators/write":           ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.authorization/classicadministrators/delete":          ocsf.UserAccessActivityIDRevokePrivileges,
	"microsoft.authorization/denyassignments/write":                 ocsf.UserAccessActivityIDRevokePrivileges,
	"microsoft.authorization/denyassignments/delete":                ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.authorization/roleassignmentschedulerequests/write":  ocsf.UserAccessActivityIDAssignPrivileges, // PIM: active
	"microsoft.authorization/roleeligibilityschedulerequests/write": ocsf.UserAccessActivityIDAssignPrivileges, // PIM: eligible
	// Kubernetes' own bindings, changed through Resource Manager.
	"microsoft.containerservice/managedclusters/rbac.authorization.k8s.io/rolebindings/write":         ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.containerservice/managedclusters/rbac.authorization.k8s.io/rolebindings/delete":        ocsf.UserAccessActivityIDRevokePrivileges,
	"microsoft.containerservice/managedclusters/rbac.authorization.k8s.io/clusterrolebindings/write":  ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.containerservice/managedclusters/rbac.authorization.k8s.io/clusterrolebindings/delete": ocsf.UserAccessActivityIDRevokePrivileges,
	"microsoft.kubernetes/connectedclusters/rbac.authorization.k8s.io/rolebindings/write":             ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.kubernetes/connectedclusters/rbac.authorization.k8s.io/rolebindings/delete":            ocsf.UserAccessActivityIDRevokePrivileges,
	"microsoft.kubernetes/connectedclusters/rbac.authorization.k8s.io/clusterrolebindings/write":      ocsf.UserAccessActivityIDAssignPrivileges,
	"microsoft.kubernetes/connectedclusters/rbac.authorization.k8s.io/clusterrolebindings/delete":     ocsf.UserAccessActivityIDRevokePrivileges,

	elevateAccess: ocsf.UserAccessActivityIDAssignPrivileges,
}

// elevateAccess gives a global administrator of the tenant, who calls it, the role
// User Access Administrator at the root of all subscriptions.
const elevateAccess = "microsoft.authorization/elevateaccess/action"

// noticeCategories hold no calls.
var noticeCategories = map[string]bool{
	"servicehealth": true, "resourcehealth": true, "alert": true, "recommendation": true,
}

// classOfActivity is the class of a record of the Activity log.
func classOfActivity(operation, category string) ocsf.ClassUID {
	switch {
	case lookup(accessOperations, operation) != 0:
		return ocsf.ClassUserAccess
	case lookup(noticeCategories, category):
		return ocsf.ClassBaseEvent
	case strings.EqualFold(category, "security"): // Defender's alerts; changes of its settings are Administrative
		return ocsf.ClassDetectionFinding
	}
	return ocsf.ClassAPIActivity
}

// mapActivityAccess maps whom a role was given or taken from.
func (m *Mapper) mapActivityAccess(operation string, body jsondoc.Value, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassUserAccess)
	ev.SetActivityID(lookup(accessOperations, operation))
	if strings.EqualFold(operation, elevateAccess) {
		ev.User.SetName(ev.Actor.User.Name())
		if ev.Actor.User.HasUID() {
			ev.User.SetUID(ev.Actor.User.UID())
		}
		if !ev.User.HasName() && !ev.User.HasUID() {
			ev.User.SetName(normalize.Unknown)
		}
		ev.Privileges = append(ev.Privileges, "User Access Administrator")
		return
	}
	properties := fold(body, "properties")
	// A schedule request says itself whether it gives or takes.
	switch request := fold(properties, "requestType").Text(); {
	case strings.HasSuffix(request, "Remove"), strings.HasSuffix(request, "Deactivate"):
		ev.SetActivityID(ocsf.UserAccessActivityIDRevokePrivileges)
	}
	mapAssignment(properties, ev)
}

// mapAssignment maps a role assignment's properties; their case differs between
// request and response. user.uid is the principal and privileges has the GUID of the
// role's definition, which is the same in every subscription.
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
