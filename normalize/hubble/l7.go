package hubble

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var methods = map[string]int32{
	"CONNECT": ocsf.HTTPActivityActivityIDConnect,
	"DELETE":  ocsf.HTTPActivityActivityIDDelete,
	"GET":     ocsf.HTTPActivityActivityIDGet,
	"HEAD":    ocsf.HTTPActivityActivityIDHead,
	"OPTIONS": ocsf.HTTPActivityActivityIDOptions,
	"POST":    ocsf.HTTPActivityActivityIDPost,
	"PUT":     ocsf.HTTPActivityActivityIDPut,
	"TRACE":   ocsf.HTTPActivityActivityIDTrace,
	"PATCH":   ocsf.HTTPActivityActivityIDPatch,
}

// mapHTTP maps a request or a response, of which Hubble repeats method and URL. As
// to a gateway, a response of 400 and more is a failure.
func mapHTTP(flow, l7 jsondoc.Value, ev *ocsf.Event) {
	http, request, response := l7.Get("http"), &ev.HTTPRequest, &ev.HTTPResponse
	method := http.Get("method").Text()
	activity, known := methods[method]
	switch {
	case known:
		ev.SetActivityID(activity)
		normalize.Text(http.Get("method"), request.SetHTTPMethod)
	case method != "":
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName(method)
	default:
		ev.SetActivityID(ocsf.ActivityIDUnknown)
	}
	normalize.Text(http.Get("protocol"), request.SetVersion)
	mapURL(http.Get("url"), &request.URL)
	normalize.Int32(http.Get("code"), response.SetCode)
	if code := response.Code(); code > 0 {
		ev.SetStatusCode(strconv.Itoa(int(code)))
		if code >= 400 {
			ev.SetStatusID(ocsf.StatusIDFailure)
		}
	}
	mapHeaders(http.Get("headers"), l7.Get("type").Text() == "RESPONSE", ev)
	if response.Present() && !response.HasCode() {
		response.SetCode(0)
	}
	if !request.Present() && !response.Present() {
		request.URL.SetPath(normalize.Unknown)
	}
	normalize.Text(flow.Path("trace_context", "parent", "trace_id"), func(id string) {
		ev.Trace.SetUID(id)
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "trace")
	})
}

// mapURL maps a URL, or a path alone.
func mapURL(v jsondoc.Value, url *ocsf.URL) {
	normalize.Text(v, func(text string) {
		path := text
		if normalize.IsURL(text) {
			url.SetURLString(text)
			scheme, rest, _ := strings.Cut(text, "://")
			authority, after, slash := strings.Cut(rest, "/")
			if path = ""; slash {
				path = "/" + after
			}
			url.SetScheme(scheme)
			host, port, hasPort := strings.Cut(authority, ":")
			if normalize.IsHostname(host) {
				url.SetHostname(host)
			}
			if n, err := strconv.ParseUint(port, 10, 16); hasPort && err == nil {
				url.SetPort(int32(n))
			}
		}
		path, query, hasQuery := strings.Cut(path, "?")
		if path != "" || !url.Present() {
			url.SetPath(path)
		}
		if hasQuery && query != "" {
			url.SetQueryString(query)
		}
	})
}

// mapHeaders maps the headers that Hubble keeps, {"key": .., "value": ..}.
func mapHeaders(list jsondoc.Value, isResponse bool, ev *ocsf.Event) {
	for h := range list.Elements {
		key, value := h.Get("key"), h.Get("value")
		if key.Text() == "" || value.Text() == "" {
			continue
		}
		var out *ocsf.HTTPHeader
		if isResponse {
			out = ev.HTTPResponse.AddHTTPHeaders()
		} else {
			out = ev.HTTPRequest.AddHTTPHeaders()
		}
		name := normalize.Text(key, out.SetName)
		text := normalize.Text(value, out.SetValue)
		switch {
		case strings.EqualFold(name, "user-agent"):
			ev.HTTPRequest.SetUserAgent(text)
		case strings.EqualFold(name, "x-request-id"):
			ev.HTTPRequest.SetUID(text)
		}
	}
}

// mapDNS maps a query or an answer.
func mapDNS(l7 jsondoc.Value, ev *ocsf.Event) {
	dns := l7.Get("dns")
	switch l7.Get("type").Text() {
	case "REQUEST":
		ev.SetActivityID(ocsf.DNSActivityActivityIDQuery)
		ev.SetQueryTime(ev.Time())
	case "RESPONSE":
		ev.SetActivityID(ocsf.DNSActivityActivityIDResponse)
		ev.SetResponseTime(ev.Time())
	default:
		ev.SetActivityID(ocsf.DNSActivityActivityIDTraffic)
	}
	normalize.Text(dns.Get("query"), func(name string) { normalize.SetDNSName(ev, name) })
	if kind := dns.Get("qtypes").Index(0); ev.Query.HasHostname() {
		normalize.Text(kind, ev.Query.SetType)
	}
	ttl, hasTTL := dns.Get("ttl").Int()
	addAnswer := func(v jsondoc.Value, kind string) {
		normalize.Text(v, func(data string) {
			answer := ev.AddAnswers()
			answer.SetRdata(data)
			if kind != "" {
				answer.SetType(kind)
			}
			if hasTTL && 0 < ttl && ttl <= 1<<31-1 {
				answer.SetTTL(int32(ttl))
			}
		})
	}
	for ip := range dns.Get("ips").Elements {
		kind := "A"
		if strings.Contains(ip.Text(), ":") {
			kind = "AAAA"
		}
		addAnswer(ip, kind)
	}
	for name := range dns.Get("cnames").Elements {
		addAnswer(name, "CNAME")
	}
	if code, ok := dns.Get("rcode").Int(); ok && l7.Get("type").Text() == "RESPONSE" {
		if id, known := normalize.ParseRCode(strconv.FormatInt(code, 10)); known {
			dns.Get("rcode").Use()
			ev.SetRcodeID(id)
		}
	} else if ev.ActivityID() == ocsf.DNSActivityActivityIDResponse && !dns.Get("rcode").Exists() {
		ev.SetRcodeID(0) // protobuf leaves a zero out
	}
}
