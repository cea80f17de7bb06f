package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// at is the scalar of an event's JSON at a path like "resources.0.uid"; "" if none.
func at(t *testing.T, ev *ocsf.Event, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(ev.AppendJSON(nil), &v); err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return ""
			}
			v = in[i]
		default:
			return ""
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

var customTests = []struct {
	name, vendor, format, record string
	want                         map[string]string
}{
	{"nginx text", "nginx", `$remote_addr|$msec|$request_method|$request_uri|$status|$http_x_tenant|$my_variable`,
		`192.0.2.7|1794992645.125|PATCH|/a|b?c=1|204|blue|x y`,
		map[string]string{"time": "1794992645125", "http_request/url/path": "/a|b", "http_request/url/query_string": "c=1", "status_code": "204", "http_request/http_headers/0/value": "blue", "unmapped/my_variable": "x y", "activity_name": "Patch"}},
	{"nginx directive", "nginx", "log_format main escape=default '$remote_addr - $remote_user [$time_local] '\n  '\"$request\" $status rt=$request_time uct=\"$upstream_connect_time\"';",
		`192.0.2.7 - - [18/Nov/2026:09:04:05 +0000] "GET / HTTP/1.1" 200 rt=0.250 uct="0.001"`,
		map[string]string{"duration": "250", "unmapped/upstream_connect_time": "0.001", "src_endpoint/ip": "192.0.2.7"}},
	{"nginx directive with tabs", "nginx", `log_format tabs '$msec\t$remote_addr\t$request';`, "1794992645.125\t192.0.2.7\tGET / HTTP/1.1",
		map[string]string{"time": "1794992645125", "src_endpoint/ip": "192.0.2.7", "activity_name": "Get"}},
	{"nginx json", "nginx", `{"t":"$time_iso8601","who":"$remote_addr","line":"$request","code":$status,"took":$request_time,"service":"edge","both":"$scheme://$host"}`,
		`{"t":"2026-11-18T09:04:05+00:00","who":"192.0.2.7","line":"GET /a HTTP/1.1","code":200,"took":0.5,"service":"edge","both":"https://shop.harbourline.example"}`,
		map[string]string{"duration": "500", "http_request/url/hostname": "shop.harbourline.example", "http_request/url/scheme": "https", "unmapped/service": "edge", "status_code": "200"}},
	{"nginx json that is none", "nginx", `{"t":"$time_iso8601","who":"$remote_addr","line":"$request","code":$status}`,
		`{"t":"2026-11-18T09:04:05+00:00","who":"192.0.2.7","line":"GET /\x22 HTTP/1.1","code":400}`,
		map[string]string{"http_request/url/path": `/"`, "status_code": "400"}},
	{"nginx stream", "nginx", `$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time "$upstream_addr"`,
		`192.0.2.7 [18/Nov/2026:09:04:05 +0000] TCP 200 1024 77 0.002 "10.0.0.9:5432"`,
		map[string]string{"class_name": "Network Activity", "traffic/bytes_in": "1024", "traffic/bytes_out": "77", "connection_info/protocol_name": "tcp", "load_balancer/dst_endpoint/port": "5432"}},
	{"envoy text", "envoy", `%START_TIME(%s.%3f)% %DOWNSTREAM_REMOTE_ADDRESS% %REQ(:METHOD)% %REQ(:PATH):64% %RESPONSE_CODE% "%REQ(X-TENANT?X-OTHER)%" %DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:sub)% 100%%`,
		`1794992645.125 192.0.2.7:4431 GET /a 200 "blue" user-7 100%`,
		map[string]string{"time": "1794992645125", "src_endpoint/port": "4431", "actor/user/uid": "user-7", "http_request/http_headers/0/name": "X-TENANT"}},
	{"envoy json", "envoy", `{"ts":"%START_TIME%","verb":"%REQ(:METHOD)%","to":{"path":"%REQ(:PATH)%","code":"%RESPONSE_CODE%"},"peer":"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%","flags":"%RESPONSE_FLAGS%"}`,
		`{"ts":"2026-11-18T09:04:05.125Z","verb":"GET","to":{"path":"/a","code":503},"peer":"192.0.2.7","flags":"UF"}`,
		map[string]string{"status_code": "503", "src_endpoint/ip": "192.0.2.7", "unmapped/flags": "UF", "http_request/url/path": "/a"}},
	{"apache bare", "apache", `%v %a %t \"%r\" %>s %I %O %D \"%{X-Forwarded-For}i\" %{SSL_PROTOCOL}x %{tenant}n`,
		`shop.harbourline.example 192.0.2.7 [18/Nov/2026:09:04:05 +0100] "GET / HTTP/2.0" 304 512 190 2500 "198.51.100.2, 192.0.2.1" TLSv1.3 blue`,
		map[string]string{"timezone_offset": "60", "duration": "3", "unmapped/D": "2500", "http_request/x_forwarded_for/1": "192.0.2.1", "tls/version": "TLSv1.3", "unmapped/{tenant}n": "blue", "http_request/length": "512"}},
	{"apache directive", "apache", `LogFormat "%h %{%Y-%m-%dT%H:%M:%S%z}t \"%r\" %>s %B \"%{User-agent}i\"" mine`,
		`192.0.2.7 2026-11-18T09:04:05+0000 "GET /\"x\" HTTP/1.1" 200 0 "a \"b\""`,
		map[string]string{"time": "1794992645000", "http_request/user_agent": `a "b"`, "http_request/url/path": `/"x"`}},
	{"haproxy", "haproxy", `%{+Q}o\ %ci:%cp\ [%tr]\ %ft\ %b/%s\ %ST\ %{-Q}HM\ %HU\ %[ssl_fc_sni]\ %[capture.req.hdr(0)]`,
		`"2001:db8::7":4431 [18/Nov/2026:09:04:05.125] "front" "back"/"web-1" 200 GET "/a b" "shop.harbourline.example" "x"`,
		map[string]string{"src_endpoint/ip": "2001:db8::7", "src_endpoint/port": "4431", "http_request/url/path": "/a b", "load_balancer/name": "back", "unmapped/[capture.req.hdr(0)]": "x"}},
	{"api gateway", "apigateway", `{"id":"$context.requestId","xid":"$context.extendedRequestId","from":"$context.identity.sourceIp","at":"$context.requestTimeEpoch","verb":"$context.httpMethod","path":"$context.path","code":"$context.status","sub":"$context.authorizer.claims.sub","waf":"$context.wafResponseCode","v":"$stageVariables.version"}`,
		`{"id":"c6af9ac6","xid":"JKJaXmPLvHcESHA=","from":"203.0.113.5","at":"1794992645125","verb":"GET","path":"/a","code":"403","sub":"user-7","waf":"WAF_BLOCK","v":"-"}`,
		map[string]string{"metadata/uid": "JKJaXmPLvHcESHA=", "actor/user/uid": "user-7", "disposition": "Blocked", "time": "1794992645125"}},
	{"api gateway that is no JSON", "apigateway", `{"from":"$context.identity.sourceIp","at":"$context.requestTimeEpoch","verb":"$context.httpMethod","path":"$context.path","code":"$context.status","agent":"$context.identity.userAgent"}`,
		`{"from":"203.0.113.5","at":"1794992645125","verb":"GET","path":"/a","code":"200","agent":"a "quoted" one"}`,
		map[string]string{"http_request/user_agent": `a "quoted" one`, "src_endpoint/ip": "203.0.113.5"}},
	{"cloudfront fields", "cloudfront", "#Fields: timestamp c-ip sc-status cs-method cs-uri-stem x-edge-request-id", "1794992645.125\t203.0.113.5\t200\tGET\t/a\tabc",
		map[string]string{"metadata/uid": "abc", "time": "1794992645125", "http_request/url/path": "/a"}},
	{"apisix log_format", "apisix", `{"host":"$host","@timestamp":"$time_iso8601","client_ip":"$remote_addr","consumer":"$consumer_name","status":"$status"}`,
		`{"host":"api.harbourline.example","@timestamp":"2026-11-18T09:04:05+00:00","client_ip":"203.0.113.5","consumer":"erin","status":200,"route_id":"1"}`,
		map[string]string{"actor/user/name": "erin", "unmapped/route_id": "1"}},
}

