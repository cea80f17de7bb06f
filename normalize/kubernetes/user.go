package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// serviceAccountPrefix begins the user name of a service account, which goes on
// with its namespace, a colon and its name.
const serviceAccountPrefix = "system:serviceaccount:"

// mapUser maps UserInfo: who authenticated.
func mapUser(info jsondoc.Value, user *ocsf.User) {
	name := normalize.Text(info.Get("username"), user.SetName)
	normalize.Text(info.Get("uid"), user.SetUID)
	for group := range info.Get("groups").Elements {
		normalize.Text(group, func(name string) { user.AddGroups().SetName(name) })
	}
	if arn := extraText(info, "arn", user.SetUIDAlt); arn != "" {
		if parsed, ok := normalize.ParseARN(arn); ok && parsed.Account != "" {
			user.Account.SetUID(parsed.Account)
			user.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
		}
	}
	if extraText(info, "accessKeyId", user.SetCredentialUID) == "" {
		extraText(info, "authentication.kubernetes.io/credential-id", user.SetCredentialUID)
	}
	if name == "" {
		user.SetName(normalize.Unknown)
		return
	}
	user.SetTypeID(userType(name))
	if normalize.IsEmail(name) {
		user.SetEmailAddr(name)
	}
}

// extra is one of the fields that an authenticator adds, a list of texts. That of
// AWS has written its keys with and without its name.
func extra(user jsondoc.Value, key string) jsondoc.Value {
	fields := user.Get("extra")
	if field := fields.Get(key); field.Exists() {
		return field
	}
	return fields.Get("sigs.k8s.io/aws-iam-authenticator/" + key)
}

func extraText(user jsondoc.Value, key string, set func(string)) string {
	switch field := extra(user, key); {
	case field.Kind() == jsondoc.String:
		return normalize.Text(field, set)
	case field.Len() == 1:
		return normalize.Text(field.Index(0), set)
	}
	return ""
}

func userType(name string) int32 {
	switch {
	case strings.HasPrefix(name, serviceAccountPrefix), strings.HasSuffix(name, ".gserviceaccount.com"):
		return ocsf.UserTypeIDService
	case strings.HasPrefix(name, "system:"):
		return ocsf.UserTypeIDSystem
	}
	return ocsf.UserTypeIDUser
}

// mapAuthorization maps the authorizer's annotations.
func mapAuthorization(annotations jsondoc.Value, ev *ocsf.Event) {
	decision := annotations.Get("authorization.k8s.io/decision")
	if decision.Text() == "" {
		return
	}
	authorization := ev.Actor.AddAuthorizations()
	normalize.Text(decision, authorization.SetDecision)
	policy := &authorization.Policy
	if normalize.Text(annotations.Get("authorization.k8s.io/reason"), policy.SetDesc) != "" {
		policy.SetType("authorization.k8s.io")
	}
}
