package gateway

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/ocsf"
)

// ALB knows the access log of AWS Application Load Balancers, of any number of
// columns: AWS adds some behind; and, as network_activity, their connection log.
var ALB = newALB()

func newALB() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayALB, Product: "Elastic Load Balancing", Vendor: "AWS"},
		lookup: elbVariable,
		decode: decode,
		begin:  beginAWS,
		end:    endALB,
	}
	v.lines = []lineDialect{v.columnsOf("alb", columns{separator: ' ', least: 16, is: func(c []string) bool {
		return strings.HasPrefix(c[2], "app/") && albTypes[c[0]] && isTime(c[1])
	}},
		"type", "time", "elb", "client:port", "target:port", "request_processing_time", "target_processing_time", "response_processing_time",
		"elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "request", "user_agent", "ssl_cipher", "ssl_protocol",
		"target_group_arn", "trace_id", "domain_name", "chosen_cert_arn", "matched_rule_priority", "request_creation_time", "actions_executed",
		"redirect_url", "error_reason", "target:port_list", "target_status_code_list", "classification", "classification_reason", "conn_trace_id",
		"transformed_host", "transformed_uri", "request_transform_status")}
	connection := v.columnsOf("connection", columns{separator: ' ', least: 11, is: isConnection},
		"time", "client_ip", "client_port", "listener_port", "ssl_protocol", "ssl_cipher", "tls_handshake_latency",
		"leaf_client_cert_subject", "leaf_client_cert_validity", "leaf_client_cert_serial_number", "tls_verify_status", "conn_trace_id")
	connection.network = true
	v.lines = append(v.lines, connection)
	return v
}

// isConnection tells the columns of a connection log: a time, and behind it the
// address and two ports apart.
func isConnection(c []string) bool {
	return len(c) <= 16 && len(c[0]) >= 20 && c[0][4] == '-' && normalize.IsIP(c[1]) && isCount(c[2]) && isCount(c[3]) && isTime(c[0])
}

var albTypes = map[string]bool{"http": true, "https": true, "h2": true, "grpcs": true, "ws": true, "wss": true}

// ELB knows the access log of AWS Classic Load Balancers and, as network_activity,
// that of the TLS listeners of Network Load Balancers.
var ELB = newELB()

func newELB() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayELB, Product: "Elastic Load Balancing", Vendor: "AWS"},
		lookup: elbVariable,
		decode: decode,
		begin:  beginAWS,
		end:    endELB,
	}
	nlb := v.columnsOf("nlb", columns{separator: ' ', least: 20, is: func(c []string) bool {
		return c[0] == "tls" && strings.HasPrefix(c[3], "net/")
	}},
		"type", "version", "time", "elb", "listener", "client:port", "destination:port", "connection_time", "tls_handshake_time",
		"received_bytes", "sent_bytes", "incoming_tls_alert", "chosen_cert_arn", "chosen_cert_serial", "ssl_cipher", "ssl_protocol", "tls_named_group",
		"domain_name", "alpn_fe_protocol", "alpn_be_protocol", "alpn_client_preference_list", "tls_connection_creation_time")
	nlb.network = true
	v.lines = []lineDialect{
		v.columnsOf("classic", columns{separator: ' ', least: 12, is: isClassic},
			"time", "elb", "client:port", "backend:port", "request_processing_time", "backend_processing_time", "response_processing_time",
			"elb_status_code", "backend_status_code", "received_bytes", "sent_bytes", "request", "user_agent", "ssl_cipher", "ssl_protocol"),
		nlb,
	}
	return v
}

// isClassic tells whether columns are those of a classic load balancer, of which
// the first is a time and the name has no slash.
func isClassic(c []string) bool {
	return len(c) <= 15 && len(c[0]) >= 20 && c[0][4] == '-' && isTime(c[0]) && strings.IndexByte(c[1], '/') < 0 &&
		(c[2] == "-" || strings.IndexByte(c[2], ':') > 0) &&
		isSeconds(c[4]) && isSeconds(c[5]) && isSeconds(c[6])
}

func isSeconds(text string) bool {
	_, _, ok := parseDuration(text, seconds)
	return ok || text == "-1" || text == "-"
}

