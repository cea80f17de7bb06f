package securityhub

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

func mapResources(resources jsondoc.Value, ev *ocsf.Event) {
	for v := range resources.Elements {
		id := v.Get("Id")
		if id.Text() == "" {
			continue
		}
		r := ev.AddResources()
		uid := normalize.Text(id, r.SetUID)
		if arn, ok := normalize.ParseARN(uid); ok {
			if name := arn.Resource[strings.LastIndexAny(arn.Resource, "/:")+1:]; name != "" {
				r.SetName(name)
			}
		}
		normalize.Text(v.Get("Type"), r.SetType)
		normalize.Text(v.Get("Region"), r.SetRegion)
		normalize.Text(v.Get("Partition"), r.SetCloudPartition)
		switch role := v.Get("ResourceRole"); strings.ToUpper(role.Text()) {
		case "TARGET":
			r.SetRoleID(ocsf.ResourceDetailsRoleIDTarget)
		case "ACTOR":
			r.SetRoleID(ocsf.ResourceDetailsRoleIDActor)
		}
		awsfinding.Tags(v.Get("Tags"), r)
		if details := v.Get("Details"); details.Len() > 0 {
			normalize.Data(details, r.SetData)
		}
	}
}

// mapAccessKeys sets who holds an access key that a resource describes, in the evidence of
// the action. The resource's data hold its details.
func mapAccessKeys(resources jsondoc.Value, ev *ocsf.Event) {
	for v := range resources.Elements {
		key := v.Get("Details").Get("AwsIamAccessKey")
		if key.Len() == 0 {
			continue
		}
		fill := func(e *ocsf.Evidences) { mapHolder(key, &e.Actor) }
		if len(ev.Evidences) > 0 {
			fill(&ev.Evidences[0])
			return
		}
		awsfinding.Evidence(ev, fill)
		return
	}
}

func mapHolder(key jsondoc.Value, actor *ocsf.Actor) {
	user := &actor.User
	set := func(v jsondoc.Value, set func(string)) {
		if text := v.Text(); text != "" {
			set(text)
		}
	}
	set(key.Get("PrincipalName"), user.SetName)
	set(key.Get("UserName"), user.SetName)
	set(key.Get("PrincipalId"), user.SetUIDAlt)
	set(key.Get("AccessKeyId"), user.SetCredentialUID)
	if account := key.Get("AccountId").Text(); account != "" {
		user.Account.SetUID(account)
		user.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	switch kind := key.Get("PrincipalType").Text(); kind {
	case "":
	case "IAMUser":
		user.SetTypeID(ocsf.UserTypeIDUser)
	case "Root":
		user.SetTypeID(ocsf.UserTypeIDAdmin)
	default:
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(kind)
	}
	if user.Present() && !user.HasName() && !user.HasUID() && !user.Account.Present() {
		user.SetName(normalize.Unknown)
	}
	session := key.Get("SessionContext")
	set(session.Get("SessionIssuer").Get("Arn"), actor.Session.SetIssuer)
	attributes := session.Get("Attributes")
	if mfa, ok := normalize.ParseBool(attributes.Get("MfaAuthenticated").Text()); ok {
		actor.Session.SetIsMFA(mfa)
	}
	if created, ok := normalize.ParseTime(attributes.Get("CreationDate").Text()); ok {
		actor.Session.SetCreatedTime(created)
	}
}

// mapNetwork maps the two ends of the connection that a finding is about.
func mapNetwork(n jsondoc.Value, ev *ocsf.Event) {
	if n.Len() == 0 {
		return
	}
	awsfinding.Evidence(ev, func(e *ocsf.Evidences) {
		end := func(prefix string, out *ocsf.NetworkEndpoint) {
			awsfinding.IP(n.Get(prefix+"IpV4"), out.SetIP)
			if !out.HasIP() {
				awsfinding.IP(n.Get(prefix+"IpV6"), out.SetIP)
			}
			normalize.Text(n.Get(prefix+"Domain"), out.SetDomain)
			awsfinding.Port(n.Get(prefix+"Port"), out.SetPort)
			if out.Present() && !out.HasIP() && !out.HasDomain() {
				out.SetName(normalize.Unknown)
			}
		}
		end("Source", &e.SrcEndpoint)
		end("Destination", &e.DstEndpoint)
		if !e.SrcEndpoint.Present() && !e.DstEndpoint.Present() {
			return
		}
		direction := &e.ConnectionInfo
		direction.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDUnknown)
		switch n.Get("Direction").Text() {
		case "IN":
			direction.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDInbound)
		case "OUT":
			direction.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDOutbound)
		}
		normalize.Text(n.Get("Protocol"), direction.SetProtocolName)
	})
}

func mapProcess(v jsondoc.Value, ev *ocsf.Event) {
	if v.Get("Pid").Kind() != jsondoc.Number {
		return // OCSF knows a process by its number
	}
	awsfinding.Evidence(ev, func(e *ocsf.Evidences) {
		p := &e.Process
		normalize.Int32(v.Get("Pid"), p.SetPID)
		if !p.Present() {
			return
		}
		normalize.Text(v.Get("Name"), p.SetName)
		normalize.Text(v.Get("Path"), p.SetPath)
		normalize.Int32(v.Get("ParentPid"), p.ParentProcess.SetPID)
		normalize.Time(v.Get("LaunchedAt"), p.SetCreatedTime)
	})
}

