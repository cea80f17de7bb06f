package gateway

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// APISIX knows the JSON of the logger plugins (http-logger, kafka-logger,
// file-logger and so on) and the text of its access log. A plugin's log_format is a
// JSON object of NGINX's variables, and so are the formats of users.
var APISIX = newAPISIX()

func newAPISIX() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayAPISIX, Product: "APISIX", Vendor: "Apache"},
		lookup: apisixVariable,
		parse: func(text string) (format.Options, []format.Part, error) {
			return dollars(text, apisixVariable)
		},
		custom: true,
		decode: decode,
	}
	v.lines = []lineDialect{
		v.openLineOf("access", `$remote_addr - $remote_user [$time_local] $http_host "$request" $status $body_bytes_sent $request_time `+
			`"$http_referer" "$http_user_agent" $upstream_addr $upstream_status $upstream_response_time "$upstream_url"`, nil),
	}
	v.objects = []objectDialect{{
		name: "json",
		is: func(root jsondoc.Value) bool {
			return root.Get("request").Kind() == jsondoc.Object && root.Get("response").Kind() == jsondoc.Object &&
				(root.Get("apisix_latency").Exists() || root.Get("route_id").Exists() || root.Get("upstream_latency").Exists())
		},
		table: apisixLog,
	}, {
		name: "log_format",
		is: func(root jsondoc.Value) bool {
			return root.Get("route_id").Exists() && root.Get("client_ip").Exists() && root.Get("request").Kind() != jsondoc.Object
		},
		table: byName{func(name string) setter {
			if set, ok := nginxAliases[name]; ok {
				return set
			}
			return apisixVariable(name).set
		}},
	}}
	return v
}

// apisixLog is the default log of apisix.apache.org's logger plugins.
var apisixLog = members{
	"start_time":       setter(setTime),
	"client_ip":        setter(setClient),
	"latency":          took(milliseconds),
	"upstream_latency": latency(milliseconds),
	"upstream":         setUpstreams,
	"service_id":       setBackendUID,
	"request": members{
		"method":      setMethod,
		"uri":         setTarget,
		"url":         setURL,
		"size":        setter(setReceived),
		"headers":     requestHeaders,
		"querystring": reader(keepEmpty),
	},
	"response": members{
		"status":  setter(setStatus),
		"size":    setter(setSent),
		"headers": responseHeaders,
	},
	"consumer": members{"username": setUser},
	"server":   members{"hostname": setGatewayName},
	"trace_id": setTraceUID,
}

func apisixVariable(name string) variable {
	switch name {
	case "upstream_url", "upstream_scheme", "upstream_uri", "route_id", "route_name":
		return variable{}
	case "consumer_name":
		return variable{set: setUser}
	case "service_name", "service_id":
		return variable{set: setBackend}
	}
	return nginxVariable(name)
}
