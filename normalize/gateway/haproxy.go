package gateway

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/ocsf"
)

// HAProxy knows the formats of option httplog, httpslog, tcplog and of errors of
// connections, also with captured headers, and every log-format. Its times have no
// zone and are taken for UTC.
var HAProxy = newHAProxy()

func newHAProxy() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayHAProxy, Product: "HAProxy", Vendor: "HAProxy Technologies"},
		lookup: haproxyVariable,
		parse:  parseHAProxy,
		custom: true,
		decode: decodeHash,
		end:    endHAProxy,
	}
	const http = `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r`
	tcp := v.openLineOf("tcp", `%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq`, nil)
	tcp.network = true
	failed := v.lineOf("error", `%ci:%cp [%tr] %ft/%bi: %[error]`)
	failed.network = true
	v.lines = []lineDialect{
		v.lineOf("https", http+` %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc`),
		v.openLineOf("http", http, nil),
		v.lineOf("clf", `%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl`),
		tcp, failed,
	}
	return v
}

// haproxyVariables are those of section 8.2.6 of HAProxy's configuration manual.
var haproxyVariables = map[string]variable{
	"ci": {set: setClient, shape: format.Word, check: isAddress}, "src": {set: setClient, shape: format.Word, check: isAddress},
	"cp": {set: setClientPort, shape: format.Word, check: isCount},
	"fi": {set: setGateway, shape: format.Word}, "fp": {set: setGatewayPort, shape: format.Word, check: isCount},
	"bi": {shape: format.Word}, "bp": {shape: format.Word, check: isCount},
	"si": {set: setUpstreams, shape: format.Word}, "sp": {set: setServerPort, shape: format.Word, check: isCount},
	"f": {set: setGatewaySvc, shape: format.Word}, "ft": {set: setGatewaySvc, shape: format.Word},
	"b": {set: setBackend, shape: format.Word}, "s": {set: setHAProxyServer, shape: format.Word},
	"ST": {set: setStatus, shape: format.Word, check: isSigned}, "B": {set: setLogged(setSent), shape: format.Word, check: isSigned},
	"U": {set: setLogged(setReceived), shape: format.Word, check: isSigned},
	"r": {set: setRequest}, "HM": {set: setMethod, shape: format.Word}, "HP": {set: setPath, shape: format.Word},
	"HPO": {set: setPath, shape: format.Word}, "HQ": {set: setQuery, shape: format.Word}, "HU": {set: setTarget, shape: format.Word},
	"HV": {set: setProtocol, shape: format.Word},
	"Ta": {set: setLogged(took(milliseconds)), shape: format.Word, check: isSigned}, "Tt": {set: setLogged(took(milliseconds)), shape: format.Word, check: isSigned},
	"Tr": {set: latency(milliseconds), shape: format.Word, check: isSigned}, "Tw": {shape: format.Word, check: isSigned},
	"Tc": {shape: format.Word, check: isSigned}, "TR": {shape: format.Word, check: isSigned}, "Tq": {shape: format.Word, check: isSigned},
	"Th": {set: handshake(milliseconds), shape: format.Word, check: isSigned}, "Ti": {shape: format.Word}, "Td": {shape: format.Word}, "Tu": {shape: format.Word},
	"t": {set: setTime, check: isTime, time: true}, "tr": {set: setTime, check: isTime, time: true},
	"T": {set: setTime, check: isTime, time: true}, "trg": {set: setTime, check: isTime, time: true},
	"Tl": {set: setTime, check: isTime, time: true}, "trl": {set: setTime, check: isTime, time: true},
	"Ts": {set: setTime, shape: format.Word, time: true}, "ms": {shape: format.Word, check: isSigned},
	"tsc": {set: setTermination, shape: format.Word}, "ts": {set: setTermination, shape: format.Word},
	"CC": {shape: format.Word}, "CS": {shape: format.Word},
	"ac": {shape: format.Word, check: isSigned}, "fc": {shape: format.Word, check: isSigned}, "bc": {shape: format.Word, check: isSigned}, "sc": {shape: format.Word, check: isSigned}, "rc": {shape: format.Word, check: isSigned},
	"sq": {shape: format.Word, check: isSigned}, "bq": {shape: format.Word, check: isSigned}, "rt": {shape: format.Word, check: isSigned}, "pid": {shape: format.Word, check: isSigned},
	"hr": {shape: format.Braced}, "hs": {shape: format.Braced},
	"ID": {set: setRequestUID, shape: format.Word}, "H": {shape: format.Word},
	"sslv": {set: setTLSVersion, shape: format.Word}, "sslc": {set: setCipher, shape: format.Word},
	"[ssl_fc_sni]": {set: setSNI, shape: format.Word}, "[ssl_fc_protocol]": {set: setTLSVersion, shape: format.Word},
	"[ssl_fc_cipher]":  {set: setCipher, shape: format.Word},
	"[ssl_fc_err,hex]": {shape: format.Word}, "[ssl_c_err]": {shape: format.Word}, "[ssl_c_ca_err]": {shape: format.Word},
	"[fc_err]": {shape: format.Word, check: isSigned}, "[ssl_fc_is_resumed]": {shape: format.Word, check: isSigned},
	"[ssl_c_s_dn]": {set: setCertSubject}, "[ssl_c_i_dn]": {set: setCertIssuer},
	"[error]": {set: setStatusDetail},
	"[src]":   {set: setClient, shape: format.Word}, "[src_port]": {set: setClientPort, shape: format.Word},
	"[dst]": {set: setGateway, shape: format.Word}, "[dst_port]": {set: setGatewayPort, shape: format.Word},
	"[method]": {set: setMethod, shape: format.Word}, "[path]": {set: setPath}, "[query]": {set: setQuery}, "[status]": {set: setStatus, shape: format.Word},
}

