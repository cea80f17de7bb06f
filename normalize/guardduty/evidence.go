package guardduty

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapPrincipal sets who acted, in the evidence of the action: the owner of an access
// key, a user of Kubernetes, a user of a database.
func mapPrincipal(resource jsondoc.Value, ev *ocsf.Event) {
	key := get(resource, "accessKeyDetails")
	kube := awsfinding.Path(resource, "kubernetesDetails", "kubernetesUserDetails")
	database := get(resource, "rdsDbUserDetails")
	if key.Len() == 0 && kube.Len() == 0 && database.Len() == 0 {
		return
	}
	fill := func(e *ocsf.Evidences) {
		user := &e.Actor.User
		if user.HasName() { // a sign-in to a database names its own
			return
		}
		normalize.Text(get(key, "userName"), user.SetName)
		normalize.Text(get(key, "principalId"), user.SetUIDAlt)
		normalize.Text(get(key, "accessKeyId"), user.SetCredentialUID)
		mapUserType(get(key, "userType"), user)
		if normalize.Text(get(kube, "username"), user.SetName) != "" {
			normalize.Text(get(kube, "uid"), user.SetUID)
			awsfinding.Texts(get(kube, "groups"), func(name string) { user.AddGroups().SetName(name) })
		}
		normalize.Text(get(database, "user"), user.SetName)
		if !e.Actor.HasAppName() {
			normalize.Text(get(database, "application"), e.Actor.SetAppName)
		}
		if user.Present() && !user.HasName() && !user.HasUID() {
			user.SetName(normalize.Unknown)
		}
	}
	if len(ev.Evidences) > 0 {
		fill(&ev.Evidences[0])
		return
	}
	awsfinding.Evidence(ev, fill)
}

// mapUserType sets the user's type as the CloudTrail mapper does.
func mapUserType(kind jsondoc.Value, user *ocsf.User) {
	switch word := kind.Text(); word {
	case "":
	case "IAMUser":
		user.SetTypeID(ocsf.UserTypeIDUser)
	case "Root":
		user.SetTypeID(ocsf.UserTypeIDAdmin)
	default:
		kind.Use()
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(word)
	}
}

// mapRuntime maps the process that Runtime Monitoring saw. What else it saw around it
// (the context) is the evidence's data.
func mapRuntime(details jsondoc.Value, ev *ocsf.Event) {
	if details.Len() == 0 {
		return
	}
	awsfinding.Evidence(ev, func(e *ocsf.Evidences) {
		mapProcess(get(details, "process"), &e.Process)
		context := get(details, "context")
		if context.Kind() == jsondoc.Object && context.Len() > 0 {
			normalize.Data(context, e.SetData)
		}
	})
}

func mapProcess(v jsondoc.Value, p *ocsf.Process) {
	normalize.Int32(get(v, "pid"), p.SetPID)
	normalize.Text(get(v, "uuid"), p.SetUID)
	if !p.Present() {
		return // OCSF knows a process by its number or uid
	}
	path := normalize.Text(get(v, "executablePath"), p.SetPath)
	if normalize.Text(get(v, "name"), p.SetName) != "" && path != "" {
		p.File.SetName(path[strings.LastIndexByte(path, '/')+1:])
		p.File.SetPath(path)
		p.File.SetTypeID(ocsf.FileTypeIDExecutableFile)
		awsfinding.Hash(get(v, "executableSha256"), &p.File)
	}
	normalize.Text(get(v, "pwd"), p.SetWorkingDirectory)
	normalize.Time(get(v, "startTime"), p.SetCreatedTime)
	normalize.Text(get(v, "user"), p.User.SetName)
	normalize.Text(get(v, "userId"), p.User.SetUID)
	normalize.Text(get(v, "parentUuid"), p.ParentProcess.SetUID)
}

// mapMalware maps what scans found: of volumes by the name of the threat and its files,
// of objects and backups by item.
func mapMalware(service jsondoc.Value, ev *ocsf.Event) {
	byName := awsfinding.Path(service, "ebsVolumeScanDetails", "scanDetections", "threatDetectedByName", "threatNames")
	for threat := range byName.Elements {
		if normalize.Text(get(threat, "name"), func(name string) { addMalware(name, ev) }) == "" {
			continue
		}
		if id, ok := awsfinding.Severity(get(threat, "severity").Text()); ok {
			ev.Malware[len(ev.Malware)-1].SetSeverityID(id)
		}
		for file := range get(threat, "filePaths").Elements {
			mapFile(get(file, "filePath"), get(file, "fileName"), get(file, "hash"), ev)
		}
	}
	for threat := range awsfinding.Path(service, "malwareScanDetails", "threats").Elements {
		if normalize.Text(get(threat, "name"), func(name string) { addMalware(name, ev) }) == "" {
			continue
		}
		normalize.Text(get(threat, "source"), ev.Malware[len(ev.Malware)-1].SetProvider)
		for item := range get(threat, "itemPaths").Elements {
			mapFile(get(item, "nestedItemPath"), jsondoc.Value{}, get(item, "hash"), ev)
		}
	}
}

func addMalware(name string, ev *ocsf.Event) {
	malware := ev.AddMalware()
	malware.SetName(name)
	malware.ClassificationIDs = append(malware.ClassificationIDs, ocsf.MalwareClassificationIDsUnknown)
}

// mapFile adds a file as an evidence.
func mapFile(path, name, hash jsondoc.Value, ev *ocsf.Event) {
	whole := path.Text()
	if whole == "" {
		return
	}
	awsfinding.Evidence(ev, func(e *ocsf.Evidences) {
		normalize.Text(path, e.File.SetPath)
		if normalize.Text(name, e.File.SetName) == "" {
			e.File.SetName(whole[strings.LastIndexByte(whole, '/')+1:])
		}
		e.File.SetTypeID(ocsf.FileTypeIDUnknown)
		awsfinding.Hash(hash, &e.File)
	})
}
