package cloudtrail

import (
	"strings"
	"time"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapSignIn maps who got into AWS: a person into the console, whoever holds
// credentials into a role.
func mapSignIn(c *call, op *operation, ev *ocsf.Event) {
	ev.Service.SetName(orUnknown(c.source))
	if op.logon != 0 {
		ev.SetLogonTypeID(op.logon)
	}
	if op.protocol != 0 {
		ev.SetAuthProtocolID(op.protocol)
	}
	if op.session {
		mapIssued(c, op, ev)
	} else {
		mapConsoleUser(c, op, ev)
	}
	// The session of a role is often named by the person's address: Role/alice@example.com.
	if name := ev.User.Name(); normalize.IsEmail(name[strings.IndexByte(name, '/')+1:]) {
		ev.User.SetEmailAddr(name[strings.IndexByte(name, '/')+1:])
	}
	requireUser(&ev.User)
	mapSignInDetails(c, ev)
}

// mapConsoleUser sets the user that signs in, who is the caller; an identity center's
// name stands apart from the identity, a pool's in the request.
func mapConsoleUser(c *call, op *operation, ev *ocsf.Event) {
	mapUser(c.identity, &ev.User)
	if !ev.User.HasName() {
		normalize.Text(c.additional.Get("UserName"), ev.User.SetName)
	}
	if op.user != nil {
		if name := c.request.Path(op.user...).Text(); name != "" {
			ev.User.SetName(name)
		}
	}
}

// mapSignInDetails maps additionalEventData and the details of a service event.
func mapSignInDetails(c *call, ev *ocsf.Event) {
	data := c.additional
	if !data.Exists() {
		return
	}
	normalize.Bool(data.Get("MFAUsed"), ev.SetIsMFA)
	if to := data.Get("LoginTo"); normalize.IsURL(to.Text()) {
		normalize.Text(to, ev.HTTPRequest.URL.SetURLString)
	}
	if provider := data.Get("SamlProviderArn"); provider.Text() != "" {
		normalize.Text(provider, ev.Actor.IDP.SetUID)
		ev.SetAuthProtocolID(ocsf.AuthProtocolIDSAML)
	}
	if from := data.Get("SwitchFrom"); from.Text() != "" {
		ev.SetAccountSwitchTypeID(ocsf.AccountSwitchTypeIDImpersonate)
	}
	if !ev.Metadata.HasCorrelationUID() {
		normalize.Text(data.Get("AuthWorkflowID"), ev.Metadata.SetCorrelationUID)
	}
	for _, key := range [...]string{"MfaType", "CredentialType"} {
		if factor, ok := factors[data.Get(key).Text()]; ok {
			mapFactor(factor, ev)
		}
	}
}

// factors are the words for a factor in MfaType (the console) and CredentialType
// (Identity Center). The words stay in unmapped, too.
var factors = map[string]int32{
	"Virtual MFA":  ocsf.AuthFactorFactorTypeIDOTP,
	"U2F MFA":      ocsf.AuthFactorFactorTypeIDU2F,
	"Security Key": ocsf.AuthFactorFactorTypeIDWebAuthn,
	"Hardware MFA": ocsf.AuthFactorFactorTypeIDHardwareToken,
	"SMS MFA":      ocsf.AuthFactorFactorTypeIDSMS,
	"PASSWORD":     ocsf.AuthFactorFactorTypeIDPassword,
	"TOTP":         ocsf.AuthFactorFactorTypeIDOTP,
	"RESYNC_TOTP":  ocsf.AuthFactorFactorTypeIDOTP,
	"WEBAUTHN":     ocsf.AuthFactorFactorTypeIDWebAuthn,
	"EMAIL_OTP":    ocsf.AuthFactorFactorTypeIDEmail,
}

// mapIssued sets the user that credentials were issued for, and the session that
// they are: a role's, a federated user's, or the caller's own.
func mapIssued(c *call, op *operation, ev *ocsf.Event) {
	user := &ev.User
	issued := c.response.Get("assumedRoleUser")
	id := "assumedRoleId"
	if !issued.Exists() {
		issued, id = c.response.Get("federatedUser"), "federatedUserId"
	}
	target := ""
	if op.user != nil {
		target = c.request.Path(op.user...).Text()
	}
	arn := issued.Get("arn").Text()
	if arn != "" {
		ev.Session.SetUID(arn)
		if alt := issued.Get(id).Text(); alt != "" {
			ev.Session.SetUIDAlt(alt)
		}
	}
	switch {
	case strings.HasPrefix(target, "arn:"):
		mapRole(target, arn, user)
	case arn != "":
		user.SetUID(arn)
		user.SetName(orUnknown(nameOf(arn)))
	case target != "":
		user.SetName(target)
	case op.user == nil:
		mapUser(c.identity, user)
	}
	credentials := c.response.Get("credentials")
	if key := credentials.Get("accessKeyId").Text(); key != "" {
		ev.Session.SetCredentialUID(key)
	}
	if ms, ok := responseTime(credentials.Get("expiration").Text()); ok {
		ev.Session.SetExpirationTime(ms)
	}
}

// mapRole sets a role as the user. Its name is "Role/session", as that of the actor
// of the session's calls, where the response tells the session.
func mapRole(role, session string, user *ocsf.User) {
	user.SetUID(role)
	name := nameOf(session)
	if name == "" {
		name = nameOf(role)
	}
	user.SetName(orUnknown(name))
	user.SetTypeID(ocsf.UserTypeIDOther)
	user.SetType("Role")
	if arn, ok := normalize.ParseARN(role); ok && arn.Account != "" {
		user.Account.SetUID(arn.Account)
		user.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
}

// responseLayouts are the times in responses, which follow the service's locale; since
// 2024 with a narrow no-break space.
var responseLayouts = [...]string{
	"Jan 2, 2006, 3:04:05 PM", "Jan 2, 2006, 3:04:05\u202fPM", "Jan 2, 2006 3:04:05 PM", "Jan 2, 2006 3:04:05\u202fPM",
}

// responseTime reads a time in a response, as milliseconds.
func responseTime(s string) (ms int64, ok bool) {
	if s == "" {
		return 0, false
	}
	if s[0] <= '9' {
		return normalize.ParseTime(s)
	}
	for _, layout := range responseLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
