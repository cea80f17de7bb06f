package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// AppGateway knows the access, firewall and performance logs of Azure Application
// Gateway, as diagnostic settings write them and as Log Analytics has them.
//
// The firewall's log is of requests that rules matched, many records a request: each
// is http_activity with the rule and what was decided, so that one condition on a
// request finds it with and without the firewall. The performance log is of no
// request at all: base_event.
var AppGateway = &Vendor{
	source: normalize.Source{Name: normalize.GatewayAppGateway, Product: "Application Gateway", Vendor: "Microsoft"},
	begin:  beginAzure,
	end:    endAzure,
	objects: []objectDialect{
		{name: "access", is: category("applicationgatewayaccesslog", "agwaccesslogs"), table: azureRow{appGateway}, first: takeAppGatewayTime},
		{name: "firewall", is: category("applicationgatewayfirewalllog", "agwfirewalllogs"), table: azureRow{azureFirewall}},
		{name: "performance", is: category("applicationgatewayperformancelog", "agwperformancelogs"), table: azureRow{appGatewayPerformance}, first: beginPerformance},
	},
}

// FrontDoor knows the access, firewall and health probe logs of Azure Front Door,
// Standard, Premium and classic, and of Azure CDN.
var FrontDoor = &Vendor{
	source: normalize.Source{Name: normalize.GatewayFrontDoor, Product: "Front Door", Vendor: "Microsoft"},
	begin:  beginAzure,
	end:    endAzure,
	objects: []objectDialect{
		{name: "access", is: category("frontdooraccesslog", "azurecdnaccesslog", "azurecdnaccesslogs"), table: azureRow{frontDoor}},
		{name: "firewall", is: category("frontdoorwebapplicationfirewalllog", "webapplicationfirewalllogs"), table: azureRow{azureFirewall}},
		{name: "health_probe", is: category("frontdoorhealthprobelog"), table: azureRow{frontDoorProbe}},
	},
}

// APIM knows the gateway logs of Azure API Management. The API and its operation
// are api.service.name and api.operation.
var APIM = &Vendor{
	source: normalize.Source{Name: normalize.GatewayAPIM, Product: "API Management", Vendor: "Microsoft"},
	begin:  beginAzure,
	end:    endAzure,
	objects: []objectDialect{
		{name: "gateway", is: category("gatewaylogs", "apimanagementgatewaylogs"), table: azureRow{apim}},
	},
}

func beginAzure(a *access) { a.ev.Cloud.SetProvider("Azure") }

// category recognises a record by its category, or by the name of its table.
func category(names ...string) func(root jsondoc.Value) bool {
	return func(root jsondoc.Value) bool {
		for _, key := range [...]string{"category", "Category", "Type"} {
			if text, ok := root.Get(key).Str(); ok {
				for _, name := range names {
					if strings.EqualFold(text, name) {
						return true
					}
				}
			}
		}
		return false
	}
}

// azureRow is a record of diagnostic settings, whose members are in properties, or
// of Log Analytics, whose members are beside the others and may have the suffix of
// their type ("clientIP_s"). Case differs from one to the other.
type azureRow struct{ table folded }

func (t azureRow) read(a *access, v jsondoc.Value) {
	var room [maxKey]byte
	for key, member := range v.Members {
		name := appendLower(room[:0], key)
		if string(name) == "properties" {
			t.read(a, member)
			continue
		}
		n, ok := t.table[string(name)]
		if !ok && len(name) > 2 && name[len(name)-2] == '_' {
			n, ok = t.table[string(name[:len(name)-2])]
		}
		if !ok {
			n, ok = azureEnvelope[string(name)]
		}
		if ok && member.Text() != "N/A" {
			n.read(a, member)
		}
	}
}

// azureEnvelope is what records of all categories have.
var azureEnvelope = folded{
	"time":          setter(setTime),
	"timestamp":     setter(setTime),
	"timegenerated": setter(setTime),
	"resourceid":    setter(setAzureResource),
	"_resourceid":   setter(setAzureResource),
	"category":      setEventCode,
	"correlationid": setCorrelation,
	"location":      setRegion,
	"region":        setRegion,
	"tenantid":      attribute(metadata, (*ocsf.Metadata).HasTenantUID, (*ocsf.Metadata).SetTenantUID),
}

