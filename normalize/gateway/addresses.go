package gateway

import (
	"net/netip"
	"strings"

	"github.com/weir-security/weir/normalize"
)

// setClient is the client's address: one, with or without a port, or a list of those
// behind proxies, the client first. An IPv4 address in the clothes of IPv6 is the
// IPv4 address; how it was written is in unmapped.
func setClient(a *access, text string) bool {
	s := &a.ev.SrcEndpoint
	if s.HasIP() || s.HasName() {
		return false
	}
	first, others, isList := strings.Cut(text, ",")
	first = strings.TrimSpace(first)
	mapped := false
	if host, port, ok := normalize.SplitHostPort(first); ok && !s.HasPort() {
		host, mapped = withoutMapping(host)
		s.SetIP(host)
		s.SetPort(port)
	} else {
		host, port := splitPort(first)
		switch n, ok := parsePort(port); {
		case !ok && normalize.IsIP(host):
			host, mapped = withoutMapping(host)
			s.SetIP(host)
		case ok && normalize.IsHostname(host) && !s.HasPort():
			s.SetName(host)
			s.SetPort(n)
		default:
			s.SetName(first)
		}
	}
	if isList {
		list, clean := addresses(others)
		if s.IntermediateIPs = append(s.IntermediateIPs, list...); !clean {
			a.keep("proxies", strings.TrimSpace(others))
		}
	}
	return !mapped
}

// withoutMapping is the IPv4 address of "::ffff:192.0.2.1", as a server that listens
// on both writes a client.
func withoutMapping(ip string) (plain string, mapped bool) {
	const prefix = "::ffff:"
	if len(ip) > len(prefix) && strings.EqualFold(ip[:len(prefix)], prefix) && strings.IndexByte(ip, '.') > 0 {
		return ip[len(prefix):], true
	}
	return ip, false
}

// setProxies are addresses between the client and the gateway.
func setProxies(a *access, text string) bool {
	list, clean := addresses(text)
	s := &a.ev.SrcEndpoint
	s.IntermediateIPs = append(s.IntermediateIPs, list...)
	return clean
}

func setClientPort(a *access, text string) bool {
	n, ok := parsePort(text)
	if !ok || a.ev.SrcEndpoint.HasPort() {
		return false
	}
	a.ev.SrcEndpoint.SetPort(n)
	return true
}

// setForwarded is X-Forwarded-For. It is the client's claim and never
// src_endpoint.ip. What of it is no plain address is in unmapped, too.
func setForwarded(a *access, text string) bool {
	r := &a.ev.HTTPRequest
	if len(r.XForwardedFor) > 0 {
		return false
	}
	list, clean := addresses(text)
	r.XForwardedFor = append(r.XForwardedFor, list...)
	return clean
}

// maxList is how many bytes of addresses are read: more than the headers that gateways
// take may have.
const maxList = 64 << 10

// addresses reads a list of addresses. clean is false if it holds something else.
func addresses(text string) (list []string, clean bool) {
	clean = true
	if len(text) > maxList {
		return nil, false
	}
	for address := range strings.SplitSeq(text, ",") {
		address = strings.TrimSpace(address)
		if host, _, ok := normalize.SplitHostPort(address); ok {
			list, clean = append(list, host), false
		} else if normalize.IsIP(address) {
			list = append(list, address)
		} else {
			clean = false
		}
	}
	return list, clean
}

// setGateway is the address at which the gateway took the request: "ip", "ip:port"
// or a name.
func setGateway(a *access, text string) bool {
	d := &a.ev.DstEndpoint
	if host, port := splitPort(text); normalize.IsIP(host) && !d.HasIP() {
		n, ok := parsePort(port)
		if ok && d.HasPort() {
			return false
		}
		d.SetIP(host)
		if ok {
			d.SetPort(n)
		}
		return true
	}
	return a.setDestinationName(text)
}

func setGatewayPort(a *access, text string) bool {
	n, ok := parsePort(text)
	if !ok || a.ev.DstEndpoint.HasPort() {
		return false
	}
	a.ev.DstEndpoint.SetPort(n)
	return true
}

// isAddress tells whether a text can be a client's address: of IP, of a socket, a
// host's name, or a list of them.
func isAddress(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return text != "" && strings.IndexAny(text, `"[]`) < 0
}
