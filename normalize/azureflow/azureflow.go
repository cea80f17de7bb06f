// Package azureflow maps the flow logs of Azure's Network Watcher: of network
// security groups (versions 1 and 2) and of virtual networks, class
// network_activity.
//
// Azure writes the flows of a minute into one record, as tuples. The collector makes
// a record of each (ingest/envelope, azureflow.go):
//
//	{"time": .., "category": .., "resourceId": .., "rule": .., "mac": .., "flowTuple": "1542110377,10.0.0.4,.."}
//
//	NSG   time (s), source, destination, ports, protocol T U, direction I O, decision A D;
//	      since version 2 state B C E, packets and bytes there and back
//	VNet  time (ms), source, destination, ports, protocol (number), direction I O,
//	      state B C E D, encryption, packets and bytes there and back
//
// Decisions:
//
//   - The activity is the state: Open (B), Traffic (C, and version 1, which has none),
//     Close (E). A flow that is denied keeps it; of a virtual network's the state is then
//     Denied, and the activity Traffic. Action and disposition tell the decision.
//   - traffic.bytes_out is from the source to the destination, bytes_in back, bytes is both.
//     Packets and bytes are those since the flow's previous record.
//   - firewall_rule.name is the rule, policy.uid the access control list.
//   - network_observation_point is the security group, or what the flow log is of; the
//     interface's MAC address is that of the end which the direction tells.
//   - time is the flow's, metadata.logged_time the record's. The tuple stays in unmapped.
//   - metadata.uid is normalize.OriginUID: flows have no ids.
//
// A record without flows is base_event.
//
// Source: https://learn.microsoft.com/azure/network-watcher/nsg-flow-logs-overview and
// vnet-flow-logs-overview
package azureflow

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.NetworkAzureFlow, Product: "Network Watcher flow logs", Vendor: "Microsoft"}

// Mapper maps flows. It implements normalize.Mapper.
type Mapper struct{ json normalize.JSONRecord }

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Dialect names the shape of a record: "nsg" or "vnet"; "" if it is none.
func Dialect(root jsondoc.Value) string {
	isFlow := root.Get("flowTuple").Exists()
	switch category := root.Get("category").Text(); {
	case category == "NetworkSecurityGroupFlowEvent", isFlow && root.Path("properties", "Version").Exists():
		return "nsg"
	case category == "FlowLogFlowEvent", isFlow && root.Get("flowLogVersion").Exists():
		return "vnet"
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
	tuple := root.Get("flowTuple")
	switch {
	case !tuple.Exists() && Dialect(root) == "":
		return normalize.WrongSource("no flowTuple: not a flow of Azure's flow logs")
	case !tuple.Exists() && holdsFlows(root):
		return normalize.WrongSource("a whole record of flows: collect it as network.azureflow, which makes a record of each flow")
	}
	mapMetadata(rec, root, ev)
	mapCloud(root, ev)
	if !tuple.Exists() {
		if !ev.Metadata.HasLoggedTime() {
			return normalize.Missing("time that is a time")
		}
		ev.SetTime(ev.Metadata.LoggedTime())
		ev.SetClass(ocsf.ClassBaseEvent)
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName("NoFlows")
		m.json.Finish(ev)
		return nil
	}
	if err := mapTuple(tuple.Text(), ev); err != nil {
		return err
	}
	mapPlace(root, ev)
	m.json.Finish(ev)
	normalize.ObserveDestination(ev)
	return nil
}

// holdsFlows tells a record that was not taken apart.
func holdsFlows(root jsondoc.Value) bool {
	return root.Path("properties", "flows").Len() > 0 || root.Path("flowRecords", "flows").Len() > 0
}

func mapMetadata(rec *event.Record, root jsondoc.Value, ev *ocsf.Event) {
	md := &ev.Metadata
	md.SetUID(normalize.OriginUID(rec))
	md.Profiles = append(md.Profiles, "cloud")
	normalize.Time(root.Get("time"), md.SetLoggedTime)
	normalize.Text(root.Get("category"), md.SetEventCode)
	if normalize.Text(root.Get("flowLogVersion"), md.SetLogVersion) == "" {
		normalize.Text(root.Path("properties", "Version"), md.SetLogVersion)
	}
}

func mapCloud(root jsondoc.Value, ev *ocsf.Event) {
	ev.Cloud.SetProvider("Azure")
	id := resourceOf(root).Text()
	const before = "/subscriptions/"
	if len(id) > len(before) && strings.EqualFold(id[:len(before)], before) {
		subscription, _, _ := strings.Cut(id[len(before):], "/")
		ev.Cloud.Account.SetUID(strings.ToLower(subscription))
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAzureSubscription)
	}
}

// resourceOf is what the flow log is of: the group, network, subnet or interface.
func resourceOf(root jsondoc.Value) jsondoc.Value {
	for _, key := range [...]string{"targetResourceID", "targetResourceId", "resourceId", "flowLogResourceID"} {
		if v := root.Get(key); v.Text() != "" {
			return v
		}
	}
	return jsondoc.Value{}
}