func haproxyVariable(name string) variable {
	if v, ok := haproxyVariables[name]; ok {
		return v
	}
	for _, fetch := range [...]string{"[req.hdr(", "[hdr(", "[req.fhdr(", "[capture.req.hdr("} {
		if header, ok := strings.CutPrefix(name, fetch); ok {
			header, _, _ = strings.Cut(header, ")")
			if _, isNumber := parseCount(header); !isNumber {
				return variable{set: requestHeader(header)}
			}
		}
	}
	return variable{}
}

// setLogged is a figure that has a plus sign where it was logged before the end
// (option logasap): then it is the least.
func setLogged(set setter) setter {
	return func(a *access, text string) bool { return set(a, strings.TrimPrefix(text, "+")) && text[0] != '+' }
}

// setTermination is the state in which a session ended: of interest unless it is
// all dashes.
func setTermination(a *access, text string) bool {
	return strings.Trim(text, "-") != "" && setStatusDetail(a, text)
}

// setHAProxyServer is a server's name, or <NOSRV> and the like for none.
func setHAProxyServer(a *access, text string) bool {
	return text[0] != '<' && setServerName(a, text)
}

func setServerPort(a *access, text string) bool {
	n, ok := parsePort(text)
	d := &a.ev.LoadBalancer.DstEndpoint
	if !ok || d.HasPort() {
		return false
	}
	d.SetPort(n)
	return true
}

func isSigned(text string) bool {
	_, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 10, 64)
	return err == nil
}

// endHAProxy takes a record without anything of HTTP for one of a connection.
func endHAProxy(a *access) {
	if !a.hasCode && a.request == "" && a.method == "" && a.path == "" && a.target == "" {
		a.network = true
	}
	if a.network && a.ev.HasStatusDetail() {
		a.ev.SetStatusID(ocsf.StatusIDFailure)
	} else if a.network {
		a.ev.SetStatusID(ocsf.StatusIDSuccess)
	}
}

