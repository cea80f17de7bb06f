package awsfinding

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Evidence gives an evidence of the event to fill, and takes it back if nothing that
// OCSF asks of one was set.
func Evidence(ev *ocsf.Event, fill func(*ocsf.Evidences)) {
	e := ev.AddEvidences()
	fill(e)
	if !tells(e) {
		ev.Evidences = ev.Evidences[:len(ev.Evidences)-1]
	}
}

func tells(e *ocsf.Evidences) bool {
	return e.Actor.Present() || e.API.Present() || e.ConnectionInfo.Present() || e.HasData() || e.Device.Present() || e.DstEndpoint.Present() ||
		e.File.Present() || e.Process.Present() || e.Query.Present() || len(e.Resources) > 0 || e.SrcEndpoint.Present() || e.URL.Present() || e.User.Present()
}

// Action maps what a finding says was done, one evidence for each way in which it
// was: a call, a connection, a probe of a port, a DNS request.
func Action(action jsondoc.Value, ev *ocsf.Event) {
	if a := Get(action, "awsApiCallAction"); a.Len() > 0 {
		Evidence(ev, func(e *ocsf.Evidences) { call(a, e) })
	}
	if a := Get(action, "networkConnectionAction"); a.Len() > 0 {
		Evidence(ev, func(e *ocsf.Evidences) { connection(a, e) })
	}
	for probe := range Path(action, "portProbeAction", "portProbeDetails").Elements {
		Evidence(ev, func(e *ocsf.Evidences) {
			Remote(Get(probe, "remoteIpDetails"), &e.SrcEndpoint)
			local(probe, &e.DstEndpoint)
		})
	}
	if a := Get(action, "dnsRequestAction"); a.Len() > 0 {
		Evidence(ev, func(e *ocsf.Evidences) { request(a, e) })
	}
	if a := Get(action, "kubernetesApiCallAction"); a.Len() > 0 {
		Evidence(ev, func(e *ocsf.Evidences) { kubernetesCall(a, e) })
	}
	if a := Get(action, "rdsLoginAttemptAction"); a.Len() > 0 {
		logins(a, ev)
	}
}

func call(a jsondoc.Value, e *ocsf.Evidences) {
	if normalize.Text(Get(a, "api"), e.API.SetOperation) != "" {
		normalize.Text(Get(a, "serviceName"), e.API.Service.SetName)
		normalize.Text(Get(a, "errorCode"), e.API.Response.SetError)
	}
	normalize.Text(Get(a, "userAgent"), e.HTTPRequest.SetUserAgent)
	normalize.Text(Path(a, "domainDetails", "domain"), e.SrcEndpoint.SetDomain)
	Remote(Get(a, "remoteIpDetails"), &e.SrcEndpoint)
	affected := Get(a, "affectedResources")
	for kind, id := range affected.Members {
		if uid, ok := id.Str(); ok && uid != "" && kind != "" {
			id.Use()
			r := e.AddResources()
			r.SetUID(uid)
			r.SetType(kind)
		}
	}
}

func local(a jsondoc.Value, out *ocsf.NetworkEndpoint) {
	ip := Get(a, "localIpDetails")
	IP(Get(ip, "ipAddressV4"), out.SetIP)
	if !out.HasIP() {
		IP(Get(ip, "ipAddressV6"), out.SetIP)
	}
	port := Get(a, "localPortDetails")
	Port(Get(port, "port"), out.SetPort)
	normalize.Text(Get(port, "portName"), out.SetSvcName)
	normalize.Text(Get(a, "localNetworkInterface"), out.SetInterfaceUID)
	endpoint(out)
}

// connection maps a connection. The one who opened it is the source: the remote side,
// unless the direction is outbound.
func connection(a jsondoc.Value, e *ocsf.Evidences) {
	near, far := &e.DstEndpoint, &e.SrcEndpoint
	direction := Get(a, "connectionDirection")
	switch strings.ToUpper(direction.Text()) {
	case "INBOUND":
		e.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDInbound)
	case "OUTBOUND":
		e.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDOutbound)
		near, far = far, near
	default:
		e.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDUnknown)
	}
	normalize.Text(Get(a, "protocol"), e.ConnectionInfo.SetProtocolName)
	Remote(Get(a, "remoteIpDetails"), far)
	port := Get(a, "remotePortDetails")
	Port(Get(port, "port"), far.SetPort)
	normalize.Text(Get(port, "portName"), far.SetSvcName)
	endpoint(far)
	local(a, near)
}

// endpoint takes back an endpoint that is a port alone: OCSF wants a name or address.
func endpoint(out *ocsf.NetworkEndpoint) {
	if out.Present() && !named(out) {
		out.SetName(normalize.Unknown)
	}
}

func named(out *ocsf.NetworkEndpoint) bool {
	return out.HasIP() || out.HasUID() || out.HasName() || out.HasHostname() || out.HasSvcName() || out.HasInstanceUID() ||
		out.HasInterfaceUID() || out.HasInterfaceName() || out.HasDomain()
}

func request(a jsondoc.Value, e *ocsf.Evidences) {
	if domain := Get(a, "domain"); normalize.IsHostname(domain.Text()) {
		normalize.Text(domain, e.Query.SetHostname)
	}
	if protocol := Get(a, "protocol"); e.Query.Present() && protocol.Text() != "" {
		e.ConnectionInfo.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDUnknown)
		normalize.Text(protocol, e.ConnectionInfo.SetProtocolName)
	}
}

func kubernetesCall(a jsondoc.Value, e *ocsf.Evidences) {
	if normalize.Text(Get(a, "verb"), e.API.SetOperation) != "" {
		e.API.Service.SetName("kubernetes")
		normalize.Int32(Get(a, "statusCode"), e.API.Response.SetCode)
	}
	normalize.Text(Get(a, "userAgent"), e.HTTPRequest.SetUserAgent)
	normalize.Text(Get(a, "requestUri"), e.HTTPRequest.URL.SetPath)
	Remote(Get(a, "remoteIpDetails"), &e.SrcEndpoint)
	for ip := range Get(a, "sourceIps").Elements {
		switch address := ip.Text(); {
		case !e.SrcEndpoint.HasIP():
			IP(ip, e.SrcEndpoint.SetIP)
		case address != e.SrcEndpoint.IP():
			IP(ip, func(s string) { e.SrcEndpoint.IntermediateIPs = append(e.SrcEndpoint.IntermediateIPs, s) })
		}
	}
	endpoint(&e.SrcEndpoint)
	name := Get(a, "resourceName")
	kind := Get(a, "resource")
	if name.Text() == "" && kind.Text() == "" {
		return
	}
	r := e.AddResources()
	if normalize.Text(name, r.SetName) == "" {
		r.SetName(normalize.Collection)
	}
	normalize.Text(kind, r.SetType)
	normalize.Text(Get(a, "namespace"), r.SetNamespace)
}

// logins maps attempts to sign in to a database, an evidence for each user tried.
func logins(a jsondoc.Value, ev *ocsf.Event) {
	remote := Get(a, "remoteIpDetails")
	attributes := Get(a, "loginAttributes")
	if attributes.Len() == 0 {
		Evidence(ev, func(e *ocsf.Evidences) { Remote(remote, &e.SrcEndpoint) })
	}
	for attempt := range attributes.Elements {
		Evidence(ev, func(e *ocsf.Evidences) {
			Remote(remote, &e.SrcEndpoint)
			normalize.Text(Get(attempt, "user"), e.Actor.User.SetName)
			normalize.Text(Get(attempt, "application"), e.Actor.SetAppName)
		})
	}
}
