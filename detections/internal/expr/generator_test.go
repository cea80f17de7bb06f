package expr

import "fmt"

// rare is an expression of the type out of what rules seldom use; empty if there is
// nothing of the kind.
func (g *generator) rare(kind string, depth int) string {
	e := func(kind string) string { return g.expr(kind, depth-1) }
	switch kind {
	case "bool":
		return g.rareBool(depth)
	case "text":
		return g.rareText(depth)
	case "int":
		return g.rareInt(depth)
	case "uint":
		return g.one(fmt.Sprintf("(%s %s %s)", e("uint"), g.one("+", "-", "*", "/", "%"), e("uint")), fmt.Sprintf("uint(%s)", g.one(e("int"), e("double"), "string(raw.n)", "api.operation")))
	case "double":
		return g.one(fmt.Sprintf("math.%s(%s)", g.one("abs", "ceil", "floor", "round", "trunc", "sign", "sqrt"), e("double")),
			fmt.Sprintf("(-%s)", e("double")), fmt.Sprintf("math.greatest(%s, %s)", e("double"), e("double")),
			fmt.Sprintf("double(%s)", e(g.one("uint", "double", "bool", "duration", "time"))))
	case "time":
		return g.one(fmt.Sprintf("(%s + %s)", e("duration"), e("time")), fmt.Sprintf("timestamp(%s)", e("time")))
	case "duration":
		return g.one(fmt.Sprintf("(%s %s %s)", e("duration"), g.one("+", "-"), e("duration")), fmt.Sprintf("duration(string(%s))", e("duration")))
	case "bytes":
		return g.one(fmt.Sprintf("base64.decode(%s)", e("text")), fmt.Sprintf("bytes(%s)", e("text")), fmt.Sprintf("(%s + %s)", e("bytes"), e("bytes")))
	case "texts":
		return g.rareTexts(depth)
	case "ints", "doubles":
		element := map[string]string{"ints": "int", "doubles": "double"}[kind]
		return g.one(fmt.Sprintf("[%s, %s].sort()", e(element), e(element)), fmt.Sprintf("(%s + %s)", e(kind), e(kind)), fmt.Sprintf("%s.distinct()", e(kind)),
			fmt.Sprintf("[%s, [%s]].flatten()", e(kind), e(element)))
	case "json":
		return g.one(fmt.Sprintf("jwt.claims(%s)", e("text")), fmt.Sprintf("%s[%s]", e("json"), e("int")))
	case "cidr":
		return fmt.Sprintf("cidr(%s)", e("text"))
	}
	return ""
}

func (g *generator) rareText(depth int) string {
	e := func(kind string) string { return g.expr(kind, depth-1) }
	switch g.IntN(12) {
	case 0:
		return fmt.Sprintf("%s.charAt(%s)", e("text"), e("int"))
	case 1:
		return fmt.Sprintf("%s.substring(%s, %s)", e("text"), e("int"), e("int"))
	case 2:
		return fmt.Sprintf("%s.join(%s)", e("texts"), g.leaf("text"))
	case 3:
		return fmt.Sprintf("strings.quote(%s)", e("text"))
	case 4:
		return g.one(fmt.Sprintf(`"%%s-%%s".format([%s, %s])`, e(g.one("text", "int", "double", "bool", "texts", "time", "duration")), e("text")),
			fmt.Sprintf(`"%%d/%%s".format([%s, %s])`, e("int"), e("doubles")), fmt.Sprintf(`"%%x%%X".format([%s, %s])`, e("text"), e("int")),
			fmt.Sprintf(`"%%.2f %%e".format([%s, %s])`, e("double"), e("double")), fmt.Sprintf(`"%%b%%o".format([%s, %s])`, e("int"), e("int")))
	case 5:
		return fmt.Sprintf("regex.replace(%s, %q, %s%s)", e("text"), g.one("[a-z]+", "(.)(.)", "", "^|$", "(a)|(b)?"),
			g.one(`"<\\1>"`, `"x"`, `""`, `"\\0\\0"`, `"\\2-\\\\"`, `"\\"`, `"\\k"`, e("text")), g.one("", "", ", 1", ", 0", ", -7", ", "+e("int")))
	case 6:
		return fmt.Sprintf("regex.extract(%s, %q).orValue(%s)", e("text"), g.one("[A-Z]([a-z]+)", "zzz", "^"), e("text"))
	case 7:
		return fmt.Sprintf("string(%s)", e(g.one("bytes", "uint", "time", "duration", "cidr", "double")))
	case 8:
		return fmt.Sprintf("optional.of(%s).value()", e("text"))
	case 9:
		return fmt.Sprintf("optional.ofNonZeroValue(%s).%s", e("text"), g.one("value()", "or(optional.of(\"z\")).value()", `orValue("y")`, `optMap(o, o + "1").orValue("n")`))
	case 10:
		return fmt.Sprintf(`{"a": %s, "b": %s}[%s]`, e("text"), e("text"), g.one(`"a"`, `"b"`, `"c"`, "api.operation"))
	}
	return fmt.Sprintf("%s.replace(%s, %s, %s)", e("text"), g.leaf("text"), g.leaf("text"), e("int"))
}

