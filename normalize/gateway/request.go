package gateway

import (
	"math"
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

func (a *access) finishRequest() {
	ev := a.ev
	ev.SetClass(ocsf.ClassHTTPActivity)
	a.splitRequest()
	a.mapActivity()
	if a.protocol != "" {
		ev.HTTPRequest.SetVersion(a.protocol)
	}
	a.mapURL()
	a.mapHost()
	if a.received >= 0 {
		ev.Traffic.SetBytesOut(a.received)
		if a.received <= math.MaxInt32 {
			ev.HTTPRequest.SetLength(int32(a.received))
		}
	}
}

// splitRequest takes a request line apart. The target is all between the method and
// the protocol, spaces too: clients send what they like. Of HTTP/0.9 there is no
// protocol. What is no request line stays whole.
func (a *access) splitRequest() {
	if a.request == "" {
		return
	}
	method, rest, ok := strings.Cut(a.request, " ")
	target, protocol := rest, ""
	if space := strings.LastIndexByte(rest, ' '); space >= 1 && strings.HasPrefix(rest[space+1:], "HTTP/") {
		target, protocol = rest[:space], rest[space+1:]
	}
	switch {
	case !ok || !isMethod(method) || target == "", protocol == "" && !looksLikeTarget(target),
		a.method != "" && a.method != method, a.target != "" && a.target != target:
		a.keep("request", a.request)
		return
	}
	a.method, a.target = method, target
	if a.protocol != "" && protocol != "" && a.protocol != protocol {
		a.keep("request_protocol", protocol)
	} else if protocol != "" {
		a.protocol = protocol
	}
}

// looksLikeTarget tells whether a request line without a protocol is a request all
// the same.
func looksLikeTarget(target string) bool {
	return target[0] == '/' || strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

// isMethod tells whether s is a method as gateways take one: they answer others 400.
func isMethod(s string) bool {
	if s == "" || len(s) > 32 || s[0] == '-' || s[0] == '_' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// activity is the activity of a method that OCSF lists.
func activity(method string) int32 {
	switch method {
	case "GET":
		return ocsf.HTTPActivityActivityIDGet
	case "POST":
		return ocsf.HTTPActivityActivityIDPost
	case "HEAD":
		return ocsf.HTTPActivityActivityIDHead
	case "PUT":
		return ocsf.HTTPActivityActivityIDPut
	case "DELETE":
		return ocsf.HTTPActivityActivityIDDelete
	case "OPTIONS":
		return ocsf.HTTPActivityActivityIDOptions
	case "CONNECT":
		return ocsf.HTTPActivityActivityIDConnect
	case "PATCH":
		return ocsf.HTTPActivityActivityIDPatch
	case "TRACE":
		return ocsf.HTTPActivityActivityIDTrace
	}
	return ocsf.HTTPActivityActivityIDUnknown
}

func (a *access) mapActivity() {
	ev := a.ev
	switch id := activity(a.method); {
	case id != 0:
		ev.SetActivityID(id)
		ev.HTTPRequest.SetHTTPMethod(a.method)
	case isMethod(a.method):
		ev.SetActivityID(ocsf.HTTPActivityActivityIDOther)
		ev.SetActivityName(a.method)
	default:
		ev.SetActivityID(ocsf.HTTPActivityActivityIDUnknown)
		a.keep("method", a.method)
	}
}

// mapURL maps where the request goes to, from the target, a URL or a path.
func (a *access) mapURL() {
	url := &a.ev.HTTPRequest.URL
	switch {
	case a.target != "":
		a.mapTarget(a.target)
		a.mapWholeURL()
		a.keepUnlessEqual("path", a.path, url.Path())
	case a.url != "":
		a.mapTarget(a.url)
		a.keepUnlessEqual("path", a.path, "")
	case a.path != "":
		a.mapPath(a.path)
	case a.resource != "":
		a.mapPath(a.resource)
		a.resource = ""
	}
	a.keep("resourcePath", a.resource)
	if a.query == "" {
		return
	}
	query := strings.TrimPrefix(a.query, "?")
	switch {
	case url.HasQueryString():
		a.keepUnlessEqual("query", query, url.QueryString())
	case url.Present() || query != a.query:
		url.SetQueryString(query)
		if !url.HasPath() && !url.HasURLString() {
			url.SetPath("")
		}
	default:
		url.SetPath("")
		url.SetQueryString(query)
	}
}

// mapWholeURL maps a URL that the log has beside the target.
func (a *access) mapWholeURL() {
	url := &a.ev.HTTPRequest.URL
	scheme, rest, ok := strings.Cut(a.url, "://")
	if !ok || url.HasURLString() || !url.Present() || !normalize.IsURL(a.url) {
		a.keepUnlessEqual("url", a.url, a.target)
		return
	}
	url.SetURLString(a.url)
	if a.scheme == "" {
		a.scheme = scheme
	}
	if end := strings.IndexAny(rest, "/?"); a.host == "" && a.server == "" && end > 0 {
		a.host = rest[:end]
	}
}

func (a *access) keepUnlessEqual(name, value, attribute string) {
	if value != attribute || attribute == "" {
		a.keep(name, value)
	}
}

// mapTarget maps a request's target by its form.
func (a *access) mapTarget(target string) {
	url := &a.ev.HTTPRequest.URL
	switch scheme, rest, isAbsolute := strings.Cut(target, "://"); {
	case a.method == "CONNECT" && a.mapConnect(target):
	case isAbsolute && !strings.ContainsAny(scheme, "/?") && normalize.IsURL(target):
		url.SetURLString(target)
		url.SetScheme(scheme)
		authority, path := rest, ""
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			authority, path = rest[:i], rest[i:]
		}
		mapAuthority(authority, url)
		a.mapPath(path)
	case isAbsolute && (scheme == "http" || scheme == "https"):
		// A client sent what no URL may hold, such as a space: its parts are told all the
		// same, and the whole is in unmapped.
		url.SetScheme(scheme)
		authority, path := rest, ""
		if i := strings.IndexAny(rest, "/? "); i >= 0 {
			authority, path = rest[:i], rest[i:]
		}
		mapAuthority(authority, url)
		a.mapPath(path)
		a.keep("target", target)
	default:
		a.mapPath(target)
	}
}

func (a *access) mapPath(target string) {
	url := &a.ev.HTTPRequest.URL
	path, query, found := strings.Cut(target, "?")
	if path != "" || !url.Present() {
		url.SetPath(path)
	}
	if found && query != "" {
		url.SetQueryString(query)
	}
}

// mapAuthority maps a URL's host and port, where they are such; url_string has them
// in any case.
func mapAuthority(authority string, url *ocsf.URL) {
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	if normalize.IsHostname(host) {
		url.SetHostname(host)
	}
	if n, ok := parsePort(port); ok {
		url.SetPort(n)
	}
}

// mapConnect maps the host and port that a client asks to be connected to.
func (a *access) mapConnect(target string) bool {
	host, port := splitPort(target)
	n, ok := parsePort(port)
	if !ok || a.ev.DstEndpoint.Present() {
		return false
	}
	dst := &a.ev.DstEndpoint
	switch {
	case normalize.IsIP(host):
		dst.SetIP(host)
	case normalize.IsHostname(host):
		dst.SetHostname(host)
	default:
		return false
	}
	dst.SetPort(n)
	return true
}

// mapHost maps the host that the client asked for, and the scheme and port.
func (a *access) mapHost() {
	url := &a.ev.HTTPRequest.URL
	if a.scheme != "" && (!url.Present() || url.HasScheme() && url.Scheme() != a.scheme) {
		a.keep("scheme", a.scheme)
	} else if a.scheme != "" {
		url.SetScheme(a.scheme)
	}
	if a.host == "" || a.host == a.server {
		a.host, a.server = a.server, ""
	}
	host, port := splitPort(a.host)
	switch {
	case host == "":
	case url.HasHostname() && strings.EqualFold(url.Hostname(), host):
	case normalize.IsHostname(host) && url.Present() && !url.HasHostname():
		url.SetHostname(host)
	case !a.setDestinationName(a.host):
		a.keep("host", a.host)
		port = ""
	default:
		port = ""
	}
	for _, text := range [...]string{port, a.port} {
		n, ok := parsePort(text)
		switch {
		case text == "":
		case ok && url.Present() && !url.HasPort():
			url.SetPort(n)
		case !ok || url.Port() != n:
			a.keep("port", text)
		}
	}
	if a.server != "" && !strings.EqualFold(a.server, url.Hostname()) {
		a.keep("server_name", a.server)
	}
}

func parsePort(s string) (port int32, ok bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int32(n), s != "" && err == nil
}

// parseCode reads a status of at most three digits.
func parseCode(s string) (code int32, ok bool) {
	if len(s) == 0 || len(s) > 3 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		code = code*10 + int32(s[i]-'0')
	}
	return code, true
}
