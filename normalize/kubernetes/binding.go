package kubernetes

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// bindingVerbs are the requests that change who has a role.
var bindingVerbs = map[string]int32{
	"create":           ocsf.UserAccessActivityIDAssignPrivileges,
	"update":           ocsf.UserAccessActivityIDAssignPrivileges,
	"patch":            ocsf.UserAccessActivityIDAssignPrivileges,
	"delete":           ocsf.UserAccessActivityIDRevokePrivileges,
	"deletecollection": ocsf.UserAccessActivityIDRevokePrivileges,
}

// isBinding tells whether the event is the completed change of a role binding.
func isBinding(root jsondoc.Value) bool {
	switch root.Get("stage").Text() {
	case requestReceived, responseStarted:
		return false
	}
	switch root.Path("objectRef", "resource").Text() {
	case "rolebindings", "clusterrolebindings":
		_, ok := bindingVerbs[root.Get("verb").Text()]
		return ok
	}
	return false
}

// mapBinding maps a role given to, or taken from, a subject.
func mapBinding(root jsondoc.Value, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassUserAccess)
	ev.SetActivityID(bindingVerbs[root.Get("verb").Text()])
	binding := bindingOf(root)
	mapSubject(binding.Get("subjects").Index(0), &ev.User)
	role := binding.Path("roleRef", "name").Text()
	if role == "" {
		role = normalize.Unknown
	}
	ev.Privileges = append(ev.Privileges, role)
}

// bindingOf is the binding as it was asked for, or as it is after a patch.
func bindingOf(root jsondoc.Value) jsondoc.Value {
	if binding := root.Get("requestObject"); binding.Get("roleRef").Exists() {
		return binding
	}
	return root.Get("responseObject")
}

// observeSubjects lists the subjects behind the first, which is the event's user:
// a harmless first one must not hide them.
func observeSubjects(root jsondoc.Value, ev *ocsf.Event) {
	first := true
	for subject := range bindingOf(root).Get("subjects").Elements {
		if !first {
			var user ocsf.User
			mapSubject(subject, &user)
			normalize.Observe(ev, "unmapped.subjects.name", ocsf.ObservableTypeIDUserName, user.Name())
		}
		first = false
	}
}

// mapSubject names a subject as its requests would: a service account is a user of
// that name.
func mapSubject(subject jsondoc.Value, user *ocsf.User) {
	name := subject.Get("name").Text()
	if name == "" {
		user.SetName(normalize.Unknown)
		return
	}
	switch subject.Get("kind").Text() {
	case "ServiceAccount":
		user.SetName(serviceAccountPrefix + subject.Get("namespace").Text() + ":" + name)
		user.SetTypeID(ocsf.UserTypeIDService)
	case "Group":
		user.SetName(name)
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType("Group")
	default:
		user.SetName(name)
		user.SetTypeID(userType(name))
	}
}