// decodeHash reads HAProxy's escapes: #HH, and inside of quotes a backslash.
func decodeHash(s string) string {
	if strings.IndexByte(s, '#') < 0 {
		return s
	}
	var out []byte
	for i := 0; i < len(s); {
		var run []byte
		from := i
		for i+2 < len(s) && s[i] == '#' {
			b, ok := hexByte(s[i+1:])
			if !ok {
				break
			}
			run = append(run, b)
			i += 3
		}
		if len(run) == 0 {
			out = append(out, s[i])
			i++
			continue
		}
		if valid := normalize.ValidText(string(run)); valid == string(run) {
			out = append(out, run...)
		} else {
			out = append(out, s[from:i]...)
		}
	}
	return string(out)
}

// parseHAProxy reads a log-format: %name, %{flags}name, %[expression]. A text may be
// bare or the directive; backslashes before spaces are as the configuration needs
// them. +Q puts a text into quotes, and on the pseudo-variable o all of them.
func parseHAProxy(text string) (format.Options, []format.Part, error) {
	opt := format.Options{Escaped: true}
	src, _, err := directive(text, "log-format")
	if err != nil {
		return opt, nil, err
	}
	src = unescapeSpaces(src)
	l := lexer{source: src, lookup: haproxyVariable}
	quoteAll := false
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
		name, flags, end, err := haproxyName(&l, i)
		if err != nil {
			return opt, nil, err
		}
		quote := quoteAll && !strings.Contains(flags, "-Q") || strings.Contains(flags, "+Q")
		if strings.Contains(flags, "json") || strings.Contains(flags, "cbor") {
			return opt, nil, l.errorAt(i, "the encodings json and cbor are not read: use a template with names of your own")
		}
		l.literal(i)
		l.start = i
		switch {
		case name == "o":
			quoteAll = quote
			for end < len(src.text) && src.text[end] == ' ' {
				end++
			}
			l.start = end
		case quote && isText(name):
			l.parts = append(l.parts, format.Part{Literal: `"`, Column: src.column(i)})
			l.field(name, i, end)
			l.parts = append(l.parts, format.Part{Literal: `"`, Column: src.column(i)})
		default:
			l.field(name, i, end)
		}
		i = end - 1
	}
	l.literal(len(src.text))
	return opt, l.parts, nil
}

// isText tells whether HAProxy puts a variable into quotes: not if it is a number or
// a time.
func isText(name string) bool {
	v := haproxyVariable(name)
	return !v.time && (v.check == nil || name == "ci" || name == "src")
}

// haproxyName reads a variable at its percent sign.
func haproxyName(l *lexer, at int) (name, flags string, end int, err error) {
	text := l.source.text
	i := at + 1
	for i < len(text) && (text[i] == '{' || text[i] == '(') {
		closing := strings.IndexAny(text[i:], "})")
		if closing < 0 {
			return "", "", 0, l.errorAt(i, "the bracket is not closed")
		}
		if text[i] == '{' {
			flags = text[i : i+closing]
		}
		i += closing + 1
	}
	start := i
	if i < len(text) && text[i] == '[' {
		closing := strings.IndexByte(text[i:], ']')
		if closing < 0 {
			return "", "", 0, l.errorAt(i, "want ] behind [")
		}
		return text[i : i+closing+1], flags, i + closing + 1, nil
	}
	for i < len(text) && isNameByte(text[i]) {
		i++
	}
	if i == start {
		return "", "", 0, l.errorAt(at, "want the name of a variable behind %")
	}
	return text[start:i], flags, i, nil
}

func unescapeSpaces(s source) source {
	if !strings.Contains(s.text, `\ `) {
		return s
	}
	out := source{columns: []int{}}
	var text strings.Builder
	for i := range len(s.text) {
		if s.text[i] == '\\' && i+1 < len(s.text) && s.text[i+1] == ' ' {
			continue
		}
		text.WriteByte(s.text[i])
		out.columns = append(out.columns, s.column(i))
	}
	out.text = text.String()
	return out
}
