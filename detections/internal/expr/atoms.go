package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Atom is an equality that a condition cannot hold without: the attribute at Path
// has one of the values. Exactly one of Texts and Numbers is not empty.
type Atom struct {
	Path    string
	Texts   []string
	Numbers []int64

	id int64 // of the node that says so
}

// empty tells that no value is left.
func (a Atom) empty() bool { return len(a.Texts) == 0 && len(a.Numbers) == 0 }

// intersect is the values that both have.
func (a Atom) intersect(b Atom) Atom {
	a.Texts = slices.DeleteFunc(slices.Clone(a.Texts), func(s string) bool { return !slices.Contains(b.Texts, s) })
	a.Numbers = slices.DeleteFunc(slices.Clone(a.Numbers), func(n int64) bool { return !slices.Contains(b.Numbers, n) })
	return a
}

// union is the values that either has.
func (a Atom) union(b Atom) Atom {
	a.Texts = sortedSet(append(slices.Clone(a.Texts), b.Texts...))
	a.Numbers = sortedSet(append(slices.Clone(a.Numbers), b.Numbers...))
	return a
}

func sortedSet[T string | int64](values []T) []T {
	slices.Sort(values)
	return slices.Compact(values)
}

// atoms are the equalities that the whole condition cannot hold without, by path.
// On the way it reports conjunctions that can never hold.
func (u *unit) atoms() []Atom {
	var all []Atom
	for _, a := range u.required(u.ast.Expr()) {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Atom) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func (u *unit) required(e ast.Expr) map[string]Atom {
	if e.Kind() != ast.CallKind {
		return nil
	}
	c := e.AsCall()
	switch c.FunctionName() {
	case operators.LogicalAnd:
		return u.requiredAll(c.Args())
	case operators.LogicalOr:
		return u.requiredAny(c.Args())
	}
	if a, ok := u.atom(e); ok {
		return map[string]Atom{a.Path: a}
	}
	return nil
}

func (u *unit) requiredAll(args []ast.Expr) map[string]Atom {
	all := map[string]Atom{}
	for _, arg := range args {
		for path, a := range u.required(arg) {
			if before, ok := all[path]; ok {
				id := a.id
				if a = before.intersect(a); a.empty() {
					u.errorAt(id, "this can never hold: %s must have another value as well", path)
				}
				a.id = id
			}
			all[path] = a
		}
	}
	for _, arg := range args {
		u.excluded(arg, all)
	}
	return all
}

// excluded reports `x != v` beside an x that must be v.
func (u *unit) excluded(e ast.Expr, all map[string]Atom) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.NotEquals {
		return
	}
	args := e.AsCall().Args()
	for i, side := range args {
		s, literal := u.shapes[side.ID()], args[1-i]
		must, ok := all[s.path]
		if s.kind != scalar || !ok || literal.Kind() != ast.LiteralKind {
			continue
		}
		text, isText := literalText(literal)
		number, isNumber := literalInt(literal)
		if isText && slices.Equal(must.Texts, []string{text}) || isNumber && slices.Equal(must.Numbers, []int64{number}) {
			u.errorAt(e.ID(), "this can never hold: %s must have this very value", s.path)
		}
	}
}

func (u *unit) requiredAny(args []ast.Expr) map[string]Atom {
	any := u.required(args[0])
	for _, arg := range args[1:] {
		next := u.required(arg)
		for path, a := range any {
			b, ok := next[path]
			if !ok {
				delete(any, path)
				continue
			}
			any[path] = a.union(b)
		}
	}
	return any
}

// atom reads `x == literal`, `literal == x` and `x in [literals]`.
func (u *unit) atom(e ast.Expr) (Atom, bool) {
	c := e.AsCall()
	if len(c.Args()) != 2 {
		return Atom{}, false
	}
	left, right := c.Args()[0], c.Args()[1]
	var values []ast.Expr
	switch c.FunctionName() {
	case operators.Equals:
		if left.Kind() == ast.LiteralKind {
			left, right = right, left
		}
		values = []ast.Expr{right}
	case operators.In:
		if right.Kind() != ast.ListKind {
			return Atom{}, false
		}
		values = right.AsList().Elements()
	default:
		return Atom{}, false
	}
	s := u.shapes[left.ID()]
	if s.kind != scalar || len(values) == 0 || strings.Contains(s.path, computed) {
		return Atom{}, false
	}
	a := Atom{Path: s.path, id: e.ID()}
	for _, v := range values {
		if v.Kind() != ast.LiteralKind {
			return Atom{}, false
		}
		switch v := v.AsLiteral().(type) {
		case types.String:
			a.Texts = append(a.Texts, string(v))
		case types.Int:
			a.Numbers = append(a.Numbers, int64(v))
		default:
			return Atom{}, false
		}
	}
	a.Texts, a.Numbers = sortedSet(a.Texts), sortedSet(a.Numbers)
	return a, true
}
