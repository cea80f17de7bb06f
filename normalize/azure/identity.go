package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// The claims of a token whose names are URLs.
const (
	claimUPN      = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
	claimName     = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
	claimEmail    = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
	claimObjectID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
	claimMethods  = "http://schemas.microsoft.com/claims/authnmethodsreferences"
)

// mapActor maps who called: the token's claims and the role that allowed it.
func mapActor(root jsondoc.Value, ev *ocsf.Event) {
	actor := &ev.Actor
	identity := root.Get("identity")
	if identity.Kind() == jsondoc.String {
		normalize.Text(identity, actor.User.SetName)
	}
	claims, authorization := identity.Get("claims"), identity.Get("authorization")
	if !claims.Exists() { // REST
		claims, authorization = root.Get("claims"), root.Get("authorization")
	}
	normalize.Text(root.Get("caller"), actor.User.SetName) // REST: the UPN, or an application's id
	mapClaims(claims, actor)
	mapRole(authorization.Get("evidence"), actor)
	if !actor.User.Present() && !actor.HasAppUID() {
		actor.User.SetName(normalize.Unknown)
	}
}

func mapClaims(claims jsondoc.Value, actor *ocsf.Actor) {
	user := &actor.User
	if !user.HasName() {
		normalize.Text(firstOf(claims, claimUPN, "upn", claimName, "name"), user.SetName)
	}
	normalize.Text(claims.Get("name"), user.SetFullName)
	if email := claims.Get(claimEmail); normalize.IsEmail(email.Text()) {
		normalize.Text(email, user.SetEmailAddr)
	} else if !user.HasName() { // Microsoft.Advisor: a service of Azure
		normalize.Text(email, user.SetName)
	}
	normalize.Text(firstOf(claims, claimObjectID, "oid"), user.SetUID)
	normalize.Text(claims.Get("appid"), actor.SetAppUID)
	normalize.Text(claims.Get("uti"), actor.Session.SetUID)
	if methods := firstOf(claims, claimMethods, "amr").Text(); methods != "" {
		actor.Session.SetIsMFA(strings.Contains(methods, "mfa"))
	}
	switch idType := claims.Get("idtyp").Text(); {
	case !user.HasName() && !user.HasUID():
	case strings.EqualFold(idType, "app"):
		user.SetTypeID(ocsf.UserTypeIDService)
	case user.HasName():
		user.SetTypeID(ocsf.UserTypeIDUser)
	case actor.HasAppUID(): // a service principal has no name in its token
		user.SetTypeID(ocsf.UserTypeIDService)
	}
}

// mapRole maps the role assignment by which the call was allowed.
func mapRole(evidence jsondoc.Value, actor *ocsf.Actor) {
	if evidence.Get("role").Text() == "" {
		return
	}
	policy := &actor.AddAuthorizations().Policy
	normalize.Text(evidence.Get("role"), policy.SetName)
	normalize.Text(evidence.Get("roleDefinitionId"), policy.SetUID)
}
