package gateway

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// access is the event in the making: setters fill it variable by variable, in any
// order, and finish decides what needs several of them together. The texts are
// decoded; "" is absent.
type access struct {
	ev *ocsf.Event

	request  string // the request line
	method   string
	target   string // as the client sent it: a path with a query, a URL, host:port
	protocol string
	url      string // the whole URL, of logs that have that
	scheme   string
	host     string // of the Host header, maybe with a port
	server   string // the name of the virtual host
	port     string // that the client connected to
	path     string
	query    string

	date     string // of logs that have date and time apart
	clock    string
	flags    string // of Envoy, what went wrong
	local    string // the start, of logs that have it twice
	resource string // the template of the path

	code     int32
	hasCode  bool
	bodySent int64 // -1 is absent
	sent     int64
	received int64

	upstreams        string // a list of addresses
	upstreamStatuses string // a list

	other   bool     // the record is neither: the vendor has chosen its class
	network bool     // the record is of a connection, not of a request
	extra   []string // fields without a name
	kept    []pair   // what no attribute holds
	object  string   // what is left of an object inside of the record
}

// pair is a variable that goes to unmapped.
type pair struct{ name, value string }

func (a *access) reset(ev *ocsf.Event) {
	*a = access{ev: ev, bodySent: -1, sent: -1, received: -1, extra: a.extra[:0], kept: a.kept[:0]}
}

// keep puts a text that no attribute holds into unmapped.
func (a *access) keep(name, value string) {
	if value != "" {
		a.kept = append(a.kept, pair{name, value})
	}
}

// finish maps what the setters could not decide one by one.
func (a *access) finish(rec *event.Record) error {
	ev := a.ev
	if a.date != "" && (a.clock == "" || !setTime(a, a.date+"T"+a.clock+"Z")) {
		a.keep("date", a.date)
		a.keep("time", a.clock)
	}
	if !ev.HasTime() {
		return normalize.Missing("time")
	}
	if !ev.Metadata.HasUID() {
		ev.Metadata.SetUID(normalize.OriginUID(rec))
	}
	a.finishUpstream()
	switch {
	case a.other:
		a.finishOther()
	case a.network:
		a.finishConnection()
	default:
		a.finishRequest()
		a.finishResponse()
	}
	a.finishRequired()
	a.finishProfiles()
	return nil
}

// finishConnection maps a record of a connection whose content the gateway does
// not look into.
func (a *access) finishConnection() {
	ev := a.ev
	ev.SetClass(ocsf.ClassNetworkActivity)
	ev.SetActivityID(ocsf.NetworkActivityActivityIDTraffic)
	ev.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDInbound)
	ev.ConnectionInfo.SetProtocolName("tcp")
	ev.SetIsSrcDstAssignmentKnown(true)
	if a.hasCode {
		ev.SetStatusCode(statusText(a.code))
		ev.SetStatusID(statusOf(a.code))
	}
	if a.sent >= 0 {
		ev.Traffic.SetBytesIn(a.sent)
	}
	if a.received >= 0 {
		ev.Traffic.SetBytesOut(a.received)
	}
	a.keepRequest()
	for _, name := range [...]string{a.host, a.server} {
		if name != "" && !a.setDestinationName(name) {
			a.keep("server", name)
		}
	}
}

// keepRequest keeps what is known of a request in a record that is of none.
func (a *access) keepRequest() {
	for _, p := range [...]pair{{"request", a.request}, {"method", a.method}, {"target", a.target}, {"protocol", a.protocol},
		{"url", a.url}, {"scheme", a.scheme}, {"path", a.path}, {"query", a.query}, {"port", a.port}, {"resourcePath", a.resource}} {
		a.keep(p.name, p.value)
	}
	ev := a.ev
	if r := &ev.HTTPRequest; r.Present() {
		a.keep("user_agent", r.UserAgent())
		a.keep("referrer", r.Referrer())
		a.keep("request_id", r.UID())
		a.keep("x_forwarded_for", strings.Join(r.XForwardedFor, ","))
		a.keepNumber("request_body_length", r.HasBodyLength(), r.BodyLength())
		a.keepHeaders(r.HTTPHeaders)
		*r = ocsf.HTTPRequest{}
	}
	if r := &ev.HTTPResponse; r.Present() {
		a.keep("content_type", r.ContentType())
		a.keepNumber("latency", r.HasLatency(), r.Latency())
		a.keepHeaders(r.HTTPHeaders)
		*r = ocsf.HTTPResponse{}
	}
	if ev.Trace.Present() {
		a.keep("trace_id", ev.Trace.UID())
		ev.Trace = ocsf.Trace{}
	}
}

