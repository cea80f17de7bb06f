package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// WAF knows the log of AWS WAF. It is a log of requests, of all that the web ACL
// saw, not only of those that a rule matched: so it is http_activity, with what was
// decided in action, disposition, firewall_rule and policy. Blocked requests are
// failures; what became of the others the WAF does not know, so their status is
// absent.
var WAF = &Vendor{
	source: normalize.Source{Name: normalize.GatewayWAF, Product: "WAF", Vendor: "AWS"},
	begin:  beginAWS,
	objects: []objectDialect{{
		name: "json",
		is: func(root jsondoc.Value) bool {
			return root.Get("webaclId").Exists() && root.Get("action").Exists()
		},
		table: wafLog,
	}},
}

// wafLog is docs.aws.amazon.com's page on the fields of web ACL logs.
var wafLog = members{
	"timestamp":                   setter(setTime),
	"formatVersion":               attribute(metadata, (*ocsf.Metadata).HasLogVersion, (*ocsf.Metadata).SetLogVersion),
	"webaclId":                    setter(setWebACL),
	"action":                      setter(wafActions.set),
	"terminatingRuleId":           setRuleUID,
	"terminatingRuleType":         attribute(rule, (*ocsf.FirewallRule).HasType, (*ocsf.FirewallRule).SetType),
	"terminatingRuleMatchDetails": reader(readMatches),
	"httpSourceName":              setGatewaySvc,
	"httpSourceId":                setGatewayUID,
	"responseCodeSent":            setter(setStatus),
	"labels":                      reader(readLabels),
	"ruleGroupList":               reader(readRuleGroups),
	"ja3Fingerprint":              setter(setJA3),
	"requestBodySize":             setRequestBody,
	"clientAsn":                   setASN,
	"httpRequest": members{
		"clientIp":    setter(setClient),
		"country":     setter(setCountry),
		"headers":     reader(readHeaderList),
		"uri":         setPath,
		"args":        setQuery,
		"httpVersion": setProtocol,
		"httpMethod":  setMethod,
		"requestId":   setRequestUID,
		"scheme":      setScheme,
		"host":        setHost,
		"clientAsn":   setASN,
	},
}

// setWebACL is the web ACL's ARN, in which its name is before its id.
func setWebACL(a *access, text string) bool {
	a.fromARN(text)
	if parts := strings.Split(text, "/"); len(parts) == 4 {
		a.ev.Policy.SetName(parts[2])
	}
	return setPolicyUID(a, text)
}

// wafActions are the actions of a web ACL.
var wafActions = decisions{
	"allow":             {ocsf.ActionIDAllowed, ocsf.DispositionIDAllowed},
	"block":             {ocsf.ActionIDDenied, ocsf.DispositionIDBlocked},
	"count":             {ocsf.ActionIDObserved, ocsf.DispositionIDCount},
	"excluded_as_count": {ocsf.ActionIDObserved, ocsf.DispositionIDCount},
	"captcha":           {ocsf.ActionIDDenied, ocsf.DispositionIDCaptcha},
	"challenge":         {ocsf.ActionIDDenied, ocsf.DispositionIDChallenge},
}

// readMatches maps what the terminating rule found where.
func readMatches(a *access, v jsondoc.Value) {
	r := &a.ev.FirewallRule
	for match := range v.Elements {
		if !r.HasCondition() {
			normalize.Text(match.Get("conditionType"), r.SetCondition)
		}
		if !r.HasMatchLocation() {
			normalize.Text(match.Get("location"), r.SetMatchLocation)
		}
		for data := range match.Get("matchedData").Elements {
			if text := data.Text(); text != "" {
				r.MatchDetails = append(r.MatchDetails, text)
				data.Use()
			}
		}
	}
}

// readLabels maps the labels that rules gave to the request.
func readLabels(a *access, v jsondoc.Value) {
	for label := range v.Elements {
		name := label
		if label.Kind() == jsondoc.Object {
			name = label.Get("name")
		}
		normalize.Text(name, func(text string) { a.ev.Metadata.Labels = append(a.ev.Metadata.Labels, text) })
	}
}

// readRuleGroups takes the rule of a group that ended the evaluation: it is more
// particular than the group, which terminatingRuleId names.
func readRuleGroups(a *access, v jsondoc.Value) {
	for group := range v.Elements {
		if id := group.Path("terminatingRule", "ruleId"); !a.ev.FirewallRule.HasName() {
			normalize.Text(id, a.ev.FirewallRule.SetName)
		}
	}
}

// readHeaderList maps headers that come as a list of names and values. All of them
// are in http_headers; those with an attribute of their own are there, too.
func readHeaderList(a *access, v jsondoc.Value) {
	for header := range v.Elements {
		name, value := header.Get("name"), header.Get("value")
		if name.Kind() != jsondoc.String || value.Kind() != jsondoc.String {
			continue
		}
		key, text := name.Use().Text(), value.Use().Text()
		setRequestHeader(key)(a, text)
		switch strings.ToLower(key) {
		case "user-agent", "referer", "x-forwarded-for":
			if text != "" && text != "-" {
				requestHeader(key)(a, text)
			}
		case "host":
			if a.server == "" {
				a.server = text
			}
		}
	}
}

// setJA3 is the fingerprint of the client's TLS handshake.
func setJA3(a *access, text string) bool {
	if len(text) != 32 || a.ev.TLS.JA3Hash.HasValue() {
		return false
	}
	a.ev.TLS.JA3Hash.SetAlgorithmID(ocsf.FingerprintAlgorithmIDMD5)
	a.ev.TLS.JA3Hash.SetValue(text)
	normalize.Observe(a.ev, "tls.ja3_hash.value", ocsf.ObservableTypeIDHash, text)
	return true
}
