// Package hubble maps the flows of Cilium Hubble, as its exporter and
// `hubble observe -o jsonpb` write them ({"flow": {..}, "node_name": .., "time": ..}),
// and bare flows.
//
//	class              which flows
//	http_activity      requests and responses that the proxy saw (l7.http)
//	dns_activity       queries and answers that the DNS proxy saw (l7.dns)
//	network_activity   all other: packets, Kafka
//	base_event         lost events, and events of Cilium's agent
//
// Decisions:
//
//   - src_endpoint is the sender of the packet. is_src_dst_assignment_known is true if
//     it is not a reply, and so the sender is who asked; false if it is a reply. Of HTTP
//     and DNS src_endpoint is the client, of responses too, as in a gateway's log.
//   - An endpoint's name is NAMESPACE/POD, svc_name NAMESPACE/SERVICE, hostname the first
//     of its names; that of an identity without a pod is its reserved label
//     (reserved:world). Namespace, labels, identity and workloads stay in unmapped
//     below flow.source and flow.destination, for bare flows too.
//   - The verdict is status_code, and tells action and disposition (profile
//     security_control); of HTTP status_code is the response's, as of every request.
//     status_detail is the reason of a drop. policy.name is the first policy that allowed or denied.
//   - The activity of TCP is told by its flags: Open (SYN without ACK), Reset, Close (FIN),
//     else Traffic. A dropped SYN is an Open that failed.
//   - network_observation_point is the node that saw the flow.
//   - metadata.uid is the flow's uuid.
//   - Hubble's own name of a DNS query ends with a point; query.hostname does not.
//
// Source: https://github.com/cilium/cilium/blob/main/api/v1/flow/flow.proto
package hubble

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.NetworkHubble, Product: "Hubble", Vendor: "Cilium"}

// Mapper maps flows. It implements normalize.Mapper.
type Mapper struct{ json normalize.JSONRecord }

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Dialect names the shape of a record: "export", "flow" without the exporter's
// envelope, or "event" for what is no flow; "" if it is none of Hubble's.
func Dialect(root jsondoc.Value) string {
	switch {
	case isFlow(root.Get("flow")):
		return "export"
	case root.Get("node_name").Exists() && eventOf(root) != "":
		return "event"
	case isFlow(root) && (root.Get("node_name").Exists() || root.Get("Type").Exists() || root.Get("event_type").Exists()):
		return "flow"
	}
	return ""
}

func isFlow(flow jsondoc.Value) bool {
	return flow.Get("verdict").Text() != "" &&
		(flow.Get("source").Kind() == jsondoc.Object || flow.Get("destination").Kind() == jsondoc.Object || flow.Get("IP").Kind() == jsondoc.Object)
}

// eventOf is the member of what the exporter writes beside flows.
func eventOf(root jsondoc.Value) string {
	for _, key := range [...]string{"lost_events", "agent_event", "debug_event", "node_status"} {
		if root.Get(key).Kind() == jsondoc.Object {
			return key
		}
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
	flow, bare := root.Get("flow"), false
	if flow.Kind() != jsondoc.Object {
		flow, bare = root, true
	}
	kind := eventOf(root)
	if kind == "" && !isFlow(flow) {
		return normalize.WrongSource("no verdict with source, destination or IP: not a Hubble flow")
	}
	if !normalize.Time(flow.Get("time"), ev.SetTime) && !normalize.Time(root.Get("time"), ev.SetTime) {
		return normalize.Missing("time that is a time")
	}
	if normalize.Text(flow.Get("uuid"), ev.Metadata.SetUID) == "" {
		ev.Metadata.SetUID(normalize.OriginUID(rec))
	}
	if kind != "" {
		mapEvent(kind, ev)
		m.json.Finish(ev)
		return nil
	}
	mapFlow(root, flow, ev)
	m.json.Finish(ev)
	if bare && len(ev.Unmapped()) > 0 {
		ev.SetUnmapped(`{"flow":` + ev.Unmapped() + "}")
	}
	normalize.ObserveDestination(ev)
	return nil
}

func mapEvent(kind string, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassBaseEvent)
	ev.SetActivityID(ocsf.ActivityIDOther)
	ev.SetActivityName(kind)
}