func (a *access) keepNumber(name string, is bool, n int32) {
	if is {
		a.keep(name, strconv.Itoa(int(n)))
	}
}

func (a *access) keepHeaders(headers []ocsf.HTTPHeader) {
	for i := range headers {
		a.keep(headers[i].Name(), headers[i].Value())
	}
}

// finishOther keeps what a class without the attributes of a request cannot hold.
func (a *access) finishOther() {
	a.keepRequest()
	a.keep("host", a.host)
	a.keep("server", a.server)
	if a.hasCode {
		a.ev.SetStatusCode(statusText(a.code))
	}
	for _, n := range [...]struct {
		name  string
		value int64
	}{{"bytes_sent", a.sent}, {"body_bytes_sent", a.bodySent}, {"bytes_received", a.received}} {
		if n.value >= 0 {
			a.keep(n.name, strconv.FormatInt(n.value, 10))
		}
	}
}

// finishRequired fills what OCSF requires of the objects that are there.
func (a *access) finishRequired() {
	ev := a.ev
	if t := &ev.TLS; t.Present() {
		if !t.HasVersion() {
			t.SetVersion(normalize.Unknown)
		}
		if c := &t.Certificate; c.Present() {
			if !c.HasIssuer() {
				c.SetIssuer(normalize.Unknown)
			}
			if !c.HasSerialNumber() {
				c.SetSerialNumber(normalize.Unknown)
			}
		}
	}
	if l := &ev.LoadBalancer; l.Present() && !l.HasName() && !l.HasUID() {
		l.SetName(normalize.Unknown)
	}
	if u := &ev.Actor.User; u.Present() && !u.HasName() && !u.HasUID() && !u.Account.Present() {
		u.SetName(normalize.Unknown)
	}
	if r := &ev.FirewallRule; r.Present() && !r.HasName() && !r.HasUID() {
		r.SetName(normalize.Unknown)
	}
	if src := &ev.SrcEndpoint; src.Present() && !src.HasIP() && !src.HasName() && !src.HasHostname() && !src.HasUID() {
		src.SetName(normalize.Unknown)
	}
	if dst := &ev.DstEndpoint; dst.Present() && !dst.HasIP() && !dst.HasName() && !dst.HasHostname() && !dst.HasUID() && !dst.HasSvcName() {
		dst.SetName(normalize.Unknown)
	}
	if a.other {
		return
	}
	if a.network {
		if !ev.SrcEndpoint.Present() && !ev.DstEndpoint.Present() {
			ev.SrcEndpoint.SetName(normalize.Unknown)
		}
	} else if !ev.HTTPRequest.Present() && !ev.HTTPResponse.Present() {
		ev.HTTPRequest.SetVersion(normalize.Unknown)
	}
}

// finishProfiles lists the profiles whose attributes are set.
func (a *access) finishProfiles() {
	ev := a.ev
	md := &ev.Metadata
	for _, p := range [...]struct {
		name string
		used bool
	}{
		{"cloud", ev.Cloud.Present()},
		{"host", ev.Actor.Present() || ev.Device.Present()},
		{"load_balancer", ev.LoadBalancer.Present()},
		{"security_control", ev.HasActionID() || ev.HasDispositionID() || ev.FirewallRule.Present() || ev.Policy.Present() || ev.HasRiskScore()},
		{"trace", ev.Trace.Present()},
	} {
		if p.used {
			md.Profiles = append(md.Profiles, p.name)
		}
	}
}

// setDestinationName puts a name or an address with or without a port to the
// endpoint that the client connected to.
func (a *access) setDestinationName(name string) bool {
	dst := &a.ev.DstEndpoint
	host, port := splitPort(name)
	if dst.HasName() || dst.HasHostname() || port != "" && dst.HasPort() {
		return false
	}
	switch {
	case normalize.IsIP(host) && !dst.HasIP():
		dst.SetIP(host)
	case normalize.IsHostname(host) && !normalize.IsIP(host):
		dst.SetHostname(host)
	default:
		dst.SetName(name)
		return true
	}
	if n, ok := parsePort(port); ok {
		dst.SetPort(n)
	}
	return true
}

// splitPort takes "host:port" and "[address]:port" apart; port is "" where there is
// none, and an IPv6 address loses its brackets.
func splitPort(s string) (host, port string) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 && (s[0] == '[' && s[max(i, 1)-1] == ']' || strings.IndexByte(s, ':') == i) {
		if _, ok := parsePort(s[i+1:]); ok {
			return strings.Trim(s[:i], "[]"), s[i+1:]
		}
	}
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		return s[1 : len(s)-1], ""
	}
	return s, ""
}
