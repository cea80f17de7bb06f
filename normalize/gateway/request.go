package gateway

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

// parseRequest takes a request line apart. The target is all between the method and
// the protocol, spaces too: clients send what they like.
func (a *access) parseRequest(line string) {
	line = absent(line)
	method, rest, ok := strings.Cut(line, " ")
	space := strings.LastIndexByte(rest, ' ')
	if !ok || !isMethod(method) || space < 1 || !strings.HasPrefix(rest[space+1:], "HTTP/") {
		a.request = line
		return
	}
	a.method, a.target, a.protocol = method, rest[:space], rest[space+1:]
}

// isMethod tells whether s is a method as NGINX takes one: it answers others 400.
func isMethod(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// mapTarget maps the request's target by its form.
func mapTarget(a *access, ev *ocsf.Event) {
	url := &ev.HTTPRequest.URL
	switch scheme, rest, isAbsolute := strings.Cut(a.target, "://"); {
	case a.method == "CONNECT" && mapConnect(a.target, &ev.DstEndpoint):
	case isAbsolute && !strings.ContainsAny(scheme, "/?") && normalize.IsURL(a.target):
		url.SetURLString(a.target)
		url.SetScheme(scheme)
		authority, path := rest, ""
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			authority, path = rest[:i], rest[i:]
		}
		mapAuthority(authority, url)
		mapPath(path, url)
	default:
		mapPath(a.target, url)
	}
}

func mapPath(target string, url *ocsf.URL) {
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
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	if normalize.IsHostname(host) {
		url.SetHostname(host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		url.SetPort(int32(n))
	}
}

// mapConnect maps the host and port that a client asks to be connected to.
func mapConnect(target string, dst *ocsf.NetworkEndpoint) bool {
	i := strings.LastIndexByte(target, ':')
	if i < 1 {
		return false
	}
	port, err := strconv.ParseUint(target[i+1:], 10, 16)
	if err != nil {
		return false
	}
	host := strings.Trim(target[:i], "[]")
	switch _, err := netip.ParseAddr(host); {
	case err == nil && normalize.IsIP(host):
		dst.SetIP(host)
	case normalize.IsHostname(host):
		dst.SetHostname(host)
	default:
		return false
	}
	dst.SetPort(int32(port))
	return true
}