// elbVariables are the columns of docs.aws.amazon.com's pages on access logs.
var elbVariables = map[string]variable{
	"type":                           {set: setListener},
	"time":                           {set: setTime, time: true},
	"elb":                            {set: setBackend},
	"client:port":                    {set: setClient},
	"target:port":                    {set: setUpstreams},
	"backend:port":                   {set: setUpstreams},
	"destination:port":               {set: setGateway},
	"listener":                       {set: setGatewayUID},
	"request_processing_time":        {set: setMetricUnlessNone("request_processing_time")},
	"target_processing_time":         {set: setMetricUnlessNone("target_processing_time")},
	"backend_processing_time":        {set: setMetricUnlessNone("backend_processing_time")},
	"response_processing_time":       {set: setMetricUnlessNone("response_processing_time")},
	"connection_time":                {set: took(milliseconds)},
	"tls_handshake_time":             {set: handshake(milliseconds)},
	"elb_status_code":                {set: setStatus},
	"target_status_code":             {set: setUpstreamStatus},
	"backend_status_code":            {set: setUpstreamStatus},
	"received_bytes":                 {set: setReceived},
	"sent_bytes":                     {set: setSent},
	"request":                        {set: setELBRequest},
	"user_agent":                     {set: setUserAgent},
	"ssl_cipher":                     {set: setCipher},
	"ssl_protocol":                   {set: setTLSVersion},
	"target_group_arn":               {set: setTargetGroup},
	"trace_id":                       {set: setRequestUID},
	"domain_name":                    {set: setSNI},
	"chosen_cert_arn":                {set: setServerCertificate},
	"client_ip":                      {set: setClient},
	"client_port":                    {set: setClientPort},
	"listener_port":                  {set: setGatewayPort},
	"tls_handshake_latency":          {set: handshake(seconds)},
	"leaf_client_cert_subject":       {set: setCertSubject},
	"leaf_client_cert_serial_number": {set: setCertSerial},
	"leaf_client_cert_validity":      {set: setCertValidity},
	"tls_verify_status":              {set: setVerified},
	"request_creation_time":          {set: setStartTime},
	"tls_connection_creation_time":   {set: setStartTime},
	"error_reason":                   {set: setBackendError},
	"classification":                 {set: attribute(balancer, (*ocsf.LoadBalancer).HasClassification, (*ocsf.LoadBalancer).SetClassification)},
	"classification_reason":          {set: attribute(balancer, (*ocsf.LoadBalancer).HasStatusDetail, (*ocsf.LoadBalancer).SetStatusDetail)},
	"target:port_list":               {set: setTargets},
	"target_status_code_list":        {set: setTargetStatuses},
}

func elbVariable(name string) variable { return elbVariables[name] }

func beginAWS(a *access) { a.ev.Cloud.SetProvider("AWS") }

// setListener is the kind of the listener: h2 is HTTP/2 over TLS, ws a WebSocket.
func setListener(a *access, text string) bool {
	a.ev.SetAppProtocolName(text)
	return true
}

// setELBRequest is the request line, "- - - " for none. It names the load balancer's
// own port, and its host as the client sent it.
func setELBRequest(a *access, text string) bool {
	if strings.Trim(text, "- ") == "" {
		return true
	}
	return setRequest(a, strings.TrimRight(text, " "))
}

func setTargetGroup(a *access, text string) bool {
	a.fromARN(text)
	return setBackendUID(a, text)
}

// setServerCertificate is the certificate that the load balancer presented.
func setServerCertificate(a *access, text string) bool {
	if !strings.HasPrefix(text, "arn:") {
		return false
	}
	a.fromARN(text)
	return setCertUID(a, text)
}

// setCertValidity is "NotBefore=..;NotAfter=..".
func setCertValidity(a *access, text string) bool {
	from, to, _ := strings.Cut(text, ";")
	cert := &a.ev.TLS.Certificate
	if ms, _, _, ok := parseTime(strings.TrimPrefix(from, "NotBefore=")); ok {
		cert.SetCreatedTime(ms)
	}
	if ms, _, _, ok := parseTime(strings.TrimPrefix(to, "NotAfter=")); ok {
		cert.SetExpirationTime(ms)
	}
	return false
}

// setVerified is what became of the client's certificate: "Success" or
// "Failed:ClientCertUntrusted".
func setVerified(a *access, text string) bool {
	reason, failed := strings.CutPrefix(text, "Failed:")
	if !failed {
		a.ev.SetStatusID(ocsf.StatusIDSuccess)
		return false
	}
	a.ev.SetStatusID(ocsf.StatusIDFailure)
	setStatusDetail(a, reason)
	return false
}

// setTargets and setTargetStatuses are lists that repeat the target and its status
// where there was one attempt.
func setTargets(a *access, text string) bool {
	list := strings.Join(strings.Fields(text), ",")
	if list != a.upstreams && a.upstreams != "" && splitList(list)[0] != a.upstreams {
		return false
	}
	a.upstreams = list
	return true
}

func setTargetStatuses(a *access, text string) bool {
	a.upstreamStatuses = strings.Join(strings.Fields(text), ",")
	return true
}

// setMetricUnlessNone adds a figure but for -1, which stands for none.
func setMetricUnlessNone(name string) setter {
	add := setMetric(name)
	return func(a *access, text string) bool { return text[0] != '-' && add(a, text) }
}

// endELB tells TCP listeners from HTTP.
func endELB(a *access) {
	endALB(a)
	if !a.hasCode && a.request == "" {
		a.network = true
	}
}

// endALB sums up the processing times.
func endALB(a *access) {
	total, n := 0.0, 0
	for _, m := range a.ev.LoadBalancer.Metrics {
		if ms, ok := parseSeconds(m.Value()); ok && strings.HasSuffix(m.Name(), "_processing_time") {
			total += ms
			n++
		}
	}
	if n == 3 && !a.ev.HasDuration() {
		a.ev.SetDuration(int64(total + 0.5))
	}
}

// parseSeconds reads seconds as milliseconds, with their fraction.
func parseSeconds(text string) (ms float64, ok bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n * 1000, err == nil && n >= 0 && n < 1e9
}
