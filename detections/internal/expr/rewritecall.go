package expr

import (
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// namespaces are what a function's name may begin with; they are no values.
var namespaces = map[string]bool{"math": true, "sets": true, "lists": true, "base64": true, "strings": true, "regex": true, "optional": true,
	"jwt": true, "ip": true, "iam": true}

// call rewrites a function or an operator.
func (u *unit) call(e ast.Expr, sc *vars) shape {
	c := e.AsCall()
	name := c.FunctionName()
	if op := jsonOperators[name]; op.function != "" && len(c.Args()) == 2 {
		u.compares[c.Args()[1].ID()] = true
	}
	switch {
	case name == operators.Has && !c.IsMemberFunction():
		u.has(e, sc)
		return shape{}
	case name == operators.In:
		u.in(e, sc)
		return shape{}
	case name == operators.Index:
		return u.index(e, sc)
	case name == operators.OptSelect || name == operators.OptIndex:
		u.errorAt(e.ID(), "optional selection is not needed: an absent attribute reads as zero, and has() tells")
		return shape{}
	}
	if u.unknownFunction(e, c) {
		return shape{}
	}
	if name == "size" && u.size(e, c, sc) {
		return shape{}
	}
	if c.IsMemberFunction() {
		u.receiver(e, c, sc)
	}
	shapes := make([]shape, len(c.Args()))
	for i, arg := range c.Args() {
		shapes[i] = u.value(arg, sc)
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		for i, s := range shapes {
			if s.kind == json && (i == 0 || name != operators.Conditional) {
				u.errorAt(u.start(c.Args()[i]), "a JSON value is no condition; compare it: %s == true", s.path)
			}
		}
	}
	if op, ok := jsonOperators[name]; ok && len(shapes) == 2 {
		u.comparison(e, c, op.function, op.flipped, shapes)
	}
	if name == operators.Conditional && shapes[1].kind == json && shapes[2].kind == json {
		return shape{kind: json, path: computed}
	}
	if f := calledName(c); jsonResults[f] {
		return shape{kind: json, path: f + "(...)"}
	}
	return shape{}
}

// jsonResults are the functions that give JSON.
var jsonResults = map[string]bool{"jwt.header": true, "jwt.claims": true, "iam.principals": true, "iam.accounts": true}

// calledName is the function's name with its namespace.
func calledName(c ast.CallExpr) string {
	if c.IsMemberFunction() && c.Target().Kind() == ast.IdentKind {
		return c.Target().AsIdent() + "." + c.FunctionName()
	}
	return c.FunctionName()
}

// size rewrites size(x) and x.size() of JSON; cel-go's own takes no further type.
func (u *unit) size(e ast.Expr, c ast.CallExpr, sc *vars) bool {
	of := c.Target()
	if !c.IsMemberFunction() {
		if len(c.Args()) != 1 {
			return false
		}
		of = c.Args()[0]
	}
	if u.value(of, sc).kind == json {
		e.SetKindCase(factory.NewCall(0, jsonSize, of))
	}
	return true
}

// receiver rewrites x in x.f(...).
func (u *unit) receiver(e ast.Expr, c ast.CallExpr, sc *vars) {
	target := c.Target()
	if target.Kind() == ast.IdentKind && namespaces[target.AsIdent()] && u.class.Attribute(target.AsIdent()) == nil {
		if _, bound := sc.find(target.AsIdent()); !bound {
			return
		}
	}
	s := u.value(target, sc)
	if s.kind == json {
		u.errorAt(e.ID(), "%s() is not for JSON; write string(%s).%s(...)", c.FunctionName(), s.path, c.FunctionName())
	}
}

// comparison turns a comparison with JSON into a function, and refuses to compare
// what has no order or identity.
func (u *unit) comparison(e ast.Expr, c ast.CallExpr, function, flipped string, shapes []shape) {
	for i, s := range shapes {
		switch s.kind {
		case object:
			u.errorAt(u.start(c.Args()[i]), "%s is an object; compare one of its attributes, or ask has(%s)", s.path, s.path)
			return
		case objects:
			u.errorAt(u.start(c.Args()[i]), "%s is a list of objects; write %s.exists(x, x.name == ...)", s.path, s.path)
			return
		}
	}
	switch {
	case shapes[0].kind == json && u.null(e, c.Args()[0], c.Args()[1], function):
	case shapes[1].kind == json && u.null(e, c.Args()[1], c.Args()[0], function):
	case shapes[0].kind == json:
		e.SetKindCase(factory.NewCall(0, function, c.Args()[0], c.Args()[1]))
	case shapes[1].kind == json:
		e.SetKindCase(factory.NewCall(0, flipped, c.Args()[1], c.Args()[0]))
	}
}

// null rewrites a comparison of JSON with null; false if it is none.
func (u *unit) null(e, value, other ast.Expr, function string) bool {
	if !isNull(other) {
		return false
	}
	switch function {
	case jsonEqual:
		e.SetKindCase(factory.NewCall(0, jsonIsNull, value))
	case jsonNotEqual:
		e.SetKindCase(factory.NewCall(0, operators.LogicalNot, factory.NewCall(u.newID(e.ID()), jsonIsNull, value)))
	default:
		return false
	}
	return true
}

func isNull(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

// in rewrites `x in list`.
func (u *unit) in(e ast.Expr, sc *vars) {
	c := e.AsCall()
	if list := c.Args()[1]; list.Kind() == ast.ListKind {
		for _, element := range list.AsList().Elements() {
			u.compares[element.ID()] = true
		}
	}
	left := u.value(c.Args()[0], sc)
	right := u.expr(c.Args()[1], sc)
	switch {
	case right.kind == set:
		if list := u.lists[strings.TrimPrefix(right.path, "lists.")]; list != nil && list.network != "" && left.attribute != nil && left.attribute.Type == "ip_t" {
			u.warnAt(e.ID(), "%s is a list of texts, and no address is equal to %s; give it `type: cidrs`", right.path, list.network)
		}
		e.SetKindCase(factory.NewCall(0, listFunction(strings.TrimPrefix(right.path, "lists.")), c.Args()[0]))
	case right.kind == json && isNull(c.Args()[0]):
		u.errorAt(u.start(c.Args()[0]), "in does not look for null; write %s.exists(x, x == null)", right.path)
	case right.kind == json:
		e.SetKindCase(factory.NewCall(0, jsonContains, c.Args()[1], c.Args()[0]))
	case left.kind == json:
		e.SetKindCase(factory.NewCall(0, jsonIn, c.Args()[0], c.Args()[1]))
	case left.kind == objects:
		u.errorAt(u.start(c.Args()[0]), "%s is a list of objects; write %s.exists(x, x.name in ...)", left.path, left.path)
	case left.kind == object:
		u.errorAt(u.start(c.Args()[0]), "%s is an object; look for one of its attributes", left.path)
	}
}

// index rewrites x[i].
func (u *unit) index(e ast.Expr, sc *vars) shape {
	c := e.AsCall()
	operand := u.value(c.Args()[0], sc)
	u.value(c.Args()[1], sc)
	key, isText := literalText(c.Args()[1])
	switch {
	case operand.kind == json && isText:
		e.SetKindCase(factory.NewSelect(0, c.Args()[0], key))
		return shape{kind: json, path: operand.path + "[" + quote(key) + "]"}
	case operand.kind == json:
		e.SetKindCase(factory.NewCall(0, jsonAt, c.Args()[0], c.Args()[1]))
		return shape{kind: json, path: operand.path + subscript(c.Args()[1])}
	case operand.kind == object:
		u.errorAt(e.ID(), "%s is an object; select its attributes with a dot", operand.path)
	case operand.kind == objects:
		return shape{kind: object, attributes: operand.attributes, object: operand.object, path: operand.path + subscript(c.Args()[1])}
	case operand.kind == scalars:
		element := operand
		element.kind, element.path, element.required = scalar, operand.path+subscript(c.Args()[1]), false
		return element
	}
	return shape{}
}

// computed is the subscript of an element whose index is no literal: two paths
// with it may be equal and lead to different elements.
const computed = "[]"

func subscript(index ast.Expr) string {
	if i, ok := literalInt(index); ok {
		return "[" + strconv.FormatInt(i, 10) + "]"
	}
	return computed
}

// has turns has(x) into a test of presence. CEL's own refuses a variable of its
// own at top level, as `has(user)`.
func (u *unit) has(e ast.Expr, sc *vars) {
	args := e.AsCall().Args()
	if len(args) != 1 {
		u.errorAt(e.ID(), "has() takes one attribute, as has(actor.user.uid)")
		return
	}
	arg := args[0]
	s := u.value(arg, sc)
	text, isText := literalText(arg)
	switch {
	case isText:
		u.errorAt(arg.ID(), "has() takes an attribute without quotes: has(%s)", text)
	case s.kind == unknown && arg.Kind() == ast.CallKind && arg.AsCall().FunctionName() == mistake:
		e.SetKindCase(arg)
		return
	case s.kind == unknown || s.path == varEvent || strings.HasSuffix(s.path, "]") && s.kind != json:
		u.errorAt(u.start(arg), "has() takes an attribute, as has(actor.user.uid); of a list ask its size()")
	case arg.Kind() == ast.SelectKind:
		sel := arg.AsSelect()
		u.shapes[e.ID()] = shape{path: "has " + s.path}
		e.SetKindCase(factory.NewPresenceTest(0, sel.Operand(), sel.FieldName()))
	case s.kind == json:
		e.SetKindCase(factory.NewCall(0, jsonHas, arg))
	default:
		u.errorAt(u.start(arg), "has() takes an attribute, as has(actor.user.uid)")
	}
	u.shapes[e.ID()] = shape{path: "has " + s.path}
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
