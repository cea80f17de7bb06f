package expr

import (
	"net/netip"

	"github.com/weir-security/weir/detections/internal/closure"
)

// shared are the addresses of RFC 6598.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func toCIDR(s string) netip.Prefix {
	p, err := ParseCIDR(s)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func toIP(s string) netip.Addr {
	addr, _ := parseIP(s)
	return addr
}

// is is a test of an address; false of what is none.
func is(id string, test func(netip.Addr) bool) []overload {
	return []overload{on(id, closure.Unary(func(a netip.Addr) bool { return a.IsValid() && test(a) }))}
}

// netFunctions are those of CEL's network extension, and a few more. They are
// total: of a text that is no address or network, all are false or zero.
var netFunctions = []Function{
	{Section: "Addresses", Name: "ip", Signature: "ip(text) -> ip, network.ip() -> ip", Cost: "1 + 0.1 a character", Doc: "An address of IPv4 or IPv6; an IPv4 address in IPv6 is that IPv4 address. Of a text that is none everything is false.",
		Example: `ip("192.0.2.1") == ip("::ffff:192.0.2.1") && cidr("192.0.2.0/24").ip() == ip("192.0.2.0")`,
		overloads: []overload{of("ip_of_string", closure.Unary(toIP)).costing(1),
			on("cidr_ip", closure.Unary(netip.Prefix.Addr))}},
	{Section: "Addresses", Name: "cidr", Signature: "cidr(text) -> cidr", Cost: "1 + 0.1 a character", Doc: "A network; no bit below its mask may be set. It contains nothing if the text is none.",
		Example: `cidr("10.0.0.0/8").containsIP(ip("10.1.2.3"))`, overloads: []overload{of("cidr_of_string", closure.Unary(toCIDR)).costing(1)}},
	{Section: "Addresses", Name: "isIP", Signature: "isIP(text) -> bool", Cost: "1 + 0.1 a character", Doc: "The text is an address.", Example: `isIP("2001:db8::1") && !isIP("AWS Internal")`,
		overloads: []overload{of("is_ip_string", closure.Unary(func(s string) bool { _, ok := parseIP(s); return ok })).costing(1)}},
	{Section: "Addresses", Name: "isCIDR", Signature: "isCIDR(text) -> bool", Cost: "1 + 0.1 a character", Doc: "The text is a network with its length.", Example: `isCIDR("10.0.0.0/8") && !isCIDR("10.0.0.1")`,
		overloads: []overload{of("is_cidr_string", closure.Unary(func(s string) bool { _, err := netip.ParsePrefix(s); return err == nil })).costing(1)}},
	{Section: "Addresses", Name: "ip.isCanonical", Signature: "ip.isCanonical(text) -> bool", Cost: "1 + 0.1 a character", Doc: "The text is an address as RFC 5952 writes it.", Example: `ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1")`,
		overloads: []overload{of("ip_is_canonical", closure.Unary(func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.String() == s })).costing(1)}},
	{Section: "Addresses", Name: "containsIP", Signature: "network.containsIP(ip | text) -> bool", Cost: "1", Doc: "The address is in the network.", Example: `cidr("2001:db8::/32").containsIP("2001:db8::1") && !cidr("10.0.0.0/8").containsIP("")`,
		overloads: []overload{on("cidr_contains_ip", closure.Binary(containsIP)),
			on("cidr_contains_string", closure.Binary(func(p netip.Prefix, s string) bool { return containsIP(p, toIP(s)) })).costing(1)}},
	{Section: "Addresses", Name: "containsCIDR", Signature: "network.containsCIDR(cidr | text) -> bool", Cost: "1", Doc: "All of the other network is in this one.", Example: `cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")`,
		overloads: []overload{on("cidr_contains_cidr", closure.Binary(containsCIDR)),
			on("cidr_contains_cidr_string", closure.Binary(func(p netip.Prefix, s string) bool { return containsCIDR(p, toCIDR(s)) })).costing(1)}},
	{Section: "Addresses", Name: "prefixLength", Signature: "network.prefixLength() -> int", Cost: "1", Doc: "The length of the network's mask, 0 for none. 0.0.0.0/0 is everything.", Example: `cidr("10.0.0.0/8").prefixLength() == 8`,
		overloads: []overload{on("cidr_prefix_length", closure.Unary(func(p netip.Prefix) int64 { return int64(max(p.Bits(), 0)) }))}},
	{Section: "Addresses", Name: "masked", Signature: "network.masked() -> cidr", Cost: "1", Doc: "The network itself, whose bits below the mask are zero already.", Example: `cidr("10.0.0.0/8").masked() == cidr("10.0.0.0/8")`,
		overloads: []overload{on("cidr_masked", closure.Unary(netip.Prefix.Masked))}},
	{Section: "Addresses", Name: "family", Signature: "ip.family() -> int", Cost: "1", Doc: "4, 6, or 0 for no address.", Example: `ip(src_endpoint.ip).family() == 4`,
		overloads: []overload{on("ip_family", closure.Unary(family))}},
	{Section: "Addresses", Name: "isPublic", Signature: "ip.isPublic() -> bool", Cost: "1", Doc: "A global address that is not private, nor one that networks share (100.64.0.0/10, which carriers and clusters use).", Example: `ip("203.0.113.7").isPublic() && !ip("10.0.0.1").isPublic()`,
		overloads: is("ip_isPublic", func(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a) })},
	{Section: "Addresses", Name: "isPrivate", Signature: "ip.isPrivate() -> bool", Cost: "1", Doc: "An address of RFC 1918 or RFC 4193.", Example: `ip("10.0.0.1").isPrivate()`, overloads: is("ip_isPrivate", netip.Addr.IsPrivate)},
	{Section: "Addresses", Name: "isLoopback", Signature: "ip.isLoopback() -> bool", Cost: "1", Doc: "The machine itself.", Example: `ip("127.0.0.1").isLoopback()`, overloads: is("ip_isLoopback", netip.Addr.IsLoopback)},
	{Section: "Addresses", Name: "isLinkLocal", Signature: "ip.isLinkLocal() -> bool", Cost: "1", Doc: "An address of the link, as that of a cloud's metadata service.", Example: `ip("169.254.169.254").isLinkLocal()`, overloads: is("ip_isLinkLocal", netip.Addr.IsLinkLocalUnicast)},
	{Section: "Addresses", Name: "isLinkLocalUnicast", Signature: "ip.isLinkLocalUnicast() -> bool", Cost: "1", Doc: "isLinkLocal, as CEL's extension calls it.", Example: `ip("fe80::1").isLinkLocalUnicast()`, overloads: is("ip_isLinkLocalUnicast", netip.Addr.IsLinkLocalUnicast)},
	{Section: "Addresses", Name: "isLinkLocalMulticast", Signature: "ip.isLinkLocalMulticast() -> bool", Cost: "1", Doc: "A multicast address of the link.", Example: `ip("224.0.0.1").isLinkLocalMulticast()`, overloads: is("ip_isLinkLocalMulticast", netip.Addr.IsLinkLocalMulticast)},
	{Section: "Addresses", Name: "isGlobalUnicast", Signature: "ip.isGlobalUnicast() -> bool", Cost: "1", Doc: "A global address, be it private.", Example: `ip("10.0.0.1").isGlobalUnicast()`, overloads: is("ip_isGlobalUnicast", netip.Addr.IsGlobalUnicast)},
	{Section: "Addresses", Name: "isUnspecified", Signature: "ip.isUnspecified() -> bool", Cost: "1", Doc: "0.0.0.0 or ::.", Example: `ip("::").isUnspecified()`, overloads: is("ip_isUnspecified", netip.Addr.IsUnspecified)},
	{Section: "Addresses", Name: "string", Signature: "string(ip | cidr) -> string", Cost: "1", Doc: "The address or network as text, empty for none.", Example: `string(cidr("10.0.0.0/8")) == "10.0.0.0/8" && string(ip(api.operation)) == ""`,
		overloads: []overload{of("string_of_ip", closure.Unary(func(a netip.Addr) string {
			if !a.IsValid() {
				return ""
			}
			return a.String()
		})), of("string_of_cidr", closure.Unary(func(p netip.Prefix) string {
			if !p.IsValid() {
				return ""
			}
			return p.String()
		}))}},
}

func containsIP(p netip.Prefix, a netip.Addr) bool { return a.IsValid() && p.Contains(a) }

func containsCIDR(p, other netip.Prefix) bool {
	return p.IsValid() && other.IsValid() && p.Bits() <= other.Bits() && p.Contains(other.Addr())
}

// family is 4, 6, or 0 for no address.
func family(a netip.Addr) int64 {
	switch {
	case a.Is4():
		return 4
	case a.Is6():
		return 6
	}
	return 0
}
