// Package gateway maps the access logs of gateways and web servers, NGINX so far,
// to http_activity.
//
// The lines are those of NGINX's predefined format combined, also with further
// fields behind it and with a virtual host before it, and the JSON objects that a
// log_format with escape=json and NGINX's own variable names gives.
//
// Decisions:
//
//   - metadata.uid is normalize.OriginUID: NGINX gives its lines no id, but for
//     JSON with request_id.
//   - \xNN, as NGINX writes quotes, backslashes, controls and all above ASCII, is
//     read as the byte where the bytes are UTF-8, and stays as written where not.
//   - The first quote of a line begins the request, for NGINX escapes quotes, also
//     in the user name before it, which a client chooses.
//   - A request line that is not "METHOD target HTTP/x" (TLS to a plain port, an
//     empty line) has the activity Unknown and stays whole in unmapped.request.
//   - A method that OCSF does not list is the activity's name, with Other.
//   - CONNECT's target is dst_endpoint, an absolute URL's host http_request.url.hostname.
//   - traffic.bytes_in is what the client received, body_bytes_sent or, where the
//     log has it, bytes_sent; http_response.body_length the body alone.
//   - $remote_user is actor.user.name, for which http_activity needs the profile host.
//   - A list of addresses in the first further quoted field is X-Forwarded-For. It is
//     the client's claim and never src_endpoint.ip.
//   - Failure is a status of 400 and above.
package gateway

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.GatewayNGINX, Product: "NGINX", Vendor: "F5"}

// Nginx maps NGINX access log lines. It implements normalize.Mapper.
type Nginx struct{ json normalize.JSONRecord }

// NewNginx is a mapper for one goroutine.
func NewNginx() *Nginx { return new(Nginx) }

// access is what an access log tells, by NGINX's variables; "" is absent. The texts
// are decoded.
type access struct {
	time       int64 // ms
	offset     int32 // minutes east of UTC
	hasOffset  bool
	remoteAddr string // one address, or a list of those behind proxies
	remoteUser string
	host       string
	request    string // the request line, if it could not be taken apart
	method     string
	target     string
	protocol   string
	status     int32
	bodyBytes  int64 // -1 is absent
	bytesSent  int64
	referer    string
	userAgent  string
	forwarded  []string // of X-Forwarded-For
	extra      []string // further fields
}

// Map implements normalize.Mapper.
func (m *Nginx) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	if len(rec.Value) > 0 && rec.Value[0] == '{' {
		return m.mapJSON(rec, ev)
	}
	return mapLine(rec, ev)
}

func mapLine(rec *event.Record, ev *ocsf.Event) error {
	text := normalize.ValidText(string(rec.Value))
	a, err := parseLine(strings.TrimRight(text, "\r\n"))
	if err != nil {
		return err
	}
	if len(text) != len(rec.Value) {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "text:invalid_utf8")
	}
	ev.Metadata.SetUID(normalize.OriginUID(rec))
	ev.SetRawData(text)
	mapAccess(&a, ev)
	if rest := a.unmapped(); rest != "" {
		ev.SetUnmapped(rest)
	}
	normalize.AddObservables(ev)
	return nil
}

// unmapped is what of a line no attribute holds.
func (a *access) unmapped() ocsf.JSON {
	if a.request == "" && len(a.extra) == 0 {
		return ""
	}
	text, err := json.Marshal(struct {
		Request string   `json:"request,omitempty"`
		Extra   []string `json:"extra,omitempty"`
	}{a.request, a.extra})
	if err != nil {
		return "" // texts and lists of texts always marshal
	}
	return ocsf.JSON(text)
}

func mapAccess(a *access, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassHTTPActivity)
	ev.SetTime(a.time)
	if a.hasOffset {
		ev.SetTimezoneOffset(a.offset)
	}
	mapActivity(a, ev)
	mapClient(a, ev)
	mapRequest(a, ev)
	mapResponse(a, ev)
}

var activities = map[string]int32{
	"CONNECT": ocsf.HTTPActivityActivityIDConnect,
	"DELETE":  ocsf.HTTPActivityActivityIDDelete,
	"GET":     ocsf.HTTPActivityActivityIDGet,
	"HEAD":    ocsf.HTTPActivityActivityIDHead,
	"OPTIONS": ocsf.HTTPActivityActivityIDOptions,
	"POST":    ocsf.HTTPActivityActivityIDPost,
	"PUT":     ocsf.HTTPActivityActivityIDPut,
	"TRACE":   ocsf.HTTPActivityActivityIDTrace,
	"PATCH":   ocsf.HTTPActivityActivityIDPatch,
}

func mapActivity(a *access, ev *ocsf.Event) {
	activity, known := activities[a.method]
	switch {
	case known:
		ev.SetActivityID(activity)
		ev.HTTPRequest.SetHTTPMethod(a.method)
	case a.method != "":
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName(a.method)
	default:
		ev.SetActivityID(ocsf.ActivityIDUnknown)
	}
}

func mapClient(a *access, ev *ocsf.Event) {
	src := &ev.SrcEndpoint
	for i, address := range strings.Split(a.remoteAddr, ",") {
		address = strings.TrimSpace(address)
		if i == 0 {
			normalize.Endpoint(address, src.SetIP, src.SetName)
		} else if normalize.IsIP(address) {
			src.IntermediateIPs = append(src.IntermediateIPs, address)
		} else {
			a.extra = append(a.extra, address)
		}
	}
	if a.remoteUser != "" {
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "host")
		ev.Actor.User.SetName(a.remoteUser)
	}
}

func mapRequest(a *access, ev *ocsf.Event) {
	request := &ev.HTTPRequest
	set(a.protocol, request.SetVersion)
	set(a.referer, request.SetReferrer)
	set(a.userAgent, request.SetUserAgent)
	request.XForwardedFor = append(request.XForwardedFor, a.forwarded...)
	if a.target != "" {
		mapTarget(a, ev)
	}
	switch {
	case a.host == "" || request.URL.HasHostname() && request.URL.Hostname() == a.host:
	case normalize.IsHostname(a.host) && request.URL.Present() && !request.URL.HasHostname():
		request.URL.SetHostname(a.host)
	default:
		ev.DstEndpoint.SetName(a.host)
	}
}

func mapResponse(a *access, ev *ocsf.Event) {
	ev.HTTPResponse.SetCode(a.status)
	ev.SetStatusCode(statusText(a.status))
	switch {
	case a.status >= 400:
		ev.SetStatusID(ocsf.StatusIDFailure)
	case a.status >= 100:
		ev.SetStatusID(ocsf.StatusIDSuccess)
	default:
		ev.SetStatusID(ocsf.StatusIDUnknown)
	}
	if 0 <= a.bodyBytes && a.bodyBytes <= math.MaxInt32 {
		ev.HTTPResponse.SetBodyLength(int32(a.bodyBytes))
	}
	if received := max(a.bodyBytes, a.bytesSent); received >= 0 {
		ev.Traffic.SetBytesIn(received)
	}
}

func set(text string, to func(string)) {
	if text != "" {
		to(text)
	}
}
