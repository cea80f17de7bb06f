package expr

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/schemas/ocsf"
)

func testCompiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := NewCompiler([]*List{
		NewStrings("admins", []string{"alice", "bob"}, false),
		NewCIDRs("offices", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}),
		NewGlobs("robots", []string{"ci-*"}, true),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compile gives the expression and its problems as "line:col message".
func compile(c *Compiler, class, text string, want Want) (*Expr, []string) {
	var problems []string
	e := c.Compile(ocsf.ClassByName(class), text, want, func(line, col int, warning bool, message string) {
		if warning {
			message = "warning: " + message
		}
		problems = append(problems, fmt.Sprintf("%d:%d %s", line, col+1, message))
	})
	return e, problems
}

func testEvent() *ocsf.Event {
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDUpdate)
	ev.SetStatusID(ocsf.StatusIDSuccess)
	ev.SetTime(1_767_225_600_000) // 2026-01-01T00:00:00Z
	ev.Actor.User.SetName("")
	ev.Actor.User.SetUID("AIDA1")
	ev.Actor.User.SetTypeID(ocsf.UserTypeIDAdmin)
	ev.API.SetOperation("StopLogging")
	ev.API.Service.SetName("cloudtrail.amazonaws.com")
	ev.SrcEndpoint.SetIP("192.0.2.7")
	r := ev.AddResources()
	r.SetUID("arn:aws:cloudtrail:us-east-1:111122223333:trail/main")
	r.SetType("AWS::CloudTrail::Trail")
	ev.AddResources().SetUID("arn:aws:s3:::logs")
	ev.Metadata.Profiles = []string{"cloud"}
	ev.SetRawData(`{"eventName":"StopLogging","n":5,"f":1.5,"ok":true,"none":null,"tags":["a",2,{"k":"v"}],"key.with.dots":{"x":1},"empty":{}}`)
	ev.SetUnmapped(`{"left":{"over":"x"}}`)
	return ev
}

