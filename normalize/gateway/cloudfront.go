package gateway

import (
	"net/url"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// CloudFront knows the standard logs as columns and as JSON, real-time logs with
// all of their fields, and any choice of fields, given as their names in order (as a
// #Fields line has them).
var CloudFront = newCloudFront()

func newCloudFront() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayCloudFront, Product: "CloudFront", Vendor: "AWS"},
		lookup: cloudFrontVariable,
		parse:  parseFieldList,
		custom: true,
		begin:  beginAWS,
	}
	standard := strings.Fields(`date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)
		cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol
		ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte
		x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end`)
	realTime := strings.Fields(`timestamp c-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes
		x-edge-location x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer cs-cookie cs-uri-query
		x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type fle-encrypted-fields fle-status sc-content-type
		sc-content-len sc-range-start sc-range-end c-port x-edge-detailed-result-type c-country cs-accept-encoding cs-accept
		cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count primary-distribution-id primary-distribution-dns-name
		origin-fbl origin-lbl asn`)
	isDate := func(c []string) bool { return len(c[0]) == 10 && c[0][4] == '-' && len(c[1]) == 8 && c[1][2] == ':' }
	v.lines = []lineDialect{
		v.columnsOf("standard", columns{separator: '\t', least: 14, is: isDate}, standard...),
		v.columnsOf("standard", columns{separator: ' ', least: 24, is: isDate}, standard...), // of the second version, with spaces
		v.columnsOf("realtime", columns{separator: '\t', least: 20, is: func(c []string) bool {
			return isTime(c[0]) && strings.IndexByte(c[0], '-') < 0 && normalize.IsIP(c[1]) && isCode(c[3])
		}}, realTime...),
	}
	v.objects = []objectDialect{{
		name: "json",
		is: func(root jsondoc.Value) bool {
			return root.Get("x-edge-location").Exists() || root.Get("x-edge-request-id").Exists()
		},
		table: byName{func(name string) setter { return cloudFrontVariable(name).set }},
	}}
	return v
}

// cloudFrontVariables are the fields of docs.aws.amazon.com's pages on standard and
// real-time logs.
var cloudFrontVariables = map[string]variable{
	"date":                    {set: setDate, time: true},
	"time":                    {set: setClock},
	"timestamp":               {set: setTime, time: true},
	"timestamp(ms)":           {set: setTime, time: true},
	"x-edge-location":         {set: setZone},
	"sc-bytes":                {set: setSent},
	"c-ip":                    {set: setClient},
	"c-port":                  {set: setClientPort},
	"c-country":               {set: setCountry},
	"asn":                     {set: setASN},
	"cs-method":               {set: setMethod},
	"cs(Host)":                {set: setGateway},
	"cs-host":                 {set: setGateway},
	"cs-uri-stem":             {set: setPath},
	"cs-uri-query":            {set: setQuery},
	"sc-status":               {set: setStatus},
	"cs(Referer)":             {set: setReferrer},
	"cs-referer":              {set: setReferrer},
	"cs(User-Agent)":          {set: setEncodedAgent},
	"cs-user-agent":           {set: setEncodedAgent},
	"x-edge-request-id":       {set: setOwnRequestID},
	"x-host-header":           {set: setHost},
	"cs-protocol":             {set: setScheme},
	"cs-bytes":                {set: setReceived},
	"time-taken":              {set: took(seconds)},
	"time-to-first-byte":      {set: latency(seconds)},
	"x-forwarded-for":         {set: setEncodedForwarded},
	"ssl-protocol":            {set: setTLSVersion},
	"ssl-cipher":              {set: setCipher},
	"cs-protocol-version":     {set: setProtocol},
	"sc-content-type":         {set: setContentType},
	"sc-content-len":          {set: setBodySent},
	"cs-accept":               {set: setRequestHeader("accept")},
	"cs-accept-encoding":      {set: setRequestHeader("accept-encoding")},
	"primary-distribution-id": {set: setGatewayUID},
	"DistributionId":          {set: setGatewayUID},
	"distributionid":          {set: setGatewayUID},
}

func cloudFrontVariable(name string) variable { return cloudFrontVariables[name] }

// setEncodedAgent is a user agent whose spaces are %20.
func setEncodedAgent(a *access, text string) bool {
	if plain, err := url.PathUnescape(text); err == nil && strings.ToValidUTF8(plain, "") == plain {
		return setUserAgent(a, plain)
	}
	return setUserAgent(a, text)
}

// setEncodedForwarded is X-Forwarded-For, whose spaces are %20.
func setEncodedForwarded(a *access, text string) bool {
	return setForwarded(a, strings.ReplaceAll(text, "%20", " "))
}

// parseFieldList reads names of fields with white space or commas between, also as a
// #Fields line.
func parseFieldList(text string) (format.Options, []format.Part, error) {
	l := lexer{source: source{text: text}, lookup: cloudFrontVariable}
	from := 0
	if i := strings.Index(text, "#Fields:"); i >= 0 {
		from = i + len("#Fields:")
	}
	for i := from; i < len(text); i++ {
		start := i
		for i < len(text) && strings.IndexByte(" \t\r\n,", text[i]) < 0 {
			i++
		}
		if i == start {
			continue
		}
		if len(l.parts) > 0 {
			l.parts = append(l.parts, format.Part{Literal: "\t", Column: start + 1})
		}
		l.start = start
		l.field(text[start:i], start, i)
	}
	return format.Options{}, l.parts, nil
}
