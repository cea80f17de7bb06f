package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Envoy knows the default format of Envoy, those of Istio as text and as JSON, and
// every format of command operators, as text or as a JSON object. A TCP proxy's
// record, which has no method and the code 0, is network_activity.
//
// Envoy's default format names the client only in X-Forwarded-For: src_endpoint is
// absent then. A format with %DOWNSTREAM_REMOTE_ADDRESS% has it.
var Envoy = newEnvoy()

func newEnvoy() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayEnvoy, Product: "Envoy", Vendor: "Envoy Proxy"},
		lookup: envoyVariable,
		parse:  parseEnvoy,
		custom: true,
		end:    endEnvoy,
	}
	const (
		begin   = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% `
		figures = `%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% `
		texts   = `"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`
		istio   = ` %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME%`
		failure = `"%UPSTREAM_TRANSPORT_FAILURE_REASON%" `
	)
	v.lines = []lineDialect{
		v.lineOf("istio", begin+`%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% `+failure+figures+texts+istio+` %ROUTE_NAME%`),
		v.lineOf("istio", begin+`%RESPONSE_CODE_DETAILS% `+failure+figures+texts+istio+` %ROUTE_NAME%`),
		v.lineOf("istio", begin+`"%DYNAMIC_METADATA(istio.mixer:status)%" `+failure+figures+texts+istio+` %ROUTE_NAME%`),
		v.lineOf("istio", begin+`"%DYNAMIC_METADATA(istio.mixer:status)%" `+failure+figures+texts+istio),
		v.openLineOf("default", begin+figures+texts, nil),
	}
	v.objects = []objectDialect{{
		name: "istio_json",
		is: func(root jsondoc.Value) bool {
			return root.Get("response_flags").Exists() && (root.Get("start_time").Exists() || root.Get("upstream_host").Exists())
		},
		table: byName{func(name string) setter { return envoyMembers[name] }},
	}}
	return v
}

// envoyOperators are the command operators of envoyproxy.io's access logging,
// without those that take a header's name.
var envoyOperators = map[string]variable{
	"START_TIME":                                    {set: setTime, check: isTime, time: true},
	"START_TIME_LOCAL":                              {set: setTime, check: isTime, time: true},
	"EMIT_TIME":                                     {set: setLoggedTime},
	"PROTOCOL":                                      {set: setProtocol, shape: format.Word},
	"RESPONSE_CODE":                                 {set: setStatus, shape: format.Word, check: isCode},
	"RESPONSE_CODE_DETAILS":                         {set: setStatusDetail},
	"CONNECTION_TERMINATION_DETAILS":                {},
	"RESPONSE_FLAGS":                                {set: setFlags, shape: format.Word},
	"RESPONSE_FLAGS_LONG":                           {shape: format.Word},
	"UPSTREAM_TRANSPORT_FAILURE_REASON":             {set: setBackendError},
	"BYTES_RECEIVED":                                {set: setBodyReceived, shape: format.Word, check: isCount},
	"BYTES_SENT":                                    {set: setBodySent, shape: format.Word, check: isCount},
	"DOWNSTREAM_WIRE_BYTES_RECEIVED":                {set: setReceived, shape: format.Word},
	"DOWNSTREAM_WIRE_BYTES_SENT":                    {set: setSent, shape: format.Word},
	"DURATION":                                      {set: took(milliseconds), shape: format.Word, check: isCount},
	"RESPONSE_DURATION":                             {set: latency(milliseconds), shape: format.Word},
	"UPSTREAM_HOST":                                 {set: setUpstreams, shape: format.Word},
	"UPSTREAM_REMOTE_ADDRESS":                       {set: setUpstreams, shape: format.Word},
	"UPSTREAM_CLUSTER":                              {set: setBackend, shape: format.Word},
	"UPSTREAM_CLUSTER_RAW":                          {set: setBackend, shape: format.Word},
	"UPSTREAM_LOCAL_ADDRESS":                        {shape: format.Word},
	"DOWNSTREAM_LOCAL_ADDRESS":                      {set: setGateway, shape: format.Word},
	"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT":         {set: setGateway, shape: format.Word},
	"DOWNSTREAM_LOCAL_PORT":                         {set: setGatewayPort, shape: format.Word},
	"DOWNSTREAM_REMOTE_ADDRESS":                     {set: setClient, shape: format.Word},
	"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":        {set: setClient, shape: format.Word},
	"DOWNSTREAM_REMOTE_PORT":                        {set: setClientPort, shape: format.Word},
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS":              {set: setProxies, shape: format.Word},
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": {set: setProxies, shape: format.Word},
	"REQUESTED_SERVER_NAME":                         {set: setSNI, shape: format.Word},
	"ROUTE_NAME":                                    {},
	"VIRTUAL_CLUSTER_NAME":                          {},
	"DOWNSTREAM_TLS_VERSION":                        {set: setTLSVersion, shape: format.Word},
	"DOWNSTREAM_TLS_CIPHER":                         {set: setCipher, shape: format.Word},
	"DOWNSTREAM_PEER_SUBJECT":                       {set: setCertSubject},
	"DOWNSTREAM_PEER_ISSUER":                        {set: setCertIssuer},
	"DOWNSTREAM_PEER_SERIAL":                        {set: setCertSerial, shape: format.Word},
	"DOWNSTREAM_PEER_FINGERPRINT_256":               {set: setCertFingerprint(ocsf.FingerprintAlgorithmIDSHA256), shape: format.Word},
	"DOWNSTREAM_PEER_FINGERPRINT_1":                 {set: setCertFingerprint(ocsf.FingerprintAlgorithmIDSHA1), shape: format.Word},
	"DOWNSTREAM_PEER_URI_SAN":                       {set: setUserUID},
	"TRACE_ID":                                      {set: setTraceUID, shape: format.Word},
	"STREAM_ID":                                     {set: setRequestUID, shape: format.Word},
	"REQUEST_HEADER_BYTES":                          {shape: format.Word},
}

