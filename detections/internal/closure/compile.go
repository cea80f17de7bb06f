package closure

import (
	"fmt"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// The names of the variables of an event.
const (
	varEvent    = "event"
	varRaw      = "raw"
	varUnmapped = "unmapped"
)

// Program is a compiled expression.
type Program struct {
	// What Truth needs comes first, in one line of the cache.
	table   *Table
	version int64    // of the table, with all that the program needs
	truth   fn[bool] // of a boolean, else nil
	text    fn[string]
	value   fn[ref.Val]

	// Uncovered are the parts that are left to cel-go, in the order of the text.
	Uncovered []Uncovered
}

// Uncovered is a part of an expression that has no closure.
type Uncovered struct {
	ID  int64 // of the node
	Why string
}

// Compile compiles a checked expression. It always gives a program; one without
// any covered part never has a value.
func (t *Table) Compile(checked *ast.AST) *Program {
	b := &builder{Table: t, ast: checked}
	root := b.compile(checked.Expr(), nil)
	p := &Program{Uncovered: b.uncovered, table: t, version: t.version.Load(), value: boxed(root)}
	p.truth, _ = root.eval.(fn[bool])
	p.text, _ = root.eval.(fn[string])
	return p
}

// Prepare makes room in the frame for all that the table's programs keep by now.
func (p *Program) Prepare(f *Frame) {
	if f.table != p.table || f.version != p.table.version.Load() {
		f.use(p.table)
	}
}

// Value is what the expression gives for the frame's event; ok is false if only
// cel-go can tell.
func (p *Program) Value(f *Frame) (v ref.Val, ok bool) {
	if !f.ready(p) {
		f.use(p.table)
	}
	f.scratch.left = maxSteps
	return p.value(f)
}

// Truth is Value of a boolean expression. It allocates nothing of its own.
func (p *Program) Truth(f *Frame) (v, ok bool) {
	if !f.ready(p) {
		f.use(p.table)
	}
	f.scratch.left = maxSteps
	if p.truth == nil {
		return false, false
	}
	return p.truth(f)
}

// Text is Value of an expression that is a string; isText is false for another.
func (p *Program) Text(f *Frame) (v string, isText, ok bool) {
	if p.text == nil {
		return "", false, false
	}
	if !f.ready(p) {
		f.use(p.table)
	}
	f.scratch.left = maxSteps
	v, ok = p.text(f)
	return v, true, ok
}

// builder compiles one expression.
type builder struct {
	*Table
	ast       *ast.AST
	uncovered []Uncovered
}

// variable is a variable of a comprehension around a sub-expression.
type variable struct {
	name  string
	node  *node
	outer *variable
}

func (v *variable) find(name string) *node {
	for ; v != nil; v = v.outer {
		if v.name == name {
			return v.node
		}
	}
	return nil
}

// compile gives the node of an expression, the same one for equal expressions.
func (b *builder) compile(e ast.Expr, sc *variable) *node {
	if e.Kind() == ast.LiteralKind {
		return literal(e.AsLiteral())
	}
	if e.Kind() == ast.IdentKind {
		return b.ident(e, sc)
	}
	k, closed := key(e, sc)
	if s := b.nodes[k]; closed && s != nil {
		b.occurs(s)
		return s.node
	}
	before := len(b.uncovered)
	n := b.build(e, sc)
	n.covered = len(b.uncovered) == before
	if closed && n.covered && n.constant == nil {
		return b.keep(k, n)
	}
	return n
}

func (b *builder) build(e ast.Expr, sc *variable) *node {
	switch e.Kind() {
	case ast.SelectKind:
		return b.selection(e, sc)
	case ast.CallKind:
		return b.call(e, sc)
	case ast.ListKind:
		return b.list(e, sc)
	case ast.ComprehensionKind:
		return b.comprehension(e, sc)
	}
	return b.leave(e, "no closure for a map or a message")
}

// leave gives a node without a value: cel-go decides, if it comes to that.
func (b *builder) leave(e ast.Expr, why string, args ...any) *node {
	b.uncovered = append(b.uncovered, Uncovered{ID: e.ID(), Why: fmt.Sprintf(why, args...)})
	n := typed(kindOf(b.ast.GetType(e.ID())), func(*Frame) (ref.Val, bool) { return nil, false })
	n.cost = costUncovered
	return n
}

// Costs, for the order of conjuncts only. CostCall is that of a cheap function.
const (
	costRead      = 2
	CostCall      = 6
	costLoop      = 8 // times the cost of its body
	costParse     = 500
	CostRegex     = 60
	costUncovered = 5000
)

func (b *builder) ident(e ast.Expr, sc *variable) *node {
	name := e.AsIdent()
	if n := sc.find(name); n != nil {
		return n
	}
	switch name {
	case varEvent:
		return &node{kind: kindObject, eval: fn[any](func(f *Frame) (any, bool) { return f.Event, true })}
	case varRaw:
		return &node{kind: kindJSON, cost: costParse, eval: fn[ocsfcel.JSON](func(f *Frame) (ocsfcel.JSON, bool) { return f.Raw(), true })}
	case varUnmapped:
		return &node{kind: kindJSON, cost: costParse, eval: fn[ocsfcel.JSON](func(f *Frame) (ocsfcel.JSON, bool) { return f.Unmapped(), true })}
	}
	return b.leave(e, "no closure for %s as a value", name)
}

// selection compiles a.b and has(a.b).
func (b *builder) selection(e ast.Expr, sc *variable) *node {
	s := e.AsSelect()
	operand := b.compile(s.Operand(), sc)
	switch operand.kind {
	case kindJSON:
		return jsonMember(operand, s.FieldName(), s.IsTestOnly())
	case kindObject:
		field := ocsfcel.FieldOf(b.ast.GetType(s.Operand().ID()).TypeName(), s.FieldName())
		if field != nil {
			return attribute(operand, field, s.IsTestOnly(), b.ast.GetType(e.ID()))
		}
	}
	return b.leave(e, "no closure for a member of this type")
}

func jsonMember(operand *node, name string, test bool) *node {
	of := operand.eval.(fn[ocsfcel.JSON])
	n := &node{kind: kindJSON, cost: operand.cost + CostCall}
	if test {
		n.kind, n.eval = kindBool, fn[bool](func(f *Frame) (bool, bool) {
			j, ok := of(f)
			return ok && j.Get(name).Exists(), ok
		})
		return n
	}
	n.eval = fn[ocsfcel.JSON](func(f *Frame) (ocsfcel.JSON, bool) {
		j, ok := of(f)
		return j.Get(name), ok
	})
	return n
}

// attribute reads an attribute of an object.
func attribute(operand *node, field *ocsfcel.Field, test bool, t *types.Type) *node {
	of := operand.eval.(fn[any])
	n := &node{cost: operand.cost + costRead}
	switch {
	case test:
		n.kind, n.eval = kindBool, reading(of, field.Has)
	case field.Text() != nil:
		n.kind, n.eval = kindText, reading(of, field.Text())
	case field.Number() != nil && t.Kind() == types.TimestampKind:
		n.kind, n.eval = kindTime, reading(of, timeOf(field.Number()))
	case field.Number() != nil:
		n.kind, n.eval = kindInt, reading(of, field.Number())
	case field.Truth() != nil:
		n.kind, n.eval = kindBool, reading(of, field.Truth())
	case field.Float() != nil:
		n.kind, n.eval = kindFloat, reading(of, field.Float())
	case field.Object() != nil:
		n.kind, n.eval = kindObject, reading(of, field.Object())
	default:
		values := reading(of, field.Value)
		if kindOf(t) == kindJSON {
			n.kind, n.eval, n.cost = kindJSON, unboxing[ocsfcel.JSON](values), n.cost+costParse
			break
		}
		n.kind, n.eval = kindValue, values
		if texts := field.Texts(); texts != nil {
			n.texts = reading(of, texts)
		}
		if length, element := field.Elements(); length != nil {
			n.list = &objectList{owner: of, length: length, element: element}
		}
	}
	return n
}

func reading[T any](of fn[any], read func(object any) T) fn[T] {
	return func(f *Frame) (v T, ok bool) {
		object, ok := of(f)
		if !ok {
			return v, false
		}
		return read(object), true
	}
}

// list compiles a list literal.
func (b *builder) list(e ast.Expr, sc *variable) *node {
	l := e.AsList()
	if len(l.OptionalIndices()) > 0 {
		return b.leave(e, "no closure for a list with optional elements")
	}
	n := &node{kind: kindValue, cost: CostCall}
	elements := make([]fn[ref.Val], len(l.Elements()))
	var constants []ref.Val
	for i, element := range l.Elements() {
		c := b.compile(element, sc)
		n.cost += c.cost
		elements[i] = boxed(c)
		if c.constant != nil {
			constants = append(constants, c.constant)
		}
	}
	if len(constants) == len(elements) {
		n.constant = types.NewRefValList(types.DefaultTypeAdapter, constants)
	}
	n.eval = fn[ref.Val](func(f *Frame) (ref.Val, bool) {
		values := make([]ref.Val, len(elements))
		for i, element := range elements {
			var ok bool
			if values[i], ok = element(f); !ok {
				return nil, false
			}
		}
		return types.NewRefValList(types.DefaultTypeAdapter, values), true
	})
	return n
}

// timeOf turns milliseconds since the epoch into a time.
func timeOf(read func(object any) int64) func(object any) time.Time {
	return func(object any) time.Time { return time.UnixMilli(read(object)).UTC() }
}
