package detections

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// index leads from an event to the rules that it may match: those that require a
// value that it has, and those that require none. For most rules that is a value
// of api.operation, so that most events try few rules or none.
type index struct{ classes map[ocsf.ClassUID]*classIndex }

// classIndex is the rules of one class. Each is in exactly one place.
type classIndex struct {
	keys   []indexKey
	always []indexed
}

// indexed is one condition of a rule.
type indexed struct {
	rule      *Rule
	condition int
	number    int // of the rule, in the engine's health
	program   *expr.Expr
	test      expr.Test // of program
}

// indexKey is an attribute and the conditions by the values of it that they require.
type indexKey struct {
	name    string // of the attribute
	path    *ocsfcel.Path
	texts   map[string][]indexed
	numbers map[int64][]indexed
}

// lookup is the conditions that the event's value leads to.
func (k *indexKey) lookup(ev *ocsf.Event) []indexed {
	if k.texts != nil {
		return k.texts[k.path.Text(ev)]
	}
	return k.numbers[k.path.Number(ev)]
}

func newIndex(rules []*Rule) *index {
	x := &index{classes: map[ocsf.ClassUID]*classIndex{}}
	byClass := map[ocsf.ClassUID][]indexed{}
	for number, r := range rules {
		for i, c := range r.Conditions {
			byClass[c.Class] = append(byClass[c.Class], indexed{r, i, number, c.program, c.program.Test()})
		}
	}
	for class, conditions := range byClass {
		x.classes[class] = newClassIndex(class, conditions)
	}
	return x
}

// newClassIndex puts each condition under the attribute that tells it apart best:
// the one whose values it requires are the smallest part of all that conditions
// require of it. status_id == 1 is half of what rules ask of status_id, a name of an
// operation one of hundreds. Of equals it is the attribute that most conditions
// share: few attributes to read.
func newClassIndex(uid ocsf.ClassUID, conditions []indexed) *classIndex {
	class := ocsf.ClassByName(uid.Name())
	uses := map[string]*attributeUse{}
	for _, c := range conditions {
		for _, a := range c.program.Atoms {
			use := uses[a.Path]
			if use == nil {
				use = &attributeUse{values: map[any]bool{}}
				uses[a.Path] = use
			}
			use.add(a)
		}
	}
	x := &classIndex{}
	places := map[string]int{} // in x.keys
	for _, c := range conditions {
		atom, path := bestAtom(class, c.program.Atoms, uses)
		if path == nil {
			x.always = append(x.always, c)
			continue
		}
		place, ok := places[atom.Path]
		if !ok {
			place = len(x.keys)
			places[atom.Path] = place
			key := indexKey{name: atom.Path, path: path}
			if path.IsText() {
				key.texts = map[string][]indexed{}
			} else {
				key.numbers = map[int64][]indexed{}
			}
			x.keys = append(x.keys, key)
		}
		for _, v := range atom.Texts {
			x.keys[place].texts[v] = append(x.keys[place].texts[v], c)
		}
		for _, v := range atom.Numbers {
			x.keys[place].numbers[v] = append(x.keys[place].numbers[v], c)
		}
	}
	return x
}

// attributeUse is what the conditions of a class require of one attribute.
type attributeUse struct {
	conditions int
	values     map[any]bool
}

func (u *attributeUse) add(a expr.Atom) {
	u.conditions++
	for _, v := range a.Texts {
		u.values[v] = true
	}
	for _, v := range a.Numbers {
		u.values[v] = true
	}
}

// share is which part of all values an atom requires, of those that rules name and
// others: names are many, numbers (statuses, types) and what says where an event
// comes from are few.
func (u *attributeUse) share(a expr.Atom) float64 {
	others := 64
	switch {
	case len(a.Numbers) > 0:
		others = 1
	case strings.HasPrefix(a.Path, "metadata."), strings.HasPrefix(a.Path, "cloud."):
		others = 4
	}
	return float64(len(a.Texts)+len(a.Numbers)) / float64(len(u.values)+others)
}

// bestAtom chooses; path is nil if no atom can be looked up. An atom of a
// comprehension's variable, or of an element, has no path in the event.
func bestAtom(class *ocsf.Class, atoms []expr.Atom, uses map[string]*attributeUse) (expr.Atom, *ocsfcel.Path) {
	atoms = slices.Clone(atoms)
	slices.SortStableFunc(atoms, func(a, b expr.Atom) int {
		return cmp.Or(cmp.Compare(uses[a.Path].share(a), uses[b.Path].share(b)),
			cmp.Compare(uses[b.Path].conditions, uses[a.Path].conditions), cmp.Compare(a.Path, b.Path))
	})
	for _, a := range atoms {
		path, err := ocsfcel.NewPath(class, a.Path)
		if err == nil && (path.IsText() && len(a.Texts) > 0 || path.IsNumber() && len(a.Numbers) > 0) {
			return a, path
		}
	}
	return expr.Atom{}, nil
}
