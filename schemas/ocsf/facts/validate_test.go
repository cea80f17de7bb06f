package facts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// Events that keep every rule, one for each shape of class.
const (
	apiCall = `{
		"activity_id": 2, "activity_name": "Read", "category_name": "Application Activity", "category_uid": 6,
		"class_name": "API Activity", "class_uid": 6003, "severity_id": 1, "severity": "Informational",
		"status_id": 1, "status": "Success", "time": 1788255296000, "type_name": "API Activity: Read", "type_uid": 600302,
		"metadata": {"version": "1.8.0", "profiles": ["cloud"], "product": {"name": "CloudTrail", "vendor_name": "AWS"}},
		"cloud": {"provider": "AWS", "region": "eu-central-1", "account": {"uid": "111122223333"}},
		"actor": {"user": {"name": "alice", "uid": "AIDAEXAMPLEALICE0001", "type_id": 1, "type": "User"}},
		"api": {"operation": "GetObject", "service": {"name": "s3.amazonaws.com"}, "request": {"uid": "r-1", "data": [1, null]}},
		"src_endpoint": {"ip": "2001:db8::17", "port": 65535, "intermediate_ips": ["192.0.2.1", "192.0.2.2"]},
		"resources": [{"uid": "arn:aws:s3:::example-logs", "region": "eu-central-1"}, {"name": "report.csv"}],
		"observables": [{"type_id": 2, "type": "IP Address", "name": "src_endpoint.ip", "value": "2001:db8::17"}],
		"unmapped": {"any": {"thing": [true]}}, "raw_data": "{}"
	}`
	httpRequest = `{
		"activity_id": 3, "category_uid": 4, "class_uid": 4002, "severity_id": 1, "time": 1788255296000, "type_uid": 400203,
		"metadata": {"version": "1.8.0", "profiles": ["load_balancer"], "product": {"name": "NGINX"}},
		"src_endpoint": {"ip": "203.0.113.9"},
		"http_request": {"http_method": "GET", "user_agent": "curl/8.9.1", "url": {"path": "/login", "hostname": "www.example.com",
			"category_ids": [1, 99], "categories": ["Adult/Mature Content", "Intranet"]}},
		"http_response": {"code": 200},
		"load_balancer": {"name": "edge-1", "dst_endpoint": {"ip": "10.0.3.4"}}
	}`
	finding = `{
		"activity_id": 1, "category_uid": 2, "class_uid": 2004, "severity_id": 99, "severity": "Severe", "status_id": 1, "status": "New",
		"time": 1788255296000, "type_uid": 200401, "metadata": {"version": "1.8.0", "product": {"name": "weir"}},
		"finding_info": {"uid": "f-1", "title": "CloudTrail logging disabled"}, "device": {"type_id": 0, "type": "pod", "hostname": "web-7f"},
		"evidences": [{"user": {"name": "alice"}}], "raw_data_hash": {"algorithm_id": 3, "algorithm": "SHA-256", "value": "9f86d081"}
	}`
	session = `{
		"activity_id": 1, "category_uid": 3, "class_uid": 3003, "severity_id": 0, "time": 0, "type_uid": 300301,
		"metadata": {"version": "1.8.0", "product": {"uid": "p"}}, "user": {"uid": "u"}, "privileges": ["SeDebugPrivilege"]
	}`
	patch = `{
		"activity_id": 1, "category_uid": 5, "class_uid": 5004, "severity_id": 1, "time": 1, "type_uid": 500401,
		"metadata": {"version": "1.8.0", "product": {"uid": "p"}},
		"device": {"type_id": 2, "hostname": "h", "os": {"name": "Windows", "type_id": 100, "version": "10"}}
	}`
	base = `{
		"activity_id": 99, "activity_name": "Rotate", "category_name": "Uncategorized", "category_uid": 0, "class_name": "Base Event",
		"class_uid": 0, "severity_id": 1, "time": -1, "type_name": "Base Event: Other", "type_uid": 99,
		"metadata": {"version": "1.8.0", "product": {"name": "x"}}
	}`
)

func TestGoodEvents(t *testing.T) {
	for name, event := range map[string]string{"api call": apiCall, "http": httpRequest, "finding": finding, "session": session, "patch": patch, "base": base} {
		for _, v := range facts.Validate([]byte(event)) {
			t.Errorf("%s: %v", name, v)
		}
	}
}

