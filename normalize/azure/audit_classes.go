package azure

import (
	"slices"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// auditTargets are the parts of targetResources and additionalDetails by what they are.
type auditTargets struct {
	all, details jsondoc.Value
	first        jsondoc.Value
	principal    jsondoc.Value // the first user, else service principal
	group, role  jsondoc.Value
	groups       int
}

func newAuditTargets(all, details jsondoc.Value) auditTargets {
	t := auditTargets{all: all, details: details}
	for target := range all.Elements {
		if !t.first.Exists() {
			t.first = target
		}
		switch kind := fold(target, "type").Text(); {
		case strings.EqualFold(kind, "User"):
			if fold(t.principal, "type").Text() != "User" {
				t.principal = target
			}
		case strings.EqualFold(kind, "ServicePrincipal"):
			if !t.principal.Exists() {
				t.principal = target
			}
		case strings.EqualFold(kind, "Group"):
			if t.groups++; t.groups == 1 {
				t.group = target
			}
		case strings.EqualFold(kind, "Role"):
			t.role = target
		}
	}
	return t
}

// property is the value of a modified property: the new one, or the old one of what is
// taken away.
func (t *auditTargets) property(name string) string {
	for target := range t.all.Elements {
		for p := range fold(target, "modifiedProperties").Elements {
			if !strings.EqualFold(fold(p, "displayName").Text(), name) {
				continue
			}
			for _, key := range [...]string{"newValue", "oldValue"} {
				if value := unquote(fold(p, key).Text()); value != "" && value != "null" && value != "[]" {
					return value
				}
			}
		}
	}
	return ""
}

// mapAuditClass maps class and activity, and what the class has.
func (m *Mapper) mapAuditClass(operation string, t auditTargets, ev *ocsf.Event) {
	op := auditOperationOf(operation, ev.Metadata.EventCode(), &t)
	ev.SetClass(op.class)
	ev.SetActivityID(op.activity)
	if op.activity == ocsf.ActivityIDOther {
		ev.SetActivityName(operation)
	}
	switch op.class {
	case ocsf.ClassAccountChange:
		mapAuditAccount(&t, ev)
	case ocsf.ClassGroupManagement:
		mapAuditGroup(op, &t, ev)
	case ocsf.ClassUserAccess:
		mapAuditAccess(op, &t, ev)
	case ocsf.ClassEntityManagement:
		mapAuditEntity(&t, ev)
	default:
		mapAuditResources(&t, jsondoc.Value{}, ev)
	}
}

// mapTargetUser maps a user, service principal or application that is a target.
func mapTargetUser(target jsondoc.Value, user *ocsf.User) {
	if id := fold(target, "id"); isID(id) {
		user.SetUID(id.Text())
	}
	name, display := fold(target, "userPrincipalName").Text(), fold(target, "displayName").Text()
	switch {
	case name != "":
		user.SetName(name)
		if display != "" {
			user.SetFullName(display)
		}
	case display != "":
		user.SetName(display)
	}
	if !user.HasName() && !user.HasUID() {
		user.SetName(normalize.Unknown)
		return
	}
	switch kind := fold(target, "type").Text(); {
	case strings.EqualFold(kind, "User"):
		user.SetTypeID(ocsf.UserTypeIDUser)
	case strings.EqualFold(kind, "ServicePrincipal"):
		user.SetTypeID(ocsf.UserTypeIDService)
	case kind != "":
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(kind)
	}
}

func mapAuditAccount(t *auditTargets, ev *ocsf.Event) {
	target := t.principal
	if !target.Exists() {
		target = t.first
	}
	if !target.Exists() { // self-service
		copyUser(&ev.User, &ev.Actor.User)
		if !ev.User.HasName() && !ev.User.HasUID() {
			ev.User.SetName(normalize.Unknown)
		}
		return
	}
	mapTargetUser(target, &ev.User)
	if email := detail(t.details, "invitedUserEmailAddress"); normalize.IsEmail(email.Text()) {
		normalize.Text(email, ev.User.SetEmailAddr)
	}
	for p := range fold(target, "modifiedProperties").Elements {
		if strings.EqualFold(fold(p, "displayName").Text(), "KeyDescription") {
			before, after := fold(p, "oldValue").Text(), fold(p, "newValue").Text()
			if !mapKeys(after, before, &ev.User) {
				mapKeys(before, after, &ev.User)
			}
		}
	}
}

// mapKeys lists the credentials of a KeyDescription that another one lacks:
// "[KeyIdentifier=G,KeyType=Password,KeyUsage=Verify,DisplayName=D]".
func mapKeys(description, other string, user *ocsf.User) (any bool) {
	for rest := description; ; {
		_, after, found := strings.Cut(rest, "KeyIdentifier=")
		if !found {
			return any
		}
		entry, tail, _ := strings.Cut(after, "]")
		id, attributes, _ := strings.Cut(entry, ",")
		rest = tail
		if id == "" || strings.Contains(other, id) {
			continue
		}
		any = true
		credential := user.AddProgrammaticCredentials()
		credential.SetUID(id)
		if _, kind, ok := strings.Cut(attributes, "KeyType="); ok {
			kind, _, _ = strings.Cut(kind, ",")
			credential.SetType(kind)
		}
	}
}

// mapAuditGroup maps what happened to a group. Of a membership the target is the member,
// and the group is in the properties or the second target.
func mapAuditGroup(op auditOperation, t *auditTargets, ev *ocsf.Event) {
	isMembership := ev.ActivityID() == ocsf.GroupManagementActivityIDAddUser || ev.ActivityID() == ocsf.GroupManagementActivityIDRemoveUser
	group := &ev.Group
	if id := t.property("Group.ObjectID"); id != "" {
		group.SetUID(id)
	}
	if name := t.property("Group.DisplayName"); name != "" {
		group.SetName(name)
	}
	target := t.group
	if isMembership && t.groups > 1 { // a group in a group: the member is the first
		mapSubgroup(t, ev)
		target = jsondoc.Value{}
	} else if isMembership && t.groups == 1 && group.HasUID() && fold(t.group, "id").Text() != group.UID() {
		mapSubgroup(t, ev)
		target = jsondoc.Value{}
	}
	if !target.Exists() && !isMembership && op.object == "" {
		target = t.first
	}
	if id := fold(target, "id").Text(); id != "" && !group.HasUID() {
		group.SetUID(id)
	}
	if name := fold(target, "displayName").Text(); name != "" && !group.HasName() {
		group.SetName(name)
	}
	if !group.HasName() && !group.HasUID() {
		group.SetName(normalize.Unknown)
	}
	if (isMembership || op.object == "owner") && t.principal.Exists() {
		mapTargetUser(t.principal, &ev.User)
	}
	if op.object == "owner" {
		ev.Privileges = append(ev.Privileges, "owner")
	} else if role := t.property("AppRole.Value"); role != "" {
		ev.Privileges = append(ev.Privileges, role)
	}
}

func mapSubgroup(t *auditTargets, ev *ocsf.Event) {
	if ev.ActivityID() == ocsf.GroupManagementActivityIDAddUser {
		ev.SetActivityID(ocsf.GroupManagementActivityIDAddSubgroup)
	} else {
		ev.SetActivityID(ocsf.GroupManagementActivityIDRemoveSubgroup)
	}
	if id := fold(t.group, "id").Text(); id != "" {
		ev.Subgroup.SetUID(id)
	}
	if name := fold(t.group, "displayName").Text(); name != "" {
		ev.Subgroup.SetName(name)
	}
}

// entityTypes are the types of targets that OCSF knows, in lower case.
var entityTypes = map[string]int32{
	"device": ocsf.ManagedEntityTypeIDDevice, "user": ocsf.ManagedEntityTypeIDUser, "group": ocsf.ManagedEntityTypeIDGroup,
	"directory": ocsf.ManagedEntityTypeIDOrganization, "company": ocsf.ManagedEntityTypeIDOrganization, "policy": ocsf.ManagedEntityTypeIDPolicy,
}

func mapAuditEntity(t *auditTargets, ev *ocsf.Event) {
	entity := &ev.Entity
	if id := fold(t.first, "id").Text(); id != "" {
		entity.SetUID(id)
	}
	if name := fold(t.first, "displayName").Text(); name != "" {
		entity.SetName(name)
	}
	if !entity.HasUID() && !entity.HasName() {
		entity.SetName(normalize.Unknown)
	}
	kind := fold(t.first, "type").Text()
	if id := lookup(entityTypes, kind); id != 0 {
		entity.SetTypeID(id)
	} else if kind != "" {
		entity.SetTypeID(ocsf.ManagedEntityTypeIDOther)
		entity.SetType(kind)
	}
}

// mapAuditResources lists the targets but one.
func mapAuditResources(t *auditTargets, without jsondoc.Value, ev *ocsf.Event) {
	for target := range t.all.Elements {
		id, name := fold(target, "id").Text(), fold(target, "displayName").Text()
		if target == without || id == "" && name == "" {
			continue
		}
		out := ev.AddResources()
		if id != "" {
			out.SetUID(id)
		}
		if name != "" {
			out.SetName(name)
		}
		if kind := fold(target, "type").Text(); kind != "" {
			out.SetType(kind)
		}
	}
}

// mapAuditAccess maps who was given or lost what.
func mapAuditAccess(op auditOperation, t *auditTargets, ev *ocsf.Event) {
	target := t.principal
	if op.object == "" && !target.Exists() {
		target = t.group // a role may be assigned to a group
	}
	switch id := t.property("ServicePrincipal.ObjectID"); {
	case op.object == "self":
		copyUser(&ev.User, &ev.Actor.User)
	case op.object == "permission" && id != "": // the target is the API
		ev.User.SetUID(id)
		if name := t.property("ServicePrincipal.DisplayName"); name != "" {
			ev.User.SetName(name)
		}
		ev.User.SetTypeID(ocsf.UserTypeIDService)
		target = jsondoc.Value{}
	case target.Exists():
		mapTargetUser(target, &ev.User)
	}
	if !ev.User.HasName() && !ev.User.HasUID() {
		ev.User.SetName(normalize.Unknown)
	}
	mapAuditPrivileges(op, t, ev)
	mapAuditResources(t, target, ev)
}

func mapAuditPrivileges(op auditOperation, t *auditTargets, ev *ocsf.Event) {
	switch op.object {
	case "owner":
		ev.Privileges = append(ev.Privileges, "owner")
	case "self":
		ev.Privileges = append(ev.Privileges, "User Access Administrator")
	case "permission", "consent":
		for scope := range strings.FieldsSeq(t.property("DelegatedPermissionGrant.Scope")) {
			ev.Privileges = append(ev.Privileges, scope)
		}
		addConsented(t.property("ConsentAction.Permissions"), ev)
		role := t.property("AppRole.Value")
		if role == "" {
			role = t.property("AppRole.DisplayName")
		}
		if role != "" {
			ev.Privileges = append(ev.Privileges, role)
		}
	default:
		role := t.property("Role.DisplayName")
		if role == "" {
			role = fold(t.role, "displayName").Text()
		}
		if role == "" {
			role = detail(t.details, "RoleName").Text()
		}
		if role != "" {
			ev.Privileges = append(ev.Privileges, role)
		}
	}
	if len(ev.Privileges) == 0 {
		ev.Privileges = append(ev.Privileges, normalize.Unknown)
	}
}

// addConsented adds the scopes of a consent, "[old] => [[Id: .., Scope: A B, ..], ..]":
// those of after the arrow.
func addConsented(permissions string, ev *ocsf.Event) {
	if _, after, ok := strings.Cut(permissions, "=>"); ok {
		permissions = after
	}
	for {
		_, after, found := strings.Cut(permissions, "Scope: ")
		if !found {
			return
		}
		permissions = after
		scopes := after
		if end := strings.IndexAny(scopes, ",]"); end >= 0 {
			scopes = scopes[:end]
		}
		for scope := range strings.FieldsSeq(scopes) {
			if !slices.Contains(ev.Privileges, scope) {
				ev.Privileges = append(ev.Privileges, scope)
			}
		}
	}
}