func TestCustomFormats(t *testing.T) {
	for _, tt := range customTests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := vendors[tt.vendor].Compile(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			var ev ocsf.Event
			rec := suiteOf(tt.vendor).Record([]byte(tt.record))
			if err := vendors[tt.vendor].NewMapper(f).Map(rec, &ev); err != nil {
				t.Fatal(err)
			}
			suite, record := suiteOf(tt.vendor), tt.record
			if suite.Kept = func(record, ev []byte) []string { return nil }; !json.Valid([]byte(record)) {
				record = "a line"
			}
			suite.Check(t, []byte(record), &ev)
			for path, want := range tt.want {
				if got := at(t, &ev, path); got != want {
					t.Errorf("%s is %q, want %q", path, got, want)
				}
			}
			if t.Failed() {
				t.Logf("%s", ev.AppendJSON(nil))
			}
		})
	}
}

// A format that cannot be matched, or gives no event, is refused with its column.
func TestFormatErrors(t *testing.T) {
	tests := []struct {
		vendor, format string
		column         int
		want           string
	}{
		{"nginx", `$time_iso8601 $remote_addr$status`, 27, "nothing stands between remote_addr and status"},
		{"nginx", `$time_iso8601 $ x`, 15, "want the name of a variable behind $"},
		{"nginx", `$time_iso8601 ${host x`, 15, "want } behind ${host"},
		{"nginx", "log_format a '$time_iso8601 ' '$host", 31, "the quote is not closed"},
		{"nginx", "log_format a '$time_iso8601 '\n '$host$args';", 38, "nothing stands between host and args"},
		{"nginx", `$remote_addr $status`, 1, "no variable of the format tells the time"},
		{"nginx", `no fields`, 1, "no variable"},
		{"nginx", `{"t":"$time_iso8601",}`, 1, "begins like a JSON object and is none"},
		{"envoy", `%START_TIME% %REQ(:METHOD%`, 18, "want ) behind ("},
		{"envoy", `%START_TIME% %PROTOCOL`, 14, "want % behind the operator PROTOCOL"},
		{"envoy", `%START_TIME%%PROTOCOL%`, 13, "nothing stands between START_TIME and PROTOCOL"},
		{"apache", `%t %{Referer i`, 5, "want } behind {"},
		{"apache", `%t %h%l`, 6, "nothing stands between h and l"},
		{"apache", `LogFormat "%t \"%h%l\""`, 19, "nothing stands between h and l"},
		{"haproxy", `%tr %ci%cp`, 8, "nothing stands between ci and cp"},
		{"haproxy", `%tr %[src`, 6, "want ] behind ["},
		{"haproxy", `%{+json}o %(t)tr`, 1, "the encodings json and cbor are not read"},
		{"apigateway", `$context.requestTime $input.path`, 22, "want $context and the name of a variable"},
		{"kong", `$x`, 1, "gateway.kong has no formats of its users"},
	}
	for _, tt := range tests {
		_, err := vendors[tt.vendor].Compile(tt.format)
		var formatErr *format.Error
		if !errors.As(err, &formatErr) {
			t.Errorf("%s %q: error %v", tt.vendor, tt.format, err)
			continue
		}
		if formatErr.Column != tt.column || !strings.Contains(formatErr.Msg, tt.want) {
			t.Errorf("%s %q: %v, want column %d: %s", tt.vendor, tt.format, err, tt.column, tt.want)
		}
	}
	_, err := gateway.NGINX.CompileAll([]string{`$msec $host`, `$host`})
	if err == nil || !strings.HasPrefix(err.Error(), "formats[1]: column 1: ") {
		t.Errorf("the error of the second format is %v", err)
	}
}

// FuzzCompile compiles anything, and matches anything with what compiles.
func FuzzCompile(f *testing.F) {
	for _, tt := range customTests {
		f.Add(tt.vendor, tt.format, tt.record)
	}
	f.Fuzz(func(t *testing.T, vendor, text, record string) {
		v, ok := vendors[vendor]
		if !ok {
			return
		}
		compiled, err := v.Compile(text)
		if err != nil {
			var formatErr *format.Error
			if !errors.As(err, &formatErr) || formatErr.Column < 1 || formatErr.Column > len(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		var ev ocsf.Event
		if err := v.NewMapper(compiled).Map(&event.Record{Value: []byte(record)}, &ev); err == nil && !ev.HasTime() {
			t.Fatal("an event without a time")
		}
	})
}
