package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapBinding maps a role given to, or taken from, a subject.
func mapBinding(root jsondoc.Value, ev *ocsf.Event) {
	binding := objectWith(root, "roleRef", "subjects")
	mapSubject(binding.Get("subjects").Index(0), &ev.User)
	role := binding.Path("roleRef", "name").Text()
	if role == "" { // a patch of the subjects
		role = root.Path("responseObject", "roleRef", "name").Text()
	}
	if role == "" {
		role = normalize.Unknown
	}
	ev.Privileges = append(ev.Privileges, role)
}

// objectWith is the object as it was asked for, or as it is after a patch, or was
// before it was deleted: the first that has one of the members.
func objectWith(root jsondoc.Value, members ...string) jsondoc.Value {
	for _, name := range [...]string{"requestObject", "responseObject"} {
		object := root.Get(name)
		for _, member := range members {
			if object.Get(member).Exists() {
				return object
			}
		}
	}
	return jsondoc.Value{}
}

// observeSubjects lists the subjects behind the first, which is the event's user:
// a harmless first one must not hide them.
func observeSubjects(root jsondoc.Value, ev *ocsf.Event) {
	first := true
	for subject := range objectWith(root, "roleRef", "subjects").Get("subjects").Elements {
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

// mapRole maps a change of what a role allows: all that have it gain or lose it. As
// of a role of AWS, the role is the user.
func mapRole(root jsondoc.Value, ev *ocsf.Event) {
	name := objectName(root)
	ev.User.SetName(name)
	ev.User.SetTypeID(ocsf.UserTypeIDOther)
	if root.Path("objectRef", "resource").Text() == "clusterroles" {
		ev.User.SetType("ClusterRole")
	} else {
		ev.User.SetType("Role")
	}
	for rule := range objectWith(root, "rules").Get("rules").Elements {
		if privilege := privilegeOf(rule); privilege != "" {
			ev.Privileges = append(ev.Privileges, privilege)
		}
	}
	if len(ev.Privileges) == 0 {
		ev.Privileges = append(ev.Privileges, normalize.Unknown)
	}
}

// privilegeOf writes a rule of a role: "get,list secrets,pods/exec", with API groups
// other than the core's "create deployments (apps)", "get /metrics".
func privilegeOf(rule jsondoc.Value) string {
	var b strings.Builder
	join(&b, "", rule.Get("verbs"))
	join(&b, " ", rule.Get("resources"))
	join(&b, " ", rule.Get("nonResourceURLs"))
	if groups := rule.Get("apiGroups"); groups.Len() > 1 || groups.Index(0).Text() != "" {
		join(&b, " (", groups)
		b.WriteByte(')')
	}
	if names := rule.Get("resourceNames"); names.Len() > 0 {
		join(&b, " named ", names)
	}
	return b.String()
}

func join(b *strings.Builder, before string, list jsondoc.Value) {
	for item := range list.Elements {
		b.WriteString(before)
		b.WriteString(item.Text())
		before = ","
	}
}

// mapAccount maps the service account that was changed, named as its requests are.
func mapAccount(root jsondoc.Value, user *ocsf.User) {
	name := objectName(root)
	user.SetTypeID(ocsf.UserTypeIDService)
	namespace := root.Path("objectRef", "namespace").Text()
	if name == normalize.Unknown || namespace == "" {
		user.SetName(name)
		return
	}
	user.SetName(serviceAccountPrefix + namespace + ":" + name)
	normalize.Text(root.Path("responseObject", "metadata", "uid"), user.SetUID)
}

// objectName is the name of the object that a request is about.
func objectName(root jsondoc.Value) string {
	if name := root.Path("objectRef", "name").Text(); name != "" {
		return name
	}
	return impliedName(root)
}
