package hubble

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// protocols are the members of l4 and their IP protocols.
var protocols = [...]struct {
	member string
	number int32
}{{"TCP", 6}, {"UDP", 17}, {"ICMPv4", 1}, {"ICMPv6", 58}, {"SCTP", 132}, {"VRRP", 112}, {"IGMP", 2}}

// flags are those of TCP, by bit.
var flags = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"}

const (
	fin = 1 << iota
	syn
	rst
	_
	ack
)

func mapConnection(flow jsondoc.Value, sender, receiver *ocsf.NetworkEndpoint, info *ocsf.NetworkConnectionInfo) {
	switch word := flow.Get("traffic_direction"); word.Text() {
	case "INGRESS":
		word.Use()
		info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDInbound)
	case "EGRESS":
		word.Use()
		info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDOutbound)
	default:
		info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDUnknown)
	}
	switch version := flow.Path("IP", "ipVersion"); version.Text() {
	case "IPv4":
		info.SetProtocolVerID(ocsf.NetworkConnectionInfoProtocolVerIDInternetProtocolVersion4IPv4)
	case "IPv6":
		info.SetProtocolVerID(ocsf.NetworkConnectionInfoProtocolVerIDInternetProtocolVersion6IPv6)
	}
	for _, p := range protocols {
		l4 := flow.Path("l4", p.member)
		if l4.Kind() != jsondoc.Object {
			continue
		}
		normalize.SetProtocol(info, p.number)
		setPort(l4.Get("source_port"), sender)
		setPort(l4.Get("destination_port"), receiver)
		if bits := flagsOf(l4); bits != 0 {
			info.SetTCPFlags(bits)
		}
		return
	}
}

func setPort(v jsondoc.Value, end *ocsf.NetworkEndpoint) {
	if n, ok := v.Int(); ok && 0 <= n && n <= 65535 {
		v.Use()
		end.SetPort(int32(n))
	}
}

func flagsOf(tcp jsondoc.Value) (bits int32) {
	set := tcp.Get("flags")
	for i, name := range flags {
		if on, _ := set.Get(name).Bool(); on {
			bits |= 1 << i
		}
	}
	return bits
}

// activityOf tells what a packet does to its connection.
func activityOf(flow jsondoc.Value) int32 {
	switch bits := flagsOf(flow.Path("l4", "TCP")); {
	case bits&rst != 0:
		return ocsf.NetworkActivityActivityIDReset
	case bits&fin != 0:
		return ocsf.NetworkActivityActivityIDClose
	case bits&syn != 0 && bits&ack == 0:
		return ocsf.NetworkActivityActivityIDOpen
	}
	return ocsf.NetworkActivityActivityIDTraffic
}

// verdict is what Cilium did with a flow.
type verdict struct {
	status, action, disposition int32
	word                        string // of a disposition that OCSF has not
}

var verdicts = map[string]verdict{
	"FORWARDED":  {status: ocsf.StatusIDSuccess, action: ocsf.ActionIDAllowed, disposition: ocsf.DispositionIDAllowed},
	"DROPPED":    {status: ocsf.StatusIDFailure, action: ocsf.ActionIDDenied, disposition: ocsf.DispositionIDDropped},
	"ERROR":      {status: ocsf.StatusIDFailure, action: ocsf.ActionIDUnknown, disposition: ocsf.DispositionIDError},
	"AUDIT":      {status: ocsf.StatusIDSuccess, action: ocsf.ActionIDObserved, disposition: ocsf.DispositionIDLogged},
	"REDIRECTED": {status: ocsf.StatusIDSuccess, action: ocsf.ActionIDAllowed, disposition: ocsf.DispositionIDOther, word: "Redirected"},
	"TRACED":     {status: ocsf.StatusIDUnknown, action: ocsf.ActionIDObserved, disposition: ocsf.DispositionIDNoAction},
	"TRANSLATED": {status: ocsf.StatusIDSuccess, action: ocsf.ActionIDModified, disposition: ocsf.DispositionIDOther, word: "Translated"},
}

// policyLists are the policies that a verdict refers to.
var policyLists = [...]string{"egress_denied_by", "ingress_denied_by", "egress_allowed_by", "ingress_allowed_by"}

func mapVerdict(flow jsondoc.Value, ev *ocsf.Event) {
	word := flow.Get("verdict").Text()
	v, known := verdicts[word]
	if known {
		ev.SetActionID(v.action)
		ev.SetDispositionID(v.disposition)
		if v.word != "" {
			ev.SetDisposition(v.word)
		}
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "security_control")
		for _, list := range policyLists {
			if name := flow.Get(list).Index(0).Get("name").Text(); name != "" {
				ev.Policy.SetName(name)
				break
			}
		}
	}
	ev.SetStatusID(v.status)
	if ev.Class() != ocsf.ClassHTTPActivity {
		normalize.Text(flow.Get("verdict"), ev.SetStatusCode)
	}
	normalize.Text(flow.Get("drop_reason_desc"), ev.SetStatusDetail)
}
