package azure

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

// httpActivities are the activities of the methods, in lower case.
var httpActivities = map[string]int32{
	"connect": ocsf.HTTPActivityActivityIDConnect, "delete": ocsf.HTTPActivityActivityIDDelete, "get": ocsf.HTTPActivityActivityIDGet,
	"head": ocsf.HTTPActivityActivityIDHead, "options": ocsf.HTTPActivityActivityIDOptions, "post": ocsf.HTTPActivityActivityIDPost,
	"put": ocsf.HTTPActivityActivityIDPut, "trace": ocsf.HTTPActivityActivityIDTrace, "patch": ocsf.HTTPActivityActivityIDPatch,
}

// mapAppServiceRequest maps a request to a web application or a function: category
// AppServiceHTTPLogs, whose members are called as in the logs of IIS (CsMethod, ScStatus).
// dst_endpoint is the application.
func (m *Mapper) mapAppServiceRequest(ev *ocsf.Event) {
	r := &m.r
	ev.SetClass(ocsf.ClassHTTPActivity)
	request, response := &ev.HTTPRequest, &ev.HTTPResponse
	method := r.body.get("csMethod")
	if normalize.IsHTTPMethod(method.Text()) {
		normalize.Text(method, request.SetHTTPMethod)
	}
	url := &request.URL
	normalize.Text(r.body.get("csUriStem"), url.SetPath)
	if url.HasPath() { // without which OCSF has no URL
		normalize.Text(r.body.get("csUriQuery"), url.SetQueryString)
		if host := r.body.get("csHost"); normalize.IsHostname(host.Text()) {
			normalize.Text(host, url.SetHostname)
		}
	}
	if agent := r.body.get("userAgent"); agent.Text() != "-" {
		normalize.Text(agent, request.SetUserAgent)
	}
	if referrer := r.body.get("referer"); referrer.Text() != "-" {
		normalize.Text(referrer, request.SetReferrer)
	}
	mapNumber(r.body.get("csBytes"), request.SetLength)
	if code := r.body.get("scStatus"); !response.HasCode() {
		mapNumber(code, response.SetCode)
	}
	if response.HasCode() {
		mapNumber(r.body.get("scBytes"), response.SetLength)
		mapNumber(r.body.get("timeTaken"), response.SetLatency)
	}
	if !request.Present() && !response.Present() {
		request.SetUserAgent(normalize.Unknown)
	}
	if code := r.body.get("scStatus").Text(); code != "" && response.HasCode() {
		ev.SetStatusCode(code)
	}
	ev.SetStatusID(statusOfHTTP(response.Code()))
	mapAddress(&ev.SrcEndpoint, r.body.get("cIp"))
	if m.r.id.name != "" {
		ev.DstEndpoint.SetName(m.r.id.name)
		normalize.Text(r.resourceID(), ev.DstEndpoint.SetUID)
		mapNumber(r.body.get("sPort"), ev.DstEndpoint.SetPort)
	}
	if user := r.body.get("csUsername"); user.Text() != "" && user.Text() != "-" {
		normalize.Text(user, ev.Actor.User.SetName)
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "host")
	}
	if activity := lookup(httpActivities, method.Text()); activity != 0 {
		ev.SetActivityID(activity)
		return
	}
	ev.SetActivityID(ocsf.ActivityIDOther)
	ev.SetActivityName(orUnknown(method.Text()))
}
