// Package route53 maps the query logs of Amazon Route 53 Resolver, class
// dns_activity.
//
// Decisions:
//
//   - A record is a query with its answers, so the activity is Traffic.
//   - query.hostname is the name where that can be a host's; message is always the
//     name as it was asked for.
//   - status_code is the response code; NOERROR is Success, any other a Failure.
//   - The action of DNS Firewall is action and disposition (profile
//     security_control): BLOCK is Denied, ALERT Observed, ALLOW Allowed. firewall_rule.uid is the
//     rule group.
//   - Queries go out: the direction is Outbound.
//
// Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
package route53

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.NetworkRoute53, Product: "Route 53 Resolver", Vendor: "AWS"}

// Mapper maps query logs. It implements normalize.Mapper.
type Mapper struct{ json normalize.JSONRecord }

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Dialect is "query"; "" for a record that is no query.
func Dialect(root jsondoc.Value) string {
	if root.Get("query_name").Exists() && root.Get("query_timestamp").Exists() {
		return "query"
	}
	return ""
}

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	if root.Get("query_name").Text() == "" {
		return normalize.WrongSource("no query_name: not a query of Route 53 Resolver")
	}
	if !normalize.Time(root.Get("query_timestamp"), ev.SetTime) {
		return normalize.Missing("query_timestamp that is a time")
	}
	ev.SetClass(ocsf.ClassDNSActivity)
	ev.SetActivityID(ocsf.DNSActivityActivityIDTraffic)
	ev.SetQueryTime(ev.Time())
	ev.Metadata.SetUID(normalize.OriginUID(rec))
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
	normalize.Text(root.Get("version"), ev.Metadata.SetLogVersion)
	ev.Cloud.SetProvider("AWS")
	normalize.Text(root.Get("region"), ev.Cloud.SetRegion)
	if normalize.Text(root.Get("account_id"), ev.Cloud.Account.SetUID) != "" {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	mapClient(root, ev)
	mapQuery(root, ev)
	mapFirewall(root, ev)
	m.json.Finish(ev)
	return nil
}

func mapClient(root jsondoc.Value, ev *ocsf.Event) {
	src, info := &ev.SrcEndpoint, &ev.ConnectionInfo
	normalize.Text(root.Get("srcaddr"), func(address string) {
		if normalize.Endpoint(address, src.SetIP, src.SetName) {
			normalize.SetIPVersion(info, address)
		}
	})
	if port := root.Get("srcport"); port.Text() != "" {
		if n, err := strconv.ParseUint(port.Text(), 10, 16); err == nil {
			port.Use()
			src.SetPort(int32(n))
		}
	}
	normalize.Text(root.Get("vpc_id"), src.SetVPCUID)
	normalize.Text(root.Path("srcids", "instance"), src.SetInstanceUID)
	if !src.HasIP() && !src.HasName() {
		src.SetName(normalize.Unknown)
	}
	info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDOutbound)
	switch transport := root.Get("transport"); strings.ToUpper(transport.Text()) {
	case "UDP":
		normalize.SetProtocol(info, 17)
	case "TCP":
		normalize.SetProtocol(info, 6)
	}
}

func mapQuery(root jsondoc.Value, ev *ocsf.Event) {
	normalize.Text(root.Get("query_name"), func(name string) { normalize.SetDNSName(ev, name) })
	if ev.Query.HasHostname() {
		normalize.Text(root.Get("query_type"), ev.Query.SetType)
		normalize.Text(root.Get("query_class"), ev.Query.SetClass)
	}
	if code := normalize.Text(root.Get("rcode"), ev.SetStatusCode); code != "" {
		id, known := normalize.ParseRCode(code)
		if known {
			ev.SetRcodeID(id)
		} else {
			ev.SetRcodeID(99)
			ev.SetRcode(code)
		}
		ev.SetStatusID(ocsf.StatusIDFailure)
		if known && id == 0 {
			ev.SetStatusID(ocsf.StatusIDSuccess)
		}
	}
	for a := range root.Get("answers").Elements {
		if a.Get("Rdata").Text() == "" {
			continue
		}
		answer := ev.AddAnswers()
		normalize.Text(a.Get("Rdata"), answer.SetRdata)
		normalize.Text(a.Get("Type"), answer.SetType)
		normalize.Text(a.Get("Class"), answer.SetClass)
	}
}

func mapFirewall(root jsondoc.Value, ev *ocsf.Event) {
	action := root.Get("firewall_rule_action").Text()
	switch action {
	case "BLOCK":
		ev.SetActionID(ocsf.ActionIDDenied)
		ev.SetDispositionID(ocsf.DispositionIDBlocked)
	case "ALERT":
		ev.SetActionID(ocsf.ActionIDObserved)
		ev.SetDispositionID(ocsf.DispositionIDAlert)
	case "ALLOW":
		ev.SetActionID(ocsf.ActionIDAllowed)
		ev.SetDispositionID(ocsf.DispositionIDAllowed)
	default:
		return
	}
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "security_control")
	normalize.Text(root.Get("firewall_rule_group_id"), ev.FirewallRule.SetUID)
}