// setAzureResource is the gateway's resource, below its subscription.
func setAzureResource(a *access, text string) bool {
	if a.ev.DstEndpoint.HasUID() {
		return false
	}
	a.ev.DstEndpoint.SetUID(text)
	if parts := strings.Split(text, "/"); len(parts) > 2 && strings.EqualFold(parts[1], "subscriptions") && !a.ev.Cloud.Account.HasUID() {
		a.ev.Cloud.Account.SetUID(strings.ToLower(parts[2]))
		a.ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAzureSubscription)
	}
	return true
}

// appGateway is learn.microsoft.com's page on Application Gateway's access log.
var appGateway = folded{
	"clientip":                        setter(setClient),
	"clientport":                      setter(setClientPort),
	"httpmethod":                      setMethod,
	"originalrequesturiwithargs":      setTarget,
	"requesturi":                      setPath,
	"requestquery":                    setQuery,
	"useragent":                       setUserAgent,
	"httpstatus":                      setter(setStatus),
	"httpversion":                     setProtocol,
	"receivedbytes":                   setReceived,
	"sentbytes":                       setSent,
	"originalhost":                    setHost,
	"host":                            setter(setServer),
	"transactionid":                   setRequestUID,
	"sslcipher":                       setCipher,
	"sslprotocol":                     setter(setTLSVersion),
	"sslclientcertificatefingerprint": setter(setCertFingerprint(ocsf.FingerprintAlgorithmIDSHA1)),
	"sslclientcertificateissuername":  setCertIssuer,
	"serverrouted":                    setter(setUpstreams),
	"serverstatus":                    setter(setUpstreamStatus),
	"serverresponselatency":           latency(seconds),
	"backendpoolname":                 setBackend,
	"contenttype":                     setContentType,
	"error_info":                      setter(setAzureError),
	"errorinfo":                       setter(setAzureError),
	"wafpolicyid":                     setPolicyUID,
}

// takeAppGatewayTime maps timeTaken, which is milliseconds of the first version, whose
// instances are called ApplicationGatewayRole, and seconds of the second.
func takeAppGatewayTime(a *access, root jsondoc.Value) {
	row := root
	if p := root.Get("properties"); p.Kind() == jsondoc.Object {
		row = p
	}
	unit, instance := float64(seconds), ""
	for key, member := range row.Members {
		if hasFoldedPrefix(key, "instanceid") {
			instance = member.Text()
		}
	}
	if strings.HasPrefix(instance, "ApplicationGatewayRole") {
		unit = milliseconds
	}
	for key, member := range row.Members {
		if hasFoldedPrefix(key, "timetaken") {
			took(unit).read(a, member)
		}
	}
}

func hasFoldedPrefix(key, prefix string) bool {
	return len(key) >= len(prefix) && strings.EqualFold(key[:len(prefix)], prefix)
}

// setAzureError is why a request failed, or a word for that it did not.
func setAzureError(a *access, text string) bool {
	if text == "NoError" || text == "ERRORINFO_NO_ERROR" {
		return false
	}
	return setStatusDetail(a, text)
}

// appGatewayPerformance is the performance log of the first version.
var appGatewayPerformance = folded{}

func beginPerformance(a *access, _ jsondoc.Value) {
	a.other = true
	a.ev.SetClass(ocsf.ClassBaseEvent)
	a.ev.SetActivityID(ocsf.ActivityIDOther)
	a.ev.SetActivityName("Performance")
}

