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
		{`resources[9].uid == "" && resources[size(raw.none) - 1].uid == ""`, true},
		{`resources[0].uid == "arn:aws:cloudtrail:us-east-1:111122223333:trail/main" && resources[1].uid == "arn:aws:s3:::logs"`, true},
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
		{`is_mfa == true`, `1:1 the class api_activity has no attribute is_mfa at the top; there is actor.session.is_mfa; the classes that have it: authentication`},
		{`osint[0].value == "x"`, `1:1 osint is valid OCSF in the class api_activity, but this build's selection does not hold it`},
		{`actor.user.ldap_person.uid == "x"`, `1:12 actor.user.ldap_person is valid OCSF, but this build's selection does not hold it`},
		{`event.nothing == "x"`, `1:7 the class api_activity has no attribute nothing`},
		{`resources.uid == "x"`, `1:11 resources is a list; write resources[0].uid, or resources.exists(x, x.uid ...)`},
		{`api.operation.name == "x"`, `1:15 api.operation is a string_t; it has no attribute name`},
		{`api.operation == 5`, `1:15 a string is compared with an int by ==; put the value in quotes`},
		{`actor.user == actor.user`, `1:1 actor.user is an object; compare one of its attributes, or ask has(actor.user)`},
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
		{`api.operation.matches(api.service.name)`, `1:23 a regular expression must be a literal text; of another attribute ask x.contains(y)`},
		{`cidr("10.0.0.1/8").containsIP(src_endpoint.ip)`, `1:6 "10.0.0.1/8" has bits set beyond its length; the network is 10.0.0.0/8`},
		{`time > timestamp("yesterday")`, `1:18 "yesterday" is not a time, as 2026-01-31T12:00:00Z`},
		{`raw.x.startsWith("a")`, `1:7 startsWith() is not for JSON; write string(raw.x).startsWith(...)`},
		{`raw.x == duration("1s")`, `1:7 a JSON value is compared with a duration by ==`},
		{`raw.x`, `1:1 a JSON value is no condition; compare it: raw.x == true`},
		{`raw.x && !raw.y`, "1:11 a JSON value is no condition; compare it: raw.y == true\n1:1 a JSON value is no condition; compare it: raw.x == true"},
		{`api.operation == 1 && actr.x == 2 && count == "x"`, "1:23 the class api_activity has no attribute actr; did you mean \"actor\"?\n1:15 a string is compared with an int by ==; put the value in quotes\n1:44 an int is compared with a string by =="},
		{`"x"`, `1:1 a condition is true or false; this is of type string`},
		{`api.operation ==`, `1:17 the expression ends where a value is wanted`},
		{`resources.exists(user, user.uid == "x") || resources.exists(api, api.uid == "x")`, `1:61 the variable api would hide the attribute of that name; call it otherwise`},
		{`has(size(resources))`, `1:5 has() takes an attribute, as has(actor.user.uid); of a list ask its size()`},
		{`has("x")`, `1:5 has() takes an attribute without quotes: has(x)`},
		{`actor.?user.uid == "x"`, `1:6 optional selection is not needed: an absent attribute reads as zero, and has() tells`},
		{`api.operation == "a" && apx == 1 && status_id == Sttus.X`, "1:25 the class api_activity has no attribute apx; did you mean \"api\"?\n1:50 the class api_activity has no attribute Sttus; did you mean \"Status\"?"},
		{`raw.a.exists(x, raw.b.exists(y, raw.c.exists(z, z == x || z == y)))`, `1:39 exists(), all() and the like are nested deeper than 2; test less at once`},
		{`raw.a.exists(x, raw.b.exists(y, string(x).matches("a.*b.*c.*d") && string(y).matches("a.*b.*c.*d")))`, `1:1 costs up to`},
	} {
		e, problems := compile(c, "api_activity", test.text, Condition)
		got := strings.Join(problems, "\n")
		if e != nil || got != test.want && !(strings.HasSuffix(test.want, "costs up to") || strings.HasSuffix(test.want, "limit")) || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestLint(t *testing.T) {
	c := testCompiler(t)
	for _, test := range []struct {
		text   string
		absent string // the attribute that the warning names; empty for none
	}{
		{`actor.user.name != "root"`, "actor.user.name"},
		{`!(actor.user.name == "root")`, "actor.user.name"},
		{`actor.user.name == ""`, "actor.user.name"},
		{`actor.user.name == "root"`, ""},
		{`!(actor.user.name != "root")`, ""},
		{`http_response.code < 400`, "http_response.code"},
		{`400 > http_response.code`, "http_response.code"},
		{`http_response.code >= 400`, ""},
		{`!(http_response.code >= 400)`, "http_response.code"},
		{`status_id != Status.SUCCESS`, "status_id"},
		{`status_id != Status.UNKNOWN`, ""},
		{`activity_id != Activity.READ`, ""}, // required: never absent
		{`actor.user.uid != resources[0].owner.uid`, "actor.user.uid"},
		{`raw.errorCode != "x"`, "raw.errorCode"},
		{`!(raw.n > 5)`, "raw.n"},
		{`raw.n < 5`, ""},
		{`!device.is_managed`, "device.is_managed"},
		{`device.is_managed == false`, "device.is_managed"},
		{`metadata.logged_time < time`, "metadata.logged_time"},
		{`time > metadata.logged_time`, "metadata.logged_time"},
		{`metadata.logged_time < timestamp("2026-01-31T12:00:00Z")`, "metadata.logged_time"},
		{`metadata.logged_time > timestamp("2026-01-31T12:00:00Z")`, ""},
		{`!(metadata.logged_time > timestamp("2026-01-31T12:00:00Z"))`, "metadata.logged_time"},
		{`actor.user.uid == resources[0].owner.uid`, "actor.user.uid"},
		{`actor.user.name == actor.user.full_name`, "actor.user.name"},
		{`has(actor.user.name) && actor.user.name == actor.user.full_name`, ""},
		{`resources.all(r, r.type.startsWith("x"))`, "resources"},
		{`has(resources) && resources.all(r, r.type.startsWith("x"))`, ""},
		{`!resources.exists(r, r.type == "x")`, "r.type"},
		{`resources.exists(r, r.type != "x")`, "r.type"},
		{`resources.exists(r, has(r.type) && r.type != "x")`, ""},

		// Guards.
		{`has(actor.user.name) && actor.user.name != "root"`, ""},
		{`!has(actor.user.name) || actor.user.name != "root"`, ""},
		{`has(actor.user.uid) && actor.user.name != "root"`, "actor.user.name"},
		{`actor.user.name.startsWith("a") && actor.user.name != "admin"`, ""},
		{`actor.user.name in ["a", "b"] && actor.user.name != "b"`, ""},
		{`has(raw.errorCode) && raw.errorCode != "x"`, ""},
		{`raw.errorCode == "y" && raw.errorCode != "x"`, ""},

		// Exclusions are no comparisons.
		{`!(actor.user.name in lists.admins)`, ""},
		{`!(actor.user.name in ["root"])`, ""},
		{`!actor.user.name.startsWith("svc-")`, ""},
	} {
		e, problems := compile(c, "api_activity", test.text, Condition)
		got := strings.Join(problems, "\n")
		switch {
		case e == nil:
			t.Errorf("%s: refused: %s", test.text, got)
		case test.absent == "" && got != "":
			t.Errorf("%s: unwanted: %s", test.text, got)
		case test.absent != "" && !strings.Contains(got, "also holds when "+test.absent+" is absent"):
			t.Errorf("%s: want a warning about %s, got %q", test.text, test.absent, got)
		}
	}
}

func TestAtoms(t *testing.T) {
	c := testCompiler(t)
	for text, want := range map[string]string{
		`api.operation == "a"`:                                                            `api.operation=[a]`,
		`"a" == api.operation && status_id == 1`:                                          `api.operation=[a] status_id=[1]`,
		`api.operation in ["b", "a", "b"]`:                                                `api.operation=[a b]`,
		`api.operation == "a" || api.operation == "b"`:                                    `api.operation=[a b]`,
		`api.operation == "a" || status_id == 1`:                                          ``,
		`(api.operation == "a" && status_id == 1) || (api.operation == "b" && count > 2)`: `api.operation=[a b]`,
		`api.operation in ["a", "b"] && api.operation in ["b", "c"]`:                      `api.operation=[b]`,
		`!(api.operation == "a")`:                                                         ``,
		`api.operation != "a"`:                                                            ``,
		`api.operation == api.service.name`:                                               ``,
		`api.operation in [api.service.name]`:                                             ``,
		`has(api.operation) ? api.operation == "a" : true`:                                ``,
		`raw.eventName == "a"`:                                                            ``,
		`resources.exists(r, r.type == "x")`:                                              ``,
		`resources[0].type == "x"`:                                                        `resources[0].type=[x]`,
	} {
		e, problems := compile(c, "api_activity", text, Condition)
		if e == nil {
			t.Errorf("%s: %v", text, problems)
			continue
		}
		var got []string
		for _, a := range e.Atoms {
			if len(a.Texts) > 0 {
				got = append(got, fmt.Sprintf("%s=%v", a.Path, a.Texts))
			} else {
				got = append(got, fmt.Sprintf("%s=%v", a.Path, a.Numbers))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: atoms %v, want %s", text, got, want)
		}
	}
}

func TestScalars(t *testing.T) {
	c := testCompiler(t)
	for text, want := range map[string]string{
		`api.operation`:                   "StopLogging present=true path=api.operation",
		`actor.user.name`:                 " present=true path=actor.user.name",
		`actor.user.full_name`:            " present=false path=actor.user.full_name",
		`status_id`:                       "1 present=true path=status_id",
		`raw.eventName`:                   "StopLogging present=true path=raw.eventName",
		`raw.nothing`:                     " present=false path=raw.nothing",
		`raw["key.with.dots"].x`:          `1 present=true path=raw["key.with.dots"].x`,
		`string(raw.n)`:                   "5 present=true path=",
		`resources[0].uid`:                "arn:aws:cloudtrail:us-east-1:111122223333:trail/main present=true path=resources[0].uid",
		`size(resources)`:                 "2 present=true path=",
		`has(device) ? "device" : "none"`: "none present=true path=",
	} {
		e, problems := compile(c, "api_activity", text, Scalar)
		if e == nil {
			t.Errorf("%s: %v", text, problems)
			continue
		}
		var s Scope
		s.Reset(testEvent())
		v, err := e.Eval(&s)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := fmt.Sprintf("%v present=%v path=%s", v, e.Present(&s), e.Path); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`resources`:  "1:1 want a single value; this is of type list(resource_details)",
		`actor.user`: "1:1 want a single value; this is of type user",
	} {
		if _, problems := compile(c, "api_activity", text, Scalar); strings.Join(problems, "") != want {
			t.Errorf("%s: %v", text, problems)
		}
	}
}

// TestEveryClassCompiles: every selected class has an environment, and every
// attribute of it can be named.
func TestEveryClassCompiles(t *testing.T) {
	c := testCompiler(t)
	for i := range ocsf.Classes {
		class := &ocsf.Classes[i]
		for _, a := range class.Attributes {
			e, problems := compile(c, class.Name, "has("+a.Name+")", Condition)
			if e == nil {
				t.Errorf("%s: has(%s): %v", class.Name, a.Name, problems)
				continue
			}
			ev := new(ocsf.Event)
			ev.SetClass(class.UID)
			var s Scope
			s.Reset(ev)
			if _, err := e.Eval(&s); err != nil {
				t.Errorf("%s: has(%s): %v", class.Name, a.Name, err)
			}
		}
	}
}

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"**", "abc", true}, {"?", "ä", true}, {"?", "", false},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"*.txt", "a.txt.txt", true}, {"a?c", "abc", true},
		{"*a", "b", false}, {"[a]", "[a]", true}, {"*ab", "aab", true}, {"arn:*:role/*", "arn:aws:iam::1:role/x/y", true},
	} {
		if got := globMatch(test.pattern, test.text, false); got != test.want {
			t.Errorf("%q matches %q: %v", test.pattern, test.text, got)
		}
	}
}

// FuzzCompile: whatever a condition says, compiling and evaluating it ends without
// a panic, and what compiles evaluates to a boolean or an error.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`api.operation == "x" && !(actor.user.uid in lists.admins)`, `raw.a[0]["b"].exists(x, x.y != null)`,
		`resources.exists(r, has(r.uid)) || size(raw) > 3`, `status_id in [Status.SUCCESS, 2]`, `has(has(x))`,
		`raw.x in lists.offices ? raw.y < 1 : ip(src_endpoint.ip).isPublic()`, `lists.x.y`, `[raw].map(x, x.a)[0] == {}`,
		`event.raw == raw && event == event`, `raw == null != true`, `math.greatest(raw.a, 2) == 2`, `"a" in raw in raw`,
	} {
		f.Add(seed)
	}
	c := testCompiler(f)
	ev := testEvent()
	f.Fuzz(func(t *testing.T, text string) {
		e, _ := compile(c, "api_activity", text, Condition)
		if e == nil {
			return
		}
		var s Scope
		s.Reset(ev)
		v, err := e.Eval(&s)
		if err == nil && v.Type() != types.BoolType {
			t.Errorf("%s gives %v", text, v.Type())
		}
	})
}
