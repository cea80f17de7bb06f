package guardduty

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapSequence maps an attack sequence: what it was made of, who acted, from where, on
// what, and the tactics and techniques that GuardDuty saw in it.
func mapSequence(sequence jsondoc.Value, ev *ocsf.Event) {
	info := &ev.FindingInfo
	mapIndicators(get(sequence, "sequenceIndicators"), info)
	for signal := range get(sequence, "signals").Elements {
		if get(signal, "uid").Text() == "" {
			continue
		}
		related := info.AddRelatedEvents()
		normalize.Text(get(signal, "uid"), related.SetUID)
		normalize.Text(get(signal, "name"), related.SetTitle)
		normalize.Text(get(signal, "type"), related.SetType)
		normalize.Text(get(signal, "description"), related.SetDesc)
		normalize.Int32(get(signal, "count"), related.SetCount)
		normalize.Time(get(signal, "firstSeenAt"), related.SetFirstSeenTime)
		normalize.Time(get(signal, "lastSeenAt"), related.SetLastSeenTime)
		mapIndicators(get(signal, "signalIndicators"), info)
	}
	for endpoint := range get(sequence, "endpoints").Elements {
		awsfinding.Evidence(ev, func(e *ocsf.Evidences) { mapEndpoint(endpoint, &e.SrcEndpoint) })
	}
	for actor := range get(sequence, "actors").Elements {
		awsfinding.Evidence(ev, func(e *ocsf.Evidences) { mapActor(actor, e) })
	}
	for resource := range get(sequence, "resources").Elements {
		mapSequenceResource(resource, ev)
	}
}

// mapIndicators lists tactics and techniques. A technique is an id, or one with its name:
// "T1078.004 - Valid Accounts: Cloud Accounts".
func mapIndicators(indicators jsondoc.Value, info *ocsf.FindingInfo) {
	for indicator := range indicators.Elements {
		switch key := get(indicator, "key").Text(); key {
		case "ATTACK_TACTIC":
			for v := range get(indicator, "values").Elements {
				awsfinding.AddTactic(v.Text(), info)
			}
		case "ATTACK_TECHNIQUE":
			for v := range get(indicator, "values").Elements {
				addTechnique(v.Text(), info)
			}
		}
	}
}

func addTechnique(text string, info *ocsf.FindingInfo) {
	id, name, _ := strings.Cut(text, " - ")
	if len(id) < 5 || id[0] != 'T' || id[1] < '0' || id[1] > '9' {
		return
	}
	for i := range info.Attacks {
		if a := &info.Attacks[i]; a.Technique.UID() == id || a.SubTechnique.UID() == id {
			return
		}
	}
	attack := info.AddAttacks()
	parent, _, isSub := strings.Cut(id, ".")
	attack.Technique.SetUID(parent)
	if isSub {
		attack.SubTechnique.SetUID(id)
		if name != "" {
			attack.SubTechnique.SetName(name)
		}
	} else if name != "" {
		attack.Technique.SetName(name)
	}
}

func mapEndpoint(v jsondoc.Value, out *ocsf.NetworkEndpoint) {
	normalize.Text(get(v, "id"), out.SetUID)
	awsfinding.IP(get(v, "ip"), out.SetIP)
	normalize.Text(get(v, "domain"), out.SetDomain)
	awsfinding.Port(get(v, "port"), out.SetPort)
	place := get(v, "location")
	normalize.Text(get(place, "city"), out.Location.SetCity)
	normalize.Text(get(place, "country"), out.Location.SetCountry)
	if out.Location.Present() {
		awsfinding.Float(get(place, "lat"), out.Location.SetLat)
		awsfinding.Float(get(place, "lon"), out.Location.SetLong)
	}
	system := get(v, "autonomousSystem")
	awsfinding.Whole(get(system, "number"), out.AutonomousSystem.SetNumber)
	normalize.Text(get(system, "name"), out.AutonomousSystem.SetName)
	if out.Present() && !out.HasIP() && !out.HasUID() && !out.HasDomain() {
		out.SetName(normalize.Unknown)
	}
}

func mapActor(v jsondoc.Value, e *ocsf.Evidences) {
	user, session := get(v, "user"), get(v, "session")
	out := &e.Actor.User
	normalize.Text(get(user, "name"), out.SetName)
	normalize.Text(get(user, "uid"), out.SetUID)
	normalize.Text(get(user, "credentialUid"), out.SetCredentialUID)
	if normalize.Text(awsfinding.Path(user, "account", "uid"), out.Account.SetUID) != "" {
		out.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	mapUserType(get(user, "type"), out)
	if out.Present() && !out.HasName() && !out.HasUID() && !out.Account.Present() {
		out.SetName(normalize.Unknown)
	}
	normalize.Text(get(session, "uid"), e.Actor.Session.SetUID)
	normalize.Text(get(session, "issuer"), e.Actor.Session.SetIssuer)
	normalize.Time(get(session, "createdTime"), e.Actor.Session.SetCreatedTime)
	if mfa := get(session, "mfaStatus"); strings.EqualFold(mfa.Text(), "ENABLED") {
		e.Actor.Session.SetIsMFA(true)
	} else if strings.EqualFold(mfa.Text(), "DISABLED") {
		e.Actor.Session.SetIsMFA(false)
	}
}

func mapSequenceResource(v jsondoc.Value, ev *ocsf.Event) {
	if get(v, "uid").Text() == "" && get(v, "name").Text() == "" {
		return
	}
	r := ev.AddResources()
	normalize.Text(get(v, "uid"), r.SetUID)
	normalize.Text(get(v, "name"), r.SetName)
	normalize.Text(get(v, "resourceType"), r.SetType)
	normalize.Text(get(v, "region"), r.SetRegion)
	normalize.Text(get(v, "cloudPartition"), r.SetCloudPartition)
	if normalize.Text(get(v, "accountId"), r.Owner.Account.SetUID) != "" {
		r.Owner.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	r.SetRoleID(ocsf.ResourceDetailsRoleIDAffected)
	awsfinding.Tags(get(v, "tags"), r)
	if data := get(v, "data"); data.Len() > 0 {
		normalize.Data(data, r.SetData)
	}
}
