// Package azure maps what Microsoft's cloud logs: the Activity log, Microsoft Entra
// ID's sign-ins, audit, risk and provisioning logs, Microsoft Graph's activity, the
// logs of resources, and Defender's alerts. Each comes in several shapes: as diagnostic
// settings write it, as an API gives it, and as a row of Log Analytics. kinds.go tells
// what a record is; then there is one mapping for each kind, so that an event looks the
// same from every shape.
//
//	source          kind                  class
//	azure.activity  call                  api_activity; user_access of role assignments
//	                security alert        detection_finding
//	                health, advice        base_event: nobody called
//	azure.entra     sign-in               authentication
//	                audit                 by audit_operations.go: account_change, group_management, user_access,
//	                                      entity_management, else api_activity
//	                provisioning          account_change, group_management, entity_management
//	                risk                  detection_finding
//	azure.graph     request               api_activity
//	azure.resource  Key Vault, Storage,.. api_activity; http_activity of App Service; base_event where nobody is
//	                                      said to have called
//	azure.defender  alert                 detection_finding
//
// Decisions for all of them:
//
//   - Azure writes one name in several cases: names of members, operations and resource
//     ids are compared without case. Values are kept as they came; only GUIDs that become
//     uids of subscriptions, tenants and privileges are lower case, for they are compared most.
//   - time is when it happened (activityDateTime, createdDateTime, eventTimestamp),
//     metadata.logged_time what the envelope says where both are there.
//   - JSON in a text is read. The text leaves unmapped only if attributes hold all of it.
//   - metadata.uid is the record's id (eventDataId, id, systemAlertId), else
//     normalize.OriginUID. correlationId is shared by the events of one operation and no uid.
//   - metadata.tenant_uid is the tenant of Entra ID. The column TenantId of Log Analytics is
//     the workspace, and stays in unmapped.
//   - actor.user.name is the UPN, uid the object id, actor.app_uid the application;
//     session.uid is the token (uti), which all of Microsoft's logs can be joined by,
//     session.uid_alt the session (sid).
//
// Fillers: a caller, an address, a principal or a role that is not told is
// normalize.Unknown. Each file says what else it fills.
package azure

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Mapper maps the records of one source. It implements normalize.Mapper.
type Mapper struct {
	source normalize.Source
	json   normalize.JSONRecord
	nested nestedDocs
	r      record
}

// record is what the functions that map a kind read: the members of the envelope and
// those of the event. They are the same where the shape has no envelope.
type record struct {
	raw   *event.Record
	root  jsondoc.Value
	kind  kind
	shape shape
	top   members
	inner members // of properties
	body  *members
	id    resourceID
}

// NewActivity is a mapper of the Activity log, for one goroutine.
func NewActivity() *Mapper {
	return &Mapper{source: normalize.Source{Name: normalize.AzureActivity, Product: "Azure Activity Log", Vendor: "Microsoft"}}
}

// NewEntra is a mapper of Microsoft Entra ID's logs, for one goroutine.
func NewEntra() *Mapper {
	return &Mapper{source: normalize.Source{Name: normalize.AzureEntra, Product: "Microsoft Entra ID", Vendor: "Microsoft"}}
}

// NewGraph is a mapper of Microsoft Graph's activity logs, for one goroutine.
func NewGraph() *Mapper {
	return &Mapper{source: normalize.Source{Name: normalize.AzureGraph, Product: "Microsoft Graph", Vendor: "Microsoft"}}
}

// NewResource is a mapper of resource logs, for one goroutine.
func NewResource() *Mapper {
	return &Mapper{source: normalize.Source{Name: normalize.AzureResource, Product: "Azure Resource Logs", Vendor: "Microsoft"}}
}

// NewDefender is a mapper of Microsoft Defender's alerts, for one goroutine.
func NewDefender() *Mapper {
	return &Mapper{source: normalize.Source{Name: normalize.AzureDefender, Product: "Microsoft Defender for Cloud", Vendor: "Microsoft"}}
}

// mappings says what maps a kind.
var mappings = [...]func(*Mapper, *ocsf.Event) error{
	kindActivity:      (*Mapper).mapActivity,
	kindSignIn:        (*Mapper).mapSignIn,
	kindAudit:         (*Mapper).mapAudit,
	kindRiskDetection: (*Mapper).mapRiskDetection,
	kindRiskyUser:     (*Mapper).mapRiskyUser,
	kindProvisioning:  (*Mapper).mapProvisioning,
	kindGraph:         (*Mapper).mapGraph,
	kindResource:      (*Mapper).mapResourceLog,
	kindAlert:         (*Mapper).mapAlert,
}

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	m.source.Begin(ev)
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	m.nested.begin()
	m.read(rec, root)
	if m.r.kind == kindNone {
		return normalize.WrongSource("no " + m.source.Product + " record: neither category, type nor members tell what it is")
	}
	if source := sources[m.r.kind]; source != m.source.Name {
		return normalize.WrongSource("the record is of " + source)
	}
	normalize.WantObject("properties", m.open(m.r.top.get("properties")), ev)
	if err := mappings[m.r.kind](m, ev); err != nil {
		return err
	}
	m.nested.end()
	m.json.Finish(ev)
	m.nested.label(ev)
	return nil
}

// read tells kind and shape of the record and indexes its members.
func (m *Mapper) read(rec *event.Record, root jsondoc.Value) {
	r := &m.r
	r.raw, r.root, r.id = rec, root, resourceID{}
	r.top.read(root, root.Get("Type").Text() == "AzureDiagnostics")
	properties := m.open(r.top.any("properties", "properties_d"))
	r.kind, r.shape = recognise(&r.top, properties)
	r.body = &r.top
	if properties.Kind() == jsondoc.Object {
		r.inner.read(properties, false)
		r.body = &r.inner
	}
}

// field is a member of the event, or of its envelope.
func (r *record) field(names ...string) jsondoc.Value {
	v := r.body.any(names...)
	if r.body != &r.top && !says(v) {
		if outer := r.top.any(names...); outer.Exists() {
			return outer
		}
	}
	return v
}
