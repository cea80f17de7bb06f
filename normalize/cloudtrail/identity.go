package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapActor maps userIdentity: who called, with which session, through whom.
func mapActor(identity jsondoc.Value, ev *ocsf.Event) {
	actor := &ev.Actor
	mapUser(identity, &actor.User)
	normalize.Text(identity.Get("invokedBy"), actor.SetInvokedBy)
	normalize.Text(identity.Get("identityProvider"), actor.IDP.SetName)

	session := identity.Get("sessionContext")
	attributes := session.Get("attributes")
	normalize.Time(attributes.Get("creationDate"), actor.Session.SetCreatedTime)
	normalize.Bool(attributes.Get("mfaAuthenticated"), actor.Session.SetIsMFA)
	normalize.Text(session.Path("sessionIssuer", "arn"), actor.Session.SetIssuer)
	if !actor.IDP.Present() {
		normalize.Text(session.Path("webIdFederationData", "federatedProvider"), actor.IDP.SetName)
	}
	for _, key := range [...]string{"sessionIssuer", "webIdFederationData"} {
		if part := session.Get(key); part.Kind() == jsondoc.Object && part.Len() == 0 {
			part.Use() // {}: the session is not of that kind
		}
	}
}

// mapUser maps the identity itself. It is called again for a user that is the
// object of the event as well as its actor.
func mapUser(identity jsondoc.Value, user *ocsf.User) {
	arn := normalize.Text(identity.Get("arn"), user.SetUID)
	if arn == "" { // a user of the identity center has none
		normalize.Text(identity.Path("onBehalfOf", "userId"), user.SetUID)
	}
	normalize.Text(identity.Get("principalId"), user.SetUIDAlt)
	normalize.Text(identity.Get("userName"), user.SetName)
	if normalize.Text(identity.Get("accessKeyId"), user.SetCredentialUID) == "" {
		normalize.Text(identity.Get("credentialId"), user.SetCredentialUID)
	}
	if normalize.Text(identity.Get("accountId"), user.Account.SetUID) != "" {
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