// azureFirewall is the log of the firewalls of Application Gateway and Front Door.
var azureFirewall = folded{
	"clientip":          setter(setClient),
	"clientport":        setter(setClientPort),
	"socketip":          setter(setSocket),
	"requesturi":        setTarget,
	"ruleid":            setRuleUID,
	"rulename":          setter(setWAFRule),
	"rulegroup":         attribute(rule, (*ocsf.FirewallRule).HasCategory, (*ocsf.FirewallRule).SetCategory),
	"rulesettype":       attribute(rule, (*ocsf.FirewallRule).HasType, (*ocsf.FirewallRule).SetType),
	"rulesetversion":    attribute(rule, (*ocsf.FirewallRule).HasVersion, (*ocsf.FirewallRule).SetVersion),
	"message":           setMessage,
	"action":            setter(azureActions.set),
	"hostname":          setHost,
	"host":              setHost,
	"transactionid":     setRequestUID,
	"trackingreference": setRequestUID,
	"policyid":          setPolicyUID,
	"policy":            setPolicyName,
	"details": members{
		"message": attribute(rule, (*ocsf.FirewallRule).HasDesc, (*ocsf.FirewallRule).SetDesc),
		"msg":     setMessage,
		"data":    setter(addMatch),
		"matches": reader(readAzureMatches),
	},
	"details_message": attribute(rule, (*ocsf.FirewallRule).HasDesc, (*ocsf.FirewallRule).SetDesc),
	"details_data":    setter(addMatch),
	"details_msg":     setMessage,
}

// setWAFRule is a rule of Front Door: "Microsoft_DefaultRuleSet-2.1-SQLI-942100".
func setWAFRule(a *access, text string) bool {
	if i := strings.LastIndexByte(text, '-'); i >= 0 && isCount(text[i+1:]) && !a.ev.FirewallRule.HasUID() {
		a.ev.FirewallRule.SetUID(text[i+1:])
	}
	return setRuleName(a, text)
}

func addMatch(a *access, text string) bool {
	r := &a.ev.FirewallRule
	r.MatchDetails = append(r.MatchDetails, text)
	return true
}

// readAzureMatches maps the places and texts in which a rule of Front Door matched.
func readAzureMatches(a *access, v jsondoc.Value) {
	r := &a.ev.FirewallRule
	for match := range v.Elements {
		if !r.HasMatchLocation() {
			normalize.Text(match.Get("matchVariableName"), r.SetMatchLocation)
		}
		normalize.Text(match.Get("matchVariableValue"), func(text string) { r.MatchDetails = append(r.MatchDetails, text) })
	}
}

// azureActions are the actions of both firewalls.
var azureActions = decisions{
	"allowed":        {ocsf.ActionIDAllowed, ocsf.DispositionIDAllowed},
	"allow":          {ocsf.ActionIDAllowed, ocsf.DispositionIDAllowed},
	"blocked":        {ocsf.ActionIDDenied, ocsf.DispositionIDBlocked},
	"block":          {ocsf.ActionIDDenied, ocsf.DispositionIDBlocked},
	"redirect":       {ocsf.ActionIDModified, ocsf.DispositionIDOther},
	"log":            {ocsf.ActionIDObserved, ocsf.DispositionIDLogged},
	"detected":       {ocsf.ActionIDObserved, ocsf.DispositionIDDetected},
	"matched":        {ocsf.ActionIDObserved, ocsf.DispositionIDDetected},
	"anomalyscoring": {ocsf.ActionIDObserved, ocsf.DispositionIDDetected},
	"logandscore":    {ocsf.ActionIDObserved, ocsf.DispositionIDDetected},
	"jschallenge":    {ocsf.ActionIDDenied, ocsf.DispositionIDChallenge},
	"captcha":        {ocsf.ActionIDDenied, ocsf.DispositionIDCaptcha},
}

// setSocket is the peer of the connection, a proxy if the client is another one.
func setSocket(a *access, text string) bool {
	s := &a.ev.SrcEndpoint
	if !s.HasIP() || s.IP() == text {
		return !s.HasIP() && setClient(a, text)
	}
	return setProxies(a, text)
}

