// Package gcp maps Google Cloud's audit logs: LogEntry with a protoPayload of
// google.cloud.audit.AuditLog, of admin activity, data access, system events and
// policy denials, of Google Workspace's too; as Cloud Logging writes them to files
// and Pub/Sub, or in the JSON of a Pub/Sub message ({"message": {"data": base64}}).
// An entry of a GKE cluster's API server is left to package kubernetes, whose events
// have log_provider kubernetes.audit wherever they were collected.
//
//	class              which entries (operations.go is the table)
//	authentication     Workspace: login.googleapis.com
//	account_change     service accounts and their keys; Workspace users
//	user_access        SetIamPolicy of any service; custom roles; Workspace admin roles
//	group_management   groups of Workspace and Cloud Identity, and their members
//	api_activity       all other
//
// Decisions:
//
//   - metadata.uid is the insertId, which Cloud Logging gives; correlation_uid is the
//     operation's id, which its first and last entries share. event_code is the kind of
//     audit log: activity, data_access, system_event, policy.
//   - actor.user.name and email_addr are the principalEmail, uid the principalSubject,
//     credential_uid the service account's key. Whom the caller acted through
//     (serviceAccountDelegationInfo) stays in unmapped and is listed among the observables.
//   - actor.authorizations has each permission that was asked for as policy.name, with
//     the decision allow or deny.
//   - status_code and api.response.error are the name of Google's code
//     (PERMISSION_DENIED), api.response.code is its number. Without a status an entry
//     is a success unless a permission was denied: so is the first one of a long
//     operation, which was accepted.
//   - resources has the resourceName as uid and its last part as name.
//   - Of SetIamPolicy, user and privileges are from the delta, or from the whole policy where
//     the entry has no delta. The user is the first member that was added;
//     allUsers and allAuthenticatedUsers go before others. All other members are
//     observables.
//   - severity is the entry's, as in Azure's log: WARNING is Medium, ERROR High.
//   - cloud.account is the project.
//
// Fillers: a method, a caller, an address, a member or a role that is not told is
// normalize.Unknown; api.request.uid is the operation's id or the insertId.
//
// Source: https://cloud.google.com/logging/docs/audit/understanding-audit-logs
package gcp

import (
	"encoding/base64"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/kubernetes"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.GCPAudit, Product: "Cloud Audit Logs", Vendor: "Google Cloud"}

// Mapper maps audit log entries. It implements normalize.Mapper.
type Mapper struct {
	json    normalize.JSONRecord
	cluster *kubernetes.Mapper
	nested  jsondoc.Doc // the entry of a Pub/Sub message
	entry   string      // its text
	text    []byte      // scratch
}

// New is a mapper for one goroutine.
func New() *Mapper { return &Mapper{cluster: kubernetes.New()} }

// entry is a LogEntry and its AuditLog.
type entry struct {
	root, payload jsondoc.Value
	// message is the Pub/Sub message around the entry; absent without one.
	message jsondoc.Value
}

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	e := entry{root: root}
	if data := dataOf(root); data.Exists() {
		if err := m.unwrap(data); err != nil {
			return err
		}
		e = entry{root: m.nested.Root(), message: root}
	}
	if kubernetes.IsLogEntry(e.root) {
		return m.mapCluster(rec, e, ev)
	}
	if e.payload = payloadOf(e.root); e.payload == e.root && e.payload.Get("methodName").Text() == "" {
		return normalize.WrongSource("no protoPayload and no methodName: not a Cloud Audit log entry")
	}
	if !mapTime(e, ev) {
		return normalize.Missing("timestamp that is a time")
	}
	mapMetadata(rec, e, ev)
	mapCloud(e, ev)
	for _, key := range [...]string{"authenticationInfo", "requestMetadata", "resource"} {
		normalize.WantObject(key, e.payload.Get(key), ev)
	}
	mapActor(e.payload, ev)
	mapSource(e.payload.Get("requestMetadata"), ev)
	mapStatus(e.payload, ev)
	mapAPI(e, ev)
	mapClass(e, ev)
	m.finish(e, ev)
	observeMembers(e.payload, ev)
	for d := range e.payload.Path("authenticationInfo", "serviceAccountDelegationInfo").Elements {
		name := "unmapped.protoPayload.authenticationInfo.serviceAccountDelegationInfo"
		normalize.Observe(ev, name, ocsf.ObservableTypeIDEmailAddress, d.Path("firstPartyPrincipal", "principalEmail").Text())
	}
	return nil
}

// dataOf is the data of a Pub/Sub message, as it is pushed and as it is pulled.
func dataOf(root jsondoc.Value) jsondoc.Value {
	if data := root.Path("message", "data"); data.Kind() == jsondoc.String {
		return data
	}
	if data := root.Get("data"); data.Kind() == jsondoc.String && (root.Get("messageId").Exists() || root.Get("publishTime").Exists()) {
		return data
	}
	return jsondoc.Value{}
}

// unwrap reads the entry of a Pub/Sub message.
func (m *Mapper) unwrap(data jsondoc.Value) error {
	text, err := base64.StdEncoding.DecodeString(data.Text())
	if err != nil {
		return &normalize.Error{Reason: event.ReasonSyntax, Detail: "the data of the Pub/Sub message is no base64: " + err.Error()}
	}
	m.entry = string(text)
	if err := m.nested.ParseString(m.entry); err != nil {
		return &normalize.Error{Reason: event.ReasonSyntax, Detail: "the data of the Pub/Sub message: " + err.Error()}
	}
	if m.nested.Root().Kind() != jsondoc.Object {
		return normalize.WrongSource("want a JSON object in the Pub/Sub message, got " + m.nested.Root().Kind().String())
	}
	data.Use()
	return nil
}

