// Package cloudtrail maps AWS CloudTrail records: management, data and network
// activity events, console sign-in, service events, Insights.
//
//	class              which records (operations.go is the table)
//	authentication     console and Identity Center sign-in, switching roles, and the
//	                   credentials that STS gives out (AssumeRole, GetSessionToken, ...)
//	account_change     users, their keys, passwords and MFA devices
//	user_access        policies of users and roles, trust of roles, account assignments
//	group_management   groups, their members and policies
//	detection_finding  Insights: an unusual rate of calls or errors
//	api_activity       all other
//
// Decisions:
//
//   - cloud.account is where the record was delivered (recipientAccountId),
//     actor.user.account whose identity made the call. They differ in calls across
//     accounts.
//   - actor.user.uid is the ARN, uid_alt the principalId, credential_uid the access
//     key. user.type is the record's word where OCSF has none (AssumedRole);
//     IAMUser is User, Root is Admin, AWSService is Service.
//   - actor.user.name of an assumed role is "Role/session", that of Root "root".
//   - Who takes on a role: user is the role's session, session its credentials, and
//     actor who asked.
//   - A sourceIPAddress that ends in amazonaws.com or is "AWS Internal" is
//     src_endpoint.svc_name, one that is no address and no service is .name.
//   - A call failed if it has an errorCode or errorMessage, or if the answer of a
//     sign-in says Failure (a refused sign-in has no errorCode).
//   - metadata.event_code is the eventType, product.feature the eventCategory.
//   - api.request.uid, which OCSF requires beside a request, is the eventID where a
//     record has no requestID.
//   - resources are those of the record and those that the request or response
//     names (resources.go is the table), each once.
//   - raw_data is the CloudTrail record itself. What was around it (EventBridge,
//     CloudTrail Lake, LookupEvents: envelope.go) is in unmapped, and keys that an export
//     wrote in lower case have their own case again: a rule finds raw.requestParameters
//     in every shape.
//   - A digest file lists log files and is no event: it is refused.
//
// Fillers: a record without a caller (service events) has its eventSource as
// actor.invoked_by; one without sourceIPAddress, or whose user, group or policy is
// not told (denied calls often have no requestParameters), has normalize.Unknown.
package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.AWSCloudTrail, Product: "CloudTrail", Vendor: "AWS"}

// Mapper maps CloudTrail records. It implements normalize.Mapper.
type Mapper struct {
	json normalize.JSONRecord
	// request, response and identity read parts of the record that are a text.
	request, response, identity jsondoc.Doc
}

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	outer, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	root := m.unwrap(outer, ev)
	insight := isInsight(root)
	switch name := root.Get("eventName").Text(); {
	case name == "" && (root.Get("digestStartTime").Exists() || root.Get("digestS3Object").Exists()):
		return normalize.WrongSource("a CloudTrail digest file, which lists log files and holds no records")
	case name == "" && !insight:
		return normalize.WrongSource("no eventName: not a CloudTrail record")
	case strings.HasPrefix(root.Get("eventSource").Text(), "aws:"):
		return normalize.WrongSource("a notification of " + root.Get("eventSource").Text() + ", not a CloudTrail record")
	}
	if !mapTime(root, outer, ev) {
		return normalize.Missing("eventTime that is a time")
	}
	mapMetadata(rec, root, ev)
	mapCloud(root, ev)
	if insight {
		mapInsight(root, ev)
	} else {
		m.mapCall(root, ev)
	}
	m.json.Finish(ev)
	return nil
}

// mapTime sets the time of the call; that of an export's own columns, if the record
// was cut down to less.
func mapTime(root, outer jsondoc.Value, ev *ocsf.Event) bool {
	return normalize.Time(root.Get("eventTime"), ev.SetTime) ||
		mapEpoch(root.Get("eventTime"), ev) ||
		normalize.Time(root.Get("p_event_time"), ev.SetTime) ||
		normalize.Time(outer.Get("EventTime"), ev.SetTime) ||
		normalize.Time(outer.Get("time"), ev.SetTime)
}

