package expr

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/schemas/ocsf"
)

// otherFunctions are what other languages call a function, in small letters without _,
// and what to write here.
var otherFunctions = map[string]string{
	"lower": "x.lowerAscii()", "tolower": "x.lowerAscii()", "tolowercase": "x.lowerAscii()", "lowercase": "x.lowerAscii()", "lcase": "x.lowerAscii()",
	"upper": "x.upperAscii()", "toupper": "x.upperAscii()", "touppercase": "x.upperAscii()", "uppercase": "x.upperAscii()", "ucase": "x.upperAscii()",
	"len": "size(x)", "length": "size(x)", "strlen": "size(x)", "arraylength": "size(list)",
	"count": "a threshold block for a number of events, or size(list)", "any": "list.exists(x, x.name == ...)", "some": "list.exists(x, x.name == ...)",
	"every": "list.all(x, x.name == ...)", "includes": "x.contains(part), or x in list", "has": "x in list", "indexof": "x.contains(part)",
	"regex": "x.matches(\"pattern\")", "regexp": "x.matches(\"pattern\")", "rematch": "x.matches(\"pattern\")", "regexpmatch": "x.matches(\"pattern\")",
	"match": "x.matches(\"pattern\")", "search": "x.matches(\"pattern\")", "wildcard": "x.glob(\"*.example.com\")", "like": "x.glob(\"*.example.com\")",
	"cidrmatch": "cidr(\"10.0.0.0/8\").containsIP(x)", "incidr": "cidr(\"10.0.0.0/8\").containsIP(x)", "ipinrange": "cidr(\"10.0.0.0/8\").containsIP(x)",
	"ipmatch": "cidr(\"10.0.0.0/8\").containsIP(x)", "isempty": "!has(x), or size(x) == 0", "isnotempty": "has(x)", "isnull": "!has(x)", "isnotnull": "has(x)",
	"exists": "has(x)", "defined": "has(x)", "coalesce": "has(x) ? x : y", "concat": "x + y", "substring": "x.substring(0, 3)",
	"hour": "x.getHours(\"Europe/Berlin\")", "dayofweek": "x.getDayOfWeek(\"Europe/Berlin\")", "now": "event.time; rules know no other clock",
	"str": "string(x)", "tostring": "string(x)", "toint": "int(x)", "tonumber": "int(x), or double(x)", "deepget": "raw.a.b, which never fails",
	"dyn": "the attribute itself; what has no type is raw.NAME", "levenshtein": "x.distance(y)", "editdistance": "x.distance(y)", "b64decode": "x.base64Decode()",
}

// sameFold is the function of that name but for the case, or the name.
func (u *unit) sameFold(name string) string {
	for f := range u.env.Functions() {
		if strings.EqualFold(f, name) {
			return f
		}
	}
	return name
}

// outcomes are the literals that an expression may give.
func (u *unit) outcomes(e ast.Expr, all []Outcome) []Outcome {
	switch {
	case e.Kind() == ast.LiteralKind:
		line, col := u.place(e.ID())
		return append(all, Outcome{line, col, e.AsLiteral()})
	case e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Conditional:
		all = u.outcomes(e.AsCall().Args()[1], all)
		return u.outcomes(e.AsCall().Args()[2], all)
	}
	return all
}

// wildcards are texts that look like a pattern: Delete*, *admin, ^Delete, .*admin.
var wildcards = regexp.MustCompile(`^\*?\w*[A-Za-z0-9]\*$|^\*\w+$|\.\*|^\^|\w\$$`)

// wildcard warns of a pattern that is compared as a text.
func (u *unit) wildcard(s shape, literal ast.Expr, text string) {
	if !wildcards.MatchString(text) || s.attribute.Kind != ocsf.KindString {
		return
	}
	how := ".glob(" + quote(text) + ")"
	if strings.Contains(text, ".*") || strings.HasPrefix(text, "^") || strings.HasSuffix(text, "$") {
		how = ".matches(" + quote(text) + ")"
	}
	u.warnAt(literal.ID(), "this is compared as a text, not as a pattern; write %s%s", s.path, how)
}

// caption warns of the name of an enum's value in letters of another case: `status` holds
// "Success".
func (u *unit) caption(s shape, literal ast.Expr, text string) {
	if s.attribute.Kind != ocsf.KindString {
		return
	}
	for _, e := range u.enums {
		if e.key != strings.TrimPrefix(s.owner+"."+s.attribute.Name+"_id", ".") {
			continue
		}
		for _, v := range e.values {
			if strings.EqualFold(v.Caption, text) && v.Caption != text {
				u.warnAt(literal.ID(), "%s is called otherwise; did you mean %q?", s.path, v.Caption)
			}
		}
	}
}

