package detections

import (
	"cmp"
	"slices"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// index leads from an event to the rules that it may match: those that require a
// value that it has, and those that require none. For most rules that is a value
// of api.operation, so that most events try no rule at all.
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
}

// indexKey is an attribute and the conditions by the values of it that they require.
type indexKey struct {
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
			byClass[c.Class] = append(byClass[c.Class], indexed{rule: r, condition: i, number: number})
		}
	}
	for class, conditions := range byClass {
		x.classes[class] = newClassIndex(class, conditions)
	}
	return x
}

// newClassIndex puts each condition under the attribute that most conditions of
// the class share, texts before numbers: few attributes to read, many values to
// tell apart.
func newClassIndex(uid ocsf.ClassUID, conditions []indexed) *classIndex {
	class := ocsf.ClassByName(uid.Name())
	popularity := map[string]int{}
	for _, c := range conditions {
		for _, a := range c.atoms() {
			popularity[a.Path]++
		}
	}
	x := &classIndex{}
	places := map[string]int{} // in x.keys
	for _, c := range conditions {
		atom, path := bestAtom(class, c.atoms(), popularity)
		if path == nil {
			x.always = append(x.always, c)
			continue
		}
		place, ok := places[atom.Path]
		if !ok {
			place = len(x.keys)
			places[atom.Path] = place
			key := indexKey{path: path}
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

func (c indexed) atoms() []expr.Atom { return c.rule.Conditions[c.condition].program.Atoms }

// bestAtom chooses; path is nil if no atom can be looked up. An atom of a
// comprehension's variable, or of an element, has no path in the event.
func bestAtom(class *ocsf.Class, atoms []expr.Atom, popularity map[string]int) (expr.Atom, *ocsfcel.Path) {
	atoms = slices.Clone(atoms)
	slices.SortStableFunc(atoms, func(a, b expr.Atom) int {
		return cmp.Or(cmp.Compare(min(len(b.Texts), 1), min(len(a.Texts), 1)),
			cmp.Compare(popularity[b.Path], popularity[a.Path]), cmp.Compare(a.Path, b.Path))
	})
	for _, a := range atoms {
		path, err := ocsfcel.NewPath(class, a.Path)
		if err == nil && (path.IsText() && len(a.Texts) > 0 || path.IsNumber() && len(a.Numbers) > 0) {
			return a, path
		}
	}
	return expr.Atom{}, nil
}