// mapCluster maps an entry of a Kubernetes API server. The record of the event is
// the collected one.
func (m *Mapper) mapCluster(rec *event.Record, e entry, ev *ocsf.Event) error {
	if !e.message.Exists() {
		return m.cluster.Map(rec, ev)
	}
	m.json.Finish(ev)
	raw, message := ev.RawData(), string(ev.Unmapped())
	inner := *rec
	inner.Value = []byte(m.entry)
	if err := m.cluster.Map(&inner, ev); err != nil {
		return err
	}
	ev.SetRawData(raw)
	m.join(ev, string(ev.Unmapped()), message)
	return nil
}

// finish sets unmapped: the entry's rest, and the Pub/Sub message's below "pubsub".
func (m *Mapper) finish(e entry, ev *ocsf.Event) {
	m.json.Finish(ev)
	if !e.message.Exists() {
		return
	}
	message := string(ev.Unmapped())
	m.text = m.nested.AppendUnused(m.text[:0])
	m.join(ev, string(m.text), message)
	for _, flag := range m.nested.Flags().Names() {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "json:"+flag)
	}
}

// join sets unmapped to the rest of an entry with that of its Pub/Sub message in it;
// each is an object or nothing.
func (m *Mapper) join(ev *ocsf.Event, rest, message string) {
	ev.ClearUnmapped()
	switch {
	case message == "":
	case rest == "":
		rest = `{"pubsub":` + message + "}"
	default:
		rest = rest[:len(rest)-1] + `,"pubsub":` + message + "}"
	}
	if rest != "" {
		ev.SetUnmapped(ocsf.JSON(rest))
	}
}

// payloadOf is the AuditLog of an entry; exports write its key otherwise, or leave
// the entry out.
func payloadOf(root jsondoc.Value) jsondoc.Value {
	for _, key := range [...]string{"protoPayload", "protopayload", "protopayload_auditlog"} {
		if payload := root.Get(key); payload.Kind() == jsondoc.Object {
			return payload
		}
	}
	return root
}

// first is the first of the members that has a text.
func first(v jsondoc.Value, keys ...string) jsondoc.Value {
	for _, key := range keys {
		if member := v.Get(key); member.Text() != "" {
			return member
		}
	}
	return jsondoc.Value{}
}

func mapTime(e entry, ev *ocsf.Event) bool {
	received := first(e.root, "receiveTimestamp", "receivetimestamp")
	if !received.Exists() {
		received = first(e.payload, "receiveTimestamp", "receivetimestamp")
	}
	normalize.Time(received, ev.Metadata.SetLoggedTime)
	for _, at := range [...]jsondoc.Value{
		e.root.Get("timestamp"), e.payload.Get("timestamp"), e.payload.Path("requestMetadata", "requestAttributes", "time"), received,
	} {
		if normalize.Time(at, ev.SetTime) {
			return true
		}
	}
	return false
}

func mapMetadata(rec *event.Record, e entry, ev *ocsf.Event) {
	md := &ev.Metadata
	if normalize.Text(first(e.root, "insertId", "insertid"), md.SetUID) == "" {
		md.SetUID(normalize.OriginUID(rec))
	}
	md.Profiles = append(md.Profiles, "cloud")
	normalize.Text(e.root.Path("operation", "id"), md.SetCorrelationUID)
	name := normalize.Text(first(e.root, "logName", "logname"), md.SetLogName)
	if _, kind, ok := strings.Cut(name, "cloudaudit.googleapis.com%2F"); ok && kind != "" {
		md.SetEventCode(kind)
	}
	severity := first(e.root, "severity")
	if !severity.Exists() {
		severity = first(e.payload, "severity")
	}
	normalize.Text(severity, func(level string) {
		md.SetLogLevel(level)
		switch level {
		case "WARNING":
			ev.SetSeverityID(ocsf.SeverityIDMedium)
		case "ERROR":
			ev.SetSeverityID(ocsf.SeverityIDHigh)
		case "CRITICAL", "ALERT", "EMERGENCY":
			ev.SetSeverityID(ocsf.SeverityIDCritical)
		}
	})
}

func mapCloud(e entry, ev *ocsf.Event) {
	cloud, labels := &ev.Cloud, e.root.Path("resource", "labels")
	cloud.SetProvider("GCP")
	project := labels.Get("project_id").Text()
	kind, rest, _ := strings.Cut(first(e.root, "logName", "logname").Text(), "/")
	if parent, _, ok := strings.Cut(rest, "/"); ok {
		switch {
		case kind == "projects" && project == "":
			project = parent
		case kind == "organizations":
			cloud.Org.SetUID(parent)
		}
	}
	if project != "" {
		cloud.SetProjectUID(project)
		cloud.Account.SetUID(project)
		cloud.Account.SetTypeID(ocsf.AccountTypeIDGCPProject)
	}
	location := first(labels, "location", "zone", "region").Text()
	if location == "" {
		location = e.payload.Path("resourceLocation", "currentLocations").Index(0).Text()
	}
	if region, zone := normalize.GoogleLocation(location); region != "" {
		cloud.SetRegion(region)
		if zone != "" {
			cloud.SetZone(zone)
		}
	}
}

func mapSource(caller jsondoc.Value, ev *ocsf.Event) {
	src := &ev.SrcEndpoint
	normalize.Text(first(caller, "callerIp", "callerIP"), func(address string) {
		normalize.Endpoint(address, src.SetIP, src.SetName) // "private" for Google's own
	})
	normalize.Text(caller.Get("callerNetwork"), src.SetVPCUID)
	normalize.Text(caller.Get("callerSuppliedUserAgent"), ev.HTTPRequest.SetUserAgent)
	if !src.HasIP() && !src.HasName() {
		src.SetName(normalize.Unknown)
	}
}