func (g *generator) rareInt(depth int) string {
	e := func(kind string) string { return g.expr(kind, depth-1) }
	switch g.IntN(11) {
	case 0:
		return fmt.Sprintf("(-%s)", e("int"))
	case 1:
		return fmt.Sprintf("%s.%s(%s)", e("text"), g.one("indexOf", "lastIndexOf"), e("text"))
	case 2:
		return fmt.Sprintf("%s.%s(%s, %s)", e("text"), g.one("indexOf", "lastIndexOf"), g.leaf("text"), e("int"))
	case 3:
		return fmt.Sprintf("math.%s(%s)", g.one("abs", "sign"), e("int"))
	case 4:
		return fmt.Sprintf("math.%s(%s, %s)", g.one("greatest", "least", "bitAnd", "bitOr", "bitXor", "bitShiftLeft", "bitShiftRight"), e("int"), e("int"))
	case 5:
		return e("duration") + g.one(".getHours()", ".getMinutes()", ".getSeconds()", ".getMilliseconds()")
	case 6:
		return fmt.Sprintf("int(%s)", e(g.one("uint", "duration", "time")))
	case 7:
		return fmt.Sprintf("size(%s)", e(g.one("bytes", "doubles")))
	case 8:
		return fmt.Sprintf("%s.size()", e(g.one("text", "json", "texts")))
	case 9:
		return fmt.Sprintf("math.%s(%s)", g.one("greatest", "least"), e("ints"))
	}
	return e("time") + g.one(".getMinutes()", ".getSeconds()", ".getMilliseconds()", ".getDayOfYear()", ".getDate()", `.getMinutes("-00:30")`, `.getDayOfYear("Asia/Kolkata")`)
}

func (g *generator) rareBool(depth int) string {
	e := func(kind string) string { return g.expr(kind, depth-1) }
	numbers := []string{"int", "uint", "double"}
	switch g.IntN(15) {
	case 0: // numbers of different types
		return fmt.Sprintf("(%s %s %s)", e(g.one(numbers...)), g.one("<", "<=", ">", ">="), e(g.one(numbers...)))
	case 1:
		return fmt.Sprintf("(%s in %s)", e("double"), e("doubles"))
	case 2:
		return fmt.Sprintf("(%s in [%s, %s])", e("uint"), e("uint"), e("uint"))
	case 3:
		return fmt.Sprintf("(%s in [%s, %s])", e("bytes"), e("bytes"), e("bytes"))
	case 4:
		return fmt.Sprintf("sets.%s(%s, %s)", g.one("contains", "intersects", "equivalent"), e("texts"), e("texts"))
	case 5:
		kind := g.one("bytes", "uint", "doubles", "cidr", "bool")
		return fmt.Sprintf("(%s %s %s)", e(kind), g.one("==", "!="), e(kind))
	case 6:
		kind := g.one("bytes", "uint", "bool")
		return fmt.Sprintf("(%s %s %s)", e(kind), g.one("<", "<=", ">", ">="), e(kind))
	case 7:
		return fmt.Sprintf("(%s %s null)", e("json"), g.one("==", "!="))
	case 8:
		return fmt.Sprintf("(%s %s %s)", e("json"), g.one("==", "!=", "<", ">="), e(g.one("uint", "bool", "json")))
	case 9:
		return fmt.Sprintf("regex.extract(%s, %q).hasValue()", e("text"), g.one("[0-9]+", "^$", "S(top)?"))
	case 10:
		return fmt.Sprintf("math.%s(%s)", g.one("isNaN", "isInf", "isFinite"), e("double"))
	case 11:
		return fmt.Sprintf("bool(%s)", e(g.one("text", "json")))
	case 12:
		return fmt.Sprintf("%s.containsCIDR(%s)", e("cidr"), e(g.one("cidr", "text")))
	case 13: // an error on one side, or both
		failing := g.one("(1 / (count - count) == 1)", `(api.operation.substring(99) == "")`, `(duration(api.operation) > duration("1s"))`, `(9223372036854775807 + count > 0)`)
		return g.one(fmt.Sprintf("(%s || %s)", failing, e("bool")), fmt.Sprintf("(%s && %s)", e("bool"), failing), "!"+failing,
			fmt.Sprintf("(%s ? %s : %s)", failing, e("bool"), e("bool")), fmt.Sprintf("(%s ? %s : %s)", e("bool"), failing, e("bool")),
			fmt.Sprintf("%s.%s(v9, %s || v9 == %s)", g.leaf("texts"), g.one("exists", "all", "exists_one"), failing, g.leaf("text")))
	}
	return fmt.Sprintf(`{%s: 1, "b": 2}.%s(k9, k9 == %s)`, e("text"), g.one("exists", "all"), e("text"))
}

func (g *generator) rareTexts(depth int) string {
	e := func(kind string) string { return g.expr(kind, depth-1) }
	switch g.IntN(9) {
	case 0:
		return fmt.Sprintf("%s.slice(%s, %s)", e("texts"), e("int"), e("int"))
	case 1:
		return fmt.Sprintf("(%s + %s)", e("texts"), e("texts"))
	case 2:
		return e("texts") + g.one(".distinct()", ".reverse()", ".sort()")
	case 3:
		return fmt.Sprintf("%s.sortBy(s9, %s)", e("texts"), g.one("s9", "size(s9)", "s9.lowerAscii()", "1 / size(s9)", "api.operation"))
	case 4:
		return fmt.Sprintf("%s.split(%s, %s)", e("text"), g.leaf("text"), e("int"))
	case 5:
		return fmt.Sprintf("regex.extractAll(%s, %q)", e("text"), g.one("[a-z]", "(..)", "$"))
	case 6:
		return fmt.Sprintf("[%s, [%s]].flatten()", e("texts"), e("text"))
	case 7:
		return fmt.Sprintf("resources.filter(r9, %s).map(r9, r9.uid)", g.one("has(r9.type)", `r9.uid.contains(api.operation)`, "1 / size(r9.type) == 0"))
	}
	return fmt.Sprintf("lists.range(%s).map(i9, string(i9))", g.one("3", "0", "size(resources)", "count"))
}
