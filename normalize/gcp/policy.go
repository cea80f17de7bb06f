package gcp

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapPolicy maps SetIamPolicy: a policy is set whole, and the delta tells what that
// changed.
func mapPolicy(e entry, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassUserAccess)
	ev.SetActivityID(ocsf.UserAccessActivityIDAssignPrivileges)
	chosen, removed := "", ""
	for d := range deltas(e.payload).Elements {
		member := d.Get("member").Text()
		addPrivilege(ev, d.Get("role").Text())
		switch {
		case d.Get("action").Text() == "REMOVE":
			if removed == "" {
				removed = member
			}
		case chosen == "" || isEveryone(member) && !isEveryone(chosen):
			chosen = member
		}
	}
	if chosen == "" && removed != "" {
		ev.SetActivityID(ocsf.UserAccessActivityIDRevokePrivileges)
		chosen = removed
	}
	if len(ev.Privileges) == 0 {
		chosen = wholePolicy(e.payload, ev)
	}
	setMember(chosen, &ev.User)
	if len(ev.Privileges) == 0 {
		addPrivilege(ev, "")
	}
}

// deltas are the changes of a policy; services keep them in several places.
func deltas(payload jsondoc.Value) jsondoc.Value {
	for _, path := range [...][]string{
		{"serviceData", "policyDelta", "bindingDeltas"},
		{"metadata", "policyDelta", "bindingDeltas"},
		{"metadata", "datasetChange", "bindingDeltas"},
		{"servicedata_v1_iam", "policyDelta", "bindingDeltas"},
	} {
		if list := payload.Path(path...); list.Len() > 0 {
			return list
		}
	}
	return jsondoc.Value{}
}

// bindings are those of the policy that was asked for.
func bindings(payload jsondoc.Value) jsondoc.Value {
	return payload.Path("request", "policy", "bindings")
}

// wholePolicy takes the roles of the policy that was asked for, and a member.
func wholePolicy(payload jsondoc.Value, ev *ocsf.Event) (chosen string) {
	for b := range bindings(payload).Elements {
		addPrivilege(ev, b.Get("role").Text())
		for member := range b.Get("members").Elements {
			if text := member.Text(); chosen == "" || isEveryone(text) && !isEveryone(chosen) {
				chosen = text
			}
		}
	}
	return chosen
}

// observeMembers lists the members behind the event's user: one must not hide
// another.
func observeMembers(payload jsondoc.Value, ev *ocsf.Event) {
	if ev.Class() != ocsf.ClassUserAccess {
		return
	}
	observe := func(member string) {
		var user ocsf.User
		if setMember(member, &user); user.Name() != ev.User.Name() {
			normalize.Observe(ev, "api.request.data.policy.bindings.members", ocsf.ObservableTypeIDUserName, user.Name())
		}
	}
	if list := deltas(payload); list.Len() > 0 {
		for d := range list.Elements {
			observe(d.Get("member").Text())
		}
		return
	}
	for b := range bindings(payload).Elements {
		for member := range b.Get("members").Elements {
			observe(member.Text())
		}
	}
}
