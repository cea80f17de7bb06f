package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapActivity maps the Activity log: calls of Azure Resource Manager, and what Azure
// itself has to say of subscriptions.
//
//   - An operation has several records of one correlationId. status_id is Other, with
//     the word as status, of those that do not end it (Start, Accept), else Success or
//     Failure. Of a failure status_code and status_detail are the error's code and message.
//   - A write creates or replaces, and the log does not tell which: Update. An action is
//     Read if it only lists or gets, else Other.
//   - severity is the level: Critical, Error (High), Warning (Medium), else Informational.
//   - properties.requestbody, JSON in a text, is the object api.request.data.
//   - api.request.uid, which OCSF requires beside a request, is the correlationId where a
//     record has no client request id.
func (m *Mapper) mapActivity(ev *ocsf.Event) error {
	r := &m.r
	operation := nameOf(r.top.any("operationNameValue", "operationName"))
	if operation.Text() == "" {
		return normalize.Missing("operationName")
	}
	if !normalize.Time(r.top.get("eventTimestamp"), ev.SetTime) {
		if err := m.mapTime(ev, "eventTimestamp"); err != nil {
			return err
		}
	}
	normalize.Time(r.top.get("submissionTimestamp"), ev.Metadata.SetLoggedTime)
	m.mapMetadata(ev, "eventDataId")
	m.mapResourceCloud(ev)
	m.mapActivityAPI(operation, ev)
	class := classOfActivity(operation.Text(), ev.Metadata.EventCode())
	if class == ocsf.ClassDetectionFinding {
		m.mapActivityActor(ev)
		m.mapSecurityAlert(ev)
		return nil
	}
	m.mapActivityOutcome(ev)
	if class == ocsf.ClassBaseEvent {
		m.mapNotice(operation.Text(), ev)
		return nil
	}
	m.mapActivityActor(ev)
	http := m.open(r.top.any("httpRequest", "httpRequest_d"))
	mapAddress(&ev.SrcEndpoint, r.top.get("callerIpAddress"), http.Get("clientIpAddress"))
	m.mapHTTPRequest(http, ev)
	body := m.mapRequestBody(ev)
	if class == ocsf.ClassUserAccess {
		m.mapActivityAccess(operation.Text(), body, ev)
	} else {
		ev.SetClass(ocsf.ClassAPIActivity)
		ev.SetActivityID(activityOf(operation.Text()))
		if ev.ActivityID() == ocsf.ActivityIDOther {
			ev.SetActivityName(operation.Text())
		}
	}
	requireRequestUID(ev)
	m.mapResource(ev)
	return nil
}

func (m *Mapper) mapActivityAPI(operation jsondoc.Value, ev *ocsf.Event) {
	name := normalize.Text(operation, ev.API.SetOperation)
	m.mapAPIVersion(ev)
	if service, _, found := strings.Cut(name, "/"); found {
		ev.API.Service.SetName(service)
	}
}

// mapActivityOutcome maps the result, which of an operation in progress is neither.
func (m *Mapper) mapActivityOutcome(ev *ocsf.Event) {
	r := &m.r
	result := nameOf(r.top.any("resultType", "activityStatusValue", "status", "activityStatus"))
	signature := nameOf(r.top.any("resultSignature", "activitySubstatusValue", "subStatus", "activitySubstatus"))
	normalize.Text(r.top.get("resultDescription"), ev.SetStatusDetail)
	word := result.Text()
	switch {
	case word == "":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case strings.EqualFold(word, "success"), strings.EqualFold(word, "succeeded"), word == "0":
		ev.SetStatusID(ocsf.StatusIDSuccess)
	case strings.EqualFold(word, "failure"), strings.EqualFold(word, "failed"):
		ev.SetStatusID(ocsf.StatusIDFailure)
		m.mapError(ev)
	default: // Start, Accept, Active, Resolved, ...
		ev.SetStatusID(ocsf.StatusIDOther)
		ev.SetStatus(word)
	}
	if ev.Status() == word {
		result.Use()
	}
	if !ev.HasStatusCode() {
		normalize.Text(signature, ev.SetStatusCode)
	}
}

// mapError takes code and message from properties.statusMessage, which is the
// response {"error": {..}} or {..} as JSON in a text.
func (m *Mapper) mapError(ev *ocsf.Event) {
	failure := m.open(m.r.body.get("statusMessage"))
	if failure.Kind() != jsondoc.Object {
		return
	}
	if inner := fold(failure, "error"); inner.Exists() {
		failure = inner
	}
	code, message := fold(failure, "code"), fold(failure, "message")
	normalize.Text(code, ev.API.Response.SetError)
	normalize.Text(code, ev.SetStatusCode)
	normalize.Text(message, ev.API.Response.SetErrorMessage)
	if !ev.HasStatusDetail() {
		normalize.Text(message, ev.SetStatusDetail)
	}
}

