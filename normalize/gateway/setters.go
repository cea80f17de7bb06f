package gateway

import (
	"math"
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

// setter puts a variable's text where it belongs. False says that it is not such a
// value, or that another variable was there first: it goes to unmapped.
type setter func(a *access, text string) bool

// slot sets a text of the access that finish looks at.
func slot(of func(a *access) *string) setter {
	return func(a *access, text string) bool {
		p := of(a)
		if *p != "" {
			return false
		}
		*p = text
		return true
	}
}

// attribute sets a text attribute of an object.
func attribute[T any](of func(*ocsf.Event) *T, has func(*T) bool, set func(*T, string)) setter {
	return func(a *access, text string) bool {
		object := of(a.ev)
		if has(object) {
			return false
		}
		set(object, text)
		return true
	}
}

// number32 sets an attribute that is a whole number, not negative.
func number32[T any](of func(*ocsf.Event) *T, has func(*T) bool, set func(*T, int32)) setter {
	return func(a *access, text string) bool {
		object := of(a.ev)
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || has(object) {
			return false
		}
		set(object, int32(n))
		return true
	}
}

func ev(e *ocsf.Event) *ocsf.Event                    { return e }
func req(e *ocsf.Event) *ocsf.HTTPRequest             { return &e.HTTPRequest }
func resp(e *ocsf.Event) *ocsf.HTTPResponse           { return &e.HTTPResponse }
func tls(e *ocsf.Event) *ocsf.TLS                     { return &e.TLS }
func cert(e *ocsf.Event) *ocsf.Certificate            { return &e.TLS.Certificate }
func src(e *ocsf.Event) *ocsf.NetworkEndpoint         { return &e.SrcEndpoint }
func dst(e *ocsf.Event) *ocsf.NetworkEndpoint         { return &e.DstEndpoint }
func user(e *ocsf.Event) *ocsf.User                   { return &e.Actor.User }
func balancer(e *ocsf.Event) *ocsf.LoadBalancer       { return &e.LoadBalancer }
func upstream(e *ocsf.Event) *ocsf.NetworkEndpoint1   { return &e.LoadBalancer.DstEndpoint }
func metadata(e *ocsf.Event) *ocsf.Metadata           { return &e.Metadata }
func cloud(e *ocsf.Event) *ocsf.Cloud                 { return &e.Cloud }
func rule(e *ocsf.Event) *ocsf.FirewallRule           { return &e.FirewallRule }
func policy(e *ocsf.Event) *ocsf.Policy               { return &e.Policy }
func location(e *ocsf.Event) *ocsf.Location           { return &e.SrcEndpoint.Location }
func autonomous(e *ocsf.Event) *ocsf.AutonomousSystem { return &e.SrcEndpoint.AutonomousSystem }

// The setters of all vendors, by what they set.
var (
	setRequest  = slot(func(a *access) *string { return &a.request })
	setMethod   = slot(func(a *access) *string { return &a.method })
	setTarget   = slot(func(a *access) *string { return &a.target })
	setURL      = slot(func(a *access) *string { return &a.url })
	setPath     = slot(func(a *access) *string { return &a.path })
	setQuery    = slot(func(a *access) *string { return &a.query })
	setScheme   = slot(func(a *access) *string { return &a.scheme })
	setHost     = slot(func(a *access) *string { return &a.host })
	setPort     = slot(func(a *access) *string { return &a.port })
	setProtocol = slot(func(a *access) *string { return &a.protocol })

	setUserAgent   = attribute(req, (*ocsf.HTTPRequest).HasUserAgent, (*ocsf.HTTPRequest).SetUserAgent)
	setReferrer    = attribute(req, (*ocsf.HTTPRequest).HasReferrer, (*ocsf.HTTPRequest).SetReferrer)
	setRequestUID  = attribute(req, (*ocsf.HTTPRequest).HasUID, (*ocsf.HTTPRequest).SetUID)
	setRequestBody = number32(req, (*ocsf.HTTPRequest).HasBodyLength, (*ocsf.HTTPRequest).SetBodyLength)
	setContentType = attribute(resp, (*ocsf.HTTPResponse).HasContentType, (*ocsf.HTTPResponse).SetContentType)
	setEventUID    = attribute(metadata, (*ocsf.Metadata).HasUID, (*ocsf.Metadata).SetUID)
	setCorrelation = attribute(metadata, (*ocsf.Metadata).HasCorrelationUID, (*ocsf.Metadata).SetCorrelationUID)
	setEventCode   = attribute(metadata, (*ocsf.Metadata).HasEventCode, (*ocsf.Metadata).SetEventCode)
	setLogLevel    = attribute(metadata, (*ocsf.Metadata).HasLogLevel, (*ocsf.Metadata).SetLogLevel)
	setLogName     = attribute(metadata, (*ocsf.Metadata).HasLogName, (*ocsf.Metadata).SetLogName)
	setTraceUID    = attribute(func(e *ocsf.Event) *ocsf.Trace { return &e.Trace }, (*ocsf.Trace).HasUID, (*ocsf.Trace).SetUID)

	setCipher       = attribute(tls, (*ocsf.TLS).HasCipher, (*ocsf.TLS).SetCipher)
	setTLSText      = attribute(tls, (*ocsf.TLS).HasVersion, (*ocsf.TLS).SetVersion)
	setSNI          = attribute(tls, (*ocsf.TLS).HasSNI, (*ocsf.TLS).SetSNI)
	setCertSubject  = attribute(cert, (*ocsf.Certificate).HasSubject, (*ocsf.Certificate).SetSubject)
	setCertIssuer   = attribute(cert, (*ocsf.Certificate).HasIssuer, (*ocsf.Certificate).SetIssuer)
	setCertSerial   = attribute(cert, (*ocsf.Certificate).HasSerialNumber, (*ocsf.Certificate).SetSerialNumber)
	setCertUID      = attribute(cert, (*ocsf.Certificate).HasUID, (*ocsf.Certificate).SetUID)
	setUser         = attribute(user, (*ocsf.User).HasName, (*ocsf.User).SetName)
	setUserUID      = attribute(user, (*ocsf.User).HasUID, (*ocsf.User).SetUID)
	setUserKey      = attribute(user, (*ocsf.User).HasCredentialUID, (*ocsf.User).SetCredentialUID)
	setBackend      = attribute(balancer, (*ocsf.LoadBalancer).HasName, (*ocsf.LoadBalancer).SetName)
	setBackendUID   = attribute(balancer, (*ocsf.LoadBalancer).HasUID, (*ocsf.LoadBalancer).SetUID)
	setBackendError = attribute(balancer, (*ocsf.LoadBalancer).HasErrorMessage, (*ocsf.LoadBalancer).SetErrorMessage)
	setServerUID    = attribute(upstream, (*ocsf.NetworkEndpoint1).HasUID, (*ocsf.NetworkEndpoint1).SetUID)
	setServerName   = attribute(upstream, (*ocsf.NetworkEndpoint1).HasName, (*ocsf.NetworkEndpoint1).SetName)
	setGatewayUID   = attribute(dst, (*ocsf.NetworkEndpoint).HasUID, (*ocsf.NetworkEndpoint).SetUID)
	setGatewayName  = attribute(dst, (*ocsf.NetworkEndpoint).HasName, (*ocsf.NetworkEndpoint).SetName)
	setGatewaySvc   = attribute(dst, (*ocsf.NetworkEndpoint).HasSvcName, (*ocsf.NetworkEndpoint).SetSvcName)
	setZone         = attribute(cloud, (*ocsf.Cloud).HasZone, (*ocsf.Cloud).SetZone)
	setRegion       = attribute(cloud, (*ocsf.Cloud).HasRegion, (*ocsf.Cloud).SetRegion)
	setASN          = number32(autonomous, (*ocsf.AutonomousSystem).HasNumber, (*ocsf.AutonomousSystem).SetNumber)
	setRuleUID      = attribute(rule, (*ocsf.FirewallRule).HasUID, (*ocsf.FirewallRule).SetUID)
	setRuleName     = attribute(rule, (*ocsf.FirewallRule).HasName, (*ocsf.FirewallRule).SetName)
	setPolicyUID    = attribute(policy, (*ocsf.Policy).HasUID, (*ocsf.Policy).SetUID)
	setPolicyName   = attribute(policy, (*ocsf.Policy).HasName, (*ocsf.Policy).SetName)
	setMessage      = attribute(ev, (*ocsf.Event).HasMessage, (*ocsf.Event).SetMessage)
	setStatusDetail = attribute(ev, (*ocsf.Event).HasStatusDetail, (*ocsf.Event).SetStatusDetail)

	setUpstreams      = slot(func(a *access) *string { return &a.upstreams })
	setUpstreamStatus = slot(func(a *access) *string { return &a.upstreamStatuses })
	setDate           = slot(func(a *access) *string { return &a.date })
)

// setServer is the name of a virtual host; "_" is NGINX's name for none.
func setServer(a *access, text string) bool {
	if text == "_" || a.server != "" {
		return false
	}
	a.server = text
	return true
}

// setStatus is the status of the answer. Gateways write 0, 000 and -1 where there
// was none.
func setStatus(a *access, text string) bool {
	code, ok := parseCode(text)
	if !ok || a.hasCode {
		return false
	}
	a.code, a.hasCode = code, true
	return true
}

func count(of func(a *access) *int64) setter {
	return func(a *access, text string) bool {
		n, ok := parseCount(text)
		p := of(a)
		if !ok || *p >= 0 {
			return false
		}
		*p = n
		return true
	}
}

// parseCount reads a number that is not negative.
func parseCount(text string) (n int64, ok bool) {
	if text == "" || len(text) > 18 {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n, true
}

var (
	setBodySent = count(func(a *access) *int64 { return &a.bodySent }) // to the client, without headers
	setSent     = count(func(a *access) *int64 { return &a.sent })     // to the client
	setReceived = count(func(a *access) *int64 { return &a.received }) // from the client
)

// took sets the duration, from a number of the unit that is given in milliseconds.
// What is no whole number of milliseconds is in unmapped, too.
func took(unit float64) setter {
	return func(a *access, text string) bool {
		ms, exact, ok := parseDuration(text, unit)
		if !ok || a.ev.HasDuration() {
			return false
		}
		a.ev.SetDuration(ms)
		return exact
	}
}

// latency sets the time until the answer, of the server behind the gateway where
// the log has that.
func latency(unit float64) setter {
	return func(a *access, text string) bool {
		ms, exact, ok := parseDuration(text, unit)
		if !ok || ms > math.MaxInt32 || a.ev.HTTPResponse.HasLatency() {
			return false
		}
		a.ev.HTTPResponse.SetLatency(int32(ms))
		return exact
	}
}

// handshake sets the time of the TLS handshake.
func handshake(unit float64) setter {
	return func(a *access, text string) bool {
		ms, exact, ok := parseDuration(text, unit)
		if !ok || ms > math.MaxInt32 || a.ev.TLS.HasHandshakeDur() {
			return false
		}
		a.ev.TLS.SetHandshakeDur(int32(ms))
		return exact
	}
}

// The units of durations, in milliseconds.
const (
	seconds      = 1e3
	milliseconds = 1
	microseconds = 1e-3
	nanoseconds  = 1e-6
)

// parseDuration reads a number of a unit as milliseconds, rounded; exact tells
// whether it was a whole number of them. -1 is how gateways write that there was none.
func parseDuration(text string, unit float64) (ms int64, exact, ok bool) {
	n, err := strconv.ParseFloat(text, 64)
	if n *= unit; err != nil || !(n >= 0 && n < 1e12) {
		return 0, false, false
	}
	whole := math.Round(n)
	return int64(whole), math.Abs(n-whole) < 1e-6, true
}

// setMetric adds a figure of the load balancer under the variable's name.
func setMetric(name string) setter {
	return func(a *access, text string) bool {
		m := a.ev.LoadBalancer.AddMetrics()
		m.SetName(name)
		m.SetValue(text)
		return true
	}
}

// setRequestHeader adds a header that has no attribute of its own.
func setRequestHeader(name string) setter {
	return func(a *access, text string) bool {
		h := a.ev.HTTPRequest.AddHTTPHeaders()
		h.SetName(name)
		h.SetValue(text)
		return true
	}
}

func setResponseHeader(name string) setter {
	return func(a *access, text string) bool {
		h := a.ev.HTTPResponse.AddHTTPHeaders()
		h.SetName(name)
		h.SetValue(text)
		return true
	}
}

// requestHeader is the setter of a request's header, by its name in lower case.
func requestHeader(name string) setter {
	switch strings.ToLower(name) {
	case "user-agent":
		return setUserAgent
	case "referer", "referrer":
		return setReferrer
	case "x-forwarded-for":
		return setForwarded
	case "host", ":authority":
		return setHost
	case "x-request-id":
		return setRequestUID
	case ":method":
		return setMethod
	case ":path":
		return setTarget
	case ":scheme":
		return setScheme
	}
	return setRequestHeader(name)
}

// responseHeader is the setter of an answer's header.
func responseHeader(name string) setter {
	switch strings.ToLower(name) {
	case "content-type":
		return setContentType
	case ":status":
		return setStatus
	}
	return setResponseHeader(name)
}

// setTraceparent takes the trace's id out of the header of W3C's Trace Context; the
// header itself stays.
func setTraceparent(a *access, text string) bool {
	if parts := strings.Split(text, "-"); len(parts) == 4 && len(parts[1]) == 32 && !a.ev.Trace.HasUID() {
		a.ev.Trace.SetUID(parts[1])
	}
	return setRequestHeader("traceparent")(a, text)
}

// setCountry is a country by its code of two letters; a name goes to unmapped.
func setCountry(a *access, text string) bool {
	l := &a.ev.SrcEndpoint.Location
	if len(text) != 2 || l.HasCountry() {
		return false
	}
	l.SetCountry(text)
	return true
}

// setAccount is the id of an AWS account.
func setAccount(a *access, text string) bool {
	if len(text) != 12 || a.ev.Cloud.Account.HasUID() {
		return false
	}
	if _, ok := parseCount(text); !ok {
		return false
	}
	a.ev.Cloud.Account.SetUID(text)
	a.ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	return true
}

// fromARN sets the cloud's account and region from the ARN of one of its resources.
func (a *access) fromARN(text string) {
	arn, ok := normalize.ParseARN(text)
	if !ok {
		return
	}
	if arn.Region != "" && !a.ev.Cloud.HasRegion() {
		a.ev.Cloud.SetRegion(arn.Region)
	}
	setAccount(a, arn.Account)
}

// setTLSVersion is the version of TLS, which each gateway spells its own way ("1.2",
// "TLS 1.2", "tlsv12"). The attribute has one spelling, OpenSSL's; another is in
// unmapped, too.
func setTLSVersion(a *access, text string) bool {
	name := tlsVersion(text)
	return setTLSText(a, name) && name == text
}

func tlsVersion(text string) string {
	digits := text
	if len(text) > 3 && strings.EqualFold(text[:3], "tls") {
		digits = strings.TrimLeft(text[3:], " vV_")
	}
	switch digits {
	case "1", "1.0", "10":
		if len(text) > 3 && text[:3] == "TLS" && text[3] == 'v' {
			return text
		}
		return "TLSv1"
	case "1.1", "11":
		return "TLSv1.1"
	case "1.2", "12":
		return "TLSv1.2"
	case "1.3", "13":
		return "TLSv1.3"
	}
	return text
}