// malwareKinds are ASFF's types of malware, in OCSF's.
var malwareKinds = map[string]int32{
	"ADWARE": ocsf.MalwareClassificationIDsAdware, "BOTNET_AGENT": ocsf.MalwareClassificationIDsBot, "KEYLOGGER": ocsf.MalwareClassificationIDsKeylogger,
	"EXPLOIT_KIT": ocsf.MalwareClassificationIDsExploitKit, "RANSOMWARE": ocsf.MalwareClassificationIDsRansomware,
	"REMOTE_ACCESS": ocsf.MalwareClassificationIDsRemoteAccessTrojan, "ROOTKIT": ocsf.MalwareClassificationIDsRootkit,
	"TROJAN": ocsf.MalwareClassificationIDsTrojan, "VIRUS": ocsf.MalwareClassificationIDsVirus, "WORM": ocsf.MalwareClassificationIDsWorm,
	"COIN_MINER": ocsf.MalwareClassificationIDsResourceExploitation,
}

// mapThreats maps malware, threats with their files, and indicators of intelligence.
func mapThreats(f jsondoc.Value, ev *ocsf.Event) {
	for v := range f.Get("Malware").Elements {
		if v.Get("Name").Text() == "" {
			continue
		}
		out := ev.AddMalware()
		normalize.Text(v.Get("Name"), out.SetName)
		normalize.Text(v.Get("Path"), out.SetPath)
		out.ClassificationIDs = append(out.ClassificationIDs, malwareKinds[v.Get("Type").Text()])
	}
	for v := range f.Get("Threats").Elements {
		if v.Get("Name").Text() == "" {
			continue
		}
		out := ev.AddMalware()
		normalize.Text(v.Get("Name"), out.SetName)
		out.ClassificationIDs = append(out.ClassificationIDs, ocsf.MalwareClassificationIDsUnknown)
		if id, ok := awsfinding.Severity(v.Get("Severity").Text()); ok {
			out.SetSeverityID(id)
		}
		for file := range v.Get("FilePaths").Elements {
			awsfinding.Evidence(ev, func(e *ocsf.Evidences) { mapFile(file, &e.File) })
		}
	}
	for v := range f.Get("ThreatIntelIndicators").Elements {
		if v.Get("Value").Text() == "" || v.Get("Type").Text() == "" {
			continue
		}
		out := ev.AddEnrichments()
		out.SetName(v.Get("Type").Text())
		out.SetValue(v.Get("Value").Text())
		if provider := v.Get("Source").Text(); provider != "" {
			out.SetProvider(provider)
		}
		if kind := v.Get("Category").Text(); kind != "" {
			out.SetType(kind)
		}
		normalize.Data(v, out.SetData)
	}
}

func mapFile(v jsondoc.Value, f *ocsf.File) {
	path := normalize.Text(v.Get("FilePath"), f.SetPath)
	if normalize.Text(v.Get("FileName"), f.SetName) == "" {
		if path == "" {
			return
		}
		f.SetName(path[strings.LastIndexByte(path, '/')+1:])
	}
	f.SetTypeID(ocsf.FileTypeIDUnknown)
	awsfinding.Hash(v.Get("Hash"), f)
}

// mapVulnerabilities maps those that have a CVE; OCSF wants an id of a known kind.
func mapVulnerabilities(list jsondoc.Value, ev *ocsf.Event) {
	for v := range list.Elements {
		id := v.Get("Id")
		if !strings.HasPrefix(id.Text(), "CVE-") {
			continue
		}
		out := ev.AddVulnerabilities()
		normalize.Text(id, out.CVE.SetUID)
		for score := range v.Get("Cvss").Elements {
			mapScore(score, &out.CVE)
		}
		for p := range v.Get("VulnerablePackages").Elements {
			mapPackage(p, out)
		}
		vendor := v.Get("Vendor")
		normalize.Text(vendor.Get("Name"), out.SetVendorName)
		normalize.Text(vendor.Get("VendorSeverity"), out.SetSeverity)
		awsfinding.Texts(v.Get("ReferenceUrls"), func(url string) { out.References = append(out.References, url) })
		yes(v.Get("FixAvailable"), out.SetIsFixAvailable)
		yes(v.Get("ExploitAvailable"), out.SetIsExploitAvailable)
	}
}

// yes sets what ASFF says as YES, NO or PARTIAL, which is a yes that stays in unmapped.
func yes(v jsondoc.Value, set func(bool)) {
	if v.Text() == "PARTIAL" {
		set(true)
		return
	}
	normalize.Bool(v, set)
}

func mapScore(v jsondoc.Value, cve *ocsf.CVE) {
	if _, ok := v.Get("BaseScore").Float(); !ok || v.Get("Version").Text() == "" {
		return
	}
	out := cve.AddCvss()
	awsfinding.Float(v.Get("BaseScore"), out.SetBaseScore)
	normalize.Text(v.Get("Version"), out.SetVersion)
	normalize.Text(v.Get("BaseVector"), out.SetVectorString)
	normalize.Text(v.Get("Source"), out.SetVendorName)
}

func mapPackage(v jsondoc.Value, out *ocsf.Vulnerability) {
	if v.Get("Name").Text() == "" || v.Get("Version").Text() == "" {
		return
	}
	p := out.AddAffectedPackages()
	normalize.Text(v.Get("Name"), p.SetName)
	normalize.Text(v.Get("Version"), p.SetVersion)
	normalize.Text(v.Get("FixedInVersion"), p.SetFixedInVersion)
	normalize.Text(v.Get("Architecture"), p.SetArchitecture)
	normalize.Text(v.Get("PackageManager"), p.SetPackageManager)
	normalize.Text(v.Get("FilePath"), p.SetPath)
	normalize.Text(v.Get("Release"), p.SetRelease)
}
