package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapGraph maps a request to Microsoft Graph. It is API Activity, because it has a caller
// with a token and an object, and http_request and http_response tell the rest.
//
//   - api.operation is the method and the path, with {id} for each id in it: "GET /users/{id}/messages".
//     A rule can name and count it; the path itself is http_request.url.path.
//   - resources is the first collection of the path and its id: type users, uid.
//   - actor.user is the user, or the service principal where nobody is signed in.
//   - actor.authorizations has the token's scopes, roles and directory roles (wids), as policies of that type.
//   - actor.session.uid is the token's id, which is uniqueTokenIdentifier (session.uid) of the sign-in.
//
// Azure AD Graph, its predecessor, has a log of the same kind with other names and only a path for the URL.
func (m *Mapper) mapGraph(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "timeGenerated"); err != nil {
		return err
	}
	m.mapMetadata(ev, "requestId", "operationId")
	m.mapTenantCloud(ev)
	normalize.Text(r.field("location"), ev.Cloud.SetRegion)
	ev.SetClass(ocsf.ClassAPIActivity)
	m.mapGraphRequest(ev)
	m.mapGraphResponse(ev)
	m.mapGraphActor(ev)
	mapAddress(&ev.SrcEndpoint, r.body.any("ipAddress", "callerIpAddress"), r.top.get("callerIpAddress"))
	return nil
}

// graphMethods are the activities of the methods. What a POST to .../getByIds or
// $batch does, the path tells.
var graphMethods = map[string]int32{
	"get": ocsf.APIActivityActivityIDRead, "head": ocsf.APIActivityActivityIDRead, "post": ocsf.APIActivityActivityIDCreate,
	"put": ocsf.APIActivityActivityIDUpdate, "patch": ocsf.APIActivityActivityIDUpdate, "delete": ocsf.APIActivityActivityIDDelete,
}

func (m *Mapper) mapGraphRequest(ev *ocsf.Event) {
	r := &m.r
	api, request := &ev.API, &ev.HTTPRequest
	api.Service.SetName("Microsoft Graph")
	if strings.HasPrefix(strings.ToLower(r.top.any("category", "Type").Text()), "a") { // AzureADGraphActivityLogs, AADGraphActivityLogs
		api.Service.SetName("Azure AD Graph")
	}
	if normalize.Text(r.body.get("apiVersion"), api.SetVersion) == "" {
		m.mapAPIVersion(ev)
	}
	normalize.Text(r.body.get("clientRequestId"), api.Request.SetUID)
	normalize.Text(r.body.get("userAgent"), request.SetUserAgent)
	verb := r.body.any("requestMethod", "httpMethod")
	method := verb.Text()
	if normalize.IsHTTPMethod(method) {
		verb.Use()
		request.SetHTTPMethod(method)
	}
	uri := r.body.get("requestUri")
	path := ""
	if text := uri.Text(); normalize.IsURL(text) {
		uri.Use()
		request.URL.SetURLString(text)
		path = mapURLParts(text, &request.URL)
	} else if strings.HasPrefix(text, "/") {
		query, hasQuery := "", false
		path, query, hasQuery = strings.Cut(text, "?")
		request.URL.SetPath(path)
		if hasQuery {
			request.URL.SetQueryString(query)
		} else {
			uri.Use()
		}
		path = withoutTenant(path, r.body.get("tenantId").Text())
	}
	path = withoutVersion(path)
	if path == "" {
		api.SetOperation(orUnknown(normalize.Text(r.top.get("operationName"), func(string) {})))
	} else {
		api.SetOperation(template(method, path))
		mapGraphResource(path, ev)
	}
	if activity := lookup(graphMethods, method); activity != 0 {
		ev.SetActivityID(activity)
		return
	}
	ev.SetActivityID(ocsf.ActivityIDOther)
	ev.SetActivityName(api.Operation())
}

func orUnknown(s string) string {
	if s == "" {
		return normalize.Unknown
	}
	return s
}

// mapURLParts sets host, path and query of a URL with a scheme, and gives the path.
func mapURLParts(text string, url *ocsf.URL) (path string) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return ""
	}
	url.SetScheme(scheme)
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	path, query, hasQuery := strings.Cut(path, "?")
	if hasQuery {
		url.SetQueryString(query)
	}
	if normalize.IsHostname(host) {
		url.SetHostname(host)
	}
	if path != "" {
		url.SetPath(path)
	}
	return path
}

// withoutVersion is a path of Graph without /v1.0 or /beta.
func withoutVersion(path string) string {
	trimmed := strings.TrimLeft(path, "/")
	first, rest, _ := strings.Cut(trimmed, "/")
	if strings.EqualFold(first, "beta") || len(first) == 4 && first[0]|0x20 == 'v' && first[2] == '.' {
		trimmed = strings.TrimLeft(rest, "/")
	}
	return trimmed
}

