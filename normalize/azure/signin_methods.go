package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// logonTypes are the kinds of sign-ins that have nobody at the keyboard, by category,
// table and Graph's word for it.
var logonTypes = map[string]string{
	"noninteractiveusersigninlogs": "nonInteractiveUser", "aadnoninteractiveusersigninlogs": "nonInteractiveUser", "noninteractiveuser": "nonInteractiveUser",
	"serviceprincipalsigninlogs": "servicePrincipal", "aadserviceprincipalsigninlogs": "servicePrincipal", "serviceprincipal": "servicePrincipal",
	"microsoftserviceprincipalsigninlogs": "servicePrincipal",
	"managedidentitysigninlogs":           "managedIdentity", "aadmanagedidentitysigninlogs": "managedIdentity", "managedidentity": "managedIdentity",
}

// authProtocols are Entra's words for protocols. An id of 99 keeps the word.
var authProtocols = map[string]int32{
	"oauth2": ocsf.AuthProtocolIDOAUTH20, "saml20": ocsf.AuthProtocolIDSAML, "saml": ocsf.AuthProtocolIDSAML, "oidc": ocsf.AuthProtocolIDOpenID,
	"openidconnect": ocsf.AuthProtocolIDOpenID, "ntlm": ocsf.AuthProtocolIDNTLM, "kerberos": ocsf.AuthProtocolIDKerberos,
	"wsfederation": ocsf.AuthProtocolIDOther, "ropc": ocsf.AuthProtocolIDOther, "devicecode": ocsf.AuthProtocolIDOther,
	"authenticationtransfer": ocsf.AuthProtocolIDOther, "nativeauth": ocsf.AuthProtocolIDOther,
}

func (m *Mapper) mapSignInMethod(ev *ocsf.Event) {
	r := &m.r
	m.mapLogonType(ev)
	protocol := r.body.get("authenticationProtocol")
	switch word := protocol.Text(); lookup(authProtocols, word) {
	case 0:
	case ocsf.AuthProtocolIDOther:
		protocol.Use()
		ev.SetAuthProtocolID(ocsf.AuthProtocolIDOther)
		ev.SetAuthProtocol(word)
	default: // the caption is another word: it stays in unmapped
		ev.SetAuthProtocolID(lookup(authProtocols, word))
	}
	steps := 0
	for step := range m.open(r.body.get("authenticationDetails")).Elements {
		if m.mapAuthStep(step, ev) {
			steps++
		}
	}
	detail := m.open(r.body.get("mfaDetail"))
	switch requirement := r.body.get("authenticationRequirement").Text(); {
	case strings.EqualFold(requirement, "multiFactorAuthentication"):
		ev.SetIsMFA(true)
	case strings.EqualFold(requirement, "singleFactorAuthentication"):
		ev.SetIsMFA(false)
	case fold(detail, "authMethod").Text() != "", steps > 1:
		ev.SetIsMFA(true)
	}
}

// mapLogonType tells by the category or table, then by Graph's types, and then by
// isInteractive.
func (m *Mapper) mapLogonType(ev *ocsf.Event) {
	r := &m.r
	word := lookup(logonTypes, r.top.get("category").Text())
	if word == "" {
		word = lookup(logonTypes, r.top.get("type").Text())
	}
	if word == "" {
		for e := range m.open(r.body.get("signInEventTypes")).Elements {
			if word = lookup(logonTypes, e.Text()); word != "" {
				break
			}
		}
	}
	interactive, told := normalize.ParseBool(r.body.get("isInteractive").Text())
	switch {
	case word == "" && told && !interactive && ev.User.TypeID() == ocsf.UserTypeIDService:
		word = "servicePrincipal"
	case word == "" && told && !interactive:
		word = "nonInteractiveUser"
	}
	switch {
	case word != "":
		ev.SetLogonTypeID(ocsf.LogonTypeIDOther)
		ev.SetLogonType(word)
	case told || strings.EqualFold(ev.Metadata.EventCode(), "SignInLogs"):
		ev.SetLogonTypeID(ocsf.LogonTypeIDInteractive)
	}
}

// authFactors are Entra's names of methods, in lower case, by how they begin.
var authFactors = []struct {
	prefix string
	factor int32
}{
	{"password", ocsf.AuthFactorFactorTypeIDPassword},
	{"text message", ocsf.AuthFactorFactorTypeIDSMS}, {"sms", ocsf.AuthFactorFactorTypeIDSMS},
	{"phone call", ocsf.AuthFactorFactorTypeIDPhoneCall},
	{"mobile app notification", ocsf.AuthFactorFactorTypeIDPushNotification},
	{"microsoft authenticator", ocsf.AuthFactorFactorTypeIDPushNotification},
	{"mobile app verification code", ocsf.AuthFactorFactorTypeIDOTP}, {"oath", ocsf.AuthFactorFactorTypeIDOTP}, {"temporary access pass", ocsf.AuthFactorFactorTypeIDOTP},
	{"email", ocsf.AuthFactorFactorTypeIDEmail},
	{"fido2", ocsf.AuthFactorFactorTypeIDWebAuthn}, {"passkey", ocsf.AuthFactorFactorTypeIDWebAuthn},
	{"windows hello", ocsf.AuthFactorFactorTypeIDBiometric},
}

// mapAuthStep maps a step of a sign-in, unless an earlier one had satisfied it. The
// step itself, with its time and result, stays in unmapped.
func (m *Mapper) mapAuthStep(step jsondoc.Value, ev *ocsf.Event) bool {
	method := fold(step, "authenticationMethod").Text()
	if method == "" || strings.EqualFold(method, "Previously satisfied") {
		return false
	}
	factor := ev.AddAuthFactors()
	for _, known := range authFactors {
		if _, ok := cutPrefixFold(method, known.prefix); ok {
			factor.SetFactorTypeID(known.factor)
			return true
		}
	}
	factor.SetFactorTypeID(ocsf.AuthFactorFactorTypeIDOther)
	factor.SetFactorType(method)
	return true
}

// mapConditionalAccess maps the policies of conditional access that decided.
func (m *Mapper) mapConditionalAccess(ev *ocsf.Event) {
	switch status := m.r.body.get("conditionalAccessStatus").Text(); {
	case strings.EqualFold(status, "success"):
		ev.SetActionID(ocsf.ActionIDAllowed)
	case strings.EqualFold(status, "failure"):
		ev.SetActionID(ocsf.ActionIDDenied)
	}
	for policy := range m.open(m.r.body.any("appliedConditionalAccessPolicies", "conditionalAccessPolicies")).Elements {
		result := fold(policy, "result")
		switch {
		case strings.EqualFold(result.Text(), "success"), strings.EqualFold(result.Text(), "failure"),
			strings.EqualFold(result.Text(), "reportOnlyFailure"), strings.EqualFold(result.Text(), "reportOnlyInterrupted"):
		default:
			continue
		}
		name, id := fold(policy, "displayName"), fold(policy, "id")
		authorization := ev.Actor.AddAuthorizations()
		normalize.Text(result, authorization.SetDecision)
		normalize.Text(name, authorization.Policy.SetName)
		normalize.Text(id, authorization.Policy.SetUID)
	}
}
