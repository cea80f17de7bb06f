package expr

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/common/ast"
)

//go:generate go run ./genfilled

//go:embed filled.txt
var filledText string

// filled is the attributes that some source fills, by class.
var filled = sync.OnceValue(func() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	class := ""
	for line := range strings.Lines(filledText) {
		line = strings.TrimRight(line, "\n")
		path, isPath := strings.CutPrefix(line, "\t")
		switch {
		case strings.HasPrefix(line, "#") || line == "":
		case isPath:
			all[class][path] = true
		default:
			class = line
			all[class] = map[string]bool{}
		}
	}
	return all
})

// AlsoFilled adds attributes that sources outside of this build fill, by class. It
// holds for what is compiled later.
func (c *Compiler) AlsoFilled(more map[string][]string) {
	c.alsoFilled = map[string]bool{}
	for class, paths := range more {
		for _, path := range paths {
			for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '.') { // and what it is in
				c.alsoFilled[class+" "+path[:at]] = true
			}
		}
	}
}

// filledIn are the classes in which some source fills an attribute.
func filledIn(path string) (classes []string) {
	for class, paths := range filled() {
		if paths[path] {
			classes = append(classes, class)
		}
	}
	slices.Sort(classes)
	return classes
}

// unfilled warns of attributes that no source of this build fills in the class: what
// asks for one never fires. A warning, since it is known of the golden events only.
func (u *unit) unfilled() {
	paths := filled()[u.class.Name]
	if paths == nil {
		return // no source makes such events; the class says so
	}
	inner := map[int64]bool{}
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.SelectKind {
			inner[e.AsSelect().Operand().ID()] = true
		}
	}))
	told := map[string]bool{}
	ast.PostOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		s, known := u.shapes[e.ID()]
		if !known || inner[e.ID()] && (s.kind == object || s.kind == json) {
			return
		}
		path := attributeOf(u.class, strings.TrimPrefix(s.path, "has "))
		if path == "" || path == "*" || path == attributeRaw || path == attributeUnmapped || paths[path] || u.alsoFilled[u.class.Name+" "+path] || told[path] {
			return
		}
		told[path] = true
		where := ""
		if classes := filledIn(path); len(classes) > 0 {
			where = "; it is filled in " + strings.Join(classes, ", ")
		} else if near := nearFilled(path, paths); near != "" {
			where = "; filled is " + near
		}
		line, col := u.place(u.start(e))
		u.report(line, col, true, path+" is valid OCSF, but no source of this build fills it in "+u.class.Name+where)
	}))
}

// nearFilled is what is filled of the object that an attribute is of, or the next one
// around it.
func nearFilled(path string, paths map[string]bool) string {
	const most = 6
	for {
		at := strings.LastIndexByte(path, '.')
		if at < 0 {
			return ""
		}
		path = path[:at]
		var near []string
		for p := range paths {
			if rest, ok := strings.CutPrefix(p, path+"."); ok && !strings.Contains(rest, ".") {
				near = append(near, p)
			}
		}
		slices.Sort(near)
		if len(near) > most {
			near = append(near[:most], "...")
		}
		if len(near) > 0 {
			return strings.Join(near, ", ")
		}
	}
}
