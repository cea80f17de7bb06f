package expr

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Step is a part of a condition and what it gave for one event.
type Step struct {
	Text  string
	Depth int // how deep within && and ||
	// Value is "true", "false", or the error.
	Value string
	// Decides marks what made the whole what it is.
	Decides bool
	// Reads are the attributes that the part names, with their values in words:
	// `api.operation is "StopLogging"`. Only of parts without && and ||.
	Reads []string
}

// maxReadText is how much of an attribute's value is shown, in characters.
const maxReadText = 160

// Explain evaluates a condition for the scope's event, and with it the operands of
// its && and ||. It is slow: it compiles each of them.
func (c *Compiler) Explain(class *ocsf.Class, text string, s *Scope) []Step {
	ce, err := c.class(class)
	if err != nil {
		return nil
	}
	parsed, issues := ce.env.Parse(text)
	if issues.Err() != nil {
		return nil
	}
	x := &explainer{Compiler: c, class: class, env: ce, tree: parsed.NativeRep(), scope: s}
	root := x.tree.Expr()
	x.part(root, 0, true)
	return x.steps
}

type explainer struct {
	*Compiler
	class *ocsf.Class
	env   *classEnv
	tree  *ast.AST
	scope *Scope
	steps []Step
}

// part explains one operand; decides tells whether what is around it hangs on it.
func (x *explainer) part(e ast.Expr, depth int, decides bool) {
	text, err := parser.Unparse(e, x.tree.SourceInfo())
	if err != nil {
		return
	}
	value := x.value(text)
	operator := junction(e)
	at := len(x.steps)
	if operator == "" {
		x.steps = append(x.steps, Step{Text: text, Depth: depth, Value: value, Decides: decides, Reads: x.reads(e)})
		return
	}
	if depth > 0 {
		x.steps = append(x.steps, Step{Text: text, Depth: depth, Value: value, Decides: decides})
	}
	if at > 0 {
		depth++
	}
	for _, operand := range flatten(e, operator) {
		of, err := parser.Unparse(operand, x.tree.SourceInfo())
		x.part(operand, max(depth, 1), decides && err == nil && x.value(of) == value)
	}
}

// junction is the operator of && and ||, else empty.
func junction(e ast.Expr) string {
	if e.Kind() == ast.CallKind {
		if f := e.AsCall().FunctionName(); f == operators.LogicalAnd || f == operators.LogicalOr {
			return f
		}
	}
	return ""
}

// flatten is the operands of a chain of one operator.
func flatten(e ast.Expr, operator string) (operands []ast.Expr) {
	if junction(e) != operator {
		return []ast.Expr{e}
	}
	for _, arg := range e.AsCall().Args() {
		operands = append(operands, flatten(arg, operator)...)
	}
	return operands
}

func quiet(int, int, bool, string) {}

// value is what an operand gives, as text.
func (x *explainer) value(text string) string {
	e := x.Compile(x.class, text, Scalar, quiet)
	if e == nil {
		return "?" // by itself it is refused, as `true` is in part of a condition
	}
	v, err := e.Eval(x.scope)
	if err != nil {
		return "error: " + err.Error()
	}
	return strconv.FormatBool(v == types.True)
}

// reads describes the attributes that an operand names.
func (x *explainer) reads(e ast.Expr) (all []string) {
	bound := map[string]bool{}
	inner := map[int64]bool{}
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			c := e.AsComprehension()
			bound[c.IterVar()], bound[c.IterVar2()], bound[c.AccuVar()] = true, true, true
		}
		if inner[e.ID()] {
			markInner(e, inner)
			return
		}
		name, ok := pathText(e)
		if !ok {
			return
		}
		markInner(e, inner)
		root, _, _ := strings.Cut(strings.ReplaceAll(name, "[", "."), ".")
		if bound[root] || root == "lists" || x.env.enums[root] != nil {
			return
		}
		if text := x.read(name); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}))
	return all
}

// markInner marks what a path is made of.
func markInner(e ast.Expr, inner map[int64]bool) {
	switch e.Kind() {
	case ast.SelectKind:
		inner[e.AsSelect().Operand().ID()] = true
	case ast.CallKind:
		if _, ok := pathText(e); ok {
			inner[e.AsCall().Args()[0].ID()] = true
		}
	}
}

// pathText is the source of a path: names, selections, and indexes that are
// literals. Of has(x) it is x.
func pathText(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), true
	case ast.SelectKind:
		if before, ok := pathText(e.AsSelect().Operand()); ok {
			return before + "." + e.AsSelect().FieldName(), true
		}
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() != operators.Index || len(c.Args()) != 2 {
			return "", false
		}
		before, ok := pathText(c.Args()[0])
		if text, isText := literalText(c.Args()[1]); ok && isText {
			return before + "[" + strconv.Quote(text) + "]", true
		}
		if n, isInt := literalInt(c.Args()[1]); ok && isInt {
			return before + "[" + strconv.FormatInt(n, 10) + "]", true
		}
	}
	return "", false
}

// read is one attribute with its value, in words.
func (x *explainer) read(path string) string {
	e := x.Compile(x.class, path, Scalar, quiet)
	if e == nil {
		if e = x.Compile(x.class, "size("+path+")", Scalar, quiet); e == nil {
			return ""
		}
		v, err := e.Eval(x.scope)
		if n, ok := v.(types.Int); err == nil && ok {
			return path + " has " + strconv.FormatInt(int64(n), 10) + " elements"
		}
		return ""
	}
	v, err := e.Eval(x.scope)
	switch {
	case err != nil:
		return path + " fails: " + err.Error()
	case !e.Present(x.scope):
		return path + " is absent"
	}
	return path + " is " + shown(v)
}

// shown is a value as a rule would write it.
func shown(v ref.Val) string {
	var text string
	switch v := v.(type) {
	case types.String:
		return cutText(strconv.Quote(string(v)))
	case ocsfcel.JSON:
		text = v.JSON()
	case types.Timestamp:
		text = v.Format("2006-01-02T15:04:05.999Z07:00")
	case types.Double:
		text = strconv.FormatFloat(float64(v), 'g', -1, 64)
	default:
		converted, ok := v.ConvertToType(types.StringType).(types.String)
		if !ok {
			return "a " + v.Type().TypeName()
		}
		text = string(converted)
	}
	if text == "" {
		return "absent"
	}
	return cutText(text)
}

func cutText(s string) string {
	if r := []rune(s); len(r) > maxReadText {
		return string(r[:maxReadText]) + "..."
	}
	return s
}
