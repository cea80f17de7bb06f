package gcp

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapClass sets the class, the activity and what only that class has.
func mapClass(e entry, ev *ocsf.Event) {
	word := lastWord(e.payload.Get("methodName").Text())
	if word == "" {
		word = normalize.Unknown
	}
	small := strings.ToLower(word)
	op, ok := operations[[2]string{e.payload.Get("serviceName").Text(), small}]
	switch {
	case policyMethods[small]:
		mapPolicy(e, ev)
		mapResource(e, ev)
		return
	case !ok:
		op = operation{class: ocsf.ClassAPIActivity, activity: activityOf(word)}
	}
	ev.SetClass(op.class)
	ev.SetActivityID(op.activity)
	if op.activity == ocsf.ActivityIDOther {
		ev.SetActivityName(word)
	}
	switch op.class {
	case ocsf.ClassAuthentication:
		mapSignIn(e, op, ev)
	case ocsf.ClassAccountChange:
		mapAccount(e, &ev.User)
	case ocsf.ClassUserAccess:
		mapRole(e, ev)
		mapResource(e, ev)
	case ocsf.ClassGroupManagement:
		mapGroup(e, ev)
	default:
		mapResource(e, ev)
	}
}

// mapSignIn maps Workspace's sign-ins: the user is the caller.
func mapSignIn(e entry, op operation, ev *ocsf.Event) {
	if op.failed {
		ev.SetStatusID(ocsf.StatusIDFailure)
		if kind := parameter(e.payload, "login_failure_type"); kind != "" {
			ev.SetStatusCode(kind)
		}
	}
	copyUser(&ev.Actor.User, &ev.User)
	normalize.Text(e.payload.Get("serviceName"), ev.Service.SetName)
	if !ev.Service.Present() {
		ev.Service.SetName(normalize.Unknown)
	}
	if v, ok := normalize.ParseBool(parameter(e.payload, "is_second_factor")); ok {
		ev.SetIsMFA(v)
	}
}

func copyUser(from, to *ocsf.User) {
	to.SetName(from.Name())
	if !from.HasName() {
		to.SetName(normalize.Unknown)
	}
	if from.HasUID() {
		to.SetUID(from.UID())
	}
	if from.HasEmailAddr() {
		to.SetEmailAddr(from.EmailAddr())
	}
	if from.HasTypeID() {
		to.SetTypeID(from.TypeID())
	}
}

// parameter is the value of a parameter of Workspace's events.
func parameter(payload jsondoc.Value, name string) string {
	for event := range payload.Path("metadata", "event").Elements {
		for p := range event.Get("parameter").Elements {
			if strings.EqualFold(p.Get("name").Text(), name) {
				return first(p, "value", "boolValue", "intValue").Text()
			}
		}
	}
	return ""
}

// mapAccount maps the account that was changed: a service account by its address or,
// as resourceName may have it, its number; a user of Workspace.
func mapAccount(e entry, user *ocsf.User) {
	response, request := e.payload.Get("response"), e.payload.Get("request")
	name := parameter(e.payload, "USER_EMAIL")
	for _, v := range [...]jsondoc.Value{
		response.Get("email"), request.Path("service_account", "email"), e.root.Path("resource", "labels", "email_id"), request.Get("account_id"),
	} {
		if name == "" {
			name = v.Text()
		}
	}
	resource := e.payload.Get("resourceName").Text()
	if name == "" {
		if _, rest, ok := strings.Cut(resource, "serviceAccounts/"); ok {
			name, _, _ = strings.Cut(rest, "/")
		}
	}
	switch {
	case e.payload.Get("serviceName").Text() == login && name == "":
		name = e.payload.Path("authenticationInfo", "principalEmail").Text()
	case name != "" && strings.Trim(name, "0123456789") == "":
		user.SetUID(name)
		user.SetTypeID(ocsf.UserTypeIDService)
		return
	}
	setMember(name, user)
	if id := first(response, "unique_id", "uniqueId").Text(); id != "" {
		user.SetUID(id)
	}
	if _, key, ok := strings.Cut(response.Get("name").Text(), "/keys/"); ok {
		credential := user.AddProgrammaticCredentials()
		credential.SetUID(key)
		credential.SetType("ServiceAccountKey")
	}
	if e.payload.Get("serviceName").Text() == iam {
		user.SetTypeID(ocsf.UserTypeIDService)
	}
}

