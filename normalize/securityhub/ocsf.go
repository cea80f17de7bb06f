package securityhub

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapOCSF maps a finding that is in OCSF already: of any class of findings. What the
// finding has beyond what is mapped here is in unmapped, under OCSF's own names. It
// tells whether the finding has a time.
func (m *Mapper) mapOCSF(rec *event.Record, f jsondoc.Value, ev *ocsf.Event) bool {
	metadata, cloud := f.Get("metadata"), f.Get("cloud")
	info, in := &ev.FindingInfo, f.Get("finding_info")
	id := normalize.Text(in.Get("uid"), info.SetUID)
	if uid := metadata.Get("uid"); uid.Text() != "" && uid.Text() != id {
		normalize.Text(uid, ev.Metadata.SetUID)
	} else {
		m.setUID(rec, id, in.Get("modified_time").Text(), ev)
	}
	if id == "" {
		info.SetUID(ev.Metadata.UID())
	}
	normalize.Text(metadata.Get("version"), ev.Metadata.SetLogVersion)
	product := metadata.Get("product")
	normalize.Text(product.Get("uid"), info.Product.SetUID)
	normalize.Text(product.Get("name"), info.Product.SetName)
	normalize.Text(product.Get("vendor_name"), info.Product.SetVendorName)
	if info.Product.Present() && !info.Product.HasName() && !info.Product.HasUID() {
		info.Product.SetName(normalize.Unknown)
	}
	if normalize.Text(cloud.Get("account").Get("uid"), ev.Cloud.Account.SetUID) != "" {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
		normalize.Text(cloud.Get("account").Get("name"), ev.Cloud.Account.SetName)
	}
	normalize.Text(cloud.Get("region"), ev.Cloud.SetRegion)
	normalize.Text(cloud.Get("cloud_partition"), ev.Cloud.SetCloudPartition)
	mapOCSFInfo(in, ev)
	mapOCSFState(f, ev)
	for v := range f.Get("resources").Elements {
		mapOCSFResource(v, ev)
	}
	advice := f.Get("remediation")
	if normalize.Text(advice.Get("desc"), ev.Remediation.SetDesc) != "" {
		awsfinding.Texts(advice.Get("references"), func(s string) { ev.Remediation.References = append(ev.Remediation.References, s) })
	}
	for v := range f.Get("evidences").Elements {
		awsfinding.Evidence(ev, func(e *ocsf.Evidences) { mapOCSFEvidence(v, e) })
	}
	compliance := f.Get("compliance")
	normalize.Text(compliance.Get("status"), ev.SetStatusCode)
	normalize.Text(compliance.Get("control"), func(control string) {
		info.Analytic.SetName(control)
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDRule)
	})
	awsfinding.Texts(compliance.Get("standards"), func(s string) { tag("AssociatedStandards", s, info) })
	epoch(f.Get("time"), ev.SetTime)
	return setTime(ev)
}

// epoch gives set a time in milliseconds since the epoch.
func epoch(v jsondoc.Value, set func(int64)) {
	if ms, ok := v.Int(); ok {
		v.Use()
		set(ms)
	}
}

func mapOCSFInfo(in jsondoc.Value, ev *ocsf.Event) {
	info := &ev.FindingInfo
	epoch(in.Get("created_time"), info.SetCreatedTime)
	epoch(in.Get("modified_time"), info.SetModifiedTime)
	epoch(in.Get("first_seen_time"), info.SetFirstSeenTime)
	epoch(in.Get("last_seen_time"), info.SetLastSeenTime)
	if normalize.Text(in.Get("title"), info.SetTitle) == "" {
		info.SetTitle(info.UID())
	}
	ev.SetMessage(info.Title())
	normalize.Text(in.Get("desc"), info.SetDesc)
	awsfinding.URL(in.Get("src_url"), info.SetSrcURL)
	awsfinding.Texts(in.Get("types"), func(kind string) { info.Types = append(info.Types, kind) })
	analytic := in.Get("analytic")
	normalize.Text(analytic.Get("uid"), info.Analytic.SetUID)
	normalize.Text(analytic.Get("name"), info.Analytic.SetName)
	if info.Analytic.Present() {
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDUnknown)
	}
	for v := range in.Get("attacks").Elements {
		tactic, technique := v.Get("tactic"), v.Get("technique")
		if tactic.Get("uid").Text() == "" && technique.Get("uid").Text() == "" {
			continue
		}
		attack := info.AddAttacks()
		normalize.Text(tactic.Get("uid"), attack.Tactic.SetUID)
		normalize.Text(tactic.Get("name"), attack.Tactic.SetName)
		normalize.Text(technique.Get("uid"), attack.Technique.SetUID)
		normalize.Text(technique.Get("name"), attack.Technique.SetName)
	}
}

