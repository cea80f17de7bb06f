package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Traefik knows its access log in the common log format, with the count of the
// request, router, server and duration behind, and as JSON.
var Traefik = newTraefik()

func newTraefik() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayTraefik, Product: "Traefik", Vendor: "Traefik Labs"},
		lookup: traefikVariable,
		parse: func(text string) (format.Options, []format.Part, error) {
			return dollars(text, traefikVariable)
		},
	}
	v.lines = []lineDialect{
		v.lineOf("clf", `$ClientHost - $ClientUsername [$StartUTC] "$request" $DownstreamStatus $DownstreamContentSize `+
			`"$request_Referer" "$request_User_Agent" $RequestCount "$RouterName" "$ServiceURL" ${DurationMS}ms`),
	}
	v.end = endTraefik
	v.objects = []objectDialect{{
		name: "json",
		is: func(root jsondoc.Value) bool {
			return root.Get("DownstreamStatus").Exists() || root.Get("entryPointName").Exists() && root.Get("RequestMethod").Exists()
		},
		table: byName{func(name string) setter { return traefikVariable(name).set }},
	}}
	return v
}

// traefikVariables are the fields of doc.traefik.io's page on access logs.
var traefikVariables = map[string]variable{
	"StartUTC":              {set: setTime, check: isTime, time: true},
	"StartLocal":            {set: setLocalTime},
	"time":                  {set: setLoggedTime},
	"ClientAddr":            {set: setClient},
	"ClientHost":            {set: setClientHost, shape: format.List, check: isAddress},
	"ClientPort":            {set: setClientPort},
	"ClientUsername":        {set: setUser},
	"RequestHost":           {set: setHost},
	"RequestPort":           {set: setPort},
	"RequestMethod":         {set: setMethod},
	"RequestPath":           {set: setTarget},
	"RequestProtocol":       {set: setProtocol},
	"RequestScheme":         {set: setScheme},
	"RequestContentSize":    {set: setRequestBody},
	"request":               {set: setRequest},
	"RouterName":            {}, // it stays under its name: a route is no attribute of OCSF's
	"ServiceName":           {set: setBackend},
	"ServiceAddr":           {set: setUpstreams},
	"BackendName":           {set: setBackend}, // of Traefik 1
	"BackendAddr":           {set: setUpstreams},
	"ServiceURL":            {set: setServiceURL},
	"DownstreamStatus":      {set: setStatus, shape: format.Word, check: isCode},
	"DownstreamContentSize": {set: setBodySent, shape: format.Word, check: isCount},
	"OriginStatus":          {set: setUpstreamStatus},
	"Duration":              {set: took(nanoseconds)},
	"DurationMS":            {set: took(milliseconds), shape: format.Word, check: isCount},
	"OriginDuration":        {set: latency(nanoseconds)},
	"RequestCount":          {shape: format.Word},
	"TLSVersion":            {set: setTLSVersion},
	"TLSCipher":             {set: setCipher},
	"TLSClientSubject":      {set: setCertSubject},
	"TraceId":               {set: setTraceUID},
	"entryPointName":        {set: setGatewaySvc},
	"level":                 {set: setLogLevel},
	"msg":                   {set: setMessage},
	"request_Referer":       {set: setReferrer},
	"request_User_Agent":    {set: setUserAgent},
}

func traefikVariable(name string) variable {
	if v, ok := traefikVariables[name]; ok {
		return v
	}
	if header, ok := strings.CutPrefix(name, "request_"); ok {
		return variable{set: requestHeader(header)}
	}
	if header, ok := strings.CutPrefix(name, "downstream_"); ok {
		return variable{set: responseHeader(header)}
	}
	return variable{}
}

// setClientHost is X-Forwarded-For where the client sent one, else the address. In
// JSON, ClientAddr tells which.
func setClientHost(a *access, text string) bool {
	if s := &a.ev.SrcEndpoint; s.HasIP() {
		return s.IP() != text && setForwarded(a, text)
	}
	return setClient(a, text)
}

// setLocalTime keeps the start in the time of the machine, which says the same as
// StartUTC where fields were not dropped.
func setLocalTime(a *access, text string) bool {
	a.local = text
	return false
}

// endTraefik takes the start in local time, or when the line was written, for the
// time of a record whose configuration drops the others.
func endTraefik(a *access) {
	if a.ev.HasTime() || a.local != "" && setTime(a, a.local) {
		return
	}
	if m := &a.ev.Metadata; m.HasLoggedTime() {
		a.ev.SetTime(m.LoggedTime())
	}
}

// setServiceURL is the server behind, "http://192.0.2.1:80".
func setServiceURL(a *access, text string) bool {
	if _, address, ok := strings.Cut(text, "://"); ok && a.upstreams == "" && strings.IndexByte(address, '/') < 0 {
		a.upstreams = address
	}
	return false // its scheme has no attribute
}
