package azure

import (
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// auditOperation is what an audited activity is in OCSF.
type auditOperation struct {
	class    ocsf.ClassUID
	activity int32 // of the class; Other keeps the name as activity_name
	// object says what is given: "permission" (to a service principal, on the target),
	// "consent", "owner", "self" (to whom calls), "" a role.
	object string
}

func account(activity int32) auditOperation {
	return auditOperation{class: ocsf.ClassAccountChange, activity: activity}
}

func group(activity int32) auditOperation {
	return auditOperation{class: ocsf.ClassGroupManagement, activity: activity}
}

func access(activity int32, object string) auditOperation {
	return auditOperation{ocsf.ClassUserAccess, activity, object}
}

func entity(activity int32) auditOperation {
	return auditOperation{class: ocsf.ClassEntityManagement, activity: activity}
}

const (
	other  = ocsf.ActivityIDOther
	assign = ocsf.UserAccessActivityIDAssignPrivileges
	revoke = ocsf.UserAccessActivityIDRevokePrivileges
)

// auditOperations is the table of activities, by display name in lower case.
var auditOperations = map[string]auditOperation{
	"add user":                           account(ocsf.AccountChangeActivityIDCreate),
	"invite external user":               account(ocsf.AccountChangeActivityIDCreate),
	"invite internal user":               account(ocsf.AccountChangeActivityIDCreate),
	"viral user creation":                account(ocsf.AccountChangeActivityIDCreate),
	"delete user":                        account(ocsf.AccountChangeActivityIDDelete),
	"hard delete user":                   account(ocsf.AccountChangeActivityIDDelete),
	"delete external user":               account(ocsf.AccountChangeActivityIDDelete),
	"enable account":                     account(ocsf.AccountChangeActivityIDEnable),
	"restore user":                       account(ocsf.AccountChangeActivityIDEnable),
	"disable account":                    account(ocsf.AccountChangeActivityIDDisable),
	"change user password":               account(ocsf.AccountChangeActivityIDPasswordChange),
	"reset user password":                account(ocsf.AccountChangeActivityIDPasswordReset),
	"reset password":                     account(ocsf.AccountChangeActivityIDPasswordReset),
	"unlock user account":                account(ocsf.AccountChangeActivityIDUnlock),
	"admin started password reset":       account(ocsf.AccountChangeActivityIDPasswordReset),
	"change password (self-service)":     account(ocsf.AccountChangeActivityIDPasswordChange),
	"reset password (self-service)":      account(ocsf.AccountChangeActivityIDPasswordReset),
	"reset password (by admin)":          account(ocsf.AccountChangeActivityIDPasswordReset),
	"unlock user account (self-service)": account(ocsf.AccountChangeActivityIDUnlock),

	"enable strong authentication":                 account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	"disable strong authentication":                account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	"user registered security info":                account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	"user registered all required security info":   account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	"admin registered security info":               account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	"add windows hello for business credential":    account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	"add passkey (device-bound)":                   account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	"user deleted security info":                   account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	"admin deleted security info":                  account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	"delete windows hello for business credential": account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	"delete passkey (device-bound)":                account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	"fraud reported - user is blocked for mfa":     account(ocsf.AccountChangeActivityIDLock),

	// Service principals, and what lets one sign in as an application.
	"add service principal":                                    account(ocsf.AccountChangeActivityIDCreate),
	"remove service principal":                                 account(ocsf.AccountChangeActivityIDDelete),
	"hard delete service principal":                            account(ocsf.AccountChangeActivityIDDelete),
	"restore service principal":                                account(ocsf.AccountChangeActivityIDEnable),
	"update service principal":                                 account(other),
	"add service principal credentials":                        account(other),
	"remove service principal credentials":                     account(other),
	"update application - certificates and secrets management": account(other),

	"add app role assignment to service principal":      access(assign, "permission"),
	"remove app role assignment from service principal": access(revoke, "permission"),
	"add delegated permission grant":                    access(assign, "permission"),
	"remove delegated permission grant":                 access(revoke, "permission"),
	"consent to application":                            access(assign, "consent"),
	"revoke consent":                                    access(revoke, "consent"),
	"add app role assignment grant to user":             access(assign, "consent"),
	"remove app role assignment from user":              access(revoke, "consent"),
	"add owner to application":                          access(assign, "owner"),
	"remove owner from application":                     access(revoke, "owner"),
	"add owner to service principal":                    access(assign, "owner"),
	"remove owner from service principal":               access(revoke, "owner"),
	"add policy to application":                         entity(ocsf.EntityManagementActivityIDUpdate),
	"remove policy from application":                    entity(ocsf.EntityManagementActivityIDUpdate),
	"add policy to service principal":                   entity(ocsf.EntityManagementActivityIDUpdate),
	"remove policy from service principal":              entity(ocsf.EntityManagementActivityIDUpdate),

	"authentication methods policy update": entity(ocsf.EntityManagementActivityIDUpdate),

	"add group":                             group(ocsf.GroupManagementActivityIDCreate),
	"delete group":                          group(ocsf.GroupManagementActivityIDDelete),
	"hard delete group":                     group(ocsf.GroupManagementActivityIDDelete),
	"add member to group":                   group(ocsf.GroupManagementActivityIDAddUser),
	"remove member from group":              group(ocsf.GroupManagementActivityIDRemoveUser),
	"add app role assignment to group":      group(ocsf.GroupManagementActivityIDAssignPrivileges),
	"remove app role assignment from group": group(ocsf.GroupManagementActivityIDRevokePrivileges),

	"add owner to group":      {ocsf.ClassGroupManagement, ocsf.GroupManagementActivityIDAssignPrivileges, "owner"},
	"remove owner from group": {ocsf.ClassGroupManagement, ocsf.GroupManagementActivityIDRevokePrivileges, "owner"},

	"delete role assignment":                                                                access(revoke, ""),
	"create role assignment":                                                                access(assign, ""),
	"add role assignment to role definition":                                                access(assign, ""),
	"remove role definition from role assignment":                                           access(revoke, ""),
	"remove permanent eligible role assignment":                                             access(revoke, ""),
	"remove permanent direct role assignment":                                               access(revoke, ""),
	"user has elevated their access to user access administrator for their azure resources": access(assign, "self"),
	"assigns the caller to user access admin":                                               access(assign, "self"),
	"the role assignment of user has been removed from the user access administrator role":  access(revoke, "self"),
}

// auditPrefixes are activities with many endings, most of them of PIM: "add member to
// role in PIM completed (timebound)". The first that fits decides.
var auditPrefixes = []struct {
	prefix string
	op     auditOperation
}{
	{"add member to role request denied", access(other, "")},
	{"add member to role canceled", access(other, "")},
	{"add member to role request expired", access(other, "")},
	{"add eligible member to role in pim canceled", access(other, "")},
	{"add member to role", access(assign, "")},
	{"add eligible member", access(assign, "")},
	{"add scoped member to role", access(assign, "")},
	{"update eligible member", access(other, "")},
	{"update member", access(other, "")},
	{"remove member from role", access(revoke, "")},
	{"remove eligible member", access(revoke, "")},
	{"remove scoped member from role", access(revoke, "")},
	{"add member to", entity(ocsf.EntityManagementActivityIDUpdate)}, // an administrative unit
	{"remove member from", entity(ocsf.EntityManagementActivityIDUpdate)},
	{"add registered", entity(ocsf.EntityManagementActivityIDUpdate)}, // owners and users of a device
	{"remove registered", entity(ocsf.EntityManagementActivityIDUpdate)},
}

// auditCategories are the classes of activities that no table names, by category in
// lower case.
var auditCategories = map[string]ocsf.ClassUID{
	"usermanagement":        ocsf.ClassAccountChange,
	"groupmanagement":       ocsf.ClassGroupManagement,
	"applicationmanagement": ocsf.ClassEntityManagement,
	"policy":                ocsf.ClassEntityManagement,
	"policymanagement":      ocsf.ClassEntityManagement,
	"authorizationpolicy":   ocsf.ClassEntityManagement,
	"rolemanagement":        ocsf.ClassEntityManagement,
	"directorymanagement":   ocsf.ClassEntityManagement,
	"device":                ocsf.ClassEntityManagement,
	"devicemanagement":      ocsf.ClassEntityManagement,
	"deviceconfiguration":   ocsf.ClassEntityManagement,
	"administrativeunit":    ocsf.ClassEntityManagement,
}

// auditTypes are the same by the type of the first target, where the category says
// nothing (AuditLogs).
var auditTypes = map[string]ocsf.ClassUID{
	"user": ocsf.ClassAccountChange, "serviceprincipal": ocsf.ClassAccountChange, "group": ocsf.ClassGroupManagement,
	"policy": ocsf.ClassEntityManagement, "device": ocsf.ClassEntityManagement, "application": ocsf.ClassEntityManagement,
	"domain": ocsf.ClassEntityManagement, "directory": ocsf.ClassEntityManagement, "role": ocsf.ClassEntityManagement,
}

// auditVerbs is what the first word of an activity says in Entity Management and API
// Activity, which agree in the four that matter.
var auditVerbs = map[string]int32{
	"add": ocsf.EntityManagementActivityIDCreate, "added": ocsf.EntityManagementActivityIDCreate, "create": ocsf.EntityManagementActivityIDCreate,
	"get": ocsf.EntityManagementActivityIDRead, "list": ocsf.EntityManagementActivityIDRead, "download": ocsf.EntityManagementActivityIDRead,
	"update": ocsf.EntityManagementActivityIDUpdate, "updated": ocsf.EntityManagementActivityIDUpdate, "set": ocsf.EntityManagementActivityIDUpdate,
	"change": ocsf.EntityManagementActivityIDUpdate, "verify": ocsf.EntityManagementActivityIDUpdate,
	"delete": ocsf.EntityManagementActivityIDDelete, "deleted": ocsf.EntityManagementActivityIDDelete, "remove": ocsf.EntityManagementActivityIDDelete,
	"hard":     ocsf.EntityManagementActivityIDDelete,
	"register": ocsf.EntityManagementActivityIDEnroll, "unregister": ocsf.EntityManagementActivityIDUnenroll,
	"enable": ocsf.EntityManagementActivityIDEnable, "disable": ocsf.EntityManagementActivityIDDisable,
}

// auditOperationOf finds what an activity is: by its name, by how it begins, by its
// category, by what it was done to.
func auditOperationOf(operation, category string, t *auditTargets) auditOperation {
	if strings.Contains(operation, "–") { // as in "Update application – Certificates and secrets management"
		operation = strings.ReplaceAll(operation, "–", "-")
	}
	var buf [160]byte
	name := appendLower(buf[:0], strings.TrimSpace(operation))
	if op, ok := auditOperations[string(name)]; ok {
		return op
	}
	for _, p := range auditPrefixes {
		if len(name) >= len(p.prefix) && string(name[:len(p.prefix)]) == p.prefix {
			return p.op
		}
	}
	class := lookup(auditCategories, category)
	if class == 0 {
		class = lookup(auditTypes, fold(t.first, "type").Text())
	}
	verb, _, _ := strings.Cut(string(name), " ")
	activity := auditVerbs[verb]
	switch {
	case class == ocsf.ClassAccountChange, class == ocsf.ClassGroupManagement, activity == 0:
		activity = other
	case class == 0 && activity > ocsf.APIActivityActivityIDDelete:
		activity = ocsf.APIActivityActivityIDUpdate
	}
	if class == 0 {
		class = ocsf.ClassAPIActivity
	}
	return auditOperation{class: class, activity: activity}
}
