package gateway

import (
	"strconv"
	"strings"
	"time"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"

	stdtls "crypto/tls"
)

// Caddy knows the JSON of its access log, and in its log the matches of the firewall
// Coraza. The status 0 is that of a client that went
// away before there was an answer.
var Caddy = &Vendor{
	source: normalize.Source{Name: normalize.GatewayCaddy, Product: "Caddy", Vendor: "ZeroSSL"},
	objects: []objectDialect{{
		name: "json",
		is: func(root jsondoc.Value) bool {
			request := root.Get("request")
			return strings.HasPrefix(root.Get("logger").Text(), "http.log.access") ||
				request.Get("uri").Exists() && request.Get("headers").Kind() == jsondoc.Object && root.Get("resp_headers").Exists()
		},
		table: caddyAccess,
	}, coraza},
}

// caddyAccess is caddyserver.com's example of an access log.
var caddyAccess = members{
	"ts":           setter(setTime),
	"level":        setter(setLogLevel),
	"logger":       setLogName,
	"msg":          setMessage,
	"duration":     setter(setCaddyDuration),
	"size":         setBodySent,
	"bytes_read":   setRequestBody,
	"status":       setter(setStatus),
	"user_id":      setUser,
	"resp_headers": responseHeaders,
	"uuid":         setRequestUID,
	"request_id":   setRequestUID,
	"traceID":      setTraceUID,
	"request": members{
		"remote_ip":   setter(setClient),
		"remote_port": setter(setClientPort),
		"remote_addr": setter(setClient),
		"client_ip":   setter(setCaddyClient),
		"proto":       setProtocol,
		"method":      setMethod,
		"host":        setHost,
		"uri":         setTarget,
		"headers":     requestHeaders,
		"tls": members{
			"version":                setter(setTLSNumber),
			"cipher_suite":           setter(setCipherNumber),
			"server_name":            setSNI,
			"client_common_name":     setCertSubject,
			"client_serial":          setCertSerial,
			"client_certificate_pem": setCertUID,
		},
	},
}

// setCaddyDuration is seconds, or as duration_format says a text ("1.5ms"), which
// stays in unmapped.
func setCaddyDuration(a *access, text string) bool {
	if d, err := time.ParseDuration(text); err == nil && d > 0 && !a.ev.HasDuration() {
		a.ev.SetDuration(d.Round(time.Millisecond).Milliseconds())
		return false
	}
	return took(seconds)(a, text)
}

// setCaddyClient is the client that was found behind trusted proxies. Where it is
// another one than the peer, the peer is a proxy.
func setCaddyClient(a *access, text string) bool {
	s := &a.ev.SrcEndpoint
	if s.IP() == text || !normalize.IsIP(text) {
		return false
	}
	if s.HasPort() { // the peer's
		a.keep("remote_port", strconv.Itoa(int(s.Port())))
		s.ClearPort()
	}
	if s.HasIP() {
		s.IntermediateIPs = append(s.IntermediateIPs, s.IP())
	}
	s.SetIP(text)
	return true
}

// setTLSNumber is a version of TLS by its number, 772 for 1.3.
func setTLSNumber(a *access, text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n < stdtls.VersionTLS10 || n > stdtls.VersionTLS13 {
		return setTLSVersion(a, text)
	}
	return setTLSVersion(a, "TLSv1."+strconv.Itoa(int(n-stdtls.VersionTLS10)))
}

// setCipherNumber is a cipher suite by its number.
func setCipherNumber(a *access, text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return setCipher(a, text)
	}
	return setCipher(a, stdtls.CipherSuiteName(uint16(n)))
}
