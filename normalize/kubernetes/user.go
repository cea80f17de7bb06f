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
	extra := info.Get("extra")
	mapExtra(extra, "arn", user.SetUIDAlt)
	mapExtra(extra, "accessKeyId", user.SetCredentialUID)
	if !user.HasCredentialUID() {
		mapExtra(extra, "authentication.kubernetes.io/credential-id", user.SetCredentialUID)
	}
	if name == "" {
		user.SetName(normalize.Unknown)
		return
	}
	user.SetTypeID(userType(name))
}

// mapExtra maps one of the extra fields of an authenticator: a list of one text.
func mapExtra(extra jsondoc.Value, key string, set func(string)) {
	if list := extra.Get(key); list.Len() == 1 {
		normalize.Text(list.Index(0), set)
	}
}

func userType(name string) int32 {
	switch {
	case strings.HasPrefix(name, serviceAccountPrefix):
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
