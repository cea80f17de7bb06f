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

// mapActivityActor maps who called: the token's claims and the role that allowed it.
func (m *Mapper) mapActivityActor(ev *ocsf.Event) {
	r := &m.r
	actor := &ev.Actor
	identity := m.open(r.top.get("identity"))
	claims, authorization := identity.Get("claims"), identity.Get("authorization")
	switch identity.Kind() {
	case jsondoc.Object, jsondoc.Absent, jsondoc.Null:
	case jsondoc.String:
		normalize.Text(identity, actor.User.SetName)
	default:
		normalize.WantObject("identity", identity, ev)
	}
	if !claims.Exists() { // REST, Log Analytics
		claims = m.open(r.top.any("claims_d", "claims"))
		authorization = m.open(r.top.any("authorization_d", "authorization"))
	}
	caller := r.top.get("caller") // the UPN, or a service principal's id, which is no name
	if !isGUID(caller.Text()) {
		normalize.Text(caller, actor.User.SetName)
	}
	mapClaims(claims, ev)
	if !actor.User.Present() && normalize.Text(caller, actor.User.SetUID) != "" {
		actor.User.SetTypeID(ocsf.UserTypeIDService)
	}
	mapRole(authorization, actor)
	if !actor.User.Present() && !actor.HasAppUID() {
		actor.User.SetName(normalize.Unknown)
	}
}

func mapClaims(claims jsondoc.Value, ev *ocsf.Event) {
	actor := &ev.Actor
	user := &actor.User
	if !user.HasName() {
		for _, key := range [...]string{claimUPN, "upn", claimName, "unique_name", "name"} {
			if normalize.Text(claims.Get(key), user.SetName) != "" {
				break
			}
		}
	}
	normalize.Text(claims.Get("name"), user.SetFullName)
	if email := claims.Get(claimEmail); normalize.IsEmail(email.Text()) {
		normalize.Text(email, user.SetEmailAddr)
	} else if !user.HasName() { // Microsoft.Advisor: a service of Azure
		normalize.Text(email, user.SetName)
	}
	if normalize.Text(claims.Get(claimObjectID), user.SetUID) == "" {
		normalize.Text(claims.Get("oid"), user.SetUID)
	}
	normalize.Text(claims.Get("appid"), actor.SetAppUID)
	normalize.Text(claims.Get("uti"), actor.Session.SetUID)
	normalize.Text(claims.Get("sid"), actor.Session.SetUIDAlt)
	methods := claims.Get(claimMethods)
	if !says(methods) {
		methods = claims.Get("amr")
	}
	if says(methods) {
		actor.Session.SetIsMFA(strings.Contains(methods.Raw(), "mfa"))
	}
	switch idType := claims.Get("idtyp").Text(); {
	case !user.HasName() && !user.HasUID():
	case strings.EqualFold(idType, "app"):
		user.SetTypeID(ocsf.UserTypeIDService)
	case user.HasName() && !isGUID(user.Name()):
		user.SetTypeID(ocsf.UserTypeIDUser)
	case actor.HasAppUID(): // a service principal has no name in its token, or its id
		user.SetTypeID(ocsf.UserTypeIDService)
	}
}

// isGUID tells whether s is 8-4-4-4-12 hexadecimal digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

// mapRole maps the role assignment by which the call was allowed: evidence, of which
// the API gives only the role.
func mapRole(authorization jsondoc.Value, actor *ocsf.Actor) {
	evidence := fold(authorization, "evidence")
	if !says(evidence) {
		evidence = authorization
	}
	role := fold(evidence, "role")
	if role.Text() == "" {
		return
	}
	policy := &actor.AddAuthorizations().Policy
	normalize.Text(role, policy.SetName)
	normalize.Text(fold(evidence, "roleDefinitionId"), policy.SetUID)
}