// withoutTenant is a path of Azure AD Graph without /v2 and the tenant.
func withoutTenant(path, tenant string) string {
	trimmed := strings.TrimPrefix(path, "/v2")
	if first, rest, _ := strings.Cut(strings.TrimPrefix(trimmed, "/"), "/"); tenant != "" && strings.EqualFold(first, tenant) {
		return rest
	}
	return trimmed
}

// template is the method and the path, in which ids are {id}.
func template(method, path string) string {
	var buf [192]byte
	out := append(buf[:0], method...)
	if method != "" {
		out = append(out, ' ')
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		out = append(out, '/')
		name, _, isKey := strings.Cut(segment, "(") // users('..')
		switch {
		case isKey && name != "":
			out = append(out, name...)
			out = append(out, "({id})"...)
		case isPathID(segment):
			out = append(out, "{id}"...)
		default:
			out = append(out, segment...)
		}
	}
	return string(out)
}

// isPathID tells an id from the name of a collection, a property or an action, which
// are words of letters.
func isPathID(segment string) bool {
	digits := 0
	for i := range len(segment) {
		switch c := segment[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c == '@', c == '=', c == '%', c == '!':
			return true
		}
	}
	return digits > 2 || digits > 0 && len(segment) > 20 || len(segment) > 40
}

// mapGraphResource lists the collection that the path begins with, and the object.
func mapGraphResource(path string, ev *ocsf.Event) {
	kind, rest, _ := strings.Cut(path, "/")
	id, _, _ := strings.Cut(rest, "/")
	resource := ev.AddResources()
	if name, key, isKey := strings.Cut(kind, "("); isKey {
		_, value, isNamed := strings.Cut(key, "=") // users('..'), applications(appId='..')
		if !isNamed {
			value = key
		}
		kind, id = name, strings.Trim(value, "')")
	} else if !isPathID(id) {
		id = ""
	}
	resource.SetType(kind)
	if id != "" {
		resource.SetUID(id)
	} else {
		resource.SetName(kind)
	}
}

func (m *Mapper) mapGraphResponse(ev *ocsf.Event) {
	r := &m.r
	code := r.body.any("responseStatusCode", "httpStatusCode")
	mapNumber(code, ev.HTTPResponse.SetCode)
	if ev.HTTPResponse.HasCode() { // without which OCSF has no response
		if size := r.body.get("responseSizeBytes"); size.Text() != "-1" { // not known
			mapNumber(size, ev.HTTPResponse.SetBodyLength)
		}
	}
	normalize.Text(r.top.get("resultSignature"), ev.SetStatusCode)
	status := ev.HTTPResponse.Code()
	if !ev.HTTPResponse.HasCode() {
		mapNumber(r.top.get("resultSignature"), func(n int32) { status = n })
	}
	if status != 0 && !ev.HasStatusCode() && status >= 400 {
		ev.SetStatusCode(code.Text())
	}
	ev.SetStatusID(statusOfHTTP(status))
}

// statusOfHTTP is Failure of the codes of errors, Unknown of 0.
func statusOfHTTP(code int32) int32 {
	switch {
	case code == 0:
		return ocsf.StatusIDUnknown
	case code >= 400:
		return ocsf.StatusIDFailure
	}
	return ocsf.StatusIDSuccess
}

func (m *Mapper) mapGraphActor(ev *ocsf.Event) {
	r := &m.r
	actor := &ev.Actor
	normalize.Text(r.body.get("appId"), actor.SetAppUID)
	if normalize.Text(r.body.any("userId", "userPrincipalObjectID"), actor.User.SetUID) != "" {
		actor.User.SetTypeID(ocsf.UserTypeIDUser)
	} else if normalize.Text(r.body.get("servicePrincipalId"), actor.User.SetUID) != "" {
		actor.User.SetTypeID(ocsf.UserTypeIDService)
	}
	if !actor.User.HasUID() && !actor.HasAppUID() {
		actor.User.SetName(normalize.Unknown)
	}
	if normalize.Text(r.body.get("signInActivityId"), actor.Session.SetUID) == "" {
		normalize.Text(r.body.get("uniqueTokenId"), actor.Session.SetUID)
	}
	normalize.Text(r.body.any("sessionId", "C_Sid"), actor.Session.SetUIDAlt)
	normalize.Time(r.body.any("tokenIssuedAt", "issuedAt"), actor.Session.SetCreatedTime)
	for _, claim := range [...]string{"scopes", "roles", "wids"} {
		mapPermissions(claim, r.body.get(claim), actor)
	}
}

// mapPermissions keeps what a token allows: a text with spaces between, or a list.
func mapPermissions(kind string, v jsondoc.Value, actor *ocsf.Actor) {
	text := joined(v)
	if text == "" {
		return
	}
	if v.Kind() == jsondoc.String || v.Len() == 1 { // a longer list stays in unmapped, too
		v.Use()
	}
	policy := &actor.AddAuthorizations().Policy
	policy.SetType(kind)
	policy.SetName(text)
}
