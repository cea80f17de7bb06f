package gateway

import (
	"math"
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

func (a *access) finishResponse() {
	ev := a.ev
	if a.hasCode {
		ev.HTTPResponse.SetCode(a.code)
		ev.SetStatusCode(statusText(a.code))
		ev.SetStatusID(statusOf(a.code))
	} else if ev.HTTPResponse.Present() || a.bodySent >= 0 && a.sent >= 0 {
		ev.HTTPResponse.SetCode(0) // required
	}
	if ev.HTTPResponse.Present() {
		if 0 <= a.bodySent && a.bodySent <= math.MaxInt32 {
			ev.HTTPResponse.SetBodyLength(int32(a.bodySent))
		}
		if 0 <= a.sent && a.sent <= math.MaxInt32 {
			ev.HTTPResponse.SetLength(int32(a.sent))
		}
	}
	if received := max(a.bodySent, a.sent); received >= 0 {
		ev.Traffic.SetBytesIn(received)
		if a.sent > a.bodySent && a.bodySent > math.MaxInt32 {
			a.keep("body_bytes_sent", strconv.FormatInt(a.bodySent, 10))
		}
	}
}

func statusOf(code int32) int32 {
	switch {
	case code >= 400:
		return ocsf.StatusIDFailure
	case code >= 100:
		return ocsf.StatusIDSuccess
	}
	return ocsf.StatusIDUnknown
}

// statusText is the code with its three digits: log formats write 0 as 000.
func statusText(code int32) string {
	text := strconv.Itoa(int(code))
	return "000"[:max(0, 3-len(text))] + text
}

// finishUpstream maps the servers behind the gateway. An attempt is an endpoint
// connection; a single one is the load balancer's destination.
func (a *access) finishUpstream() {
	l := &a.ev.LoadBalancer
	addresses, statuses := splitList(a.upstreams), splitList(a.upstreamStatuses)
	if len(addresses) <= 1 && len(statuses) <= 1 {
		if a.upstreams != "" && !setUpstream(&l.DstEndpoint, a.upstreams) {
			a.keep("upstream_addr", a.upstreams)
		}
		if n, ok := parseCode(a.upstreamStatuses); ok {
			l.SetCode(n)
		} else {
			a.keep("upstream_status", a.upstreamStatuses)
		}
		return
	}
	for i := range max(len(addresses), len(statuses)) {
		c := l.AddEndpointConnections()
		if i < len(addresses) {
			setUpstream(&c.NetworkEndpoint, addresses[i])
		}
		if i < len(statuses) {
			if n, ok := parseCode(statuses[i]); ok {
				c.SetCode(n)
			} else if statuses[i] != "-" {
				a.keep("upstream_status", a.upstreamStatuses)
			}
		}
		if !c.NetworkEndpoint.Present() && !c.HasCode() {
			c.NetworkEndpoint.SetName(normalize.Unknown)
		}
	}
}

// splitList takes "a, b : c" apart.
func splitList(list string) []string {
	if len(list) > maxList {
		return []string{list}
	}
	if strings.IndexByte(list, ',') < 0 && strings.IndexByte(list, ' ') < 0 {
		if list == "" {
			return nil
		}
		return []string{list}
	}
	var elements []string
	for _, element := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if element != ":" {
			elements = append(elements, element)
		}
	}
	return elements
}

// setUpstream maps "192.0.2.1:80", "tcp://192.0.2.1:80", "unix:/run/app.sock", a name.
func setUpstream(dst *ocsf.NetworkEndpoint1, address string) bool {
	if address == "-" || address == ":" || dst.HasIP() || dst.HasHostname() {
		return false
	}
	host, port := splitPort(strings.TrimPrefix(address, "tcp://"))
	switch {
	case normalize.IsIP(host):
		dst.SetIP(host)
	case port != "" && normalize.IsHostname(host):
		dst.SetHostname(host)
	case !dst.HasName():
		dst.SetName(address)
		return true
	default:
		return false
	}
	if n, ok := parsePort(port); ok {
		dst.SetPort(n)
	}
	return true
}
