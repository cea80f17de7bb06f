package gateway

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Kong knows the JSON of Kong's file-log, http-log and the other logging plugins;
// of a stream it is network_activity.
var Kong = &Vendor{
	source: normalize.Source{Name: normalize.GatewayKong, Product: "Kong Gateway", Vendor: "Kong"},
	objects: []objectDialect{{
		name: "json",
		is: func(root jsondoc.Value) bool {
			return root.Get("latencies").Kind() == jsondoc.Object && root.Get("client_ip").Exists() &&
				(root.Get("request").Exists() || root.Get("session").Exists())
		},
		table:   kongLog,
		network: func(root jsondoc.Value) bool { return root.Get("session").Exists() && !root.Get("request").Exists() },
	}},
}

// kongLog is the serializer of docs.konghq.com's page on log formats.
var kongLog = members{
	"started_at": setter(setTime),
	"client_ip":  setter(setClient),
	"latencies": members{
		"request": took(milliseconds),
		"session": took(milliseconds),
		"proxy":   latency(milliseconds),
	},
	"request": members{
		"id":          setRequestUID,
		"method":      setMethod,
		"uri":         setTarget,
		"url":         setURL,
		"size":        setter(setReceived),
		"headers":     requestHeaders,
		"querystring": reader(keepEmpty),
		"tls": members{
			"version": setter(setTLSVersion),
			"cipher":  setCipher,
		},
	},
	"response": members{
		"status":  setter(setStatus),
		"size":    setter(setSent),
		"headers": responseHeaders,
	},
	"session": members{
		"sent":     setter(setSent),
		"received": setter(setReceived),
		"tls": members{
			"version": setter(setTLSVersion),
			"cipher":  setCipher,
		},
	},
	"service": members{
		"name": setBackend,
		"id":   setBackendUID,
	},
	"consumer": members{
		"username": setUser,
		"id":       setUserUID,
	},
	"authenticated_entity": members{
		"id": setUserKey,
	},
	"upstream_status": setUpstreamStatus,
	"tries":           reader(readTries),
	"trace_id":        traceID,
}

// traceID is a trace's id, or an object that has it in one encoding or several.
var traceID = both{setTraceUID, members{"w3c": setTraceUID, "b3": setTraceUID, "datadog": setTraceUID, "jaeger": setTraceUID}}

// keepEmpty uses an object without members.
func keepEmpty(_ *access, v jsondoc.Value) {
	if v.Len() == 0 {
		v.Use()
	}
}

// usePort gives set a number that is a port.
func usePort(v jsondoc.Value, set func(int32)) {
	if n, ok := parsePort(v.Text()); ok {
		v.Use()
		set(n)
	}
}

// readTries maps the attempts to reach a server behind the gateway.
func readTries(a *access, v jsondoc.Value) {
	if v.Len() == 0 {
		v.Use()
	}
	for try := range v.Elements {
		ip, port := try.Get("ip"), try.Get("port")
		if !normalize.IsIP(ip.Text()) {
			continue
		}
		if v.Len() == 1 {
			d := &a.ev.LoadBalancer.DstEndpoint
			d.SetIP(ip.Use().Text())
			usePort(port, d.SetPort)
			continue
		}
		c := a.ev.LoadBalancer.AddEndpointConnections()
		c.NetworkEndpoint.SetIP(ip.Use().Text())
		usePort(port, c.NetworkEndpoint.SetPort)
		normalize.Int32(try.Get("code"), c.SetCode)
	}
}
