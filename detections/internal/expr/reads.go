package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/weir-security/weir/schemas/ocsf"
)

// The attributes that raw and unmapped are read from.
const (
	attributeRaw      = "raw_data"
	attributeUnmapped = "unmapped"
)

// reads are the attributes that the expression looks at, each as far as it names
// one: "actor.user.name", of a list the whole list. An expression gives the same
// for two events that agree in them.
func (u *unit) reads() []string {
	inner := map[int64]bool{} // what another selection goes on from
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.SelectKind {
			inner[e.AsSelect().Operand().ID()] = true
		}
	}))
	var paths []string
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		s, known := u.shapes[e.ID()]
		if !known || inner[e.ID()] && (s.kind == object || s.kind == json) {
			return
		}
		if path := attributeOf(u.class, s.path); path != "" {
			paths = append(paths, path)
		}
	}))
	slices.Sort(paths)
	return slices.Compact(paths)
}

// attributeOf is the attribute of the class that a path of an expression leads to:
// of a path into a list or into JSON, the list or JSON. Empty for the path of a
// variable. The event itself is all of its attributes.
func attributeOf(class *ocsf.Class, path string) string {
	first, _, _ := strings.Cut(path, "[")
	names := strings.Split(first, ".")
	switch names[0] {
	case varEvent:
		return "*"
	case varRaw:
		return attributeRaw
	case varUnmapped:
		return attributeUnmapped
	}
	attributes := class.Attributes
	for i, name := range names {
		at := slices.IndexFunc(attributes, func(a ocsf.Attribute) bool { return a.Name == name })
		if at < 0 {
			return ""
		}
		a := attributes[at]
		if a.Array || a.Kind != ocsf.KindObject {
			return strings.Join(names[:i+1], ".")
		}
		attributes = ocsf.ObjectByName(a.Object).Attributes
	}
	return first
}