func mapFlow(root, flow jsondoc.Value, ev *ocsf.Event) {
	l7 := flow.Get("l7")
	switch {
	case l7.Get("http").Kind() == jsondoc.Object:
		ev.SetClass(ocsf.ClassHTTPActivity)
	case l7.Get("dns").Kind() == jsondoc.Object:
		ev.SetClass(ocsf.ClassDNSActivity)
	default:
		ev.SetClass(ocsf.ClassNetworkActivity)
	}
	if normalize.Text(flow.Get("node_name"), ev.NetworkObservationPoint.SetName) == "" {
		normalize.Text(root.Get("node_name"), ev.NetworkObservationPoint.SetName)
	} else if root.Get("node_name").Text() == ev.NetworkObservationPoint.Name() {
		root.Get("node_name").Use()
	}
	sender, receiver := &ev.SrcEndpoint, &ev.DstEndpoint
	reply, told := flow.Get("is_reply").Bool()
	if reply && ev.Class() != ocsf.ClassNetworkActivity {
		sender, receiver = receiver, sender
	}
	mapEndpoint(flow, "source", sender)
	mapEndpoint(flow, "destination", receiver)
	mapConnection(flow, sender, receiver, &ev.ConnectionInfo)
	mapVerdict(flow, ev)
	switch ev.Class() {
	case ocsf.ClassHTTPActivity:
		mapHTTP(flow, l7, ev)
	case ocsf.ClassDNSActivity:
		mapDNS(l7, ev)
	default:
		if l7.Get("kafka").Kind() == jsondoc.Object {
			ev.SetAppProtocolName("kafka")
		}
		ev.SetActivityID(activityOf(flow))
	}
	if told && ev.Class() == ocsf.ClassNetworkActivity {
		ev.SetIsSrcDstAssignmentKnown(!reply)
	}
	requireEndpoint(&ev.SrcEndpoint)
	requireEndpoint(&ev.DstEndpoint)
	if !ev.SrcEndpoint.Present() && !ev.DstEndpoint.Present() {
		ev.SrcEndpoint.SetName(normalize.Unknown)
	}
}

// mapEndpoint maps one end: its address, pod, service and name.
func mapEndpoint(flow jsondoc.Value, key string, end *ocsf.NetworkEndpoint) {
	info := flow.Get(key)
	normalize.Text(flow.Path("IP", key), func(address string) {
		normalize.Endpoint(address, end.SetIP, end.SetName)
	})
	if pod := info.Get("pod_name").Text(); pod != "" {
		end.SetName(qualified(info.Get("namespace").Text(), pod))
	} else {
		for label := range info.Get("labels").Elements {
			if text := label.Text(); len(text) > 9 && text[:9] == "reserved:" {
				end.SetName(text)
				break
			}
		}
	}
	service := flow.Get(key + "_service")
	if name := service.Get("name").Text(); name != "" {
		end.SetSvcName(qualified(service.Get("namespace").Text(), name))
	}
	for name := range flow.Get(key + "_names").Elements {
		if text := name.Text(); normalize.IsHostname(text) {
			name.Use()
			end.SetHostname(text)
			break
		}
	}
	if mac := flow.Path("ethernet", key); isMAC(mac.Text()) {
		normalize.Text(mac, end.SetMAC)
	}
}

func qualified(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// isMAC tells six pairs of hexadecimal digits with colons between.
func isMAC(s string) bool {
	if len(s) != 17 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if hex := '0' <= s[i] && s[i] <= '9' || 'a' <= c && c <= 'f'; i%3 == 2 && s[i] != ':' || i%3 != 2 && !hex {
			return false
		}
	}
	return true
}

// requireEndpoint names an end of which only a port or a MAC address is known.
func requireEndpoint(end *ocsf.NetworkEndpoint) {
	if end.Present() && !end.HasIP() && !end.HasName() && !end.HasHostname() && !end.HasSvcName() {
		end.SetName(normalize.Unknown)
	}
}
