package gateway

import (
	"encoding/hex"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// NGINX knows the predefined format combined, also behind a virtual host and before
// further fields, those of ingress-nginx and NGINX Proxy Manager, JSON objects whose
// members are named as variables, and every log_format.
var NGINX = newNGINX()

func newNGINX() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayNGINX, Product: "NGINX", Vendor: "F5"},
		lookup: nginxVariable,
		parse:  parseDollar,
		custom: true,
		decode: decode,
	}
	const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent`
	const ingress = ` "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name]`
	const attempts = ` $upstream_addr $upstream_response_length $upstream_response_time $upstream_status`
	tails := []lineDialect{
		v.lineOf("ingress", ingress+` [$proxy_alternative_upstream_name]`+attempts+` $req_id`),
		v.lineOf("ingress", ingress+attempts+` $req_id`),
		v.openLineOf("ingress", ingress+` [$proxy_alternative_upstream_name]`+attempts, nil),
		v.lineOf("ingress", ingress+attempts),
	}
	withTails := func(d lineDialect) lineDialect {
		d.tails = tails
		return d
	}
	v.lines = []lineDialect{
		v.lineOf("proxy_manager", `[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri" `+
			`[Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent" "$http_referer"`),
		v.lineOf("proxy_manager", `[$time_local] $status - $request_method $scheme $host "$request_uri" `+
			`[Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "$http_user_agent" "$http_referer"`),
		withTails(v.openLineOf("real_ip", `$the_real_ip - [$the_real_ip_again] - $remote_user [$time_local] "$request" $status $body_bytes_sent`, combinedTail)),
		withTails(v.openLineOf("combined", combined, combinedTail)),
		withTails(v.openLineOf("vhost_combined", `$host `+combined, combinedTail)),
	}
	v.objects = []objectDialect{{
		name:  "json",
		is:    isNGINXObject,
		table: byName{nginxMember},
	}}
	return v
}

// nginxVariables are those of nginx.org/en/docs/varindex.html that an attribute
// holds, and those of ingress-nginx.
var nginxVariables = map[string]variable{
	"remote_addr":               {set: setClient, shape: format.List, check: isAddress},
	"the_real_ip":               {set: setClient, shape: format.List, check: isAddress},
	"remote_port":               {set: setClientPort, shape: format.Word},
	"realip_remote_addr":        {set: setProxies, shape: format.Word},
	"remote_user":               {set: setUser},
	"jwt_claim_sub":             {set: setUserUID},
	"time_local":                {set: setTime, check: isCLF, time: true},
	"time_iso8601":              {set: setTime, shape: format.Word, check: isTime, time: true},
	"msec":                      {set: setTime, shape: format.Word, check: isTime, time: true},
	"request":                   {set: setRequest},
	"request_method":            {set: setMethod, shape: format.Word},
	"request_uri":               {set: setTarget},
	"uri":                       {set: setPath},
	"document_uri":              {set: setPath},
	"args":                      {set: setQuery},
	"query_string":              {set: setQuery},
	"server_protocol":           {set: setProtocol, shape: format.Word},
	"scheme":                    {set: setScheme, shape: format.Word},
	"host":                      {set: setHost, shape: format.Word},
	"http_host":                 {set: setHost},
	"server_name":               {set: setServer, shape: format.Word},
	"server_addr":               {set: setGateway, shape: format.Word},
	"server_port":               {set: setPort, shape: format.Word},
	"status":                    {set: setStatus, shape: format.Word, check: isCode},
	"body_bytes_sent":           {set: setBodySent, shape: format.Word, check: isCount},
	"bytes_sent":                {set: setSent, shape: format.Word, check: isCount},
	"bytes_received":            {set: setReceived, shape: format.Word, check: isCount},
	"request_length":            {set: setReceived, shape: format.Word, check: isCount},
	"content_length":            {set: setRequestBody, shape: format.Word},
	"request_time":              {set: took(seconds), shape: format.Word},
	"session_time":              {set: took(seconds), shape: format.Word},
	"request_id":                {set: setOwnRequestID, shape: format.Word},
	"req_id":                    {set: setRequestUID},
	"protocol":                  {set: setTransport, shape: format.Word},
	"upstream_addr":             {set: setUpstreams, shape: format.List},
	"upstream_status":           {set: setUpstreamStatus, shape: format.List},
	"upstream_response_time":    {set: latency(seconds), shape: format.List},
	"upstream_response_length":  {shape: format.List},
	"upstream_header_time":      {shape: format.List},
	"upstream_connect_time":     {shape: format.List},
	"upstream_bytes_received":   {shape: format.List},
	"upstream_bytes_sent":       {shape: format.List},
	"upstream_cache_status":     {shape: format.Word},
	"proxy_upstream_name":       {set: setBackend},
	"proxy_host":                {set: setBackend},
	"server":                    {set: setUpstreams}, // of NGINX Proxy Manager
	"ssl_protocol":              {set: setTLSVersion, shape: format.Word},
	"ssl_cipher":                {set: setCipher, shape: format.Word},
	"ssl_server_name":           {set: setSNI, shape: format.Word},
	"ssl_preread_server_name":   {set: setSNI, shape: format.Word},
	"ssl_client_s_dn":           {set: setCertSubject},
	"ssl_client_i_dn":           {set: setCertIssuer},
	"ssl_client_serial":         {set: setCertSerial, shape: format.Word},
	"ssl_client_fingerprint":    {set: setCertFingerprint(ocsf.FingerprintAlgorithmIDSHA1), shape: format.Word},
	"geoip_country_code":        {set: setCountry},
	"geoip2_data_country_code":  {set: setCountry},
	"otel_trace_id":             {set: setTraceUID, shape: format.Word},
	"opentelemetry_trace_id":    {set: setTraceUID, shape: format.Word},
	"http_user_agent":           {set: setUserAgent},
	"http_referer":              {set: setReferrer},
	"http_x_forwarded_for":      {set: setForwarded},
	"proxy_add_x_forwarded_for": {set: setForwarded},
	"http_x_request_id":         {set: setRequestUID},
	"http_traceparent":          {set: setTraceparent},
	"sent_http_content_type":    {set: setContentType},
	"connection":                {shape: format.Word},
	"connection_requests":       {shape: format.Word},
	"gzip_ratio":                {shape: format.Word},
	"pipe":                      {shape: format.Word},
	"pid":                       {shape: format.Word},
}

