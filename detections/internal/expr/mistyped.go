package expr

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/internal/suggest"
)

// mistyped reports what cel-go's checker found, in the words of a rule's author.
func (u *unit) mistyped(issues *cel.Issues) {
	for _, e := range issues.Errors() {
		u.errors++
		line, col := u.ofCall(max(e.Location.Line(), 1), max(e.Location.Column(), 0))
		if m := operandOfCondition.FindStringSubmatch(e.Message); m != nil && u.find(e.ExprID) != nil {
			line, col = u.place(u.start(u.find(e.ExprID)))
			u.report(line, col, false, "want a condition, and this is "+a(m[1]))
			continue
		}
		u.report(line, col, false, u.typeMessage(e.ExprID, e.Message))
	}
}

// noOverload is cel-go's message about a function or operator with arguments that
// it does not take.
var noOverload = regexp.MustCompile(`^found no matching overload for '(.+)' applied to '(.+\.)?\((.*)\)'$`)

// operandOfCondition is cel-go's message about an operand of && or ||.
var operandOfCondition = regexp.MustCompile(`^expected type 'bool' but found '(.+)'$`)

// typeMessage explains the message about a node.
func (u *unit) typeMessage(id int64, message string) string {
	m := noOverload.FindStringSubmatch(cleanMessage(message))
	e := u.find(id)
	if strings.HasPrefix(message, "comprehension exceeds nesting limit") {
		return fmt.Sprintf("exists(), all() and the like are nested deeper than %d; test less at once", maxNesting)
	}
	if m == nil || e == nil || e.Kind() != ast.CallKind {
		return cleanMessage(message)
	}
	operator, receiver, args := m[1], strings.TrimSuffix(m[2], "."), m[3]
	kinds := strings.Split(args, ", ")
	switch c := e.AsCall(); {
	case len(kinds) == 2 && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, operator):
		return u.unequalKinds(c, operator, kinds)
	case operator == "in" && len(kinds) == 2 && kinds[1] == "string":
		return "in looks into a list, not into a text; write whole.contains(part), or cidr(\"10.0.0.0/8\").containsIP(address)"
	case operator == "in" && len(kinds) == 2:
		return a(kinds[0]) + " is never in " + a(kinds[1])
	case slices.Contains(kinds, "json"):
		return operator + " does not take JSON; convert it with int(x), double(x) or string(x)"
	case operator == "!" && len(kinds) == 1:
		return "! is for conditions, and this is " + a(kinds[0]) + "; put what is negated in parentheses, as !(x == y) or !(x in y)"
	case operator == "[]" && len(kinds) == 2:
		return a(kinds[0]) + " is asked for an element by " + a(kinds[1]) + "; write list[0], or list.exists(x, x.name == ...)"
	case len(kinds) == 2 && slices.Contains([]string{"+", "-", "*", "/", "%"}, operator):
		return operator + " does not take " + a(kinds[0]) + " and " + a(kinds[1]) + "; convert one with string(x), int(x) or double(x)"
	case operator == "contains" && receiver == "cidr":
		return "contains() looks into a text; of a network write x.containsIP(address)"
	case operator == "contains" && strings.HasPrefix(receiver, "list(") && len(kinds) == 1:
		return "contains() looks into a text; of a list write: x in list"
	case u.env.HasFunction(c.FunctionName()) && isName(operator):
		return u.wrongArguments(c, operator, receiver, args)
	}
	return cleanMessage(message)
}

func isName(s string) bool { return s != "" && isWord(rune(s[0])) }

// find is the node of an id.
func (u *unit) find(id int64) (found ast.Expr) {
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == id {
			found = e
		}
	}))
	return found
}

// unequalKinds explains a comparison of two kinds.
func (u *unit) unequalKinds(c ast.CallExpr, operator string, kinds []string) string {
	for i, side := range c.Args() {
		s, other := u.shapes[side.ID()], c.Args()[1-i]
		constant, isConstant := u.consts[other.ID()]
		text, isText := literalText(other)
		switch {
		case kinds[1-i] == "null":
			return "only JSON is null; of an attribute ask has(" + orX(s.path) + ")"
		case s.kind == scalar && isConstant:
			return s.path + " is " + a(kinds[i]) + "; " + constant.enum.name + ".* are values of " + constant.enum.key
		case isText && kinds[i] == "timestamp":
			return "a timestamp is compared with a string; write timestamp(\"2026-01-31T12:00:00Z\")"
		case isText && s.kind == scalar && u.enumOf(s) != nil:
			e := u.enumOf(s)
			if _, known := e.find(constantName(text)); known {
				return s.path + " is a number; write " + e.name + "." + constantName(text)
			}
			return s.path + " is a number; it has " + e.describe()
		case kinds[i] == "json" && s.kind == unknown && kinds[1-i] != "json" && !strings.HasPrefix(kinds[1-i], "list("):
			return "JSON of a list that the expression makes is compared as another type: write string(x), int(x) or double(x) around it"
		case kinds[i] == "timestamp" && kinds[1-i] == "int":
			return "a timestamp is compared with an int; write timestamp(seconds), or time.getHours() and the like"
		case strings.HasPrefix(kinds[1-i], "list(") && operator == "==" && !strings.HasPrefix(kinds[i], "list("):
			return a(kinds[i]) + " is compared with " + a(kinds[1-i]) + "; write x in [...]"
		case kinds[i] == "string" && other.Kind() == ast.LiteralKind && slices.Contains([]string{"int", "double", "bool"}, kinds[1-i]):
			return a(kinds[0]) + " is compared with " + a(kinds[1]) + " by " + operator + "; put the value in quotes"
		case isText && (kinds[i] == "int" || kinds[i] == "bool") && kinds[i] == kindOfWord(text):
			return a(kinds[0]) + " is compared with " + a(kinds[1]) + " by " + operator + "; write " + text + " without quotes"
		}
	}
	return a(kinds[0]) + " is compared with " + a(kinds[1]) + " by " + operator
}

