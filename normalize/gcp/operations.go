package gcp

import (
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// operation says what a method is in OCSF.
type operation struct {
	class    ocsf.ClassUID
	activity int32 // of the class; Other keeps the method's last word as activity_name
	failed   bool  // the method is the report of a failure
}

func account(activity int32) operation {
	return operation{class: ocsf.ClassAccountChange, activity: activity}
}

func access(activity int32) operation {
	return operation{class: ocsf.ClassUserAccess, activity: activity}
}

func group(activity int32) operation {
	return operation{class: ocsf.ClassGroupManagement, activity: activity}
}

func signing(activity int32) operation {
	return operation{class: ocsf.ClassAuthentication, activity: activity}
}

// operations is the table of what is more than api_activity, by service and last word of
// the method, in small letters.
var operations = map[[2]string]operation{
	{iam, "createserviceaccount"}:     account(ocsf.AccountChangeActivityIDCreate),
	{iam, "deleteserviceaccount"}:     account(ocsf.AccountChangeActivityIDDelete),
	{iam, "undeleteserviceaccount"}:   account(ocsf.AccountChangeActivityIDEnable),
	{iam, "enableserviceaccount"}:     account(ocsf.AccountChangeActivityIDEnable),
	{iam, "disableserviceaccount"}:    account(ocsf.AccountChangeActivityIDDisable),
	{iam, "updateserviceaccount"}:     account(ocsf.ActivityIDOther),
	{iam, "patchserviceaccount"}:      account(ocsf.ActivityIDOther),
	{iam, "createserviceaccountkey"}:  account(ocsf.ActivityIDOther),
	{iam, "uploadserviceaccountkey"}:  account(ocsf.ActivityIDOther),
	{iam, "deleteserviceaccountkey"}:  account(ocsf.ActivityIDOther),
	{iam, "enableserviceaccountkey"}:  account(ocsf.ActivityIDOther),
	{iam, "disableserviceaccountkey"}: account(ocsf.ActivityIDOther),
	{iam, "createrole"}:               access(ocsf.UserAccessActivityIDAssignPrivileges),
	{iam, "updaterole"}:               access(ocsf.UserAccessActivityIDAssignPrivileges),
	{iam, "undeleterole"}:             access(ocsf.UserAccessActivityIDAssignPrivileges),
	{iam, "deleterole"}:               access(ocsf.UserAccessActivityIDRevokePrivileges),

	// google.admin.AdminService: the admin console of Workspace.
	{admin, "createuser"}:                    account(ocsf.AccountChangeActivityIDCreate),
	{admin, "deleteuser"}:                    account(ocsf.AccountChangeActivityIDDelete),
	{admin, "undeleteuser"}:                  account(ocsf.AccountChangeActivityIDEnable),
	{admin, "suspenduser"}:                   account(ocsf.AccountChangeActivityIDDisable),
	{admin, "archiveuser"}:                   account(ocsf.AccountChangeActivityIDDisable),
	{admin, "unsuspenduser"}:                 account(ocsf.AccountChangeActivityIDEnable),
	{admin, "unarchiveuser"}:                 account(ocsf.AccountChangeActivityIDEnable),
	{admin, "changepassword"}:                account(ocsf.AccountChangeActivityIDPasswordReset),
	{admin, "changerecoveryemail"}:           account(ocsf.ActivityIDOther),
	{admin, "changerecoveryphone"}:           account(ocsf.ActivityIDOther),
	{admin, "renameuser"}:                    account(ocsf.ActivityIDOther),
	{admin, "turnoff2stepverification"}:      account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	{admin, "unenrolluserfromtitanium"}:      account(ocsf.ActivityIDOther),
	{admin, "revoke3lodevicetokens"}:         account(ocsf.ActivityIDOther),
	{admin, "grantadminprivilege"}:           access(ocsf.UserAccessActivityIDAssignPrivileges),
	{admin, "revokeadminprivilege"}:          access(ocsf.UserAccessActivityIDRevokePrivileges),
	{admin, "grantdelegatedadminprivileges"}: access(ocsf.UserAccessActivityIDAssignPrivileges),
	{admin, "assignrole"}:                    access(ocsf.UserAccessActivityIDAssignPrivileges),
	{admin, "unassignrole"}:                  access(ocsf.UserAccessActivityIDRevokePrivileges),
	{admin, "creategroup"}:                   group(ocsf.GroupManagementActivityIDCreate),
	{admin, "deletegroup"}:                   group(ocsf.GroupManagementActivityIDDelete),
	{admin, "addgroupmember"}:                group(ocsf.GroupManagementActivityIDAddUser),
	{admin, "removegroupmember"}:             group(ocsf.GroupManagementActivityIDRemoveUser),
	{admin, "changegroupsetting"}:            group(ocsf.ActivityIDOther),

	// google.login.LoginService: Workspace's sign-ins.
	{login, "loginsuccess"}:                        signing(ocsf.AuthenticationActivityIDLogon),
	{login, "loginfailure"}:                        {class: ocsf.ClassAuthentication, activity: ocsf.AuthenticationActivityIDLogon, failed: true},
	{login, "loginverification"}:                   signing(ocsf.AuthenticationActivityIDPreauth),
	{login, "loginchallenge"}:                      signing(ocsf.AuthenticationActivityIDPreauth),
	{login, "logout"}:                              signing(ocsf.AuthenticationActivityIDLogoff),
	{login, "riskysensitiveactionallowed"}:         signing(ocsf.ActivityIDOther),
	{login, "riskysensitiveactionblocked"}:         {class: ocsf.ClassAuthentication, activity: ocsf.ActivityIDOther, failed: true},
	{login, "2svenroll"}:                           account(ocsf.AccountChangeActivityIDMFAFactorEnable),
	{login, "2svdisable"}:                          account(ocsf.AccountChangeActivityIDMFAFactorDisable),
	{login, "passwordedit"}:                        account(ocsf.AccountChangeActivityIDPasswordChange),
	{login, "recoveryemailedit"}:                   account(ocsf.ActivityIDOther),
	{login, "recoveryphoneedit"}:                   account(ocsf.ActivityIDOther),
	{login, "titaniumenroll"}:                      account(ocsf.ActivityIDOther),
	{login, "titaniumunenroll"}:                    account(ocsf.ActivityIDOther),
	{login, "accountdisabledgeneric"}:              account(ocsf.AccountChangeActivityIDDisable),
	{login, "accountdisabledhijacked"}:             account(ocsf.AccountChangeActivityIDDisable),
	{login, "accountdisabledspamming"}:             account(ocsf.AccountChangeActivityIDDisable),
	{login, "accountdisabledspammingthroughrelay"}: account(ocsf.AccountChangeActivityIDDisable),
	{login, "accountdisabledpasswordleak"}:         account(ocsf.AccountChangeActivityIDDisable),

	// google.apps.cloudidentity.groups.v1: Google Groups.
	{groups, "creategroup"}:      group(ocsf.GroupManagementActivityIDCreate),
	{groups, "deletegroup"}:      group(ocsf.GroupManagementActivityIDDelete),
	{groups, "updategroup"}:      group(ocsf.ActivityIDOther),
	{groups, "createmembership"}: group(ocsf.GroupManagementActivityIDAddUser),
	{groups, "deletemembership"}: group(ocsf.GroupManagementActivityIDRemoveUser),
	{groups, "updatemembership"}: group(ocsf.ActivityIDOther),
}

const (
	iam    = "iam.googleapis.com"
	admin  = "admin.googleapis.com"
	login  = "login.googleapis.com"
	groups = "cloudidentity.googleapis.com"
)

// policyMethods are the last words of methods that set an IAM policy, of any
// service.
var policyMethods = map[string]bool{"setiampolicy": true, "setiampermissions": true, "setorgiampolicy": true}

// verbs are the first words of methods' last words, by what they do; what is none of
// these (Sign, Encrypt, Connect) is Other.
var verbs = []struct {
	activity int32
	words    string
}{
	{ocsf.APIActivityActivityIDCreate, "create insert add import upload generate clone copy batchcreate register restore submit run"},
	{ocsf.APIActivityActivityIDRead, "get list read query search aggregatedlist batchget lookup check test download export describe fetch watch stream scan view"},
	{ocsf.APIActivityActivityIDUpdate, "update patch set modify replace write enable disable start stop reset resize move attach detach rename undelete rotate tag commit batchupdate change restart suspend resume"},
	{ocsf.APIActivityActivityIDDelete, "delete remove destroy purge batchdelete cancel terminate"},
}

// activities is verbs, turned round.
var activities = func() map[string]int32 {
	byWord := make(map[string]int32)
	for _, v := range verbs {
		for word := range strings.FieldsSeq(v.words) {
			byWord[word] = v.activity
		}
	}
	return byWord
}()

// lastWord is the last word of a method: google.iam.admin.v1.CreateRole, storage.buckets.get.
func lastWord(method string) string { return method[strings.LastIndexByte(method, '.')+1:] }

// activityOf is the activity of a method of an API, told by how its last word
// begins: UpdateSink, aggregatedList.
func activityOf(word string) int32 {
	if activity, ok := activities[strings.ToLower(word)]; ok {
		return activity
	}
	for i := 1; i < len(word); i++ {
		if c := word[i]; c < 'a' || 'z' < c {
			if activity, ok := activities[strings.ToLower(word[:i])]; ok {
				return activity
			}
			break
		}
	}
	return ocsf.ActivityIDOther
}
