package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Limits of one expression.
const (
	// MaxCost is the greatest estimated cost, in cel-go's units: about one for each
	// operation and a tenth for each character that a text operation looks at.
	MaxCost = 100_000
	// maxSize is the greatest length of the source in characters.
	maxSize = 16 << 10
	// maxNesting is how deep comprehensions (exists, all, filter...) may nest.
	maxNesting = 2
)

// Sizes that cost estimates assume of an event: of a text, of a list, of a JSON
// array.
const (
	assumedText = 256
	assumedList = 32
	assumedJSON = 128
)

// Compiler compiles expressions over the classes of OCSF. It is for one goroutine.
type Compiler struct {
	provider *ocsfcel.Provider
	lists    map[string]*List
	classes  map[string]*classEnv
	// alsoFilled are attributes, as "class path"; see AlsoFilled.
	alsoFilled map[string]bool
	// table is what the compiled expressions share; made with the first class.
	table *closure.Table
}

// classEnv is the CEL environment of one class.
type classEnv struct {
	class *ocsf.Class
	env   *cel.Env
	enums map[string]*enum // by the name that rules use
}

// NewCompiler makes a compiler that knows some lists.
func NewCompiler(lists []*List) (*Compiler, error) {
	provider, err := ocsfcel.NewProvider()
	if err != nil {
		return nil, fmt.Errorf("make CEL types: %w", err)
	}
	c := &Compiler{provider: provider, lists: map[string]*List{}, classes: map[string]*classEnv{}}
	for _, l := range lists {
		c.lists[l.Name] = l
	}
	return c, nil
}

// class makes the environment of a class once.
func (c *Compiler) class(class *ocsf.Class) (*classEnv, error) {
	if ce := c.classes[class.Name]; ce != nil {
		return ce, nil
	}
	options := append(library(),
		cel.CustomTypeProvider(c.provider), cel.CustomTypeAdapter(c.provider),
		cel.Variable(varEvent, cel.ObjectType(class.Name)),
		cel.Variable(varRaw, ocsfcel.JSONType),
		cel.Variable(varUnmapped, ocsfcel.JSONType),
		cel.EnableMacroCallTracking(),
		cel.ParserExpressionSizeLimit(maxSize),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(maxNesting)))
	for _, l := range c.lists {
		options = append(options, inList(l))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("make CEL environment of %s: %w", class.Name, err)
	}
	if c.table == nil { // the functions of all classes are the same
		functions, err := closures(env, c.lists)
		if err != nil {
			return nil, fmt.Errorf("make CEL functions: %w", err)
		}
		c.table = closure.NewTable(functions)
	}
	ce := &classEnv{class: class, env: env, enums: enumsOf(class)}
	c.classes[class.Name] = ce
	return ce, nil
}

// Report takes one problem of an expression: line counts from one, col from zero,
// in characters.
type Report func(line, col int, warning bool, message string)

// Want says what an expression must give.
type Want int

// What expressions are used for.
const (
	Condition Want = iota // a boolean, linted
	Scalar                // a text, number, boolean, timestamp or JSON
)

// Expr is a checked expression, ready to be evaluated by any goroutine.
type Expr struct {
	// Source is the expression in a canonical form: comments and layout gone.
	Source string
	// Atoms are equalities that the expression cannot hold without; of a Condition.
	Atoms []Atom
	// Path is the attribute that the expression names, as "actor.user.uid", if it
	// is nothing but a path; Attribute is its descriptor, nil for JSON.
	Path      string
	Attribute *ocsf.Attribute
	// Type is the type of what the expression gives.
	Type *types.Type
	// Reads are the attributes that the expression looks at, as "actor.user.uid"; of
	// a list the list, "raw_data" for raw, "*" for the event as a whole.
	Reads []string
	// Constants are the enum constants that the expression names.
	Constants []ocsfcel.Constant
	// Outcomes are the literals that a Scalar may give, through ?: too.
	Outcomes []Outcome

	// Elsewhere are the operations that a Condition needs and that are of other classes.
	Elsewhere []Elsewhere

	// Cost is the estimated cost of one evaluation on a large event.
	Cost uint64
	// Fallbacks are the parts that the engine leaves to cel-go; see Eval.
	Fallbacks []Fallback

	compiled, presence *closure.Program
	program            cel.Program
	present            cel.Program // of a Path: whether it is present
}

// Outcome is a literal that an expression may give.
type Outcome struct {
	Line, Col int // from one, and from zero, in characters
	Value     ref.Val
}

// Fallback is a part of an expression that only cel-go evaluates.
type Fallback struct {
	Line, Col int // from one, and from zero, in characters
	Why       string
}

