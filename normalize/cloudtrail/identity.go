package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// anonymous is the accountId of a caller without credentials.
const anonymous = "ANONYMOUS_PRINCIPAL"

// mapActor maps userIdentity: who called, with which session, through whom, for what.
func mapActor(identity jsondoc.Value, ev *ocsf.Event) {
	actor := &ev.Actor
	mapUser(identity, &actor.User)
	normalize.Text(identity.Get("invokedBy"), actor.SetInvokedBy)
	normalize.Text(identity.Get("identityProvider"), actor.IDP.SetName)
	if session := identity.Get("sessionContext"); session.Exists() {
		mapSession(session, actor)
	}
	if behalf := identity.Get("onBehalfOf"); behalf.Exists() { // of a user of IAM Identity Center
		normalize.Text(behalf.Get("identityStoreArn"), actor.IDP.SetUID)
	}
	if scope := identity.Get("inScopeOf"); scope.Exists() { // whose credentials of a role they are
		if normalize.Text(scope.Get("credentialsIssuedTo"), actor.SetAppUID) == "" {
			normalize.Text(scope.Get("sourceArn"), actor.SetAppUID)
		}
	}
}

func mapSession(context jsondoc.Value, actor *ocsf.Actor) {
	session := &actor.Session
	attributes := context.Get("attributes")
	normalize.Time(attributes.Get("creationDate"), session.SetCreatedTime)
	normalize.Bool(attributes.Get("mfaAuthenticated"), session.SetIsMFA)
	issuer, federation := context.Get("sessionIssuer"), context.Get("webIdFederationData")
	normalize.Text(issuer.Get("arn"), session.SetIssuer)
	normalize.Text(context.Get("sourceIdentity"), session.SetUIDAlt)
	if !actor.IDP.Present() {
		normalize.Text(federation.Get("federatedProvider"), actor.IDP.SetName)
	}
	for _, part := range [...]jsondoc.Value{issuer, federation} {
		if part.Kind() == jsondoc.Object && part.Len() == 0 {
			part.Use() // {}: the session is not of that kind
		}
	}
}

// mapUser maps the identity itself. It is called again for a user that is the
// object of the event as well as its actor.
func mapUser(identity jsondoc.Value, user *ocsf.User) {
	arn := normalize.Text(identity.Get("arn"), user.SetUID)
	if arn == "" { // a user of the identity center has none
		normalize.Text(identity.Get("onBehalfOf").Get("userId"), user.SetUID)
	}
	normalize.Text(identity.Get("principalId"), user.SetUIDAlt)
	normalize.Text(identity.Get("userName"), user.SetName)
	if normalize.Text(identity.Get("accessKeyId"), user.SetCredentialUID) == "" {
		normalize.Text(identity.Get("credentialId"), user.SetCredentialUID)
	}
	if account := identity.Get("accountId"); account.Text() == anonymous {
		normalize.Text(account, user.SetName)
	} else if normalize.Text(account, user.Account.SetUID) != "" {
		user.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	kind := identity.Get("type")
	if !user.HasName() {
		if name := impliedName(kind.Text(), arn, identity); name != "" {
			user.SetName(name)
		}
	}
	if user.Present() {
		mapUserType(kind, user)
		requireUser(user)
	}
}

// mapUserType sets the user's type. A word that OCSF captions otherwise stays in
// unmapped too, so that it can be found.
func mapUserType(kind jsondoc.Value, user *ocsf.User) {
	switch word := kind.Text(); word {
	case "":
		return
	case "IAMUser":
		user.SetTypeID(ocsf.UserTypeIDUser)
	case "Root":
		user.SetTypeID(ocsf.UserTypeIDAdmin)
	case "AWSService":
		user.SetTypeID(ocsf.UserTypeIDService)
	case "Unknown":
		kind.Use()
		user.SetTypeID(ocsf.UserTypeIDUnknown)
	default:
		kind.Use()
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(word)
	}
}

// impliedName is what a person would call an identity that has no userName.
func impliedName(kind, arn string, identity jsondoc.Value) string {
	switch kind {
	case "Root":
		return "root"
	case "AWSService":
		return identity.Get("invokedBy").Text()
	}
	return nameOf(arn)
}

// nameOf is the name in the ARN of a principal: a user's, "Role/session", a role's.
func nameOf(arn string) string {
	parsed, ok := normalize.ParseARN(arn)
	if !ok {
		return ""
	}
	for _, prefix := range [...]string{"assumed-role/", "federated-user/", "user/", "role/"} {
		if name, ok := strings.CutPrefix(parsed.Resource, prefix); ok {
			return name
		}
	}
	return ""
}

// requireUser sees to it that the user has what OCSF asks of one: a name, a uid or
// an account.
func requireUser(user *ocsf.User) {
	if !user.HasName() && !user.HasUID() && !user.Account.HasUID() {
		user.SetName(normalize.Unknown)
	}
}
