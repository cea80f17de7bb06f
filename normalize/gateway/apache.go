package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
)

// Apache knows the formats common, combined and vhost_combined of Apache's HTTP
// Server, which LiteSpeed writes too, that of ssl_request_log, and every LogFormat. A line of the format
// combined is NGINX's as well: of an input that names no source it is taken for that.
var Apache = newApache()

func newApache() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayApache, Product: "HTTP Server", Vendor: "Apache"},
		lookup: apacheVariable,
		parse:  parseApache,
		custom: true,
		decode: decode,
		names:  []string{"apache", "httpd", "litespeed"},
	}
	const common = `%h %l %u %t "%r" %>s `
	combined := v.openLineOf("combined", common+`%b`, combinedTail)
	combined.shared = true
	named := v.openLineOf("vhost_combined", `%v `+common+`%b`, combinedTail)
	named.shared = true
	v.lines = []lineDialect{
		v.lineOf("common", common+`%b`),
		v.lineOf("vhost_common", `%v:%p `+common+`%b`),
		v.lineOf("vhost_common", `%v `+common+`%b`),
		v.openLineOf("vhost_combined", `%v:%p `+common+`%O`, combinedTail),
		v.lineOf("ssl_request", `%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x "%r" %b`),
		combined, named,
	}
	return v
}

// apacheVariables are the directives of httpd.apache.org's mod_log_config and
// mod_logio, without their modifiers but for those that change the meaning.
var apacheVariables = map[string]variable{
	"a":                      {set: setClient, shape: format.Word, check: isAddress},
	"h":                      {set: setClient, shape: format.List, check: isAddress},
	"{c}a":                   {set: setProxies, shape: format.Word},
	"A":                      {set: setGateway, shape: format.Word},
	"B":                      {set: setBodySent, shape: format.Word, check: isCount},
	"b":                      {set: setBodySent, shape: format.Word, check: isCount},
	"D":                      {set: took(microseconds), shape: format.Word},
	"T":                      {set: took(seconds), shape: format.Word},
	"{s}T":                   {set: took(seconds), shape: format.Word},
	"{ms}T":                  {set: took(milliseconds), shape: format.Word},
	"{us}T":                  {set: took(microseconds), shape: format.Word},
	"f":                      {},
	"H":                      {set: setProtocol, shape: format.Word},
	"k":                      {shape: format.Word},
	"l":                      {shape: format.Word, check: isIdentity},
	"L":                      {shape: format.Word},
	"m":                      {set: setMethod, shape: format.Word},
	"p":                      {set: setPort, shape: format.Word, check: isCount},
	"{canonical}p":           {set: setPort, shape: format.Word},
	"{local}p":               {set: setPort, shape: format.Word},
	"{remote}p":              {set: setClientPort, shape: format.Word},
	"P":                      {shape: format.Word},
	"q":                      {set: setQuery},
	"r":                      {set: setRequest},
	"R":                      {shape: format.Word},
	"s":                      {set: setStatus, shape: format.Word, check: isCode},
	">s":                     {set: setStatus, shape: format.Word, check: isCode},
	"<s":                     {shape: format.Word},
	"t":                      {set: setTime, check: isCLF, time: true},
	"u":                      {set: setUser},
	"U":                      {set: setPath},
	"v":                      {set: setServer, shape: format.Word},
	"V":                      {set: setHost, shape: format.Word},
	"X":                      {shape: format.Word},
	"I":                      {set: setReceived, shape: format.Word, check: isCount},
	"O":                      {set: setSent, shape: format.Word, check: isCount},
	"S":                      {shape: format.Word},
	"^FB":                    {set: latency(microseconds), shape: format.Word},
	"{UNIQUE_ID}e":           {set: setOwnRequestID, shape: format.Word},
	"{SSL_PROTOCOL}x":        {set: setTLSVersion, shape: format.Word},
	"{SSL_CIPHER}x":          {set: setCipher, shape: format.Word},
	"{SSL_TLS_SNI}x":         {set: setSNI, shape: format.Word},
	"{SSL_CLIENT_S_DN}x":     {set: setCertSubject},
	"{SSL_CLIENT_I_DN}x":     {set: setCertIssuer},
	"{SSL_CLIENT_M_SERIAL}x": {set: setCertSerial, shape: format.Word},
	"{Traceparent}i":         {set: setTraceparent},
	"{traceparent}i":         {set: setTraceparent},
}

