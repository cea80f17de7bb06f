package expr

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/schemas/ocsf"
)

// check finds what is well typed and nevertheless wrong.
func (u *unit) check() {
	if root := u.ast.Expr(); root.Kind() == ast.LiteralKind && root.AsLiteral() == types.False {
		u.errorAt(root.ID(), "this can never hold: it is false")
	}
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		c := e.AsCall()
		args := c.Args()
		switch c.FunctionName() {
		case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
			u.compared(e, args[0], args[1], c.FunctionName())
			u.compared(e, args[1], args[0], c.FunctionName())
		case operators.In, jsonIn:
			u.membership(e, args[0], args[1])
		}
		u.literals(c)
		u.impossible(e, c)
		u.failing(e, c)
	}))
}

// compared checks one side of a comparison against the other.
func (u *unit) compared(e, side, other ast.Expr, operator string) {
	s := u.shapes[side.ID()]
	if s.kind != scalar || other.Kind() != ast.LiteralKind {
		return
	}
	u.enumValue(s, other, operator)
	if text, ok := literalText(other); ok {
		u.kindOfText(s, other, text, operator)
	}
}

// membership checks the elements of a list literal.
func (u *unit) membership(e, left, list ast.Expr) {
	if list.Kind() != ast.ListKind {
		return
	}
	elements := list.AsList().Elements()
	if len(elements) == 0 {
		u.errorAt(e.ID(), "this can never hold: the list is empty")
	}
	s, seen := u.shapes[left.ID()], map[string]bool{}
	for _, element := range elements {
		if s.kind != scalar || element.Kind() != ast.LiteralKind {
			continue
		}
		u.enumValue(s, element, operators.In)
		text, isText := literalText(element)
		if isText {
			u.kindOfText(s, element, text, operators.In)
		}
		if source := u.source(element); seen[source] {
			u.warnAt(element.ID(), "%s is in the list twice", source)
		} else {
			seen[source] = true
		}
		if kind := s.attribute; kind != nil && isText != (kind.Kind == ocsf.KindString) {
			u.errorAt(element.ID(), "this can never hold: %s is of type %s", s.path, kind.Type)
		}
	}
}

// enumValue refuses a constant of another enum and a number that the enum lacks.
func (u *unit) enumValue(s shape, literal ast.Expr, operator string) {
	constant, isConstant := u.consts[literal.ID()]
	number, isNumber := literal.AsLiteral().(types.Int)
	if !isNumber {
		return
	}
	line, col := u.place(literal.ID())
	if isConstant {
		line, col = constant.line, constant.col
	}
	e := u.enumOf(s)
	ordered := !slices.Contains([]string{operators.Equals, operators.NotEquals, operators.In, jsonIn}, operator)
	switch {
	case e != nil && !isConstant && ordered && !e.has(int64(number)):
		if least, most := e.bounds(); least <= int64(number) && int64(number) <= most { // else see bounds
			u.errorPlaced(line, col, "%s has no value %d; it has %s", s.path, int64(number), e.describe())
		}
	case e == nil && isConstant:
		u.errorPlaced(line, col, "%s is no enum; %s.* are values of %s", s.path, constant.enum.name, constant.enum.key)
	case e == nil && s.attribute != nil && s.attribute.Kind == ocsf.KindInt32 && int64(number) != int64(int32(number)):
		u.errorPlaced(line, col, "this can never hold: %s has 32 bits, %d needs more", s.path, int64(number))
	case e == nil:
	case isConstant && constant.enum.key != e.key:
		u.errorPlaced(line, col, "%s.* are values of %s, not of %s, which has %s", constant.enum.name, constant.enum.key, s.path, e.describe())
	case !e.has(int64(number)):
		u.errorPlaced(line, col, "this can never hold: %s has no value %d; it has %s", s.path, int64(number), e.describe())
	}
}

