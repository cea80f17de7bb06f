package normalize

import "github.com/weir-security/weir/schemas/ocsf"

// AddObservables lists the addresses, users and resources of the event, under
// the names of the attributes that hold them, so that a search for one value
// needs not know where each class keeps it. A value that an attribute repeats
// (the user of a sign-in is its actor too) is listed under each.
func AddObservables(ev *ocsf.Event) {
	src := &ev.SrcEndpoint
	Observe(ev, "src_endpoint.ip", ocsf.ObservableTypeIDIPAddress, src.IP())
	Observe(ev, "src_endpoint.hostname", ocsf.ObservableTypeIDHostname, src.Hostname())
	for _, ip := range src.IntermediateIPs {
		Observe(ev, "src_endpoint.intermediate_ips", ocsf.ObservableTypeIDIPAddress, ip)
	}
	for _, ip := range ev.HTTPRequest.XForwardedFor {
		Observe(ev, "http_request.x_forwarded_for", ocsf.ObservableTypeIDIPAddress, ip)
	}
	actor, user := &ev.Actor.User, &ev.User
	Observe(ev, "actor.user.name", ocsf.ObservableTypeIDUserName, actor.Name())
	Observe(ev, "actor.user.uid", ocsf.ObservableTypeIDUserUniqueID, actor.UID())
	Observe(ev, "actor.user.email_addr", ocsf.ObservableTypeIDEmailAddress, actor.EmailAddr())
	Observe(ev, "actor.user.credential_uid", ocsf.ObservableTypeIDUserCredentialID, actor.CredentialUID())
	Observe(ev, "user.name", ocsf.ObservableTypeIDUserName, user.Name())
	Observe(ev, "user.uid", ocsf.ObservableTypeIDUserUniqueID, user.UID())
	Observe(ev, "user.email_addr", ocsf.ObservableTypeIDEmailAddress, user.EmailAddr())
	Observe(ev, "group.name", ocsf.ObservableTypeIDGroupName, ev.Group.Name())
	Observe(ev, "group.uid", ocsf.ObservableTypeIDGroupUniqueID, ev.Group.UID())
	Observe(ev, "cloud.account.uid", ocsf.ObservableTypeIDAccountUniqueID, ev.Cloud.Account.UID())
	for i := range ev.Resources {
		r := &ev.Resources[i]
		Observe(ev, "resources.uid", ocsf.ObservableTypeIDResourceUID, r.UID())
		Observe(ev, "resources.name", ocsf.ObservableTypeIDResourceDetailsName, r.Name())
	}
}

// Observe lists one value, unless it is empty or a filler.
func Observe(ev *ocsf.Event, name string, typeID int32, value string) {
	if value == "" || value == Unknown || value == Collection {
		return
	}
	o := ev.AddObservables()
	o.SetName(name)
	o.SetTypeID(typeID)
	o.SetValue(value)
}