func nginxVariable(name string) variable {
	if v, ok := nginxVariables[name]; ok {
		return v
	}
	if header, ok := strings.CutPrefix(name, "http_"); ok {
		return variable{set: requestHeader(strings.ReplaceAll(header, "_", "-"))}
	}
	if header, ok := strings.CutPrefix(name, "sent_http_"); ok {
		return variable{set: responseHeader(strings.ReplaceAll(header, "_", "-"))}
	}
	return variable{}
}

// nginxAliases are names that people give to variables in JSON formats.
var nginxAliases = map[string]setter{
	"client": setClient, "clientip": setClient, "client_ip": setClient,
	"time": setTime, "timestamp": setTime, "@timestamp": setTime,
	"referer": setReferrer, "referrer": setReferrer, "http_referrer": setReferrer,
	"user_agent": setUserAgent, "x_forwarded_for": setForwarded,
	"method": setMethod, "responsetime": took(seconds), "size": setBodySent,
	"upstreamtime": latency(seconds), "upstreamaddr": setUpstreams,
	"remote_ip": setClient, "vhost": setServer, "request_proto": setProtocol, "path": setPath, "request_query": setQuery,
	"duration": took(seconds), "upstream": setUpstreams, "bytes": setBodySent,
}

// isNGINXObject tells an object of a JSON log_format: one with a status whose client
// has the variable's name, or that has two other variables whose names are NGINX's own.
func isNGINXObject(root jsondoc.Value) bool {
	if !root.Get("status").Exists() {
		return false
	}
	if root.Get("remote_addr").Exists() || root.Get("client").Kind() == jsondoc.String && root.Get("request").Exists() {
		return true
	}
	names := 0
	for _, name := range [...]string{"body_bytes_sent", "http_user_agent", "http_referer", "http_x_forwarded_for", "time_iso8601", "time_local",
		"upstream_response_time", "upstream_addr", "server_protocol", "request_uri"} {
		if root.Get(name).Exists() {
			names++
		}
	}
	return names > 1
}