// mapEpoch sets a time that an export turned into a number: seconds since the epoch,
// or milliseconds if it is too large for that. The number stays in unmapped.
func mapEpoch(v jsondoc.Value, ev *ocsf.Event) bool {
	const lastSecond = 1e11 // in the year 5138; as milliseconds in 1973
	f, ok := v.Float()
	switch {
	case !ok || f <= 0 || f >= 1000*lastSecond:
		return false
	case f < lastSecond:
		f *= 1000
	}
	ev.SetTime(int64(f))
	return true
}

func mapMetadata(rec *event.Record, root jsondoc.Value, ev *ocsf.Event) {
	md := &ev.Metadata
	uid := normalize.Text(root.Get("eventID"), md.SetUID)
	if uid == "" { // the name in events of integrations
		uid = normalize.Text(root.Get("UID"), md.SetUID)
	}
	if uid == "" {
		md.SetUID(normalize.OriginUID(rec))
	}
	md.Profiles = append(md.Profiles, "cloud")
	normalize.Text(root.Get("eventType"), md.SetEventCode)
	normalize.Text(root.Get("eventVersion"), md.SetLogVersion)
	normalize.Text(root.Get("eventCategory"), md.Product.Feature.SetName)
	normalize.Text(root.Get("sharedEventID"), md.SetCorrelationUID)
	if addendum := root.Get("addendum"); addendum.Exists() {
		normalize.Text(addendum.Get("originalEventID"), md.SetOriginalEventUID)
	}
}

