package cloudtrail

import "github.com/weir-security/weir/schemas/ocsf"

// operationKey names an API operation.
type operationKey struct{ eventSource, eventName string }

// path is where a value is in requestParameters.
type path []string

// operation says what an API operation is in OCSF, and where requestParameters
// tell of whom or what it speaks. Operations that are not in the table are
// api_activity, with the activity that their verb tells (verbs.go).
type operation struct {
	class    ocsf.ClassUID
	activity int32 // of the class; Other keeps the eventName as activity_name
	user     path  // absent in the record: the caller, if the class is about users
	group    path
	renamed  path // the user's new name
	// privilege is the policy or permission that is given or taken; given names the one
	// that the operation itself is about.
	privilege path
	given     string
	// kind is what user is, where it is no person: user_access also speaks of roles.
	kind string
	// session tells that credentials are issued: user is a role, a name, or the caller.
	session         bool
	logon, protocol int32
}

const (
	signIn        = "signin.amazonaws.com"
	sts           = "sts.amazonaws.com"
	iam           = "iam.amazonaws.com"
	identityStore = "identitystore.amazonaws.com"
	ssoDirectory  = "sso-directory.amazonaws.com"
	sso           = "sso.amazonaws.com"
	ssoOAuth      = "sso-oauth.amazonaws.com"
	cognito       = "cognito-idp.amazonaws.com"
	directoryData = "ds-data.amazonaws.com"
	directory     = "ds.amazonaws.com"
	transfer      = "transfer.amazonaws.com"
	eks           = "eks.amazonaws.com"
)

var (
	userName      = path{"userName"}
	roleName      = path{"roleName"}
	groupName     = path{"groupName"}
	policyARN     = path{"policyArn"}
	policyName    = path{"policyName"}
	userID        = path{"userId"}
	groupID       = path{"groupId"}
	memberID      = path{"memberId", "userId"}
	principalID   = path{"principalId"}
	principalARN  = path{"principalArn"}
	permissionSet = path{"permissionSetArn"}
	poolUser      = path{"username"}
	accountName   = path{"sAMAccountName"}
)

// signing is a person at a console or portal.
func signing(activity int32) operation {
	return operation{class: ocsf.ClassAuthentication, activity: activity, logon: ocsf.LogonTypeIDInteractive}
}

// issuing is a program or person that is given credentials: of a role whose ARN, or for
// a name that stands at user.
func issuing(activity int32, user path, protocol int32) operation {
	return operation{class: ocsf.ClassAuthentication, activity: activity, user: user, session: true,
		logon: ocsf.LogonTypeIDNetwork, protocol: protocol}
}

// pooling is a sign-in of a user of a Cognito pool.
func pooling(activity int32, user path) operation {
	return operation{class: ocsf.ClassAuthentication, activity: activity, user: user}
}

func account(activity int32, user path) operation {
	return operation{class: ocsf.ClassAccountChange, activity: activity, user: user}
}

func renaming(user, renamed path) operation {
	return operation{class: ocsf.ClassAccountChange, activity: ocsf.AccountChangeActivityIDOther, user: user, renamed: renamed}
}

func userAccess(activity int32, user, privilege path) operation {
	return operation{class: ocsf.ClassUserAccess, activity: activity, user: user, privilege: privilege}
}

func roleAccess(activity int32, privilege path) operation {
	return operation{class: ocsf.ClassUserAccess, activity: activity, user: roleName, privilege: privilege, kind: "Role"}
}

func setAccess(activity int32, privilege path) operation {
	return operation{class: ocsf.ClassUserAccess, activity: activity, user: permissionSet, privilege: privilege, kind: "PermissionSet"}
}

func group(activity int32, group, user, privilege path) operation {
	return operation{class: ocsf.ClassGroupManagement, activity: activity, group: group, user: user, privilege: privilege}
}
