package gateway

import (
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// coraza is the message of the firewall Coraza (and ModSecurity) in Caddy's log: a
// rule that matched a request.
//
//	[client "192.0.2.1"] Coraza: Warning. <text> [file ".."] [id "942100"] [msg ".."] [data ".."] [tag ".."] [uri ".."] [unique_id ".."]
//
// The message stays whole in message. Of several matches in one message, the first
// is firewall_rule.
var coraza = objectDialect{
	name: "coraza",
	is: func(root jsondoc.Value) bool {
		text, _ := root.Get("msg").Str()
		return strings.HasPrefix(text, `[client "`) && strings.Contains(text, `"] Coraza: `)
	},
	table: members{
		"ts":     setter(setTime),
		"level":  setter(setLogLevel),
		"logger": setLogName,
		"msg":    setter(setCoraza),
	},
}

// corazaTags are the tags of a message that an attribute holds.
var corazaTags = map[string]setter{
	"client":    setClient,
	"id":        setRuleUID,
	"msg":       attribute(rule, (*ocsf.FirewallRule).HasDesc, (*ocsf.FirewallRule).SetDesc),
	"ver":       attribute(rule, (*ocsf.FirewallRule).HasVersion, (*ocsf.FirewallRule).SetVersion),
	"data":      addMatch,
	"hostname":  setHost,
	"uri":       setTarget,
	"unique_id": setRequestUID,
	"tag": func(a *access, text string) bool {
		a.ev.Metadata.Labels = append(a.ev.Metadata.Labels, text)
		return true
	},
}

func setCoraza(a *access, text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	first = first[:min(len(first), maxList)] // no message is as long
	denied := strings.Contains(first, `"] Coraza: Access denied`)
	for rest := first; ; {
		start := strings.IndexByte(rest, '[')
		if start < 0 {
			break
		}
		name, after, ok := strings.Cut(rest[start+1:], ` "`)
		end := bareQuoteBracket(after)
		if !ok || end < 0 || strings.ContainsAny(name, " []") {
			rest = rest[start+1:]
			continue
		}
		if set := corazaTags[name]; set != nil && end > 0 {
			set(a, strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(after[:end]))
		}
		rest = after[end+2:]
	}
	if denied {
		a.ev.SetActionID(ocsf.ActionIDDenied)
		a.ev.SetDispositionID(ocsf.DispositionIDBlocked)
		a.ev.SetStatusID(ocsf.StatusIDFailure)
	} else {
		a.ev.SetActionID(ocsf.ActionIDObserved)
		a.ev.SetDispositionID(ocsf.DispositionIDDetected)
	}
	return setMessage(a, strings.TrimRight(text, "\n"))
}

// bareQuoteBracket is where a tag's text ends: at a quote without a backslash before
// a bracket; -1 if there is none.
func bareQuoteBracket(s string) int {
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"' && s[i+1] == ']':
			return i
		}
	}
	return -1
}
