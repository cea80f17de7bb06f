package expr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/schemas/ocsf"
)

// shape is what the rewriter knows of a node before cel-go types it.
type shape struct {
	kind shapeKind
	// attributes of an object or of a list's elements, and its OCSF name; empty
	// for the event.
	attributes []ocsf.Attribute
	object     string
	// attribute is the descriptor of what a path leads to.
	attribute *ocsf.Attribute
	owner     string // the OCSF name of the object that has it, empty for the class
	path      string // as written: "actor.user.uid", "r.type", "raw.userAgent"
	// required is set if OCSF requires the attribute and everything it is in.
	required bool
}

type shapeKind int

const (
	unknown shapeKind = iota // left to cel-go
	scalar
	object
	objects // a list of objects
	scalars // a list of anything else
	json
	set // lists.NAME
)

// vars are the variables of the comprehensions around a node.
type vars struct {
	name  string
	shape shape
	outer *vars
}

func (v *vars) find(name string) (shape, bool) {
	for ; v != nil; v = v.outer {
		if v.name == name {
			return v.shape, true
		}
	}
	return shape{}, false
}

var factory = ast.NewExprFactory()

// rewrite resolves names and rewrites what cel-go would not understand. It gives
// the shape of the whole expression.
func (u *unit) rewrite() shape {
	u.shapes, u.consts, u.compares = map[int64]shape{}, map[int64]constant{}, map[int64]bool{}
	u.nextID = ast.MaxID(u.ast) + 1
	s := u.value(u.ast.Expr(), nil)
	if s.kind == set { // which is said
		u.ast.Expr().SetKindCase(factory.NewCall(0, mistake))
		return shape{}
	}
	return s
}

// expr rewrites a node and what is below it. A node with a mistake is replaced by
// one of any type, so that the rest can be checked and nothing is reported twice.
func (u *unit) expr(e ast.Expr, sc *vars) shape {
	before := u.errors
	s := u.rewriteNode(e, sc)
	switch {
	case u.errors > max(before, u.replaced):
		e.SetKindCase(factory.NewCall(0, mistake))
		u.replaced = u.errors
		return shape{}
	case s.kind != unknown:
		u.shapes[e.ID()] = s
	}
	return s
}

func (u *unit) rewriteNode(e ast.Expr, sc *vars) (s shape) {
	switch e.Kind() {
	case ast.IdentKind:
		s = u.ident(e, sc)
	case ast.SelectKind:
		s = u.selection(e, sc)
	case ast.CallKind:
		s = u.call(e, sc)
	case ast.ComprehensionKind:
		u.comprehension(e, sc)
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			u.value(element, sc)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			u.value(entry.AsMapEntry().Key(), sc)
			u.value(entry.AsMapEntry().Value(), sc)
		}
	case ast.StructKind:
		u.errorAt(e.ID(), "an expression builds no objects; compare the attributes of %s one by one", e.AsStruct().TypeName())
	}
	return s
}

// value is expr for a place where a set of lists.NAME cannot stand.
func (u *unit) value(e ast.Expr, sc *vars) shape {
	s := u.expr(e, sc)
	if s.kind == set {
		u.errorAt(e.AsSelect().Operand().ID(), "%s is a set; write: x in %s", s.path, s.path)
	}
	return s
}

// newID makes a node id at the place of another.
func (u *unit) newID(place int64) int64 {
	id := u.nextID
	u.nextID++
	if r, ok := u.ast.SourceInfo().GetOffsetRange(place); ok {
		u.ast.SourceInfo().SetOffsetRange(id, r)
	}
	return id
}

func (u *unit) ident(e ast.Expr, sc *vars) shape {
	name := e.AsIdent()
	if s, ok := sc.find(name); ok {
		return s
	}
	switch {
	case strings.HasPrefix(name, "@") || strings.HasPrefix(name, "#"):
		return shape{} // of a macro
	case name == varEvent:
		return shape{kind: object, attributes: u.class.Attributes, path: varEvent, required: true}
	case name == varRaw || name == varUnmapped:
		return shape{kind: json, path: name}
	case name == "lists":
		u.errorAt(e.ID(), "lists is not a value; name one of them: lists.NAME (%s)", u.listNames())
		return shape{}
	case u.enums[name] != nil:
		u.errorAt(e.ID(), "%s is an enum, not a value; name a constant: %s", name, u.enums[name].describe())
		return shape{}
	case slices.Contains(celTypes, name):
		return shape{}
	}
	if a := u.class.Attribute(name); a != nil {
		event := factory.NewIdent(u.newID(e.ID()), varEvent)
		e.SetKindCase(factory.NewSelect(0, event, name))
		return u.attributeShape(a, "", name, true)
	}
	u.unknownName(u.errorAt, e.ID(), name)
	return shape{}
}