func TestEvaluate(t *testing.T) {
	c := testCompiler(t)
	for _, test := range []struct {
		text string
		want bool
	}{
		{`api.operation == "StopLogging"`, true},
		{`event.api.operation == "StopLogging"`, true},
		{`status_id == Status.SUCCESS && activity_id == Activity.UPDATE`, true},
		{`actor.user.type_id == UserType.ADMIN`, true},
		{`severity_id in [Severity.HIGH, 5]`, false},
		{`time > timestamp("2025-12-31T23:59:59Z")`, true},

		// Absent is absent.
		{`has(actor.user.name) && actor.user.name == ""`, true},
		{`has(actor.user.full_name)`, false},
		{`actor.user.full_name == ""`, true},
		{`has(device)`, false},
		{`has(actor)`, true},
		{`has(device.os.name)`, false},
		{`has(resources)`, true},
		{`has(event.status_id) && !has(event.duration)`, true},
		{`has(resources[0].uid) && !has(resources[9].uid)`, true},
		{`resources[9].uid == "" && resources[-1].uid == ""`, true},
		{`metadata.profiles[3] == ""`, true},

		// Lists.
		{`resources.exists(r, r.type == "AWS::CloudTrail::Trail")`, true},
		{`resources.all(r, r.uid.startsWith("arn:"))`, true},
		{`size(resources) == 2 && resources.map(r, r.uid)[1] == "arn:aws:s3:::logs"`, true},
		{`"cloud" in metadata.profiles`, true},
		{`metadata.profiles == ["cloud"]`, true},
		{`resources.filter(r, has(r.type)).size() == 1`, true},

		// JSON.
		{`raw.eventName == "StopLogging" && "StopLogging" == raw.eventName`, true},
		{`raw.eventName != "StopLogging"`, false},
		{`raw.n == 5 && raw.n == 5.0 && raw.f == 1.5 && raw.ok == true`, true},
		{`raw.n == "5" || raw.eventName == 5`, false},
		{`raw.n > 4 && 6 > raw.n && raw.n <= 5 && raw.f < 2 && raw.eventName < "T"`, true},
		{`raw.missing < 5 || raw.missing > 5 || raw.missing == "" || raw.missing == 0`, false},
		{`raw.missing.deeper == raw.missing.deeper`, false},
		{`raw.missing != "x"`, true},
		{`raw.none == null && has(raw.none) && !has(raw.nothing) && raw.nothing != null`, true},
		{`has(raw.tags[2].k) && !has(raw.tags[2].z) && !has(raw.tags[9]) && has(raw.tags[0])`, true},
		{`raw["key.with.dots"].x == 1 && has(raw["key.with.dots"]) && has(raw["key.with.dots"].x)`, true},
		{`raw.eventName in ["StopLogging", "x"] && raw.n in [1, 5]`, true},
		{`"a" in raw.tags && 2 in raw.tags && !("b" in raw.tags) && "eventName" in raw`, true},
		{`raw.tags.exists(t, t == "a") && raw.tags.exists(t, t.k == "v")`, true},
		{`raw.eventName.exists(t, true)`, false},
		{`string(raw.eventName).startsWith("Stop") && string(raw.n) == "5" && string(raw.none) == "" && string(raw.empty) == "{}"`, true},
		{`int(raw.n) == 5 && double(raw.f) == 1.5 && int(raw.eventName) == 0`, true},
		{`size(raw.tags) == 3 && size(raw.missing) == 0`, true},
		{`raw.tags[1] == 2 && raw.tags[int(raw.n) - 5] == "a"`, true},
		{`unmapped.left.over == "x" && event.unmapped.left.over == "x" && event.raw.n == 5`, true},
		{`has(raw) && has(unmapped)`, true},
		{`raw.eventName == raw.eventName && raw.tags == raw.tags`, true},

		// Lists of the rule set.
		{`"alice" in lists.admins && !(actor.user.uid in lists.admins)`, true},
		{`src_endpoint.ip in lists.offices && !("198.51.100.1" in lists.offices) && "2001:db8::1" in lists.offices`, true},
		{`!("no ip" in lists.offices) && "CI-7" in lists.robots`, true},
		{`raw.eventName in lists.admins`, false},

		// Functions.
		{`ip(src_endpoint.ip).isPublic() && !ip(actor.user.uid).isPublic() && ip("10.1.2.3").isPrivate()`, true},
		{`cidr("192.0.2.0/24").containsIP(src_endpoint.ip) && !cidr("192.0.2.0/24").containsIP(dst_endpoint.ip)`, true},
		{`ip("::ffff:10.0.0.1").family() == 4 && ip(actor.user.uid).family() == 0 && isIP("::1")`, true},
		{`int("12") == 12 && int(api.operation) == 0 && int(device.hostname) == 0 && double("1e3") == 1000.0`, true},
		{`timestamp(device.hostname) == timestamp(0)`, true},
		{`"StopLogging".equalsFold("stoplogging") && "abc".containsFold("BC")`, true},
		{`"arn:aws:iam::1:role/x".glob("arn:*:role/?") && !"a".glob("b*") && "ABC".globFold("a*c")`, true},
		{`"a-b-c".split("-").size() == 3 && "x".lowerAscii() == "x"`, true},
		{`sets.contains(["a","b"], ["a"]) && math.greatest(1, 2) == 2 && lists.range(2) == [0, 1]`, true},
		{`api.operation.matches("^(Stop|Delete)Logging$")`, true},
		{`base64.decode("aGk=") == b"hi"`, true},
		{`regex.replace("a1b2", "[0-9]", "") == "ab"`, true},
	} {
		e, problems := compile(c, "api_activity", test.text, Condition)
		if e == nil {
			t.Errorf("%s\n\t%s", test.text, strings.Join(problems, "\n\t"))
			continue
		}
		var s Scope
		s.Reset(testEvent())
		v, err := e.Eval(&s)
		if err != nil || v != types.Bool(test.want) {
			t.Errorf("%s\n\tgot %v, %v, want %v", test.text, v, err, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	c := testCompiler(t)
	for _, test := range []struct{ text, want string }{
		{`api.opertion == "x"`, `1:5 api (object api) has no attribute opertion; did you mean "operation"?`},
		{`apu.operation == "x"`, `1:1 the class api_activity has no attribute apu; did you mean "api"?`},
		{`is_mfa == true`, `1:1 the class api_activity has no attribute is_mfa; it is one of authentication`},
		{`osint[0].value == "x"`, `1:1 osint is valid OCSF in the class api_activity, but this build's selection does not hold it`},
		{`actor.user.ldap_person.uid == "x"`, `1:12 actor.user.ldap_person is valid OCSF, but this build's selection does not hold it`},
		{`event.nothing == "x"`, `1:7 the class api_activity has no attribute nothing`},
		{`resources.uid == "x"`, `1:11 resources is a list; write resources[0].uid, or resources.exists(x, x.uid ...)`},
		{`api.operation.name == "x"`, `1:15 api.operation is a string_t; it has no attribute name`},
		{`api.operation == 5`, `1:15 found no matching overload for '==' applied to '(string, int)'`},
		{`actor.user == actor.user`, `1:6 actor.user is an object; compare one of its attributes, or ask has(actor.user)`},
		{`status_id == Status.SUCCES`, `1:21 Status has no SUCCES; did you mean "SUCCESS"? it has Status.UNKNOWN (0), Status.SUCCESS (1), Status.FAILURE (2), Status.OTHER (99)`},
		{`status_id == Severity.HIGH`, `1:14 Severity.* are values of severity_id, not of status_id, which has Status.UNKNOWN (0), Status.SUCCESS (1), Status.FAILURE (2), Status.OTHER (99)`},
		{`status_id == 7`, `1:14 this can never hold: status_id has no value 7; it has Status.UNKNOWN (0), Status.SUCCESS (1), Status.FAILURE (2), Status.OTHER (99)`},
		{`status_id in [1, 8]`, `1:18 this can never hold: status_id has no value 8; it has Status.UNKNOWN (0), Status.SUCCESS (1), Status.FAILURE (2), Status.OTHER (99)`},
		{`class_uid == 3002`, `1:14 this can never hold: class_uid has no value 3002; it has ClassUid.API_ACTIVITY (6003)`},
		{`count == Status.SUCCESS`, `1:10 count is no enum; Status.* are values of status_id`},
		{`Status == 1`, `1:1 Status is an enum, not a value; name a constant: Status.UNKNOWN (0), Status.SUCCESS (1), Status.FAILURE (2), Status.OTHER (99)`},
		{`api.operation in lists.admin`, `1:24 unknown list lists.admin; did you mean "admins"?`},
		{`lists.admins == "x"`, `1:1 lists.admins is a set; write: x in lists.admins`},
		{`api.operation == "a" && api.operation in ["b", "c"]`, `1:39 this can never hold: api.operation must have another value as well`},
		{`api.operation in []`, `1:15 this can never hold: the list is empty`},
		{`src_endpoint.ip == "AWS Internal"`, `1:20 this can never hold: src_endpoint.ip is an IP address, "AWS Internal" is none`},
		{`api.operation.matches("(")`, "1:23 bad regular expression: missing closing ): `(`"},
		{`api.operation.matches(api.service.name)`, `1:34 a regular expression must be a literal text`},
		{`cidr("10.0.0.1/8").containsIP(src_endpoint.ip)`, `1:6 "10.0.0.1/8" is not a network, as 10.0.0.0/8`},
		{`time > timestamp("yesterday")`, `1:18 "yesterday" is not a time, as 2026-01-31T12:00:00Z`},
		{`raw.x.startsWith("a")`, `1:17 startsWith() is not for JSON; write string(raw.x).startsWith(...)`},
		{`raw.x == duration("1s")`, `1:7 found no matching overload for '==' applied to '(json, duration)'`},
		{`raw.x`, `1:4 a condition is true or false; compare the JSON value: == true`},
		{`"x"`, `1:1 a condition is true or false; this is of type string`},
		{`api.operation ==`, `1:17 mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`},
		{`resources.exists(user, user.uid == "x") || resources.exists(api, api.uid == "x")`, `1:60 the variable api would hide the attribute of that name; call it otherwise`},
		{`has(size(resources))`, `1:9 has() takes an attribute, as has(actor.user.uid); of a list ask its size()`},
		{`has("x")`, `1:5 has() takes an attribute, as has(actor.user.uid); of a list ask its size()`},
		{`actor.?user.uid == "x"`, `1:6 optional selection is not needed: an absent attribute reads as zero, and has() tells`},
		{`api.operation == "a" && apx == 1 && status_id == Sttus.X`, "1:25 the class api_activity has no attribute apx; did you mean \"api\"?\n1:50 the class api_activity has no attribute Sttus; did you mean \"Status\"?"},
		{`raw.a.exists(x, raw.b.exists(y, raw.c.exists(z, z == x || z == y)))`, `1:45 comprehension exceeds nesting limit`},
		{`raw.a.exists(x, raw.b.exists(y, string(x).matches("a.*b.*c.*d") && string(y).matches("a.*b.*c.*d")))`, `1:13 costs up to`},
	} {
		e, problems := compile(c, "api_activity", test.text, Condition)
		got := strings.Join(problems, "\n")
		if e != nil || got != test.want && !(strings.HasSuffix(test.want, "costs up to") || strings.HasSuffix(test.want, "limit")) || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}