// mapOCSFState sets severity, status and activity, whose values OCSF's classes of findings
// share. An unknown value stays in unmapped.
func mapOCSFState(f jsondoc.Value, ev *ocsf.Event) {
	number := func(key string, least, most int64, fallback int32, set func(int32)) {
		v := f.Get(key)
		if n, ok := v.Int(); ok && least <= n && n <= most {
			v.Use()
			set(int32(n))
			return
		}
		set(fallback)
	}
	number("severity_id", ocsf.SeverityIDUnknown, ocsf.SeverityIDFatal, ocsf.SeverityIDUnknown, ev.SetSeverityID)
	number("status_id", ocsf.DetectionFindingStatusIDUnknown, ocsf.DetectionFindingStatusIDDeleted, ocsf.DetectionFindingStatusIDUnknown, ev.SetStatusID)
	number("activity_id", ocsf.DetectionFindingActivityIDUnknown, ocsf.DetectionFindingActivityIDClose, ocsf.DetectionFindingActivityIDUnknown, ev.SetActivityID)
}

func mapOCSFResource(v jsondoc.Value, ev *ocsf.Event) {
	if v.Get("uid").Text() == "" && v.Get("name").Text() == "" {
		return
	}
	r := ev.AddResources()
	normalize.Text(v.Get("uid"), r.SetUID)
	normalize.Text(v.Get("name"), r.SetName)
	normalize.Text(v.Get("type"), r.SetType)
	normalize.Text(v.Get("region"), r.SetRegion)
	normalize.Text(v.Get("cloud_partition"), r.SetCloudPartition)
	if normalize.Text(v.Get("owner").Get("account").Get("uid"), r.Owner.Account.SetUID) != "" {
		r.Owner.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	for t := range v.Get("tags").Elements {
		if t.Get("name").Text() != "" && t.Get("value").Text() != "" {
			out := r.AddTags()
			normalize.Text(t.Get("name"), out.SetName)
			normalize.Text(t.Get("value"), out.SetValue)
		}
	}
	if data := v.Get("data"); data.Len() > 0 {
		normalize.Data(data, r.SetData)
	}
}

func mapOCSFEvidence(v jsondoc.Value, e *ocsf.Evidences) {
	mapOCSFEndpoint(v.Get("src_endpoint"), &e.SrcEndpoint)
	mapOCSFEndpoint(v.Get("dst_endpoint"), &e.DstEndpoint)
	user := v.Get("actor").Get("user")
	normalize.Text(user.Get("name"), e.Actor.User.SetName)
	normalize.Text(user.Get("uid"), e.Actor.User.SetUID)
	if e.Actor.User.Present() {
		normalize.Text(user.Get("credential_uid"), e.Actor.User.SetCredentialUID)
	}
	api := v.Get("api")
	if normalize.Text(api.Get("operation"), e.API.SetOperation) != "" {
		normalize.Text(api.Get("service").Get("name"), e.API.Service.SetName)
	}
	if host := v.Get("query").Get("hostname"); normalize.IsHostname(host.Text()) {
		normalize.Text(host, e.Query.SetHostname)
	}
	process := v.Get("process")
	normalize.Int32(process.Get("pid"), e.Process.SetPID)
	if e.Process.Present() {
		normalize.Text(process.Get("name"), e.Process.SetName)
	}
}

func mapOCSFEndpoint(in jsondoc.Value, out *ocsf.NetworkEndpoint) {
	awsfinding.IP(in.Get("ip"), out.SetIP)
	normalize.Text(in.Get("domain"), out.SetDomain)
	if out.Present() {
		awsfinding.Port(in.Get("port"), out.SetPort)
	}
}