// kindOfWord is the kind that a text would be without its quotes; empty for none.
func kindOfWord(text string) string {
	if text == "true" || text == "false" {
		return "bool"
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return "int"
	}
	return ""
}

// a is a kind with its article.
func a(kind string) string {
	switch {
	case kind == "json":
		return "a JSON value"
	case kind == "bytes":
		return kind
	case strings.ContainsRune("aeio", rune(kind[0])):
		return "an " + kind
	}
	return "a " + kind
}

func orX(path string) string {
	if path == "" {
		return "x"
	}
	return path
}

// wrongArguments explains a call by what the function takes.
func (u *unit) wrongArguments(c ast.CallExpr, name, receiver, args string) string {
	var takes []string
	for _, o := range u.env.Functions()[c.FunctionName()].OverloadDecls() {
		parts := make([]string, len(o.ArgTypes()))
		for i, t := range o.ArgTypes() {
			parts[i] = strings.TrimPrefix(cel.FormatCELType(t), "type_param: ")
		}
		call := name + "(" + strings.Join(parts, ", ") + ")"
		if o.IsMemberFunction() && len(parts) > 0 {
			call = parts[0] + "." + name + "(" + strings.Join(parts[1:], ", ") + ")"
		}
		if !slices.Contains(takes, call) {
			takes = append(takes, call)
		}
	}
	if len(takes) > 4 {
		return name + " does not take (" + args + ")"
	}
	got := name + "(" + args + ")"
	if receiver != "" {
		got = receiver + "." + got
	}
	return "want " + strings.Join(takes, " or ") + ", got " + got
}

// macros are functions over lists that bind a variable.
var macros = []string{operators.All, operators.Exists, operators.ExistsOne, operators.Map, operators.Filter}

// unknownFunction reports a function that there is none of, and tells whether it
// did. What its arguments might mean is then not looked at.
func (u *unit) unknownFunction(e ast.Expr, c ast.CallExpr) bool {
	name := c.FunctionName()
	if !isName(name) || u.env.HasFunction(name) || name == operators.Has {
		return false
	}
	if target := c.Target(); c.IsMemberFunction() && target.Kind() == ast.IdentKind && u.env.HasFunction(target.AsIdent()+"."+name) {
		return false // lists.range, which cel-go resolves as a whole
	}
	line, col := u.place(e.ID())
	advice := otherFunctions[strings.ToLower(strings.ReplaceAll(name, "_", ""))]
	switch {
	case slices.Contains(macros, name) && c.IsMemberFunction():
		u.errorPlaced(line, col, "%s takes a variable and a condition: list.%s(x, x.name == ...)", name, name)
	case slices.Contains(macros, name):
		u.errorPlaced(line, col, "%s is called on a list: list.%s(x, x.name == ...)", name, name)
	case advice != "" && !u.env.HasFunction(u.sameFold(name)):
		u.errorPlaced(line, col, "there is no function %s; write %s", name, advice)
	default:
		known := slices.DeleteFunc(slices.Sorted(maps.Keys(u.env.Functions())), func(f string) bool { return !isName(f) })
		u.errorPlaced(line, col, "there is no function %s%s", name, suggest.Hint(name, append(known, macros...)))
	}
	return true
}

// impossible reports what is plainly always false, or never a text that a
// function gives.
func (u *unit) impossible(e ast.Expr, c ast.CallExpr) {
	args := c.Args()
	for i, side := range args {
		text, ok := literalText(args[len(args)-1-i])
		if len(args) != 2 || !ok || c.FunctionName() != operators.Equals || side.Kind() != ast.CallKind {
			continue
		}
		switch f := side.AsCall().FunctionName(); {
		case f == "lowerAscii" && strings.ContainsFunc(text, func(r rune) bool { return 'A' <= r && r <= 'Z' }):
			u.errorAt(e.ID(), "this can never hold: lowerAscii() gives no capital letters, %q has some", text)
		case f == "upperAscii" && strings.ContainsFunc(text, func(r rune) bool { return 'a' <= r && r <= 'z' }):
			u.errorAt(e.ID(), "this can never hold: upperAscii() gives no small letters, %q has some", text)
		}
	}
	if c.FunctionName() == operators.Index {
		if i, ok := literalInt(args[1]); ok && i < 0 {
			u.errorAt(args[1].ID(), "an index counts from 0; there is no element %d", i)
		}
	}
}

func literalInt(e ast.Expr) (int64, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	i, ok := e.AsLiteral().(types.Int)
	return int64(i), ok
}