// envoyMembers are the keys of Istio's JSON, and of formats after its model.
var envoyMembers = map[string]setter{
	"start_time": setTime, "timestamp": setTime, "time": setTime,
	"method": setMethod, "path": setTarget, "protocol": setProtocol, "authority": setHost,
	"response_code": setStatus, "response_code_details": setStatusDetail, "response_flags": setFlags,
	"upstream_transport_failure_reason": setBackendError,
	"bytes_received":                    setBodyReceived, "bytes_sent": setBodySent,
	"duration": took(milliseconds), "upstream_service_time": latency(milliseconds),
	"x_forwarded_for": setForwarded, "user_agent": setUserAgent, "request_id": setRequestUID, "referer": setReferrer,
	"upstream_host": setUpstreams, "upstream_cluster": setBackend,
	"downstream_local_address": setGateway, "downstream_remote_address": setClient,
	"downstream_direct_remote_address": setProxies,
	"requested_server_name":            setSNI, "trace_id": setTraceUID,
	"downstream_tls_version": setTLSVersion, "downstream_tls_cipher": setCipher,
	"downstream_peer_subject": setCertSubject, "downstream_peer_uri_san": setUserUID,
}

func envoyVariable(name string) variable {
	operator, argument, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	if v, ok := envoyOperators[operator]; ok {
		return v
	}
	header, alternative, _ := strings.Cut(argument, "?")
	switch operator {
	case "REQ":
		v := variable{set: requestHeader(header)}
		if strings.EqualFold(alternative, ":path") {
			v.set = setTarget
		}
		switch strings.ToLower(header) {
		case ":method":
			v.shape = format.Word
		case "traceparent":
			v.set = setTraceparent
		}
		return v
	case "RESP":
		if strings.EqualFold(header, "x-envoy-upstream-service-time") {
			return variable{set: latency(milliseconds), shape: format.Word}
		}
		return variable{set: responseHeader(header)}
	case "DYNAMIC_METADATA", "FILTER_STATE":
		if strings.HasSuffix(argument, ":sub") && strings.Contains(argument, "jwt") {
			return variable{set: setUserUID}
		}
	}
	return variable{}
}

// setBodyReceived is the length of the request's body.
func setBodyReceived(a *access, text string) bool {
	if a.received >= 0 || !setRequestBody(a, text) {
		return false
	}
	return true
}

// endEnvoy takes a record without a method and a code for one of a TCP proxy.
func endEnvoy(a *access) {
	if a.method != "" || a.request != "" || a.code != 0 {
		return
	}
	a.network = true
	if a.hasCode {
		a.keep("RESPONSE_CODE", "0")
		a.hasCode = false
	}
	if r := &a.ev.HTTPRequest; r.HasBodyLength() {
		a.received = int64(r.BodyLength())
		r.ClearBodyLength()
	}
	if a.bodySent >= 0 {
		a.sent, a.bodySent = a.bodySent, -1
	}
	a.ev.SetStatusID(ocsf.StatusIDSuccess)
	if a.flags != "" {
		a.ev.SetStatusID(ocsf.StatusIDFailure)
		setStatusDetail(a, a.flags)
	}
}

// setFlags keeps what Envoy says went wrong: of a connection it is all there is.
func setFlags(a *access, text string) bool {
	a.flags = text
	return false
}

// parseEnvoy reads command operators, %NAME%, %NAME(argument)%, %NAME(argument):length%,
// between literals. %% is a percent sign.
func parseEnvoy(text string) (format.Options, []format.Part, error) {
	src, _, err := directive(text, "format:")
	if err != nil {
		return format.Options{}, nil, err
	}
	l := lexer{source: src, lookup: envoyVariable}
	for i := 0; i < len(src.text); i++ {
		if src.text[i] != '%' {
			continue
		}
		if strings.HasPrefix(src.text[i:], "%%") {
			l.literal(i)
			l.start = i + 1
			i++
			continue
		}
		start := i
		i++
		for i < len(src.text) && isNameByte(src.text[i]) {
			i++
		}
		if i == start+1 {
			return format.Options{}, nil, l.errorAt(start, "want the name of an operator behind %, or %% for a percent sign")
		}
		if i < len(src.text) && src.text[i] == '(' {
			closing := closingBracket(src.text[i:])
			if closing < 0 {
				return format.Options{}, nil, l.errorAt(i, "want ) behind (")
			}
			i += closing + 1
		}
		name := src.text[start+1 : i]
		if i < len(src.text) && src.text[i] == ':' {
			for i++; i < len(src.text) && '0' <= src.text[i] && src.text[i] <= '9'; {
				i++
			}
		}
		if i == len(src.text) || src.text[i] != '%' {
			return format.Options{}, nil, l.errorAt(start, "want % behind the operator "+name)
		}
		l.field(name, start, i+1)
	}
	l.literal(len(src.text))
	return format.Options{}, l.parts, nil
}

// closingBracket is the index of the bracket that closes the one at the beginning.
func closingBracket(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
