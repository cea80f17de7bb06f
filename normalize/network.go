package normalize

import (
	"net/netip"

	"github.com/weir-security/weir/schemas/ocsf"
)

// protocolNames are the keywords of IANA's protocol numbers that flows have.
var protocolNames = map[int32]string{
	0: "hopopt", 1: "icmp", 2: "igmp", 4: "ipv4", 6: "tcp", 8: "egp", 17: "udp", 27: "rdp", 33: "dccp",
	41: "ipv6", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 58: "ipv6-icmp", 88: "eigrp", 89: "ospfigp",
	94: "ipip", 103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite", 137: "mpls-in-ip",
}

// SetProtocol sets the number of an IP protocol and its keyword.
func SetProtocol(info *ocsf.NetworkConnectionInfo, number int32) {
	info.SetProtocolNum(number)
	if name, ok := protocolNames[number]; ok {
		info.SetProtocolName(name)
	}
}

// SetIPVersion sets the version of IP that an address is of.
func SetIPVersion(info *ocsf.NetworkConnectionInfo, address string) {
	switch addr, err := netip.ParseAddr(address); {
	case err != nil:
	case addr.Is4():
		info.SetProtocolVerID(ocsf.NetworkConnectionInfoProtocolVerIDInternetProtocolVersion4IPv4)
	default:
		info.SetProtocolVerID(ocsf.NetworkConnectionInfoProtocolVerIDInternetProtocolVersion6IPv6)
	}
}

// ObserveDestination lists where a flow or request went, as AddObservables lists
// where it came from.
func ObserveDestination(ev *ocsf.Event) {
	dst := &ev.DstEndpoint
	Observe(ev, "dst_endpoint.ip", ocsf.ObservableTypeIDIPAddress, dst.IP())
	Observe(ev, "dst_endpoint.hostname", ocsf.ObservableTypeIDHostname, dst.Hostname())
	for _, ip := range dst.IntermediateIPs {
		Observe(ev, "dst_endpoint.intermediate_ips", ocsf.ObservableTypeIDIPAddress, ip)
	}
}
