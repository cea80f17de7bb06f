package kubernetes

import (
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// kind is what a change of a resource is in OCSF.
type kind uint8

const (
	bindings kind = iota + 1 // user_access: a role given to subjects
	roles                    // user_access: privileges given to a role
	accounts                 // account_change
)

// kinds are the resources of which a change is more than api_activity, by resource
// and API group. Their subresources are not: a token of a service account is
// asked for by every pod.
var kinds = map[[2]string]kind{
	{"rolebindings", rbac}:        bindings,
	{"clusterrolebindings", rbac}: bindings,
	{"roles", rbac}:               roles,
	{"clusterroles", rbac}:        roles,
	{"serviceaccounts", ""}:       accounts,
}

const rbac = "rbac.authorization.k8s.io"

// accessVerbs are the requests that change who may do what. Update and patch may
// take too, but what they give is what matters.
var accessVerbs = map[string]int32{
	"create":           ocsf.UserAccessActivityIDAssignPrivileges,
	"update":           ocsf.UserAccessActivityIDAssignPrivileges,
	"patch":            ocsf.UserAccessActivityIDAssignPrivileges,
	"delete":           ocsf.UserAccessActivityIDRevokePrivileges,
	"deletecollection": ocsf.UserAccessActivityIDRevokePrivileges,
}

// accountVerbs are the requests that change a service account.
var accountVerbs = map[string]int32{
	"create":           ocsf.AccountChangeActivityIDCreate,
	"update":           ocsf.ActivityIDOther,
	"patch":            ocsf.ActivityIDOther,
	"delete":           ocsf.AccountChangeActivityIDDelete,
	"deletecollection": ocsf.AccountChangeActivityIDDelete,
}

// mapClass sets the class, the activity and what only that class has.
func mapClass(root jsondoc.Value, ev *ocsf.Event) {
	verb := root.Get("verb").Text()
	switch kindOf(root) {
	case bindings, roles:
		activity, isChange := accessVerbs[verb]
		if !isChange {
			break
		}
		ev.SetClass(ocsf.ClassUserAccess)
		ev.SetActivityID(activity)
		if kindOf(root) == bindings {
			mapBinding(root, ev)
		} else {
			mapRole(root, ev)
		}
		mapResource(root, ev)
		return
	case accounts:
		activity, isChange := accountVerbs[verb]
		if !isChange {
			break
		}
		ev.SetClass(ocsf.ClassAccountChange)
		ev.SetActivityID(activity)
		if activity == ocsf.ActivityIDOther {
			ev.SetActivityName(verb)
		}
		mapAccount(root, &ev.User)
		return
	}
	mapAPI(root, ev)
	mapResource(root, ev)
}

// kindOf tells the kind of the resource that a completed request is about.
func kindOf(root jsondoc.Value) kind {
	switch root.Get("stage").Text() {
	case requestReceived, responseStarted:
		return 0
	}
	object := root.Get("objectRef")
	if object.Get("subresource").Text() != "" {
		return 0
	}
	group := object.Get("apiGroup").Text()
	resource := object.Get("resource").Text()
	if k, ok := kinds[[2]string{resource, group}]; ok {
		return k
	}
	if group == "" {
		return kinds[[2]string{resource, rbac}] // an abridged event
	}
	return 0
}