// celTypes are the identifiers that CEL itself gives a meaning.
var celTypes = []string{"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}

// attributeShape is the shape of an attribute at a path.
func (u *unit) attributeShape(a *ocsf.Attribute, owner, path string, parentRequired bool) shape {
	s := shape{attribute: a, owner: owner, path: path,
		required: parentRequired && a.Requirement == "required" && a.Profile == ""}
	switch {
	case a.Kind == ocsf.KindObject:
		s.kind, s.object = object, a.Object
		s.attributes = ocsf.ObjectByName(a.Object).Attributes
		if a.Array {
			s.kind = objects
		}
	case a.Array:
		s.kind = scalars
	case a.Kind == ocsf.KindJSON:
		s.kind = json
	default:
		s.kind = scalar
	}
	return s
}

// selection rewrites a.b.
func (u *unit) selection(e ast.Expr, sc *vars) shape {
	sel := e.AsSelect()
	if s, done := u.namespace(e, sel, sc); done {
		return s
	}
	operand := u.value(sel.Operand(), sc)
	if operand.kind == object && operand.path == varEvent && operand.object == "" {
		switch sel.FieldName() {
		case varRaw, varUnmapped:
			e.SetKindCase(factory.NewIdent(0, sel.FieldName()))
			return shape{kind: json, path: sel.FieldName()}
		}
	}
	return u.member(e.ID(), operand, sel.FieldName())
}

// namespace resolves lists.NAME and Enum.CONSTANT, of which the left side is no
// value.
func (u *unit) namespace(e ast.Expr, sel ast.SelectExpr, sc *vars) (s shape, done bool) {
	if sel.Operand().Kind() != ast.IdentKind {
		return shape{}, false
	}
	name := sel.Operand().AsIdent()
	if _, bound := sc.find(name); bound {
		return shape{}, false
	}
	if name == "lists" {
		path := "lists." + sel.FieldName()
		if u.lists[sel.FieldName()] == nil {
			u.errorAfter(e.ID(), "unknown list %s%s", path, u.listHint(sel.FieldName()))
		}
		return shape{kind: set, path: path}, true
	}
	enum := u.enums[name]
	if enum == nil {
		return shape{}, false
	}
	value, ok := enum.find(sel.FieldName())
	if !ok {
		u.unknownConstant(e.ID(), enum, sel.FieldName())
		return shape{}, true
	}
	e.SetKindCase(factory.NewLiteral(0, types.Int(value)))
	u.consts[e.ID()] = u.constant(enum, sel.Operand())
	return shape{}, true
}

// member is the shape of an attribute of an operand.
func (u *unit) member(id int64, operand shape, name string) shape {
	path := operand.path + "." + name
	switch operand.kind {
	case json:
		return shape{kind: json, path: path}
	case object:
		for i := range operand.attributes {
			if a := &operand.attributes[i]; a.Name == name {
				if operand.path == varEvent {
					path = name
				}
				return u.attributeShape(a, operand.object, path, operand.required)
			}
		}
		u.unknownAttribute(id, operand, name)
	case objects:
		u.errorAfter(id, "%s is a list; write %s[0].%s, or %s.exists(x, x.%s ...)", operand.path, operand.path, name, operand.path, name)
	case scalar, scalars:
		u.errorAfter(id, "%s is a %s; it has no attribute %s", operand.path, operand.attribute.Type, name)
	}
	return shape{}
}

// comprehension rewrites what a macro such as exists has become.
func (u *unit) comprehension(e ast.Expr, sc *vars) {
	c := e.AsComprehension()
	over := u.value(c.IterRange(), sc)
	element := shape{}
	switch over.kind {
	case json:
		u.wrap(c.IterRange(), jsonItems)
		element = shape{kind: json, path: c.IterVar()}
	case objects:
		element = shape{kind: object, attributes: over.attributes, object: over.object, path: c.IterVar(), required: true}
	}
	for _, name := range []string{c.IterVar(), c.IterVar2()} {
		if u.class.Attribute(name) != nil || name == varEvent || name == varRaw || name == "lists" || u.enums[name] != nil {
			line, col := u.place(e.ID())
			if _, rest := splitAt(u.text, line, col); strings.Contains(rest, name) {
				before, _, _ := strings.Cut(rest, name)
				col += utf8.RuneCountInString(before)
			}
			u.errorPlaced(line, col, "the variable %s would hide the attribute of that name; call it otherwise", name)
		}
	}
	inner := &vars{name: c.IterVar(), shape: element, outer: sc}
	if c.HasIterVar2() {
		inner = &vars{name: c.IterVar(), outer: &vars{name: c.IterVar2(), shape: element, outer: sc}}
	}
	u.value(c.AccuInit(), sc)
	inner = &vars{name: c.AccuVar(), outer: inner}
	u.value(c.LoopCondition(), inner)
	u.value(c.LoopStep(), inner)
	u.value(c.Result(), inner)
}

// wrap replaces a node by a call with the node as its first argument. What is
// known of the node moves with it.
func (u *unit) wrap(e ast.Expr, function string, more ...ast.Expr) {
	id := u.newID(e.ID())
	inner := factory.NewUnspecifiedExpr(id)
	inner.SetKindCase(e)
	if s, ok := u.shapes[e.ID()]; ok {
		u.shapes[id] = s
		delete(u.shapes, e.ID())
	}
	e.SetKindCase(factory.NewCall(0, function, append([]ast.Expr{inner}, more...)...))
}

// jsonOperators are what operators become when a side is JSON; flipped, when only
// the right one is.
var jsonOperators = map[string]struct{ function, flipped string }{
	operators.Equals:        {jsonEqual, jsonEqual},
	operators.NotEquals:     {jsonNotEqual, jsonNotEqual},
	operators.Less:          {jsonLess, jsonGreater},
	operators.LessEquals:    {jsonLessEqual, jsonGreaterEqual},
	operators.Greater:       {jsonGreater, jsonLess},
	operators.GreaterEquals: {jsonGreaterEqual, jsonLessEqual},
}