func mapCloud(root jsondoc.Value, ev *ocsf.Event) {
	ev.Cloud.SetProvider("AWS")
	normalize.Text(root.Get("awsRegion"), ev.Cloud.SetRegion)
	account := normalize.Text(root.Get("recipientAccountId"), ev.Cloud.Account.SetUID)
	if account == "" {
		if account = root.Path("userIdentity", "accountId").Text(); account != "" && account != anonymous {
			ev.Cloud.Account.SetUID(account)
		}
	}
	if ev.Cloud.Account.HasUID() {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
}

// mapService maps the service. Where an endpoint of China names itself by its own
// domain, the service has its common name, so that a rule finds it by one name; the
// record's own stays in unmapped.
func mapService(source jsondoc.Value, ev *ocsf.Event) string {
	if name := source.Text(); strings.HasSuffix(name, ".amazonaws.com.cn") {
		name = strings.TrimSuffix(name, ".cn")
		ev.API.Service.SetName(name)
		return name
	}
	return normalize.Text(source, ev.API.Service.SetName)
}

// mapCall maps a record of somebody calling an API, which is every one but an
// insight.
func (m *Mapper) mapCall(root jsondoc.Value, ev *ocsf.Event) {
	c := call{root: root, additional: root.Get("additionalEventData")}
	c.source = mapService(root.Get("eventSource"), ev)
	c.name = normalize.Text(root.Get("eventName"), ev.API.SetOperation)
	c.identity = parsed(&m.identity, root.Get("userIdentity"))
	c.request = parsed(&m.request, root.Get("requestParameters"))
	c.response = parsed(&m.response, root.Get("responseElements"))
	normalize.Text(root.Get("apiVersion"), ev.API.SetVersion)
	normalize.Text(root.Get("userAgent"), ev.HTTPRequest.SetUserAgent)
	mapSource(root, ev)
	normalize.WantObject("userIdentity", c.identity, ev)
	mapActor(c.identity, ev)
	if !ev.Actor.Present() {
		ev.Actor.SetInvokedBy(orUnknown(c.source))
	}
	mapOutcome(&c, ev)
	m.mapClass(&c, ev)
	mapHost(root, ev)
	mapRequest(&c, ev)
}

// call is what the parts of the mapping share of a record.
type call struct {
	root, identity, additional jsondoc.Value
	request, response          jsondoc.Value // of their own documents, if they are JSON in a text
	source, name               string        // eventSource, eventName
}

// parsed is v, or the object of which v is the text: Athena's tables and some services
// write parts of a record as JSON in a text, CloudTrail Lake as Presto prints them.
func parsed(doc *jsondoc.Doc, v jsondoc.Value) jsondoc.Value {
	text, ok := v.Str()
	if !ok || !strings.HasPrefix(text, "{") {
		return v
	}
	if doc.ParseString(text) == nil || parsePresto(doc, text) {
		return doc.Root()
	}
	return v
}

func mapSource(root jsondoc.Value, ev *ocsf.Event) {
	src := &ev.SrcEndpoint
	normalize.Text(root.Get("vpcEndpointId"), src.SetUID)
	address := root.Get("sourceIPAddress")
	switch text := address.Text(); {
	case text == "AWS Internal", isService(text):
		normalize.Text(address, src.SetSvcName)
	default:
		if host, port, ok := normalize.SplitHostPort(text); ok { // the whole stays in unmapped
			src.SetIP(host)
			src.SetPort(port)
			break
		}
		normalize.Text(address, func(text string) { normalize.Endpoint(text, src.SetIP, src.SetName) })
	}
	if !src.Present() {
		src.SetName(normalize.Unknown)
	}
}

// mapHost sets the host that was called, in the classes that have a destination.
func mapHost(root jsondoc.Value, ev *ocsf.Event) {
	if class := ev.Class(); class != ocsf.ClassAPIActivity && class != ocsf.ClassAuthentication {
		return
	}
	if host := root.Get("tlsDetails").Get("clientProvidedHostHeader"); normalize.IsHostname(host.Text()) {
		normalize.Text(host, ev.DstEndpoint.SetHostname)
	}
}

// isService tells whether an address is the name of an AWS service, as that of
// cloudformation.amazonaws.com, or in China s3.cn-north-1.amazonaws.com.cn.
func isService(address string) bool {
	return strings.HasSuffix(address, ".amazonaws.com") || strings.HasSuffix(address, ".amazonaws.com.cn")
}

// mapOutcome sets status and error. Sign-ins answer with {"ConsoleLogin": "Failure"},
// under the call's own name, in the response or in the details of a service event.
func mapOutcome(c *call, ev *ocsf.Event) {
	out := &ev.API.Response
	errorCode := c.root.Get("errorCode")
	code := normalize.Text(errorCode, out.SetError)
	message := normalize.Text(c.root.Get("errorMessage"), out.SetErrorMessage)
	failed := code != "" || message != "" || errorCode.Len() > 0 || // an errorCode of a wrong kind
		c.response.Get(c.name).Text() == "Failure" || c.root.Get("serviceEventDetails").Get(c.name).Text() == "Failure"
	if !failed {
		ev.SetStatusID(ocsf.StatusIDSuccess)
		return
	}
	ev.SetStatusID(ocsf.StatusIDFailure)
	if code != "" {
		ev.SetStatusCode(code)
	}
	if message != "" {
		ev.SetStatusDetail(message)
	}
}

func mapRequest(c *call, ev *ocsf.Event) {
	request := &ev.API.Request
	normalize.Text(c.root.Get("requestID"), request.SetUID)
	mapData(c.root.Get("requestParameters"), c.request, request.SetData)
	mapData(c.root.Get("responseElements"), c.response, ev.API.Response.SetData)
	if request.Present() && !request.HasUID() {
		request.SetUID(ev.Metadata.UID())
	}
}

// mapData gives set a part of the record as JSON: an object, also one that the
// record holds as a text of JSON.
func mapData(v, parsed jsondoc.Value, set func(ocsf.JSON)) {
	text, ok := v.Str()
	if !ok || v == parsed || parsed.Raw() != text {
		normalize.Data(v, set)
		return
	}
	v.Use()
	set(ocsf.JSON(parsed.JSON()))
}

func orUnknown(s string) string {
	if s == "" {
		return normalize.Unknown
	}
	return s
}