// isIdentity tells whether a word is what identd might have said, and no address:
// that is what comes second where a virtual host is the first.
func isIdentity(text string) bool { return strings.IndexAny(text, ".:") < 0 }

func apacheVariable(name string) variable {
	if v, ok := apacheVariables[name]; ok {
		return v
	}
	parameter, letter, ok := strings.Cut(strings.TrimPrefix(name, "{"), "}")
	if !ok {
		return variable{}
	}
	switch letter {
	case "i":
		return variable{set: requestHeader(parameter)}
	case "o":
		return variable{set: responseHeader(parameter)}
	case "t":
		if strings.HasSuffix(parameter, "_frac") {
			return variable{shape: format.Word}
		}
		return variable{set: setTime, time: true}
	}
	return variable{}
}

// parseApache reads a LogFormat: %, modifiers, a parameter in braces, a letter. A
// text may be bare, with the backslashes that it has in a configuration file, or the
// whole directive.
func parseApache(text string) (format.Options, []format.Part, error) {
	opt := format.Options{Escaped: true}
	src, _, err := directive(text, "LogFormat")
	if err != nil {
		return opt, nil, err
	}
	src = unescapeConfig(src)
	l := lexer{source: src, lookup: apacheVariable}
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
		name, end, err := apacheName(&l, i)
		if err != nil {
			return opt, nil, err
		}
		if name == "t" { // it brings its brackets
			l.literal(i)
			l.parts = append(l.parts, format.Part{Literal: "[", Column: src.column(i)})
			l.start = i
			l.field(name, i, end)
			l.parts = append(l.parts, format.Part{Literal: "]", Column: src.column(i)})
		} else {
			l.field(name, i, end)
		}
		i = end - 1
	}
	l.literal(len(src.text))
	return opt, l.parts, nil
}

// apacheName reads a directive at its percent sign.
func apacheName(l *lexer, at int) (name string, end int, err error) {
	text := l.source.text
	i := at + 1
	for i < len(text) && strings.IndexByte("!0123456789,", text[i]) >= 0 {
		i++
	}
	modifier := ""
	if i < len(text) && (text[i] == '>' || text[i] == '<') {
		modifier = text[i : i+1]
		i++
	}
	parameter := ""
	if i < len(text) && text[i] == '{' {
		closing := strings.IndexByte(text[i:], '}')
		if closing < 0 {
			return "", 0, l.errorAt(i, "want } behind {")
		}
		parameter = text[i : i+closing+1]
		i += closing + 1
	}
	if strings.HasPrefix(text[i:], "^") && len(text) >= i+3 {
		return parameter + text[i:i+3], i + 3, nil
	}
	if i == len(text) || !isNameByte(text[i]) {
		return "", 0, l.errorAt(at, "want a letter behind %")
	}
	name = parameter + text[i:i+1]
	if modifier != "" && text[i] == 's' {
		name = modifier + "s"
	}
	return name, i + 1, nil
}

// unescapeConfig takes the backslashes off that quotes need in a configuration file.
func unescapeConfig(s source) source {
	if strings.IndexByte(s.text, '\\') < 0 {
		return s
	}
	out := source{columns: []int{}}
	var text strings.Builder
	for i := 0; i < len(s.text); i++ {
		c := s.text[i]
		if c == '\\' && i+1 < len(s.text) {
			switch s.text[i+1] {
			case '"', '\\':
				i++
				c = s.text[i]
			case 't':
				i++
				c = '\t'
			}
		}
		text.WriteByte(c)
		out.columns = append(out.columns, s.column(i))
	}
	out.text = text.String()
	return out
}
