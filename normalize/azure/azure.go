// Package azure maps the Azure Activity Log, as diagnostic settings write it to
// blobs and event hubs, and as its REST API gives it (names as {value,
// localizedValue} objects). Resource logs of the same shape are mapped too.
//
//	class          which events
//	user_access    role assignments written or deleted, elevateAccess
//	api_activity   all other
//
// Decisions:
//
//   - Azure writes one operation name or resource id in several cases. Names are
//     compared without case and kept as they came; only GUIDs that become uids of
//     accounts and privileges are lower case, for they are compared most.
//   - metadata.uid is eventDataId where a record has it, else normalize.OriginUID.
//     correlationId is shared by the events of one operation and no uid.
//   - An operation has several events. status_id is Other, with the resultType as
//     status, of those that do not end it (Start, Accept), else Success or Failure.
//   - A write creates or replaces, and the log does not tell which: Update.
//     An action is Read if it only lists or gets, else Other.
//   - actor.user.name is the caller's UPN, uid the object id, actor.app_uid the
//     application, session.uid the token (uti), as in Entra's sign-in logs.
//   - severity is the level: Critical, Error (High), Warning (Medium), else Informational.
//   - Of a role assignment user.uid is the principal and privileges has the GUID
//     of the role's definition, which is the same in every subscription.
//   - properties.requestbody, JSON in a string, is the object api.request.data.
//   - api.request.uid, which OCSF requires beside a request, is the correlationId
//     where a record has no client request id.
//
// Fillers: a caller, an address, a principal or a role that is not told is
// normalize.Unknown (the platform itself, and the later events of an assignment).
package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.AzureActivity, Product: "Azure Activity Log", Vendor: "Microsoft"}

// Mapper maps Activity Log records. It implements normalize.Mapper.
type Mapper struct {
	json   normalize.JSONRecord
	nested jsondoc.Doc // JSON in a string of the record
}

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// entraCategories are written by Microsoft Entra, with records of another shape.
var entraCategories = map[string]bool{
	"signinlogs": true, "noninteractiveusersigninlogs": true, "serviceprincipalsigninlogs": true,
	"managedidentitysigninlogs": true, "auditlogs": true, "provisioninglogs": true,
	"riskyusers": true, "userriskevents": true, "microsoftgraphactivitylogs": true,
}

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	operation := value(root.Get("operationName")).Text()
	if operation == "" {
		return normalize.WrongSource("no operationName: not an Azure activity record")
	}
	if category := value(root.Get("category")).Text(); entraCategories[strings.ToLower(category)] {
		return normalize.WrongSource("category " + category + " is of the source azure.entra")
	}
	if !normalize.Time(root.Get("eventTimestamp"), ev.SetTime) && !normalize.Time(root.Get("time"), ev.SetTime) {
		return normalize.Missing("time that is a time")
	}
	mapMetadata(rec, root, ev)
	id := parseResourceID(firstOf(root, "resourceId", "ResourceId").Text())
	mapCloud(root, id, ev)
	mapActor(root, ev)
	mapSource(root, ev)
	m.mapOutcome(root, ev)
	mapAPI(root, ev)
	body := m.mapRequest(root, ev)
	mapClass(operation, body, ev)
	mapResource(root, id, ev)
	m.json.Finish(ev)
	return nil
}

// value is the text of a name: itself in diagnostic settings, an object's value in
// the REST API.
func value(v jsondoc.Value) jsondoc.Value {
	if v.Kind() == jsondoc.Object {
		return v.Get("value")
	}
	return v
}

// firstOf is the first of the members that has a text, else the last that is there.
func firstOf(v jsondoc.Value, keys ...string) (found jsondoc.Value) {
	for _, key := range keys {
		member := value(v.Get(key))
		if member.Text() != "" {
			return member
		}
		if member.Exists() {
			found = member
		}
	}
	return found
}

func mapMetadata(rec *event.Record, root jsondoc.Value, ev *ocsf.Event) {
	md := &ev.Metadata
	if normalize.Text(root.Get("eventDataId"), md.SetUID) == "" &&
		normalize.Text(root.Path("properties", "eventDataId"), md.SetUID) == "" {
		md.SetUID(normalize.OriginUID(rec))
	}
	md.Profiles = append(md.Profiles, "cloud")
	normalize.Text(value(root.Get("category")), md.SetEventCode)
	normalize.Text(root.Get("correlationId"), md.SetCorrelationUID)
	normalize.Text(root.Get("tenantId"), md.SetTenantUID)
	normalize.Time(root.Get("submissionTimestamp"), md.SetLoggedTime)
	normalize.Text(firstOf(root, "level", "Level"), func(level string) {
		md.SetLogLevel(level)
		ev.SetSeverityID(severity(level))
	})
}

// severity reads a level: a word, or its number.
func severity(level string) int32 {
	switch strings.ToLower(level) {
	case "critical", "1":
		return ocsf.SeverityIDCritical
	case "error", "2":
		return ocsf.SeverityIDHigh
	case "warning", "3":
		return ocsf.SeverityIDMedium
	}
	return ocsf.SeverityIDInformational
}

func mapCloud(root jsondoc.Value, id resourceID, ev *ocsf.Event) {
	ev.Cloud.SetProvider("Azure")
	normalize.Text(root.Get("location"), ev.Cloud.SetRegion)
	subscription := id.subscription
	if subscription == "" {
		subscription = root.Get("subscriptionId").Text()
	}
	if subscription != "" {
		ev.Cloud.Account.SetUID(strings.ToLower(subscription))
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAzureSubscription)
	}
}

// mapSource takes the caller's address; storage writes it with a port.
func mapSource(root jsondoc.Value, ev *ocsf.Event) {
	src := &ev.SrcEndpoint
	address := firstOf(root, "callerIpAddress", "CallerIPAddress")
	if address.Text() == "" {
		address = root.Path("httpRequest", "clientIpAddress")
	}
	text := address.Text()
	switch host, port, ok := normalize.SplitHostPort(text); {
	case ok:
		address.Use()
		src.SetIP(host)
		src.SetPort(port)
	case text != "" && text != "<null>":
		address.Use()
		normalize.Endpoint(text, src.SetIP, src.SetName)
	default:
		src.SetName(normalize.Unknown)
	}
}

func mapResource(root jsondoc.Value, parsed resourceID, ev *ocsf.Event) {
	id := firstOf(root, "resourceId", "ResourceId")
	if id.Text() == "" {
		return
	}
	out := ev.AddResources()
	normalize.Text(id, out.SetUID)
	if parsed.name != "" {
		out.SetName(parsed.name)
		out.SetType(parsed.kind)
	}
	if parsed.group != "" {
		out.Group.SetName(parsed.group)
	}
}
