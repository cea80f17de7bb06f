package expr

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/common/ast"
)

//go:embed operations.txt
var operationsText string

// operations are the classes of operations by their name and then by their service.
var operations = sync.OnceValue(func() map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for line := range strings.Lines(operationsText) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(fields) != 3 || strings.HasPrefix(line, "#") {
			continue
		}
		if all[fields[0]] == nil {
			all[fields[0]] = map[string][]string{}
		}
		all[fields[0]][fields[1]] = strings.Split(fields[2], ",")
	}
	return all
})

// Elsewhere is an operation that the sources of this build give other classes than that
// of the condition which asks for it.
type Elsewhere struct {
	Line, Col int // from one, and from zero, in characters
	Operation string
	Classes   []string
}

// elsewhere finds the values that a condition requires of api.operation and that are
// known of other classes only, by the golden events. A service that the condition requires
// tells operations of one name apart.
func (u *unit) elsewhere(atoms []Atom) (all []Elsewhere) {
	var names, services []string
	for _, a := range atoms {
		switch a.Path {
		case "api.operation":
			names = a.Texts
		case "api.service.name":
			services = a.Texts
		}
	}
	for _, name := range names {
		var classes []string
		for service, of := range operations()[name] {
			if len(services) == 0 || slices.Contains(services, service) {
				classes = append(classes, of...)
			}
		}
		if len(classes) == 0 || slices.Contains(classes, u.class.Name) {
			continue
		}
		slices.Sort(classes)
		line, col := u.place(u.literalOf(name))
		all = append(all, Elsewhere{line, col, name, slices.Compact(classes)})
	}
	return all
}

// literalOf is the first literal of a text.
func (u *unit) literalOf(text string) int64 {
	id := u.ast.Expr().ID()
	found := false
	ast.PreOrderVisit(u.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if s, ok := literalText(e); ok && s == text && !found {
			id, found = e.ID(), true
		}
	}))
	return id
}