// Compile compiles the text for a class. It reports every problem that it finds;
// the result is nil if one of them is more than a warning.
func (c *Compiler) Compile(class *ocsf.Class, text string, want Want, report Report) *Expr {
	ce, err := c.class(class)
	if err != nil {
		report(1, 0, false, err.Error())
		return nil
	}
	u := &unit{classEnv: ce, lists: c.lists, table: c.table, report: report, text: text, alsoFilled: c.alsoFilled}
	return u.compile(text, want)
}

// unit is the compilation of one expression.
type unit struct {
	*classEnv
	lists  map[string]*List
	table  *closure.Table
	report Report
	text   string

	ast    *ast.AST
	shapes map[int64]shape    // what a name or a path in the expression is
	consts map[int64]constant // enum constants, by the literal that replaced them
	// compares are names on the right of a comparison: one that nothing is called is
	// probably a text without its quotes.
	compares map[int64]bool
	// alsoFilled is the compiler's.
	alsoFilled map[string]bool
	nextID     int64
	// errors is how many were reported; replaced, how many of them led to a node
	// being replaced.
	errors, replaced int
}

func (u *unit) compile(text string, want Want) *Expr {
	parsed, issues := u.env.Parse(text)
	if issues.Err() != nil {
		u.syntax(issues)
		return nil
	}
	u.ast = parsed.NativeRep()
	source, err := parser.Unparse(u.ast.Expr(), u.ast.SourceInfo())
	if err != nil {
		source = strings.TrimSpace(text)
	}
	top := u.rewrite()
	checked, issues := u.env.Check(parsed)
	if issues.Err() != nil {
		u.mistyped(issues)
		return nil
	}
	u.ast = checked.NativeRep()
	out := &Expr{Source: source, Type: checked.OutputType()}
	if u.errors == 0 {
		u.checkOutput(out.Type, want)
	}
	u.check()
	if want == Condition {
		out.Atoms = u.atoms()
		out.Elsewhere = u.elsewhere(out.Atoms)
		if u.errors == 0 { // what is said already is not said twice
			u.bounds()
			u.patterns()
			u.constantOperand()
			u.contradictions()
		}
		u.lint()
	}
	if u.errors == 0 {
		u.totalIndexes()
		out.Cost = u.checkCost(checked)
		u.unfilled()
	}
	if u.errors > 0 {
		return nil
	}
	if out.program, err = u.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxReference)); err != nil {
		u.errorAt(u.ast.Expr().ID(), "%s", cleanMessage(err.Error()))
		return nil
	}
	out.compiled = u.table.Compile(u.ast)
	for _, part := range out.compiled.Uncovered {
		line, col := u.place(part.ID)
		out.Fallbacks = append(out.Fallbacks, Fallback{Line: line, Col: col, Why: part.Why})
	}
	out.Outcomes = u.outcomes(u.ast.Expr(), nil)
	out.Reads = u.reads()
	out.Constants = u.constants()
	if top.path != "" {
		out.Path, out.Attribute = top.path, top.attribute
		out.present, out.presence = u.presence(source)
	}
	return out
}

// presence are the programs of has(path); nil for a path that has() cannot take.
func (u *unit) presence(path string) (cel.Program, *closure.Program) {
	quiet := &unit{classEnv: u.classEnv, lists: u.lists, report: func(int, int, bool, string) {}}
	parsed, issues := u.env.Parse("has(" + path + ")")
	if issues.Err() != nil {
		return nil, nil
	}
	quiet.ast = parsed.NativeRep()
	quiet.rewrite()
	if quiet.errors > 0 {
		return nil, nil
	}
	checked, issues := u.env.Check(parsed)
	if issues.Err() != nil {
		return nil, nil
	}
	program, err := u.env.Program(checked)
	if err != nil {
		return nil, nil
	}
	return program, u.table.Compile(checked.NativeRep())
}

// checkOutput holds the expression's type against its use.
func (u *unit) checkOutput(t *types.Type, want Want) {
	root := u.start(u.ast.Expr())
	switch {
	case want == Condition && t.Kind() == types.StructKind && t.TypeName() == ocsfcel.JSONType.TypeName():
		u.errorAt(root, "a JSON value is no condition; compare it: %s == true", u.shapes[u.ast.Expr().ID()].path)
	case want == Condition && t.Kind() != types.BoolKind:
		u.errorAt(root, "a condition is true or false; this is of type %s", cel.FormatCELType(t))
	case want == Scalar && !isScalar(t):
		u.errorAt(root, "want a single value; this is of type %s", cel.FormatCELType(t))
	}
}

// start is the node where an expression begins; the place of an operator, also of
// a dot, is within it.
func (u *unit) start(e ast.Expr) int64 {
	first, least := e.ID(), int32(maxSize)
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if r, ok := u.ast.SourceInfo().GetOffsetRange(e.ID()); ok && r.Start < least {
			first, least = e.ID(), r.Start
		}
	}))
	return first
}

