package cloudtrail

import (
	"slices"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// objects are the members that hold a record as an object: EventBridge's, and
// CloudTrail Lake's of events from outside AWS.
var objects = [...]string{"detail", "eventData"}

// texts are the members that hold a record as a text: a row of CloudTrail Lake, an
// event of PutAuditEvents, an event of LookupEvents.
var texts = [...]string{"eventJson", "eventData", "CloudTrailEvent"}

// unwrap finds the record in what delivered it, and makes it raw_data. A record that
// somebody's export wrote with keys in lower case gets the keys of CloudTrail.
func (m *Mapper) unwrap(outer jsondoc.Value, ev *ocsf.Event) jsondoc.Value {
	if outer.Get("eventName").Exists() && !outer.Get("eventJson").Exists() {
		return outer // nearly always
	}
	root := outer
	for _, key := range objects {
		if inner := outer.Get(key); isRecord(inner) {
			root = inner
		}
	}
	if root == outer {
		for _, key := range texts {
			if inner, ok := m.json.Inner(outer, key); ok {
				root = inner
				break
			}
		}
	}
	if !root.Get("eventName").Exists() && root.Get("eventname").Exists() && m.json.Respell(spelling) {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "keys:lower_case")
		ev.SetRawData(root.Raw())
	}
	if root != outer {
		ev.SetRawData(root.Raw())
	}
	return root
}

func isRecord(v jsondoc.Value) bool {
	return isCall(v, "eventName", "eventSource", "userIdentity", "awsRegion", "eventType") ||
		isCall(v, "eventname", "eventsource", "useridentity", "awsregion", "eventtype") || isInsight(v)
}

// fields are the names of CloudTrail's own fields.
var fields = []string{
	"eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent",
	"errorCode", "errorMessage", "requestParameters", "responseElements", "additionalEventData", "requestID", "eventID",
	"eventType", "apiVersion", "managementEvent", "readOnly", "recipientAccountId", "serviceEventDetails", "sharedEventID",
	"vpcEndpointId", "vpcEndpointAccountId", "eventCategory", "addendum", "sessionCredentialFromConsole", "edgeDeviceDetails", "tlsDetails",
	"insightDetails", "insightType", "insightState", "insightSource", "insightEventSource", "insightEventName", "insightErrorCode", "insightContext",

	"principalId", "accountId", "accessKeyId", "userName", "sessionContext", "invokedBy", "sessionIssuer", "webIdFederationData",
	"federatedProvider", "creationDate", "mfaAuthenticated", "sourceIdentity", "ec2RoleDelivery", "identityProvider", "inScopeOf",
	"credentialsIssuedTo", "onBehalfOf", "userId", "identityStoreArn", "credentialId",

	"originalEventID", "tlsVersion", "cipherSuite", "clientProvidedHostHeader", "MFAUsed", "LoginTo", "ConsoleLogin",
}

// spelling is the case of every key that the mapping asks for, by its lower case. A
// name that is asked for in lower case, too, stays as it is, unless it is one of
// CloudTrail's own (userName, which Cognito's parameters spell username).
var spelling = func() map[string]string {
	names, lower := make(map[string]string), map[string]bool{"arn": true, "type": true}
	add := func(keys ...string) {
		for _, key := range keys {
			l := strings.ToLower(key)
			lower[l] = lower[l] || l == key
			if names[l] == "" {
				names[l] = key
			}
		}
	}
	add(fields...)
	for _, op := range operations {
		for _, path := range []path{op.user, op.group, op.privilege, op.renamed} {
			add(path...)
		}
	}
	for _, table := range resources {
		for first, rows := range table {
			add(first)
			for _, row := range rows {
				add(row.rest...)
			}
		}
	}
	for l := range lower {
		if lower[l] && !slices.Contains(fields, names[l]) {
			delete(names, l)
		}
	}
	return names
}()
