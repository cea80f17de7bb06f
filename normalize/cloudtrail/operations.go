package cloudtrail

import "github.com/weir-security/weir/schemas/ocsf"

// call names an API operation.
type call struct{ eventSource, eventName string }

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
	// privilege is the policy or permission that is given or taken.
	privilege path
	// role tells that user is the path of a role.
	role bool
}

const (
	signIn        = "signin.amazonaws.com"
	iam           = "iam.amazonaws.com"
	identityStore = "identitystore.amazonaws.com"
	ssoDirectory  = "sso-directory.amazonaws.com"
	sso           = "sso.amazonaws.com"
)

var (
	userName   = path{"userName"}
	roleName   = path{"roleName"}
	groupName  = path{"groupName"}
	policyARN  = path{"policyArn"}
	policyName = path{"policyName"}
	userID     = path{"userId"}
	groupID    = path{"groupId"}
	memberID   = path{"memberId", "userId"}
)

func signing(activity int32) operation {
	return operation{class: ocsf.ClassAuthentication, activity: activity}
}

func account(activity int32, user path) operation {
	return operation{class: ocsf.ClassAccountChange, activity: activity, user: user}
}

func userAccess(activity int32, user, privilege path) operation {
	return operation{class: ocsf.ClassUserAccess, activity: activity, user: user, privilege: privilege}
}

func roleAccess(activity int32, privilege path) operation {
	return operation{class: ocsf.ClassUserAccess, activity: activity, user: roleName, privilege: privilege, role: true}
}

func group(activity int32, group, user, privilege path) operation {
	return operation{class: ocsf.ClassGroupManagement, activity: activity, group: group, user: user, privilege: privilege}
}