// closed are the least and the greatest value of functions that give no others.
var closed = map[string][2]int64{
	"size": {0, math.MaxInt64}, "getHours": {0, 23}, "getMinutes": {0, 59}, "getSeconds": {0, 59}, "getMilliseconds": {0, 999},
	"getDayOfWeek": {0, 6}, "getMonth": {0, 11}, "getDate": {1, 31}, "getDayOfMonth": {0, 30}, "getDayOfYear": {0, 365},
}

// boundsOf are the least and the greatest value of an expression.
func (u *unit) boundsOf(e ast.Expr) (least, most int64, ok bool) {
	if s := u.shapes[e.ID()]; s.kind == scalar && s.attribute != nil {
		if s.attribute.Type == "port_t" {
			return 0, 65535, true
		}
		if enum := u.enumOf(s); enum != nil && len(enum.values) > 0 {
			least, most = enum.bounds()
			return least, most, true
		}
	}
	if e.Kind() != ast.CallKind {
		return 0, 0, false
	}
	c := e.AsCall()
	b, ok := closed[c.FunctionName()]
	if c.IsMemberFunction() && strings.HasPrefix(c.FunctionName(), "get") && u.ast.GetType(c.Target().ID()).Kind() != types.TimestampKind {
		return 0, 0, false // the whole minutes of a duration
	}
	return b[0], b[1], ok
}

// bounds reports comparisons of what has bounds with a number beyond them.
func (u *unit) bounds() {
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		c := e.AsCall()
		operator, side, other := c.FunctionName(), c.Args()[0], c.Args()[1]
		if side.Kind() == ast.LiteralKind {
			side, other = other, side
			operator = mirrored(operator)
		}
		n, isInt := literalInt(other)
		least, most, ok := u.boundsOf(side)
		if !isInt || !ok {
			return // of an enum, equality asks for a value: see enumValue
		}
		never, always := false, false
		switch operator {
		case operators.Less:
			never, always = n <= least, n > most
		case operators.LessEquals:
			never, always = n < least, n >= most
		case operators.Greater:
			never, always = n >= most, n < least
		case operators.GreaterEquals:
			never, always = n > most, n <= least
		case operators.Equals:
			never = n < least || n > most
		case operators.NotEquals:
			always = n < least || n > most
		}
		span := "0 or more"
		if most != math.MaxInt64 {
			span = "from " + types.Int(least).ConvertToType(types.StringType).Value().(string) + " to " + types.Int(most).ConvertToType(types.StringType).Value().(string)
		}
		switch {
		case never:
			u.errorAt(e.ID(), "this can never hold: the number is %s", span)
		case always:
			u.warnAt(e.ID(), "this always holds: the number is %s", span)
		}
	}))
}

// mirrored is the operator with its sides changed.
func mirrored(operator string) string {
	if other, ok := map[string]string{operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
		operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals}[operator]; ok {
		return other
	}
	return operator
}

// patterns reports texts that every text contains, and those that no address does.
func (u *unit) patterns() {
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || !e.AsCall().IsMemberFunction() || len(e.AsCall().Args()) != 1 {
			return
		}
		c := e.AsCall()
		text, ok := literalText(c.Args()[0])
		name := c.FunctionName()
		if !ok || !slices.Contains([]string{"startsWith", "endsWith", "contains", "containsFold", "glob", "globFold"}, name) {
			return
		}
		isGlob := strings.HasPrefix(name, "glob")
		s := u.shapes[c.Target().ID()]
		switch {
		case text == "" && !isGlob || isGlob && text != "" && strings.Trim(text, "*") == "":
			u.warnAt(e.ID(), "this always holds, also of an absent attribute")
		case s.attribute != nil && s.attribute.Type == "ip_t" && strings.Contains(text, "/"):
			u.errorAt(e.ID(), "this can never hold: %s is an IP address, not a network; write cidr(%s).containsIP(%s)", s.path, quote(text), s.path)
		}
	}))
}

// affixes reports two beginnings, or two ends, that no text has both.
func (u *unit) affixes(operands []ast.Expr) {
	before := map[string]string{}
	for _, e := range operands {
		if e.Kind() != ast.CallKind || !e.AsCall().IsMemberFunction() || len(e.AsCall().Args()) != 1 {
			continue
		}
		c := e.AsCall()
		fits := map[string]func(s, part string) bool{"startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[c.FunctionName()]
		text, ok := literalText(c.Args()[0])
		path := u.shapes[c.Target().ID()].path
		if !ok || fits == nil || path == "" || strings.Contains(path, computed) {
			continue
		}
		key := c.FunctionName() + " " + path
		if first, ok := before[key]; ok && !fits(first, text) && !fits(text, first) {
			u.errorAt(e.ID(), "this can never hold: %s begins or ends with %q beside it", path, first)
		}
		before[key] = text
	}
}
