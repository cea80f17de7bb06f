package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// kind is what a record tells of. Each is mapped by one function, whatever its shape.
type kind uint8

const (
	kindNone kind = iota
	kindActivity
	kindSignIn
	kindAudit
	kindRiskDetection
	kindRiskyUser
	kindProvisioning
	kindGraph
	kindResource
	kindAlert
	kindForeign // of another vendor's source, which has a mapper elsewhere
)

// sources says whose record a kind is.
var sources = [...]string{
	kindActivity:      normalize.AzureActivity,
	kindSignIn:        normalize.AzureEntra,
	kindAudit:         normalize.AzureEntra,
	kindRiskDetection: normalize.AzureEntra,
	kindRiskyUser:     normalize.AzureEntra,
	kindProvisioning:  normalize.AzureEntra,
	kindGraph:         normalize.AzureGraph,
	kindResource:      normalize.AzureResource,
	kindAlert:         normalize.AzureDefender,
	kindForeign:       "another source",
}

// shape is how a record is written.
type shape uint8

const (
	// diagnostic: diagnostic settings, to event hubs and blobs. An envelope in camel
	// case (time, category, operationName) with the event itself in properties.
	diagnostic shape = iota
	// rest: Azure Resource Manager's API. Names are {value, localizedValue}.
	rest
	// graph: Microsoft Graph's API, which is diagnostic's properties alone.
	graph
	// analytics: a row of Log Analytics, as a table's export or a query gives it.
	// Columns in Pascal case, all on one level, with JSON in texts.
	analytics
)

var shapeNames = [...]string{diagnostic: "diagnostic", rest: "rest", graph: "graph", analytics: "log analytics"}

// categories are the categories of diagnostic settings, in lower case. That of an
// Entra audit record is AuditLogs, or the audited service's own (UserManagement).
var categories = map[string]kind{
	"administrative": kindActivity, "security": kindActivity, "servicehealth": kindActivity, "resourcehealth": kindActivity,
	"alert": kindActivity, "autoscale": kindActivity, "recommendation": kindActivity, "policy": kindActivity,
	// Before 2019 the Activity log had the operation's last word as category.
	"write": kindActivity, "delete": kindActivity, "action": kindActivity,

	"signinlogs": kindSignIn, "noninteractiveusersigninlogs": kindSignIn, "serviceprincipalsigninlogs": kindSignIn,
	"managedidentitysigninlogs": kindSignIn, "adfssigninlogs": kindSignIn, "microsoftserviceprincipalsigninlogs": kindSignIn,

	"auditlogs": kindAudit, "usermanagement": kindAudit, "groupmanagement": kindAudit, "rolemanagement": kindAudit,
	"applicationmanagement": kindAudit, "directorymanagement": kindAudit, "devicemanagement": kindAudit,
	"entitlementmanagement": kindAudit, "administrativeunit": kindAudit, "authorizationpolicy": kindAudit,

	"userriskevents": kindRiskDetection, "serviceprincipalriskevents": kindRiskDetection,
	"riskyusers": kindRiskyUser, "riskyserviceprincipals": kindRiskyUser,
	"provisioninglogs":           kindProvisioning,
	"microsoftgraphactivitylogs": kindGraph, "azureadgraphactivitylogs": kindGraph,

	"kube-audit": kindForeign, "kube-audit-admin": kindForeign,
	"applicationgatewayaccesslog": kindForeign, "applicationgatewayfirewalllog": kindForeign, "applicationgatewayperformancelog": kindForeign,
	"azurecdnaccesslog": kindForeign, "frontdoorhealthprobelog": kindForeign, "frontdooraccesslog": kindForeign, "frontdoorwebapplicationfirewalllog": kindForeign, "gatewaylogs": kindForeign,
	"networksecuritygroupflowevent": kindForeign, "flowlogflowevent": kindForeign,
}

// tables are those of Log Analytics (the column Type), and REST's types of objects,
// in lower case.
var tables = map[string]kind{
	"azureactivity": kindActivity,

	"signinlogs": kindSignIn, "aadnoninteractiveusersigninlogs": kindSignIn, "aadserviceprincipalsigninlogs": kindSignIn,
	"aadmanagedidentitysigninlogs": kindSignIn, "adfssigninlogs": kindSignIn,

	"auditlogs":         kindAudit,
	"aaduserriskevents": kindRiskDetection, "aadserviceprincipalriskevents": kindRiskDetection,
	"aadriskyusers": kindRiskyUser, "aadriskyserviceprincipals": kindRiskyUser,
	"aadprovisioninglogs":        kindProvisioning,
	"microsoftgraphactivitylogs": kindGraph, "aadgraphactivitylogs": kindGraph,

	"securityalert": kindAlert, "microsoft.security/locations/alerts": kindAlert, "microsoft.security/alerts": kindAlert,

	"storagebloblogs": kindResource, "storagefilelogs": kindResource, "storagequeuelogs": kindResource, "storagetablelogs": kindResource,
	"azkvauditlogs": kindResource,

	"aksaudit": kindForeign, "aksauditadmin": kindForeign,
	"agwaccesslogs": kindForeign, "agwfirewalllogs": kindForeign, "agwperformancelogs": kindForeign,
	"azurecdnaccesslogs": kindForeign, "webapplicationfirewalllogs": kindForeign, "apimanagementgatewaylogs": kindForeign,
}