// enumOf is the enum of an attribute, nil if it is none.
func (u *unit) enumOf(s shape) *enum {
	if s.attribute == nil || s.attribute.Enum == nil || s.attribute.Kind == ocsf.KindString {
		return nil
	}
	e := &enum{key: enumKey(s.owner, s.attribute), values: s.attribute.Enum}
	for _, known := range u.enums {
		if known.key == e.key {
			return known
		}
	}
	e.name = pascal(s.attribute.Name) // class_uid and the like: no constants, but a closed set
	return e
}

// kindOfText refuses a text that an attribute of its kind never holds.
func (u *unit) kindOfText(s shape, literal ast.Expr, text, operator string) {
	if text == "" || s.attribute == nil {
		return
	}
	if operator == operators.Equals || operator == operators.NotEquals || operator == operators.In {
		u.caption(s, literal, text)
		u.wildcard(s, literal, text)
	}
	if s.attribute.Type == "ip_t" {
		if operator != operators.Equals && operator != operators.NotEquals && operator != operators.In {
			u.warnAt(literal.ID(), "addresses are compared as texts here; write cidr(\"10.0.0.0/8\").containsIP(%s)", s.path)
			return
		}
		if _, ok := parseIP(text); !ok {
			advice := ""
			if _, err := ParseCIDR(text); err == nil || strings.Contains(text, "/") {
				advice = "; of a network write cidr(" + quote(text) + ").containsIP(" + s.path + ")"
			}
			if operator == operators.NotEquals {
				u.warnAt(literal.ID(), "this always holds: %s is an IP address, %q is none%s", s.path, text, advice)
				return
			}
			u.errorAt(literal.ID(), "this can never hold: %s is an IP address, %q is none%s", s.path, text, advice)
		}
	}
}

// literals checks the literal arguments of functions that read them at run time.
func (u *unit) literals(c ast.CallExpr) {
	args := c.Args()
	switch name := c.FunctionName(); name {
	case "matches":
		u.pattern(args[len(args)-1])
	case "regex.replace":
		u.pattern(args[1])
	case "regex.extract", "regex.extractAll":
		u.pattern(args[1])
		if text, ok := literalText(args[1]); ok {
			if re, err := regexp.Compile(text); err == nil && re.NumSubexp() > 1 {
				u.errorAt(args[1].ID(), "%s takes a pattern with one group at most; write (?:...) for the others", name)
			}
		}
	case "duration":
		u.literal(args, func(s string) error { _, err := time.ParseDuration(s); return err }, "a duration, as 1h30m")
	case "timestamp":
		u.literal(args, func(s string) error { _, err := time.Parse(time.RFC3339Nano, s); return err }, "a time, as 2026-01-31T12:00:00Z")
	case "getFullYear", "getMonth", "getDayOfYear", "getDate", "getDayOfMonth", "getDayOfWeek", "getHours", "getMinutes", "getSeconds", "getMilliseconds":
		u.literal(args, checkZone, "a time zone, as Europe/Berlin or +02:00")
	case "cidr":
		if text, ok := literalText(args[0]); ok {
			if _, err := ParseCIDR(text); err != nil {
				u.errorAt(args[0].ID(), "%v", err)
			}
		}
	case "ip":
		u.literal(args, func(s string) error {
			if _, ok := parseIP(s); !ok {
				return strconv.ErrSyntax
			}
			return nil
		}, "an address, as 192.0.2.1")
	case "int", "double":
		u.literal(args, func(s string) error { _, err := strconv.ParseFloat(s, 64); return err }, "a number")
	}
}

// pattern checks a regular expression, which must be a literal: so it is compiled
// once, and its cost is known.
func (u *unit) pattern(e ast.Expr) {
	text, ok := literalText(e)
	if !ok {
		u.errorAt(u.start(e), "a regular expression must be a literal text; of another attribute ask x.contains(y)")
		return
	}
	if _, err := regexp.Compile(text); err != nil {
		u.errorAt(e.ID(), "bad regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

// literal checks a text literal, if the first argument is one.
func (u *unit) literal(args []ast.Expr, parse func(string) error, wanted string) {
	if len(args) == 0 {
		return
	}
	if text, ok := literalText(args[0]); ok && parse(text) != nil {
		u.errorAt(args[0].ID(), "%q is not %s", text, wanted)
	}
}
