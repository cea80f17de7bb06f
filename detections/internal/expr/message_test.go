package expr

import (
	"strings"
	"testing"
)

// TestMessages: what cel-go would say in the parser's words is said in the
// author's, once, at the place where it is corrected.
func TestMessages(t *testing.T) {
	c := testCompiler(t)
	for _, test := range []struct{ text, want string }{
		// Syntax.
		{`api.operation == "a" &&`, `1:24 the expression ends where a value is wanted`},
		{`api.operation = "a"`, `1:15 write == to compare`},
		{`api.operation =~ "a.*"`, `1:15 write x.matches("pattern")`},
		{`api.operation == "a" and true`, `1:22 write && for and`},
		{`api.operation == "a" OR true`, `1:22 write || for or`},
		{`api.operation == "a" & true`, `1:22 write && for and`},
		{`api.operation == "a" | true`, `1:22 write || for or`},
		{`not api.operation == "a"`, `1:1 write ! for not; of a membership: !(x in y)`},
		{`api.operation not in ["a"]`, `1:15 write ! for not; of a membership: !(x in y)`},
		{`api.operation like "a*"`, `1:15 write x.glob("*.example.com"), or x.contains("part")`},
		{`(api.operation == "a"`, `1:22 the expression ends before the ) that closes it`},
		{`api.operation == "a")`, `1:21 ) closes nothing`},
		{`api.operation in ["a" "b"]`, `1:23 want a comma or ] before "b"`},
		{`api.operation == “a”`, `1:18 write straight quotes: "`},
		{`api.operation == "a`, `1:18 the text is not closed: its line ends before the second "`},
		{`api.operation == "\d"`, `1:18 the text has an escape that CEL lacks; write \\ for a backslash, or r"..." for a text without escapes`},
		{`api.operation == "a";`, `1:21 an expression ends without ;`},
		{`api.operation == "a" ? true`, `1:28 the expression ends before the : of ` + "`condition ? this : that`"},
		{`api..operation == "a"`, `1:5 a value is wanted here, not .`},
		{`api.operation == "a" true`, `1:22 true is one too many: the expression is whole before it; join conditions with && or ||`},
		{`api.operation == $x`, `1:18 $ means nothing in CEL`},
		{"api.operation == \"a\"\n  && == \"b\"", `2:6 a value is wanted here, not ==`},
		{`raw.x == if`, `1:10 if is a reserved word of CEL; a member of that name is raw["if"]`},

		// Functions.
		{`api.operation.startswith("a")`, `1:15 there is no function startswith; did you mean "startsWith"?`},
		{`resources.exist(r, r.name == "a")`, `1:11 there is no function exist; did you mean "exists"?`},
		{`exists(resources, r, r.name == "a")`, `1:1 exists is called on a list: list.exists(x, x.name == ...)`},
		{`resources.exists(r)`, `1:11 exists takes a variable and a condition: list.exists(x, x.name == ...)`},
		{`startsWith(api.operation, "a")`, `1:1 want string.startsWith(string), got startsWith(string, string)`},
		{`api.operation.contains("a", "b")`, `1:15 want string.contains(string), got string.contains(string, string)`},

		// Kinds.
		{`api.operation == null`, `1:15 only JSON is null; of an attribute ask has(api.operation)`},
		{`status_id == "Success"`, `1:11 status_id is a number; write Status.SUCCESS`},
		{`status == Status.SUCCESS`, `1:8 status is a string; Status.* are values of status_id`},
		{`time > "2026-01-31"`, `1:6 a timestamp is compared with a string; write timestamp("2026-01-31T12:00:00Z")`},
		{`src_endpoint.ip in "10.0.0.0/8"`, `1:17 in looks into a list, not into a text; write whole.contains(part), or cidr("10.0.0.0/8").containsIP(address)`},
		{`!actor.user.name in ["a"]`, `1:1 ! is for conditions, and this is a string; put what is negated in parentheses, as !(x == y) or !(x in y)`},
		{`count in ["a"]`, `1:7 an int is never in a list(string)`},

		{`raw.n + 1 == 6`, `1:7 + does not take JSON; convert it with int(x), double(x) or string(x)`},
		{`math.greatest(raw.n, 2) == 5`, `1:6 math.greatest does not take JSON; convert it with int(x), double(x) or string(x)`},
		{`dyn(actor).user.nme == "x"`, `1:1 there is no function dyn; write the attribute itself; what has no type is raw.NAME`},

		// Names.
		{`user_agent == "x"`, `1:1 the class api_activity has no attribute user_agent at the top; there is http_request.user_agent`},
		{`eventName == "x"`, `1:1 the class api_activity has no attribute eventName; did you mean "api.operation"? The field of the record itself is raw.eventName`},
		{`requestParameters == "x"`, `1:1 the class api_activity has no attribute requestParameters; a field of the record itself is raw.requestParameters`},
		{`api_operation == "x"`, `1:1 the class api_activity has no attribute api_operation; did you mean "api.operation"?`},
		{`actor_user_name == "x"`, `1:1 the class api_activity has no attribute actor_user_name; did you mean "actor.user.name"?`},
		{`src_endpoint.ip == "10.0.0.0/8"`, `1:20 this can never hold: src_endpoint.ip is an IP address, "10.0.0.0/8" is none; of a network write cidr("10.0.0.0/8").containsIP(src_endpoint.ip)`},

		// What can never hold.
		{`has(actor.user.uid) && !has(actor.user.uid)`, `1:24 this can never hold: the same is asked for without the !`},
		{`src_endpoint.port > 1024 && api.operation == "a" && src_endpoint.port < 1000`, `1:71 this can never hold: nothing is left of src_endpoint.port between the limits`},
		{`api.operation in ["GetObject", "GetBucket"] && api.operation.startsWith("Put")`, `1:62 this can never hold: api.operation must be "GetBucket" beside it`},
		{`api.operation == "x" || status_id == Status.SUCCESS && (api.operation == "a" && false)`, `1:81 this can never hold: a part of it is false`},
		{`false`, `1:1 this can never hold: it is false`},
		{`api.operation == "a" && api.operation != "a"`, `1:39 this can never hold: api.operation must have this very value`},
		{`src_endpoint.port == 99999999999`, `1:22 this can never hold: src_endpoint.port has 32 bits, 99999999999 needs more`},
		{`api.operation.lowerAscii() == "StopLogging"`, `1:28 this can never hold: lowerAscii() gives no capital letters, "StopLogging" has some`},
		{`resources[-1].uid == "a"`, `1:11 an index counts from 0; there is no element -1`},
	} {
		e, problems := compile(c, "api_activity", test.text, Condition)
		if got := strings.Join(problems, "\n"); e != nil || got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}