// recognise tells kind and shape of a record. properties is its member of that name,
// parsed if it was a text.
func recognise(top *members, properties jsondoc.Value) (kind, shape) {
	s := shapeOf(top, properties)
	if k := lookup(tables, top.get("type").Text()); k != kindNone {
		return k, s
	}
	category := nameOf(top.any("category", "categoryValue")).Text()
	k := lookup(categories, category)
	if (k == kindActivity || k == kindAudit) && !top.any("operationName", "operationNameValue", "activityDisplayName").Exists() {
		k = kindNone // the words of these categories are anybody's
	}
	// Policy is a category of the Activity log and of Entra's audit log.
	if k != kindNone && !strings.EqualFold(category, "policy") {
		return k, s
	}
	body := properties
	if body.Kind() != jsondoc.Object {
		body = top.of
	}
	if found := kindOfBody(body); found != kindNone {
		return found, s
	}
	if k == kindNone {
		k = kindOfEnvelope(top)
	}
	return k, s
}

func shapeOf(top *members, properties jsondoc.Value) shape {
	switch {
	case (top.of.Get("TimeGenerated").Exists() || top.of.Get("TimeGenerated"+exportedUTC).Exists()) && !top.of.Get("time").Exists():
		return analytics
	case top.of.Get("eventTimestamp").Exists(), top.of.Get("operationName").Kind() == jsondoc.Object,
		strings.EqualFold(top.of.Get("type").Text(), "Microsoft.Security/Locations/alerts"):
		return rest
	case properties.Kind() == jsondoc.Object, top.get("time").Exists(), top.get("operationName").Exists() && top.get("resourceId").Exists():
		return diagnostic
	}
	return graph
}

// marks are members that only one kind has, all of a line together: they tell the
// kind of a record that names neither category nor table.
var marks = []struct {
	kind kind
	keys []string
}{
	{kindAlert, []string{"systemAlertId"}},
	{kindAlert, []string{"alertType", "vendorName"}},
	{kindAlert, []string{"providerAlertId", "detectionSource"}}, // Graph: alerts_v2
	{kindGraph, []string{"requestMethod", "requestUri", "signInActivityId"}},
	{kindAudit, []string{"activityDisplayName", "initiatedBy"}},
	{kindAudit, []string{"activityDisplayName", "loggedByService"}},
	{kindRiskDetection, []string{"riskEventType", "detectedDateTime"}},
	{kindRiskyUser, []string{"riskState", "riskLastUpdatedDateTime"}},
	{kindProvisioning, []string{"provisioningSteps", "jobId"}},
	{kindSignIn, []string{"appId", "conditionalAccessStatus", "createdDateTime"}},
	{kindSignIn, []string{"userPrincipalName", "authenticationRequirement", "createdDateTime"}},
}

func kindOfBody(body jsondoc.Value) kind {
	for i := range marks {
		has := true
		for _, key := range marks[i].keys {
			if !fold(body, key).Exists() {
				has = false
				break
			}
		}
		if has {
			return marks[i].kind
		}
	}
	return kindNone
}

// kindOfEnvelope tells a record of the Activity log from one of a resource where
// neither a known category nor the event does. A control plane's operation is named
// Microsoft.Compute/virtualMachines/write, a resource's own GetBlob.
func kindOfEnvelope(top *members) kind {
	operation := nameOf(top.any("operationName", "operationNameValue")).Text()
	id := top.any("resourceId", "_ResourceId").Text()
	isResource := strings.HasPrefix(id, "/")
	hasCategory := top.get("category").Text() != ""
	switch {
	case !hasCategory && isControlPlane(operation) && (isResource || top.get("correlationId").Exists() || top.get("eventTimestamp").Exists()):
		return kindActivity
	case isResource && (operation != "" || hasCategory):
		return kindResource
	}
	return kindNone
}

// isControlPlane tells whether an operation is named provider/type/verb.
func isControlPlane(operation string) bool {
	return strings.Count(operation, "/") >= 2
}

// nameOf is the text of a name: itself, or an object's value in the REST API.
func nameOf(v jsondoc.Value) jsondoc.Value {
	if v.Kind() == jsondoc.Object {
		return v.Get("value")
	}
	return v
}

// dialect names the shape of a record of one of the kinds of a source.
func dialect(root jsondoc.Value, source string) string {
	if root.Kind() != jsondoc.Object {
		return ""
	}
	var top members
	top.read(root, false)
	properties := top.get("properties")
	if text, ok := properties.Str(); ok {
		var doc jsondoc.Doc
		if doc.ParseString(text) == nil {
			properties = doc.Root()
		}
	}
	k, s := recognise(&top, properties)
	if k == kindNone || sources[k] != source {
		return ""
	}
	return shapeNames[s]
}

// ActivityDialect names the shape of a record of the Activity log; "" if it is none.
// So do the others for their sources.
func ActivityDialect(root jsondoc.Value) string { return dialect(root, normalize.AzureActivity) }

// EntraDialect is for Microsoft Entra ID's logs.
func EntraDialect(root jsondoc.Value) string { return dialect(root, normalize.AzureEntra) }

// GraphDialect is for Microsoft Graph's activity logs.
func GraphDialect(root jsondoc.Value) string { return dialect(root, normalize.AzureGraph) }

// ResourceDialect is for resource logs.
func ResourceDialect(root jsondoc.Value) string { return dialect(root, normalize.AzureResource) }

// DefenderDialect is for the alerts of Microsoft Defender.
func DefenderDialect(root jsondoc.Value) string { return dialect(root, normalize.AzureDefender) }

// lookup finds name in a table whose keys are in lower case; the zero value if it
// is not there.
func lookup[T any](table map[string]T, name string) T {
	var buf [96]byte
	return table[string(appendLower(buf[:0], name))]
}

// appendLower appends s with its ASCII letters in lower case.
func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