// setMember sets a user from a name, or from a member of a policy: user:a@b.example,
// serviceAccount:.., group:.., domain:.., allUsers, principal://...
func setMember(member string, user *ocsf.User) {
	kind, name, ok := strings.Cut(member, ":")
	if !ok || strings.HasPrefix(name, "//") {
		kind, name = "", member
	}
	if name == "" {
		user.SetName(normalize.Unknown)
		return
	}
	user.SetName(name)
	if normalize.IsEmail(name) {
		user.SetEmailAddr(name)
	}
	switch kind {
	case "serviceAccount":
		user.SetTypeID(ocsf.UserTypeIDService)
	case "user", "":
		if isEveryone(name) || strings.Contains(name, "//") {
			user.SetTypeID(ocsf.UserTypeIDOther)
			user.SetType(strings.SplitN(name, ":", 2)[0])
			return
		}
		user.SetTypeID(userType(name))
	default:
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(kind)
	}
}

// isEveryone tells the two members that are not somebody.
func isEveryone(member string) bool {
	return member == "allUsers" || member == "allAuthenticatedUsers"
}

// mapRole maps a custom role, which is the user as in AWS and Kubernetes and whose
// permissions are the privileges, or a role of Workspace's administrators.
func mapRole(e entry, ev *ocsf.Event) {
	if email := parameter(e.payload, "USER_EMAIL"); email != "" {
		setMember(email, &ev.User)
		addPrivilege(ev, parameter(e.payload, "ROLE_NAME"))
		return
	}
	request := e.payload.Get("request")
	role := request.Get("role")
	name := first(request, "role_id", "roleId").Text()
	if name == "" {
		path := e.payload.Get("resourceName").Text()
		name = path[strings.LastIndexByte(path, '/')+1:]
	}
	if name == "" {
		name = normalize.Unknown
	}
	ev.User.SetName(name)
	ev.User.SetTypeID(ocsf.UserTypeIDOther)
	ev.User.SetType("Role")
	for _, key := range [...]string{"included_permissions", "includedPermissions"} {
		for permission := range role.Get(key).Elements {
			if text := permission.Text(); text != "" {
				ev.Privileges = append(ev.Privileges, text)
			}
		}
	}
	if len(ev.Privileges) == 0 {
		addPrivilege(ev, "")
	}
}

func addPrivilege(ev *ocsf.Event, privilege string) {
	if privilege == "" {
		privilege = normalize.Unknown
	}
	for _, known := range ev.Privileges {
		if known == privilege {
			return
		}
	}
	ev.Privileges = append(ev.Privileges, privilege)
}

// mapGroup maps a group of Workspace or Cloud Identity, and who joined or left.
func mapGroup(e entry, ev *ocsf.Event) {
	name := parameter(e.payload, "GROUP_EMAIL")
	if name == "" {
		name = e.payload.Path("request", "group", "groupKey", "id").Text()
	}
	path := e.payload.Get("resourceName").Text()
	switch id := groupID(path); {
	case name != "":
		ev.Group.SetName(name)
	case id != "":
		ev.Group.SetUID(id)
	default:
		ev.Group.SetName(normalize.Unknown)
	}
	member := parameter(e.payload, "USER_EMAIL")
	if member == "" {
		member = e.payload.Path("request", "membership", "preferredMemberKey", "id").Text()
	}
	if member != "" {
		setMember(member, &ev.User)
	}
}

// groupID is the id in groups/ID/memberships/...
func groupID(path string) string {
	_, rest, ok := strings.Cut(path, "groups/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
