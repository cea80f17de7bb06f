package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapClass sets the class, the activity and what only that class has.
func (m *Mapper) mapClass(c *call, ev *ocsf.Event) {
	service := strings.TrimSuffix(c.source, ".cn") // of China's endpoints
	op, ok := operations[operationKey{service, c.name}]
	if !ok {
		readOnly, _ := normalize.ParseBool(c.root.Get("readOnly").Text())
		op = operation{class: ocsf.ClassAPIActivity, activity: activityOf(c.name, readOnly)}
	}
	ev.SetClass(op.class)
	ev.SetActivityID(op.activity)
	if op.activity == ocsf.ActivityIDOther && c.name != "" {
		ev.SetActivityName(c.name)
	}
	switch op.class {
	case ocsf.ClassAuthentication:
		mapSignIn(c, &op, ev)
	case ocsf.ClassAccountChange:
		mapAccountChange(c, &op, ev)
	case ocsf.ClassUserAccess:
		mapUserAccess(c, &op, ev)
		m.mapResources(c, ev)
	case ocsf.ClassGroupManagement:
		mapGroup(c, &op, ev)
	default:
		m.mapResources(c, ev)
	}
}

// mapAccountChange maps what happened to a user. A successful call that names
// none is about the caller, as in IAM's API.
func mapAccountChange(c *call, op *operation, ev *ocsf.Event) {
	user := &ev.User
	switch named := mapTarget(c.request, op, ev); {
	case named:
		created := c.response.Get("user")
		normalize.Text(created.Get("arn"), user.SetUID)
		normalize.Text(created.Get("userId"), user.SetUIDAlt)
	case op.user == nil || ev.StatusID() == ocsf.StatusIDSuccess:
		mapUser(c.identity, user)
	}
	for _, k := range credentialKinds {
		id := c.response.Path(k.response...).Text()
		if id == "" {
			id = c.request.Get(k.request).Text()
		}
		if id != "" {
			credential := user.AddProgrammaticCredentials()
			credential.SetUID(id)
			credential.SetType(k.kind)
			break
		}
	}
	if serial := c.request.Get("serialNumber").Text(); serial != "" {
		mapFactor(deviceFactor(serial), ev)
	}
	if op.renamed != nil {
		if name := c.request.Path(op.renamed...).Text(); name != "" {
			ev.UserResult.SetName(name)
		}
	}
	requireUser(user)
}

// credentialKinds are where calls name a credential of a user.
var credentialKinds = [...]struct {
	kind     string
	response path
	request  string
}{
	{"AccessKey", path{"accessKey", "accessKeyId"}, "accessKeyId"},
	{"SSHPublicKey", path{"sSHPublicKey", "sSHPublicKeyId"}, "sSHPublicKeyId"},
	{"SigningCertificate", path{"certificate", "certificateId"}, "certificateId"},
	{"ServiceSpecificCredential", path{"serviceSpecificCredential", "serviceSpecificCredentialId"}, "serviceSpecificCredentialId"},
}

// deviceFactor tells the kind of an MFA device from its serial number, which is an
// ARN but for a hardware token's.
func deviceFactor(serial string) int32 {
	arn, ok := normalize.ParseARN(serial)
	switch {
	case !ok:
		return ocsf.AuthFactorFactorTypeIDHardwareToken
	case strings.HasPrefix(arn.Resource, "mfa/"):
		return ocsf.AuthFactorFactorTypeIDOTP
	case strings.HasPrefix(arn.Resource, "u2f/"):
		return ocsf.AuthFactorFactorTypeIDU2F
	case strings.HasPrefix(arn.Resource, "sms-mfa/"):
		return ocsf.AuthFactorFactorTypeIDSMS
	}
	return ocsf.AuthFactorFactorTypeIDUnknown
}

func mapFactor(typeID int32, ev *ocsf.Event) {
	factor := ev.AddAuthFactors()
	factor.SetFactorTypeID(typeID)
	if typeID == ocsf.AuthFactorFactorTypeIDOTP {
		factor.SetIsTotp(true)
	}
}

// mapUserAccess maps a policy given to or taken from a user or role, and who may
// take on a role.
func mapUserAccess(c *call, op *operation, ev *ocsf.Event) {
	mapTarget(c.request, op, ev)
	if op.kind != "" {
		ev.User.SetTypeID(ocsf.UserTypeIDOther)
		ev.User.SetType(op.kind)
	}
	requireUser(&ev.User)
	mapPrivilege(c.request, op, ev)
}

func mapPrivilege(request jsondoc.Value, op *operation, ev *ocsf.Event) {
	privilege := op.given
	if privilege == "" {
		privilege = orUnknown(request.Path(op.privilege...).Text())
	}
	ev.Privileges = append(ev.Privileges, privilege)
}

// mapGroup maps what happened to a group.
func mapGroup(c *call, op *operation, ev *ocsf.Event) {
	name := c.request.Path(op.group...).Text()
	switch {
	case name == "":
		ev.Group.SetName(normalize.Unknown)
	case op.group[0] == "groupId":
		ev.Group.SetUID(name)
	default:
		ev.Group.SetName(name)
	}
	if op.user != nil {
		mapTarget(c.request, op, ev)
		requireUser(&ev.User)
	}
	if op.privilege != nil {
		mapPrivilege(c.request, op, ev)
	}
}

// mapTarget sets the user that the request names, and the account of the record,
// which is the user's. It tells whether the request names one.
func mapTarget(request jsondoc.Value, op *operation, ev *ocsf.Event) bool {
	if op.user == nil {
		return false
	}
	if ev.Cloud.Account.HasUID() {
		ev.User.Account.SetUID(ev.Cloud.Account.UID())
		ev.User.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	target := request.Path(op.user...).Text()
	if target == "" {
		return false
	}
	switch last := op.user[len(op.user)-1]; {
	case strings.HasPrefix(target, "arn:"):
		ev.User.SetUID(target)
		if name := nameOf(target); name != "" {
			ev.User.SetName(name)
		}
	case strings.HasSuffix(last, "Name"), last == "username":
		ev.User.SetName(target)
	default: // Identity Center speaks of ids
		ev.User.SetUID(target)
	}
	return true
}
