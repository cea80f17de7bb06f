package gateway

import (
	"math"
	"strconv"
	"time"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapJSON maps an object whose members are named as NGINX's variables.
func (m *Nginx) mapJSON(rec *event.Record, ev *ocsf.Event) error {
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	a, err := parseObject(root)
	if err != nil {
		return err
	}
	if normalize.Text(root.Get("request_id"), ev.Metadata.SetUID) == "" {
		ev.Metadata.SetUID(normalize.OriginUID(rec))
	} else {
		ev.HTTPRequest.SetUID(ev.Metadata.UID())
	}
	mapAccess(&a, ev)
	if v := root.Get("request_time"); v.Text() != "" {
		if seconds, err := strconv.ParseFloat(v.Text(), 64); err == nil && seconds >= 0 && seconds < 1e9 {
			v.Use()
			ev.SetDuration(int64(math.Round(seconds * 1000)))
		}
	}
	m.json.Finish(ev)
	return nil
}

// parseObject reads the variables that a log_format names. One without a value is
// "-" or empty.
func parseObject(root jsondoc.Value) (access, error) {
	a := access{bodyBytes: -1, bytesSent: -1}
	if a.remoteAddr = variable(root, "remote_addr", "client"); a.remoteAddr == "" {
		return a, normalize.WrongSource("no remote_addr: not an NGINX access log object")
	}
	status, err := strconv.ParseInt(variable(root, "status"), 10, 32)
	if err != nil || status < 0 || status > 999 {
		return a, normalize.Missing("status that is a number of three digits")
	}
	a.status = int32(status)
	if !a.parseTimes(root) {
		return a, normalize.Missing("time_iso8601, time_local or msec that is a time")
	}
	a.remoteUser = variable(root, "remote_user")
	a.host = variable(root, "host", "http_host", "server_name")
	a.referer = variable(root, "http_referer", "http_referrer", "referer", "referrer")
	a.userAgent = variable(root, "http_user_agent", "user_agent")
	a.bodyBytes = number(root.Get("body_bytes_sent"))
	a.bytesSent = number(root.Get("bytes_sent"))
	for _, key := range [...]string{"http_x_forwarded_for", "x_forwarded_for"} {
		if list := root.Get(key); a.parseForwarded(list.Text()) {
			list.Use()
		}
	}
	a.parseRequestOf(root)
	return a, nil
}

// parseRequestOf reads the request line, or its three parts.
func (a *access) parseRequestOf(root jsondoc.Value) {
	if line := root.Get("request"); line.Kind() == jsondoc.String {
		if a.parseRequest(line.Text()); a.method != "" {
			line.Use()
		}
	}
	if a.method != "" {
		return
	}
	if method := root.Get("request_method"); isMethod(method.Text()) {
		a.method = method.Use().Text()
	}
	a.target = variable(root, "request_uri", "uri")
	a.protocol = variable(root, "server_protocol")
}

// parseTimes takes the first of the variables that tell the time.
func (a *access) parseTimes(root jsondoc.Value) bool {
	for _, key := range [...]string{"time_iso8601", "msec", "time_local", "time", "timestamp", "@timestamp"} {
		v := root.Get(key)
		if ms, ok := parseTime(v.Text()); ok {
			v.Use()
			a.time = ms
			return true
		}
	}
	return false
}

// parseTime reads $time_iso8601, $time_local, or $msec: seconds, a point, and
// milliseconds.
func parseTime(text string) (ms int64, ok bool) {
	if ms, ok := normalize.ParseTime(text); ok {
		return ms, true
	}
	if t, err := time.Parse(timeLayout, text); err == nil {
		return t.UnixMilli(), true
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds < 1e11) {
		return 0, false
	}
	return int64(math.Round(seconds * 1000)), true
}

// variable is the text of the first of the members that has one.
func variable(root jsondoc.Value, keys ...string) string {
	for _, key := range keys {
		v := root.Get(key)
		switch text := v.Text(); {
		case absent(text) != "":
			return v.Use().Text()
		case v.Kind() == jsondoc.String:
			v.Use()
		}
	}
	return ""
}

// number is a whole number, also one written as a text; -1 if it is none.
func number(v jsondoc.Value) int64 {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	v.Use()
	return n
}