func isScalar(t *types.Type) bool {
	switch t.Kind() {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.TimestampKind, types.DurationKind:
		return true
	}
	return t.TypeName() == ocsfcel.JSONType.TypeName()
}

// checkCost estimates the cost and refuses what could cost too much on a large event.
func (u *unit) checkCost(checked *cel.Ast) uint64 {
	estimate, err := u.env.EstimateCost(checked, sizes{}, estimates...)
	if err != nil {
		u.errorAt(u.ast.Expr().ID(), "estimate the cost: %v", err)
		return 0
	}
	if estimate.Max > MaxCost {
		u.errorAt(u.start(u.ast.Expr()), "costs up to %d on a large event, the limit is %d; nest less, or test something cheaper than a regular expression", estimate.Max, MaxCost)
	}
	return estimate.Max
}

// estimates are those in place of cel-go's.
var estimates = []cost.CostOption{
	cost.OverloadCostEstimate("regex_replace_string_string_string", estimateReplace),
	cost.OverloadCostEstimate("regex_replace_string_string_string_int", estimateReplace),
}

// sizes estimates the sizes of an event's parts.
type sizes struct{}

// EstimateSize is the assumed size of a text, list or JSON value of an event.
func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	most := uint64(assumedText)
	switch t := node.Type(); {
	case t.Kind() == types.ListKind && t.Parameters()[0].TypeName() == ocsfcel.JSONType.TypeName():
		most = assumedJSON
	case t.Kind() == types.ListKind:
		most = assumedList
	}
	if node.ComputedSize() != nil {
		return nil
	}
	return &cost.SizeEstimate{Min: 0, Max: most}
}

// EstimateCallCost is the cost of weir's own functions; cel-go knows those of the
// others.
func (sizes) EstimateCallCost(_, id string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	o, ok := own[id]
	if !ok || o.each == 0 {
		return estimateOthers(id, target, args)
	}
	all := args
	if target != nil {
		all = append([]cost.AstNode{*target}, args...)
	}
	return &cost.CallEstimate{CostEstimate: cost.CostEstimate{Min: 1, Max: o.cost(all)}}
}

// cost is the greatest cost of a call.
func (o overload) cost(args []cost.AstNode) uint64 {
	sum, product := uint64(0), uint64(1)
	for _, arg := range args {
		size := sizeOf(arg)
		sum += size
		product *= size
	}
	if o.squared {
		sum = product
	}
	if o.most > 0 {
		sum = min(sum, o.most)
	}
	return 1 + sum*o.each/10
}

// errorAt reports a problem at a node.
func (u *unit) errorAt(id int64, format string, args ...any) {
	line, col := u.place(id)
	u.errorPlaced(line, col, format, args...)
}

func (u *unit) errorPlaced(line, col int, format string, args ...any) {
	u.errors++
	u.report(line, col, false, fmt.Sprintf(format, args...))
}

// errorAfter reports a problem of the name after the dot of a selection: cel-go's
// place of a selection is its dot.
func (u *unit) errorAfter(id int64, format string, args ...any) {
	line, col := u.place(id)
	u.errorPlaced(line, col+1, format, args...)
}

// warnAt reports what is suspicious.
func (u *unit) warnAt(id int64, format string, args ...any) {
	line, col := u.place(id)
	u.report(line, col, true, fmt.Sprintf(format, args...))
}

// place is where a node begins; of a call the function's name, where cel-go has its
// parenthesis.
func (u *unit) place(id int64) (line, col int) {
	l := u.ast.SourceInfo().GetStartLocation(id)
	return u.ofCall(max(l.Line(), 1), max(l.Column(), 0))
}

// ofCall is the place of the name before a place, if a call's parenthesis is there.
func (u *unit) ofCall(line, col int) (int, int) {
	if before, rest := splitAt(u.text, line, col); strings.HasPrefix(rest, "(") {
		col -= utf8.RuneCountInString(before) - utf8.RuneCountInString(strings.TrimRightFunc(before, isWord))
	}
	return line, col
}

// cleanMessage makes cel-go's messages those of a rule's author: no internal names.
func cleanMessage(message string) string {
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "&&", "||"} {
		message = strings.ReplaceAll(message, "'_"+op+"_'", "'"+op+"'")
	}
	message = strings.NewReplacer("'@json ", "'", "'@in'", "'in'", "'!_'", "'!'", "'_[_]'", "'[]'", "'"+listPrefix, "'in lists.", "math.@max", "math.greatest", "math.@min", "math.least").Replace(message)
	message = strings.ReplaceAll(message, " (in container '')", "")
	return message
}