func (m *Mapper) mapHTTPRequest(request jsondoc.Value, ev *ocsf.Event) {
	normalize.Text(request.Get("clientRequestId"), ev.API.Request.SetUID)
	if method := request.Get("method"); normalize.IsHTTPMethod(method.Text()) {
		normalize.Text(method, ev.HTTPRequest.SetHTTPMethod)
	}
	if uri := request.Get("uri"); normalize.IsURL(uri.Text()) {
		mapURLParts(normalize.Text(uri, ev.HTTPRequest.URL.SetURLString), &ev.HTTPRequest.URL)
	}
}

// mapRequestBody maps the request's body, and gives it, parsed, or that of the
// response if there is none: JSON in a text, or an object.
func (m *Mapper) mapRequestBody(ev *ocsf.Event) jsondoc.Value {
	for _, name := range [...]string{"requestbody", "responseBody"} {
		v := m.r.body.get(name)
		body := m.open(v)
		if !says(body) {
			continue
		}
		if name == "requestbody" {
			v.Use()
			ev.API.Request.SetData(ocsf.JSON(body.JSON()))
		}
		return body
	}
	return jsondoc.Value{}
}

// mapNotice maps what nobody called: an incident of Azure, a resource's health, an
// alert rule that fired, advice. The details stay in unmapped; of the resource, for
// which the class has no place, there is an observable.
func (m *Mapper) mapNotice(operation string, ev *ocsf.Event) {
	r := &m.r
	ev.SetClass(ocsf.ClassBaseEvent)
	ev.SetActivityID(ocsf.ActivityIDOther)
	ev.SetActivityName(operation)
	for _, name := range [...]string{"title", "recommendationName"} {
		if !ev.HasMessage() {
			normalize.Text(r.body.get(name), ev.SetMessage)
		}
	}
	if !ev.HasMessage() {
		normalize.Text(r.top.get("description"), ev.SetMessage)
	}
	normalize.Observe(ev, "unmapped.resourceId", ocsf.ObservableTypeIDResourceUID, r.resourceID().Text())
}

// activityOf tells the activity from how an operation's name ends: .../write,
// .../listKeys/action. Names of other forms (GetBlob) are told by their first word.
func activityOf(operation string) int32 {
	var buf [192]byte
	name := appendLower(buf[:0], operation)
	last := name[lastSlash(name)+1:]
	switch string(last) {
	case "write":
		return ocsf.APIActivityActivityIDUpdate
	case "delete":
		return ocsf.APIActivityActivityIDDelete
	case "read":
		return ocsf.APIActivityActivityIDRead
	case "action":
		if len(last) < len(name) {
			name = name[:len(name)-len("/action")]
		}
		last = name[lastSlash(name)+1:]
	}
	for _, v := range verbs {
		if len(last) >= len(v.word) && string(last[:len(v.word)]) == v.word {
			return v.activity
		}
	}
	return ocsf.APIActivityActivityIDOther
}

func lastSlash(name []byte) int {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return i
		}
	}
	return -1
}

// verbs are the first words of actions and of resources' operations, in lower case, by
// what they do.
var verbs = []struct {
	word     string
	activity int32
}{
	{"list", ocsf.APIActivityActivityIDRead}, {"get", ocsf.APIActivityActivityIDRead}, {"read", ocsf.APIActivityActivityIDRead},
	{"retrieve", ocsf.APIActivityActivityIDRead}, {"query", ocsf.APIActivityActivityIDRead}, {"peek", ocsf.APIActivityActivityIDRead}, {"begingetaccess", ocsf.APIActivityActivityIDRead},
	{"put", ocsf.APIActivityActivityIDUpdate}, {"set", ocsf.APIActivityActivityIDUpdate}, {"update", ocsf.APIActivityActivityIDUpdate},
	{"append", ocsf.APIActivityActivityIDUpdate}, {"insert", ocsf.APIActivityActivityIDCreate},
	{"create", ocsf.APIActivityActivityIDCreate}, {"copy", ocsf.APIActivityActivityIDCreate},
	{"delete", ocsf.APIActivityActivityIDDelete}, {"purge", ocsf.APIActivityActivityIDDelete}, {"clear", ocsf.APIActivityActivityIDDelete},
}
