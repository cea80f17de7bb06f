package azure

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapOutcome maps the result, which of an operation in progress is neither.
func (m *Mapper) mapOutcome(root jsondoc.Value, ev *ocsf.Event) {
	result := firstOf(root, "resultType", "ResultType", "status")
	normalize.Text(firstOf(root, "resultSignature", "subStatus"), ev.SetStatusCode)
	normalize.Text(root.Get("resultDescription"), ev.SetStatusDetail)
	if ms, err := strconv.ParseInt(root.Get("durationMs").Text(), 10, 64); err == nil {
		root.Get("durationMs").Use()
		ev.SetDuration(ms)
	}
	switch word := result.Text(); strings.ToLower(word) {
	case "":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case "success", "succeeded", "0":
		ev.SetStatusID(ocsf.StatusIDSuccess)
	case "failure", "failed":
		ev.SetStatusID(ocsf.StatusIDFailure)
		m.mapError(root, ev)
	default: // Start, Accept, Active, Resolved, ...
		ev.SetStatusID(ocsf.StatusIDOther)
		ev.SetStatus(word)
	}
	if ev.Status() == result.Text() {
		result.Use()
	}
}

// mapError takes code and message from properties.statusMessage, which is the
// response {"error": {..}} or {..} as JSON in a string.
func (m *Mapper) mapError(root jsondoc.Value, ev *ocsf.Event) {
	message := root.Path("properties", "statusMessage").Text()
	if message == "" || m.nested.ParseString(message) != nil {
		return
	}
	failure := m.nested.Root()
	if inner := failure.Get("error"); inner.Exists() {
		failure = inner
	}
	normalize.Text(failure.Get("code"), ev.API.Response.SetError)
	normalize.Text(failure.Get("message"), ev.API.Response.SetErrorMessage)
}

func mapAPI(root jsondoc.Value, ev *ocsf.Event) {
	api := &ev.API
	operation := normalize.Text(value(root.Get("operationName")), api.SetOperation)
	normalize.Text(root.Get("operationVersion"), api.SetVersion)
	if service, _, found := strings.Cut(operation, "/"); found {
		api.Service.SetName(service)
	}
	request := root.Get("httpRequest")
	normalize.Text(request.Get("clientRequestId"), api.Request.SetUID)
	if method := request.Get("method"); normalize.IsHTTPMethod(method.Text()) {
		normalize.Text(method, ev.HTTPRequest.SetHTTPMethod)
	}
	if uri := request.Get("uri"); normalize.IsURL(uri.Text()) {
		normalize.Text(uri, ev.HTTPRequest.URL.SetURLString)
	}
	normalize.Text(root.Path("properties", "userAgentHeader"), ev.HTTPRequest.SetUserAgent)
}

// mapRequest maps the request's body, and gives it, parsed, or that of the response
// if there is none: JSON in a string, or an object.
func (m *Mapper) mapRequest(root jsondoc.Value, ev *ocsf.Event) (body jsondoc.Value) {
	request := &ev.API.Request
	properties := root.Get("properties")
	for _, key := range [...]string{"requestbody", "requestBody"} {
		if v := properties.Get(key); v.Text() != "" || v.Len() > 0 {
			body = m.parsed(v)
			v.Use()
			request.SetData(ocsf.JSON(body.JSON()))
		}
	}
	if request.Present() && !request.HasUID() {
		request.SetUID(ev.Metadata.CorrelationUID())
		if request.UID() == "" {
			request.SetUID(ev.Metadata.UID())
		}
	}
	if body.Exists() {
		return body
	}
	return m.parsed(properties.Get("responseBody"))
}

// parsed is the container that a text holds as JSON, else the value itself.
func (m *Mapper) parsed(v jsondoc.Value) jsondoc.Value {
	if text, ok := v.Str(); ok && m.nested.ParseString(text) == nil && m.nested.Root().Kind() >= jsondoc.Array {
		return m.nested.Root()
	}
	return v
}

// activityOf tells the activity from how an operation's name ends: .../write,
// .../listKeys/action. Names of other forms (GetBlob) are told by their beginning.
func activityOf(operation string) int32 {
	name := strings.ToLower(operation)
	segments := strings.Split(name, "/")
	switch last := segments[len(segments)-1]; last {
	case "write":
		return ocsf.APIActivityActivityIDUpdate
	case "delete":
		return ocsf.APIActivityActivityIDDelete
	case "read":
		return ocsf.APIActivityActivityIDRead
	case "action":
		name = segments[max(0, len(segments)-2)]
	default:
		name = last
	}
	for _, reading := range [...]string{"list", "get", "read", "query"} {
		if strings.HasPrefix(name, reading) {
			return ocsf.APIActivityActivityIDRead
		}
	}
	return ocsf.APIActivityActivityIDOther
}