func nginxMember(name string) setter {
	if set, ok := nginxAliases[name]; ok {
		return set
	}
	return nginxVariable(name).set
}

// combinedTail maps what follows the bytes in the formats combined and common: two
// quoted texts, a third that may be X-Forwarded-For, and what people add. A quote that
// is still open is a line that was cut.
func combinedTail(a *access, rest string) {
	for i := 0; rest != ""; i++ {
		text, after, isOpen := cutField(rest)
		rest = after
		if text = decode(text); text == "" || text == "-" {
			continue
		}
		switch {
		case i == 0 && !isOpen && setReferrer(a, text):
		case i <= 1 && setUserAgent(a, text):
		case i == 2 && isForwarded(text) && setForwarded(a, text):
		default:
			a.extra = append(a.extra, text)
		}
	}
}

// cutField takes a word, or a text in quotes, off the beginning of s.
func cutField(s string) (field, rest string, open bool) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, `"`) {
		field, rest, _ = strings.Cut(s, " ")
		return field, rest, false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[1:i], s[i+1:], false
		}
	}
	return s[1:], "", true
}

func isForwarded(text string) bool {
	list, clean := addresses(text)
	return clean && len(list) > 0
}

// setOwnRequestID is an id that the gateway makes for each request, whatever the
// client sends: it identifies the event, too.
func setOwnRequestID(a *access, text string) bool {
	if a.ev.Metadata.HasUID() || a.ev.HTTPRequest.HasUID() {
		return false
	}
	a.ev.Metadata.SetUID(text)
	a.ev.HTTPRequest.SetUID(text)
	return true
}

// setTransport is the protocol of a stream, which is no HTTP.
func setTransport(a *access, text string) bool {
	if a.ev.ConnectionInfo.HasProtocolName() {
		return false
	}
	a.network = true
	a.ev.ConnectionInfo.SetProtocolName(strings.ToLower(text))
	return true
}

func setCertFingerprint(algorithm int32) setter {
	return func(a *access, text string) bool {
		if _, err := hex.DecodeString(strings.ReplaceAll(text, ":", "")); err != nil || text == "" {
			return false
		}
		f := a.ev.TLS.Certificate.AddFingerprints()
		f.SetAlgorithmID(algorithm)
		f.SetValue(text)
		return true
	}
}

func isCode(text string) bool {
	_, ok := parseCode(text)
	return ok
}

func isCount(text string) bool {
	_, ok := parseCount(text)
	return ok
}

// byName is an object whose members are named as variables.
type byName struct{ of func(name string) setter }

func (n byName) read(a *access, v jsondoc.Value) {
	for name, member := range v.Members {
		if set := n.of(name); set != nil {
			set.read(a, member)
		}
	}
}

// parseDollar reads NGINX's syntax: $name and ${name} between literals, bare or in a
// log_format directive. escape=none leaves it open where a quoted text ends.
func parseDollar(text string) (format.Options, []format.Part, error) {
	return dollars(text, nginxVariable)
}

func dollars(text string, lookup func(string) variable) (format.Options, []format.Part, error) {
	opt := format.Options{Escaped: true}
	src, words, err := directive(text, "log_format")
	if err != nil {
		return opt, nil, err
	}
	for _, word := range words {
		if word == "escape=none" {
			opt.Escaped = false
		}
	}
	l := lexer{source: src, lookup: lookup}
	for i := 0; i < len(src.text); i++ {
		if src.text[i] != '$' {
			continue
		}
		start, braced := i, strings.HasPrefix(src.text[i+1:], "{")
		i++
		if braced {
			i++
		}
		name := i
		for i < len(src.text) && isNameByte(src.text[i]) {
			i++
		}
		switch end := i; {
		case end == name:
			return opt, nil, l.errorAt(start, "want the name of a variable behind $")
		case braced && (end == len(src.text) || src.text[end] != '}'):
			return opt, nil, l.errorAt(start, "want } behind ${"+src.text[name:end])
		case braced:
			l.field(src.text[name:end], start, end+1)
		default:
			l.field(src.text[name:end], start, end)
			i--
		}
	}
	l.literal(len(src.text))
	return opt, l.parts, nil
}