// edit sets the value at a dotted path (numbers index lists); "absent" removes it.
func edit(t *testing.T, event, path, value string) []byte {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(event), &root); err != nil {
		t.Fatal(err)
	}
	keys := strings.Split(path, ".")
	at := root
	for _, k := range keys[:len(keys)-1] {
		if list, ok := at.([]any); ok {
			var i int
			if _, err := fmt.Sscan(k, &i); err != nil {
				t.Fatal(err)
			}
			at = list[i]
			continue
		}
		object := at.(map[string]any)
		if object[k] == nil {
			object[k] = map[string]any{}
		}
		at = object[k]
	}
	last := keys[len(keys)-1]
	if value == "absent" {
		delete(at.(map[string]any), last)
	} else {
		at.(map[string]any)[last] = json.RawMessage(value)
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestViolations breaks a good event in one place; want is all that is found,
// nothing for a change that OCSF allows.
func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		name, event, path, value string
		want                     []string
	}{
		// The class and what follows from it.
		{"no class", apiCall, "class_uid", "absent", []string{"class_uid: required, and an integer; without it no class says what else must be there"}},
		{"class as text", apiCall, "class_uid", `"6003"`, []string{"class_uid: required, and an integer; without it no class says what else must be there"}},
		{"unknown class", apiCall, "class_uid", `6099`, []string{"class_uid: 6099 is no class of OCSF 1.8.0"}},
		{"class name", apiCall, "class_name", `"API activity"`, []string{`class_name: is "API activity", want "API Activity"`}},
		{"category", apiCall, "category_uid", `3`, []string{"category_uid: is 3, class api_activity is of category 6"}},
		{"category name", apiCall, "category_name", `"IAM"`, []string{`category_name: is "IAM", want "Application Activity"`}},
		{"type arithmetic", apiCall, "type_uid", `600301`, []string{"type_uid: is 600301, class_uid * 100 + activity_id is 600302"}},
		{"type name", apiCall, "type_name", `"API Activity: Delete"`, []string{`type_name: is "API Activity: Delete", want "API Activity: Read"`}},
		{"activity of another class", httpRequest, "activity_id", `12`, []string{"activity_id: 12 is no value of its enum", "type_uid: is 400203, class_uid * 100 + activity_id is 400212"}},
		{"another version", apiCall, "metadata.version", `"1.7.0"`, []string{`metadata.version: is "1.7.0", the event is held against OCSF 1.8.0`}},

		// Attributes.
		{"unknown at the top", apiCall, "src_endpont", `{}`, []string{`src_endpont: no attribute of class api_activity; did you mean "src_endpoint"?`}},
		{"unknown below", apiCall, "actor.user.nam", `"a"`, []string{`actor.user.nam: no attribute of object user; did you mean "name"?`}},
		{"unknown without a hint", apiCall, "resources.1.zzzzzzzz", `1`, []string{"resources[1].zzzzzzzz: no attribute of object resource_details"}},
		{"of another class", apiCall, "user", `{"uid": "u"}`, []string{"user: no attribute of class api_activity"}},
		{"required at the top", apiCall, "api", "absent", []string{"api: required by class api_activity"}},
		{"required below", apiCall, "api.operation", "absent", []string{"api.operation: required by object api"}},
		{"required in a list", apiCall, "observables.0.type_id", "absent", []string{"observables[0].type_id: required by object observable"}},
		{"required but null", apiCall, "time", `null`, []string{"time: want an integer of 64 bits, have null", "time: required by class api_activity"}},
		{"required but empty", session, "privileges", `[]`, []string{"class authorize_session needs just one of privileges, group, has 0"}},
		{"required but with nothing in it", apiCall, "actor", `{"session": {"issuer": null}}`, []string{
			"actor.session.issuer: want a string, have null",
			"actor: object actor needs at least one of process, user, invoked_by, session, app_name, app_uid",
			"actor: required by class api_activity"}},
		{"required and any JSON", apiCall, "enrichments", `[{"name": "n", "value": "v", "data": null}]`, nil},
		{"recommended may be absent", apiCall, "status_id", "absent", nil},
		{"deprecated may be there", apiCall, "actor.invoked_by", `"ec2.amazonaws.com"`, nil},

		// Profiles.
		{"required by a listed profile", apiCall, "cloud", "absent", []string{"cloud: required by class api_activity"}},
		{"required by a profile that is not listed", httpRequest, "cloud", "absent", nil},
		{"of a profile that is not listed", httpRequest, "cloud", `{"provider": "AWS"}`, []string{"cloud: belongs to the profile cloud, which metadata.profiles does not list"}},
		{"no profiles at all", httpRequest, "metadata.profiles", "absent", []string{"load_balancer: belongs to the profile load_balancer, which metadata.profiles does not list"}},
		{"below an object", finding, "device.container", `{"uid": "c"}`, []string{"device.container: belongs to the profile container, which metadata.profiles does not list"}},
		{"unknown profile", apiCall, "metadata.profiles", `["cloud", "clod"]`, []string{`metadata.profiles[1]: "clod" is no profile; did you mean "cloud"?`}},

		// Types.
		{"number for string", apiCall, "actor.user.name", `7`, []string{"actor.user.name: want a string, have 7"}},
		{"string for number", apiCall, "time", `"now"`, []string{"time: want an integer of 64 bits, have string"}},
		{"beyond 32 bits", apiCall, "api.response.code", `2147483648`, []string{"api.response.code: want an integer of 32 bits, have 2147483648"}},
		{"beyond 64 bits", apiCall, "time", `9223372036854775808`, []string{"time: want an integer of 64 bits, have 9223372036854775808"}},
		{"string for bool", apiCall, "actor.session.is_mfa", `"true"`, []string{"actor.session.is_mfa: want true or false, have string"}},
		{"string for float", apiCall, "src_endpoint.location", `{"city": "Berlin", "lat": "52.5"}`, []string{"src_endpoint.location.lat: want a number, have string"}},
		{"array for object", apiCall, "actor", `[]`, []string{"actor: want an object, have array", "actor: required by class api_activity"}},
		{"object for array", apiCall, "resources", `{"uid": "u"}`, []string{"resources: want an array, have object"}},
		{"string in a list of objects", apiCall, "resources", `["u"]`, []string{"resources[0]: want an object, have string"}},
		{"unmapped is an object", apiCall, "unmapped", `"x"`, []string{"unmapped: want an object, have string"}},

		// Formats, ranges, lengths.
		{"ip", apiCall, "src_endpoint.ip", `"AWS Internal"`, []string{`src_endpoint.ip: "AWS Internal" is not an IP address (ip_t)`}},
		{"ip with leading zeros", apiCall, "src_endpoint.ip", `"253.252.51.07"`, []string{`src_endpoint.ip: "253.252.51.07" is not an IP address (ip_t)`}},
		{"ip with a zone", apiCall, "src_endpoint.ip", `"fe80::1%eth0"`, []string{`src_endpoint.ip: "fe80::1%eth0" is not an IP address (ip_t)`}},
		{"ip too long", apiCall, "src_endpoint.ip", `"` + strings.Repeat("1", 41) + `"`, []string{"src_endpoint.ip: has 41 characters, ip_t at most 40"}},
		{"ip in a list", apiCall, "src_endpoint.intermediate_ips", `["192.0.2.1", ""]`, []string{`src_endpoint.intermediate_ips[1]: "" is not an IP address (ip_t)`}},
		{"port", apiCall, "src_endpoint.port", `65536`, []string{"src_endpoint.port: 65536 is outside of port_t: 0 to 65535"}},
		{"negative port", apiCall, "src_endpoint.port", `-1`, []string{"src_endpoint.port: -1 is outside of port_t: 0 to 65535"}},
		{"email", apiCall, "actor.user.email_addr", `"alice"`, []string{`actor.user.email_addr: "alice" is not an email address (email_t)`}},
		{"good email", apiCall, "actor.user.email_addr", `"alice+ops@mail.example.com"`, nil},
		{"hostname", apiCall, "src_endpoint.hostname", `"a b.example.com"`, []string{`src_endpoint.hostname: "a b.example.com" is not a host name (hostname_t)`}},
		{"hostname with a port", apiCall, "src_endpoint.hostname", `"example.com:443"`, []string{`src_endpoint.hostname: "example.com:443" is not a host name (hostname_t)`}},
		{"good hostname", apiCall, "src_endpoint.hostname", `"_srv.ip-10-0-0-1.ec2.internal"`, nil},
		{"mac", apiCall, "src_endpoint.mac", `"02-1B-63-84-45"`, []string{`src_endpoint.mac: "02-1B-63-84-45" is not a MAC address (mac_t)`}},
		{"good mac", apiCall, "src_endpoint.mac", `"02:1b:63:84:45:e6"`, nil},
		{"url", httpRequest, "http_request.url.url_string", `"/login?next=%2F"`, []string{`http_request.url.url_string: "/login?next=%2F" is not a URL with a scheme (url_t)`}},
		{"url with a line break", httpRequest, "http_request.url.url_string", `"http://a/\nb"`, []string{`http_request.url.url_string: "http://a/\nb" is not a URL with a scheme (url_t)`}},
		{"url of an attacker", httpRequest, "http_request.url.url_string", `"http://198.51.100.7/cgi-bin/%%32%65/..;/<x>'"`, nil},
		{"uuid", apiCall, "actor.session.uuid", `"0c1c42a9"`, []string{`actor.session.uuid: "0c1c42a9" is not a UUID (uuid_t)`}},
		{"good uuid", apiCall, "actor.session.uuid", `"0c1c42a9-1C1f-4dc1-9c87-2a4a6f5c8e11"`, nil},
		{"subnet", finding, "device.subnet", `"10.0.0.0"`, []string{`device.subnet: "10.0.0.0" is not a subnet in CIDR form (subnet_t)`}},
		{"good subnet", finding, "device.subnet", `"10.0.0.0/8"`, nil},
		{"hash", finding, "raw_data_hash.value", `"not a hash"`, []string{`raw_data_hash.value: "not a hash" is not a hash in hex or base64 (file_hash_t)`}},

		// Enums and siblings.
		{"enum", apiCall, "severity_id", `7`, []string{"severity_id: 7 is no value of its enum"}},
		{"enum below", apiCall, "actor.user.type_id", `42`, []string{"actor.user.type_id: 42 is no value of its enum"}},
		{"enum of a class", finding, "status_id", `7`, []string{"status_id: 7 is no value of its enum"}},
		{"enum of text", httpRequest, "http_request.http_method", `"PROPFIND"`, []string{`http_request.http_method: "PROPFIND" is no value of its enum`}},
		{"enum in a list", httpRequest, "http_request.url.category_ids", `[1, 2]`, []string{"http_request.url.category_ids[1]: 2 is no value of its enum"}},
		{"sibling", apiCall, "status", `"success"`, []string{`status: is "success", the caption of status_id 1 is "Success"`}},
		{"sibling of another class's enum", finding, "status", `"Success"`, []string{`status: is "Success", the caption of status_id 1 is "New"`}},
		{"sibling below", apiCall, "actor.user.type", `"Admin"`, []string{`actor.user.type: is "Admin", the caption of type_id 1 is "User"`}},
		{"sibling of 99", finding, "severity", `"Apocalyptic"`, nil},
		{"sibling of 0", finding, "device.type", `"Unknown"`, nil},
		{"sibling in a list", httpRequest, "http_request.url.categories", `["Gambling", "x"]`,
			[]string{`http_request.url.categories[0]: is "Gambling", the caption of category_ids 1 is "Adult/Mature Content"`}},
		{"siblings of other number", httpRequest, "http_request.url.categories", `["x"]`, []string{"http_request.url.categories: has 1 elements, category_ids has 2"}},
		{"activity sibling", apiCall, "activity_name", `"Delete"`, []string{`activity_name: is "Delete", the caption of activity_id 2 is "Read"`}},

		// Constraints.
		{"at least one", apiCall, "src_endpoint", `{"port": 1}`, []string{"src_endpoint: object network_endpoint needs at least one of ip, uid, name, hostname, svc_name, instance_uid, interface_uid, interface_name, domain"}},
		{"at least one of an empty object", apiCall, "actor", `{}`, []string{
			"actor: object actor needs at least one of process, user, invoked_by, session, app_name, app_uid", "actor: required by class api_activity"}},
		{"at least one of paths", patch, "device.os.version", "absent", []string{"class patch_state needs at least one of device.os.sp_name, device.os.sp_ver, device.os.version"}},
		{"just one of none", session, "privileges", "absent", []string{"class authorize_session needs just one of privileges, group, has 0"}},
		{"just one of two", session, "group", `{"uid": "g"}`, []string{"class authorize_session needs just one of privileges, group, has 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range facts.Validate(edit(t, tt.event, tt.path, tt.value)) {
				got = append(got, v.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotAnEvent(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{`[]`, "want an object, have array"},
		{`{"class_uid":`, "parse json: byte 13: the text ends inside the document"},
		{strings.Replace(base, `"time": -1`, `"time": -1, "time": 2`, 1), "the JSON is ambiguous: duplicate_key"},
		{strings.Replace(base, `Rotate`, "Ro\xfftate", 1), "the JSON is ambiguous: invalid_utf8"},
	} {
		got := facts.Validate([]byte(tt.json))
		if len(got) != 1 || got[0].String() != tt.want {
			t.Errorf("%.40q: %v, want %s", tt.json, got, tt.want)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	event := []byte(apiCall)
	b.ReportAllocs()
	for b.Loop() {
		if v := facts.Validate(event); len(v) != 0 {
			b.Fatal(v)
		}
	}
}
