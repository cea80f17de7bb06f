// Package cloudtrail maps AWS CloudTrail records: management and data events,
// console sign-in, insights.
//
//	class              which records (operations.go is the table)
//	authentication     console sign-in, switching roles in the console
//	account_change     IAM and Identity Center users, their keys, passwords, MFA devices
//	user_access        policies attached to users and roles, account assignments
//	group_management   groups, their members and policies
//	base_event         insights, which describe a rate and no call
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
//   - A sourceIPAddress that ends in amazonaws.com or is "AWS Internal" is
//     src_endpoint.svc_name, one that is no address and no service is .name.
//   - A call failed if it has an errorCode or errorMessage, or if the console's
//     response says Failure (a refused sign-in has no errorCode).
//   - metadata.event_code is the eventType, product.feature the eventCategory.
//   - api.request.uid, which OCSF requires beside a request, is the eventID where a
//     record has no requestID.
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
type Mapper struct{ json normalize.JSONRecord }

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	hasName := root.Get("eventName").Text() != ""
	isInsight := !hasName && root.Get("insightDetails").Kind() == jsondoc.Object
	if !hasName && !isInsight {
		return normalize.WrongSource("no eventName: not a CloudTrail record")
	}
	if !normalize.Time(root.Get("eventTime"), ev.SetTime) {
		return normalize.Missing("eventTime that is a time")
	}
	mapMetadata(rec, root, ev)
	mapCloud(root, ev)
	if isInsight {
		mapInsight(root, ev)
	} else {
		mapCall(root, ev)
	}
	m.json.Finish(ev)
	return nil
}

func mapMetadata(rec *event.Record, root jsondoc.Value, ev *ocsf.Event) {
	md := &ev.Metadata
	if normalize.Text(root.Get("eventID"), md.SetUID) == "" {
		md.SetUID(normalize.OriginUID(rec))
	}
	md.Profiles = append(md.Profiles, "cloud")
	normalize.Text(root.Get("eventType"), md.SetEventCode)
	normalize.Text(root.Get("eventVersion"), md.SetLogVersion)
	normalize.Text(root.Get("eventCategory"), md.Product.Feature.SetName)
	normalize.Text(root.Get("sharedEventID"), md.SetCorrelationUID)
}

func mapCloud(root jsondoc.Value, ev *ocsf.Event) {
	ev.Cloud.SetProvider("AWS")
	normalize.Text(root.Get("awsRegion"), ev.Cloud.SetRegion)
	account := normalize.Text(root.Get("recipientAccountId"), ev.Cloud.Account.SetUID)
	if account == "" {
		account = normalize.Text(root.Path("userIdentity", "accountId"), ev.Cloud.Account.SetUID)
	}
	if account != "" {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
}

// mapCall maps a record of somebody calling an API, which is every one but an
// insight.
func mapCall(root jsondoc.Value, ev *ocsf.Event) {
	eventSource := normalize.Text(root.Get("eventSource"), ev.API.Service.SetName)
	eventName := normalize.Text(root.Get("eventName"), ev.API.SetOperation)
	normalize.Text(root.Get("apiVersion"), ev.API.SetVersion)
	normalize.Text(root.Get("userAgent"), ev.HTTPRequest.SetUserAgent)
	mapSource(root, ev)
	normalize.WantObject("userIdentity", root.Get("userIdentity"), ev)
	mapActor(root.Get("userIdentity"), ev)
	if !ev.Actor.Present() {
		ev.Actor.SetInvokedBy(orUnknown(eventSource))
	}
	mapOutcome(root, eventName, ev)
	mapClass(root, eventSource, eventName, ev)
	mapRequest(root, ev)
}

func mapSource(root jsondoc.Value, ev *ocsf.Event) {
	src := &ev.SrcEndpoint
	normalize.Text(root.Get("vpcEndpointId"), src.SetUID)
	normalize.Text(root.Get("sourceIPAddress"), func(address string) {
		if address == "AWS Internal" || isService(address) {
			src.SetSvcName(address)
			return
		}
		normalize.Endpoint(address, src.SetIP, src.SetName)
	})
	if !src.Present() {
		src.SetName(normalize.Unknown)
	}
}

// isService tells whether an address is the name of an AWS service, as that of
// cloudformation.amazonaws.com, or in China s3.cn-north-1.amazonaws.com.cn.
func isService(address string) bool {
	return strings.HasSuffix(address, ".amazonaws.com") || strings.HasSuffix(address, ".amazonaws.com.cn")
}

func mapOutcome(root jsondoc.Value, eventName string, ev *ocsf.Event) {
	response := &ev.API.Response
	code := normalize.Text(root.Get("errorCode"), response.SetError)
	message := normalize.Text(root.Get("errorMessage"), response.SetErrorMessage)
	// The console answers with {"ConsoleLogin": "Failure"}, under the call's own name.
	answer := root.Path("responseElements", eventName).Text()
	failed := code != "" || message != "" || answer == "Failure" || root.Get("errorCode").Len() > 0 // an errorCode of a wrong kind
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

func mapRequest(root jsondoc.Value, ev *ocsf.Event) {
	request := &ev.API.Request
	normalize.Text(root.Get("requestID"), request.SetUID)
	normalize.Data(root.Get("requestParameters"), request.SetData)
	normalize.Data(root.Get("responseElements"), ev.API.Response.SetData)
	if request.Present() && !request.HasUID() {
		request.SetUID(ev.Metadata.UID())
	}
}

// mapResources lists resources[]; the key of the ARN has had three names.
func mapResources(resources jsondoc.Value, ev *ocsf.Event) {
	for r := range resources.Elements {
		out := ev.AddResources()
		for _, key := range [...]string{"ARN", "arn", "ARNPrefix"} {
			if !out.HasUID() {
				normalize.Text(r.Get(key), out.SetUID)
			}
		}
		if !out.HasUID() {
			ev.Resources = ev.Resources[:len(ev.Resources)-1]
			continue
		}
		normalize.Text(r.Get("type"), out.SetType)
		if normalize.Text(r.Get("accountId"), out.Owner.Account.SetUID) != "" {
			out.Owner.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
		}
	}
	if resources.Kind() != jsondoc.String && resources.Len() == 0 {
		resources.Use()
	}
}

// mapInsight maps an unusual rate of calls or errors that CloudTrail noticed. It
// is no call, so the details stay in unmapped.
func mapInsight(root jsondoc.Value, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassBaseEvent)
	ev.SetActivityID(ocsf.ActivityIDOther)
	ev.SetActivityName("Insight")
	details := root.Get("insightDetails")
	normalize.Text(details.Get("insightType"), ev.SetMessage)
	normalize.Text(details.Get("state"), ev.SetStatusDetail)
}

func orUnknown(s string) string {
	if s == "" {
		return normalize.Unknown
	}
	return s
}