// operations is the table of what is more than api_activity.
var operations = map[call]operation{
	{signIn, "ConsoleLogin"}:           signing(ocsf.AuthenticationActivityIDLogon),
	{signIn, "UserAuthentication"}:     signing(ocsf.AuthenticationActivityIDLogon),
	{signIn, "CheckMfa"}:               signing(ocsf.AuthenticationActivityIDPreauth),
	{signIn, "CredentialChallenge"}:    signing(ocsf.AuthenticationActivityIDPreauth),
	{signIn, "CredentialVerification"}: signing(ocsf.AuthenticationActivityIDPreauth),
	{signIn, "SwitchRole"}:             signing(ocsf.AuthenticationActivityIDAccountSwitch),
	{signIn, "RenewRole"}:              signing(ocsf.AuthenticationActivityIDOther),
	{signIn, "ExitRole"}:               signing(ocsf.AuthenticationActivityIDOther),
	{signIn, "Logout"}:                 signing(ocsf.AuthenticationActivityIDLogoff),
	{sso, "Authenticate"}:              signing(ocsf.AuthenticationActivityIDLogon),
	{sso, "Logout"}:                    signing(ocsf.AuthenticationActivityIDLogoff),

	{iam, "CreateUser"}:                      account(ocsf.AccountChangeActivityIDCreate, userName),
	{iam, "DeleteUser"}:                      account(ocsf.AccountChangeActivityIDDelete, userName),
	{iam, "UpdateUser"}:                      account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "CreateLoginProfile"}:              account(ocsf.AccountChangeActivityIDEnable, userName),
	{iam, "UpdateLoginProfile"}:              account(ocsf.AccountChangeActivityIDPasswordReset, userName),
	{iam, "DeleteLoginProfile"}:              account(ocsf.AccountChangeActivityIDDisable, userName),
	{iam, "ChangePassword"}:                  account(ocsf.AccountChangeActivityIDPasswordChange, nil),
	{iam, "EnableMFADevice"}:                 account(ocsf.AccountChangeActivityIDMFAFactorEnable, userName),
	{iam, "DeactivateMFADevice"}:             account(ocsf.AccountChangeActivityIDMFAFactorDisable, userName),
	{iam, "ResyncMFADevice"}:                 account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "CreateAccessKey"}:                 account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "UpdateAccessKey"}:                 account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "DeleteAccessKey"}:                 account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "UploadSSHPublicKey"}:              account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "UpdateSSHPublicKey"}:              account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "DeleteSSHPublicKey"}:              account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "UploadSigningCertificate"}:        account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "DeleteSigningCertificate"}:        account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "CreateServiceSpecificCredential"}: account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "DeleteServiceSpecificCredential"}: account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "TagUser"}:                         account(ocsf.AccountChangeActivityIDOther, userName),
	{iam, "UntagUser"}:                       account(ocsf.AccountChangeActivityIDOther, userName),

	{identityStore, "CreateUser"}:            account(ocsf.AccountChangeActivityIDCreate, userName),
	{identityStore, "UpdateUser"}:            account(ocsf.AccountChangeActivityIDOther, userID),
	{identityStore, "DeleteUser"}:            account(ocsf.AccountChangeActivityIDDelete, userID),
	{ssoDirectory, "CreateUser"}:             account(ocsf.AccountChangeActivityIDCreate, userName),
	{ssoDirectory, "DeleteUser"}:             account(ocsf.AccountChangeActivityIDDelete, userID),
	{ssoDirectory, "EnableUser"}:             account(ocsf.AccountChangeActivityIDEnable, userID),
	{ssoDirectory, "DisableUser"}:            account(ocsf.AccountChangeActivityIDDisable, userID),
	{ssoDirectory, "UpdatePassword"}:         account(ocsf.AccountChangeActivityIDPasswordReset, userID),
	{ssoDirectory, "DeleteMfaDeviceForUser"}: account(ocsf.AccountChangeActivityIDMFAFactorDisable, userID),

	{iam, "AttachUserPolicy"}: userAccess(ocsf.UserAccessActivityIDAssignPrivileges, userName, policyARN),
	{iam, "DetachUserPolicy"}: userAccess(ocsf.UserAccessActivityIDRevokePrivileges, userName, policyARN),
	{iam, "PutUserPolicy"}:    userAccess(ocsf.UserAccessActivityIDAssignPrivileges, userName, policyName),
	{iam, "DeleteUserPolicy"}: userAccess(ocsf.UserAccessActivityIDRevokePrivileges, userName, policyName),
	{iam, "AttachRolePolicy"}: roleAccess(ocsf.UserAccessActivityIDAssignPrivileges, policyARN),
	{iam, "DetachRolePolicy"}: roleAccess(ocsf.UserAccessActivityIDRevokePrivileges, policyARN),
	{iam, "PutRolePolicy"}:    roleAccess(ocsf.UserAccessActivityIDAssignPrivileges, policyName),
	{iam, "DeleteRolePolicy"}: roleAccess(ocsf.UserAccessActivityIDRevokePrivileges, policyName),
	{sso, "CreateAccountAssignment"}: userAccess(ocsf.UserAccessActivityIDAssignPrivileges,
		path{"principalId"}, path{"permissionSetArn"}),
	{sso, "DeleteAccountAssignment"}: userAccess(ocsf.UserAccessActivityIDRevokePrivileges,
		path{"principalId"}, path{"permissionSetArn"}),

	{iam, "CreateGroup"}:         group(ocsf.GroupManagementActivityIDCreate, groupName, nil, nil),
	{iam, "DeleteGroup"}:         group(ocsf.GroupManagementActivityIDDelete, groupName, nil, nil),
	{iam, "UpdateGroup"}:         group(ocsf.GroupManagementActivityIDOther, groupName, nil, nil),
	{iam, "AddUserToGroup"}:      group(ocsf.GroupManagementActivityIDAddUser, groupName, userName, nil),
	{iam, "RemoveUserFromGroup"}: group(ocsf.GroupManagementActivityIDRemoveUser, groupName, userName, nil),
	{iam, "AttachGroupPolicy"}:   group(ocsf.GroupManagementActivityIDAssignPrivileges, groupName, nil, policyARN),
	{iam, "DetachGroupPolicy"}:   group(ocsf.GroupManagementActivityIDRevokePrivileges, groupName, nil, policyARN),
	{iam, "PutGroupPolicy"}:      group(ocsf.GroupManagementActivityIDAssignPrivileges, groupName, nil, policyName),
	{iam, "DeleteGroupPolicy"}:   group(ocsf.GroupManagementActivityIDRevokePrivileges, groupName, nil, policyName),

	{identityStore, "CreateGroup"}:           group(ocsf.GroupManagementActivityIDCreate, path{"displayName"}, nil, nil),
	{identityStore, "DeleteGroup"}:           group(ocsf.GroupManagementActivityIDDelete, groupID, nil, nil),
	{identityStore, "CreateGroupMembership"}: group(ocsf.GroupManagementActivityIDAddUser, groupID, memberID, nil),
	{ssoDirectory, "CreateGroup"}:            group(ocsf.GroupManagementActivityIDCreate, groupName, nil, nil),
	{ssoDirectory, "DeleteGroup"}:            group(ocsf.GroupManagementActivityIDDelete, groupID, nil, nil),
	{ssoDirectory, "AddMemberToGroup"}:       group(ocsf.GroupManagementActivityIDAddUser, groupID, path{"member", "memberId"}, nil),
	{ssoDirectory, "RemoveMemberFromGroup"}:  group(ocsf.GroupManagementActivityIDRemoveUser, groupID, path{"member", "memberId"}, nil),
}