// mapPlace maps where the flow was seen and which rule decided.
func mapPlace(root jsondoc.Value, ev *ocsf.Event) {
	normalize.Text(resourceOf(root), func(id string) {
		ev.NetworkObservationPoint.SetUID(id)
		if name := id[strings.LastIndexByte(id, '/')+1:]; name != "" {
			ev.NetworkObservationPoint.SetName(name)
		}
	})
	if !ev.NetworkObservationPoint.HasName() && ev.NetworkObservationPoint.Present() {
		ev.NetworkObservationPoint.SetName(normalize.Unknown)
	}
	normalize.Text(root.Get("aclID"), ev.Policy.SetUID)
	normalize.Text(root.Get("rule"), ev.FirewallRule.SetName)
	mac := root.Get("mac").Text()
	if mac == "" {
		mac = root.Get("macAddress").Text()
	}
	if address := colons(mac); address != "" {
		switch ev.ConnectionInfo.DirectionID() {
		case ocsf.NetworkConnectionInfoDirectionIDInbound:
			ev.DstEndpoint.SetMAC(address)
		case ocsf.NetworkConnectionInfoDirectionIDOutbound:
			ev.SrcEndpoint.SetMAC(address)
		}
	}
}

// colons is a MAC address of twelve digits with colons; "" for another text.
func colons(mac string) string {
	if len(mac) != 12 {
		return ""
	}
	out := make([]byte, 0, 17)
	for i := range 12 {
		c := mac[i] | 0x20
		if (mac[i] < '0' || '9' < mac[i]) && (c < 'a' || 'f' < c) {
			return ""
		}
		if i > 0 && i%2 == 0 {
			out = append(out, ':')
		}
		out = append(out, mac[i])
	}
	return string(out)
}

// states are the activities of a flow's states.
var states = map[string]int32{
	"B": ocsf.NetworkActivityActivityIDOpen,
	"C": ocsf.NetworkActivityActivityIDTraffic,
	"E": ocsf.NetworkActivityActivityIDClose,
	"D": ocsf.NetworkActivityActivityIDTraffic,
	"":  ocsf.NetworkActivityActivityIDTraffic,
}

// mapTuple maps a flow.
func mapTuple(text string, ev *ocsf.Event) error {
	var fields [13]string
	n := 0
	for field := range strings.SplitSeq(text, ",") {
		if n == len(fields) {
			break
		}
		fields[n] = field
		n++
	}
	at, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || n < 8 || at < 0 || at > 253402300799999 {
		return &normalize.Error{Reason: event.ReasonSyntax, Detail: "want a flowTuple of at least 8 fields, the first a Unix time"}
	}
	if at < 100_000_000_000 { // seconds, up to the year 5138
		at *= 1000
	}
	ev.SetClass(ocsf.ClassNetworkActivity)
	ev.SetTime(at)
	setEndpoint(&ev.SrcEndpoint, fields[1], fields[3])
	setEndpoint(&ev.DstEndpoint, fields[2], fields[4])
	normalize.SetIPVersion(&ev.ConnectionInfo, fields[1])
	mapProtocol(fields[5], ev)
	switch fields[6] {
	case "I":
		ev.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDInbound)
	case "O":
		ev.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDOutbound)
	default:
		ev.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDUnknown)
	}
	decision, state := fields[7], fields[8]
	if decision != "A" && (decision != "D" || strings.HasPrefix(state, "X") || strings.HasPrefix(state, "NX")) { // VNet
		state, decision = decision, "A"
		if state == "D" {
			decision = "D"
		}
	}
	mapDecision(decision, state, ev)
	mapTraffic(fields[9:13], &ev.Traffic)
	return nil
}

func setEndpoint(end *ocsf.NetworkEndpoint, address, port string) {
	if address != "" {
		normalize.Endpoint(address, end.SetIP, end.SetName)
	} else {
		end.SetName(normalize.Unknown)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		end.SetPort(int32(n))
	}
}

func mapProtocol(field string, ev *ocsf.Event) {
	switch field {
	case "T":
		normalize.SetProtocol(&ev.ConnectionInfo, 6)
	case "U":
		normalize.SetProtocol(&ev.ConnectionInfo, 17)
	default:
		if n, err := strconv.ParseUint(field, 10, 8); err == nil {
			normalize.SetProtocol(&ev.ConnectionInfo, int32(n))
		}
	}
}

func mapDecision(decision, state string, ev *ocsf.Event) {
	activity, known := states[state]
	if known {
		ev.SetActivityID(activity)
	} else {
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName(state)
	}
	switch decision {
	case "A":
		ev.SetActionID(ocsf.ActionIDAllowed)
		ev.SetDispositionID(ocsf.DispositionIDAllowed)
	case "D":
		ev.SetActionID(ocsf.ActionIDDenied)
		ev.SetDispositionID(ocsf.DispositionIDBlocked)
	}
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "security_control")
}

// mapTraffic maps packets and bytes from source to destination, and back.
func mapTraffic(fields []string, traffic *ocsf.NetworkTraffic) {
	var n [4]int64
	for i, field := range fields {
		value, err := strconv.ParseInt(field, 10, 64)
		if err != nil || value < 0 || value > 1<<62 {
			return
		}
		n[i] = value
	}
	traffic.SetPacketsOut(n[0])
	traffic.SetBytesOut(n[1])
	traffic.SetPacketsIn(n[2])
	traffic.SetBytesIn(n[3])
	traffic.SetPackets(n[0] + n[2])
	traffic.SetBytes(n[1] + n[3])
}