// frontDoor is learn.microsoft.com's pages on Front Door's access logs.
var frontDoor = folded{
	"trackingreference": setRequestUID,
	"httpmethod":        setMethod,
	"httpversion":       setter(setHTTPVersion),
	"requesturi":        setTarget,
	"sni":               setSNI,
	"requestbytes":      setReceived,
	"responsebytes":     setSent,
	"useragent":         setUserAgent,
	"referer":           setReferrer,
	"referrer":          setReferrer,
	"clientip":          setter(setClient),
	"clientport":        setter(setClientPort),
	"socketip":          setter(setSocket),
	"clientcountry":     setter(setCountry),
	"timetaken":         took(seconds),
	"timetofirstbyte":   latency(seconds),
	"requestprotocol":   setter(setProtocolOrScheme),
	"securityprotocol":  setter(setTLSVersion),
	"securitycipher":    setCipher,
	"httpstatuscode":    setter(setStatus),
	"httpstatusdetails": setter(setStatus),
	"errorinfo":         setter(setAzureError),
	"hostname":          setHost,
	"endpoint":          setGatewayName,
	"pop":               setZone,
	"backendhostname":   setter(setUpstreams),
	"originip":          setter(setUpstreams),
	"originname":        setBackend,
	"originstatuscode":  setter(setUpstreamStatus),
}

// frontDoorProbe is the log of failed probes of origins.
var frontDoorProbe = folded{
	"healthprobeid":                 setRequestUID,
	"httpverb":                      setMethod,
	"probeurl":                      setURL,
	"result":                        setStatusDetail,
	"httpstatuscode":                setter(setStatus),
	"pop":                           setZone,
	"originname":                    setBackend,
	"originip":                      setter(setUpstreams),
	"totallatencymilliseconds":      took(milliseconds),
	"connectionlatencymilliseconds": setMetric("connectionLatencyMilliseconds"),
	"dnslatencymicroseconds":        setMetric("DNSLatencyMicroseconds"),
}

// setHTTPVersion is "1.1" or "2.0.0.0", without the protocol's name.
func setHTTPVersion(a *access, text string) bool {
	short := strings.TrimSuffix(text, ".0.0")
	if !strings.Contains(text, "/") {
		short = "HTTP/" + short
	}
	return setProtocol(a, short) && strings.HasSuffix(short, text)
}

// setProtocolOrScheme is "HTTPS", or "HTTP/1.1" in some versions.
func setProtocolOrScheme(a *access, text string) bool {
	if strings.Contains(text, "/") {
		return setProtocol(a, text)
	}
	return setScheme(a, strings.ToLower(text))
}

// apim is learn.microsoft.com's page on the schema of GatewayLogs.
var apim = folded{
	"calleripaddress":      setter(setClient),
	"durationms":           took(milliseconds),
	"totaltime":            took(milliseconds),
	"method":               setMethod,
	"url":                  setURL,
	"responsecode":         setter(setStatus),
	"backendresponsecode":  setter(setUpstreamStatus),
	"responsesize":         setSent,
	"requestsize":          setReceived,
	"backendtime":          latency(milliseconds),
	"backendid":            setBackend,
	"backendurl":           setter(setBackendURL),
	"apiid":                attribute(func(e *ocsf.Event) *ocsf.Service { return &e.API.Service }, (*ocsf.Service).HasName, (*ocsf.Service).SetName),
	"operationid":          setter(setOperation),
	"userid":               setUserUID,
	"apimsubscriptionid":   setUserKey,
	"clientprotocol":       setProtocol,
	"clienttlsversion":     setter(setTLSVersion),
	"clienttlsciphersuite": setCipher,
	"requestheaders":       both{func(*access, string) bool { return false }, requestHeaders},
	"responseheaders":      both{func(*access, string) bool { return false }, responseHeaders},
	"lasterror":            members{"message": setStatusDetail},
	"lasterrormessage":     setStatusDetail,
}

// setBackendURL takes the host of the server behind; the URL itself stays.
func setBackendURL(a *access, text string) bool {
	if _, rest, ok := strings.Cut(text, "://"); ok && a.upstreams == "" {
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			rest = rest[:i]
		}
		a.upstreams = rest
	}
	return false
}

// endAzure fills what the profile cloud requires of api. A record that is of no
// request has no endpoint.
func endAzure(a *access) {
	if a.other {
		a.keep("resourceId", a.ev.DstEndpoint.UID())
		a.ev.DstEndpoint.ClearUID()
	}
	if api := &a.ev.API; api.Present() && !api.HasOperation() {
		api.SetOperation(normalize.Unknown)
	}
}
