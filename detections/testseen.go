package detections

import (
	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/internal/yamlpos"
)

// Seen is what a group of a first_seen rule has been seen with when a test begins.
type Seen struct {
	Group  []string // JSON scalars, in the order of `by`
	Values []string // JSON scalars
}

// seen reads [{by: {name: value}, values: [...]}].
func (r *reader) seen(n yamlpos.Node) (all []Seen) {
	if !n.Exists() {
		return nil
	}
	if r.rule.FirstSeen == nil {
		n.Problemf("only a rule with first_seen has seen anything")
		return nil
	}
	for _, element := range n.List() {
		m := element.Mapping()
		s := Seen{Group: make([]string, len(r.rule.Alert.Group))}
		by := m.Require("by").Mapping()
		for i, key := range r.rule.Alert.Group {
			s.Group[i] = scalarJSON(by.Require(key.Name), r.groupType(i))
		}
		by.Done()
		values := m.Require("values")
		if values.IsList() && len(values.List()) == 0 {
			values.Problemf("empty; list what was seen")
		}
		for _, v := range values.List() {
			s.Values = append(s.Values, scalarJSON(v, r.valueType()))
		}
		m.Done()
		all = append(all, s)
	}
	return all
}

// groupType is the type of a part of the group, nil if it was refused.
func (r *reader) groupType(i int) *types.Type {
	for _, c := range r.rule.Conditions {
		if i < len(c.group) && c.group[i] != nil {
			return c.group[i].Type
		}
	}
	return nil
}

func (r *reader) valueType() *types.Type {
	for _, c := range r.rule.Conditions {
		if c.value != nil {
			return c.value.Type
		}
	}
	return nil
}

// scalarJSON is a value as rules compute it of an expression of that type: of a text
// the text, also if YAML takes it for a number.
func scalarJSON(n yamlpos.Node, t *types.Type) string {
	text := n.Text()
	if t != nil && t.Kind() != types.StringKind && (n.IsInt() || text == "true" || text == "false") {
		return text
	}
	return quoteJSON(text)
}

// terms is what a correlator knows at the beginning of a test: each value was seen
// when the rule had just learnt enough.
func (t *Test) terms(rule *Rule, start int64) ([]Term, error) {
	var all []Term
	for _, s := range t.Seen {
		at := start - rule.FirstSeen.Learn.Milliseconds()
		for _, value := range s.Values {
			term, err := rule.Term(s.Group, value, at, at)
			if err != nil {
				return nil, err
			}
			all = append(all, term)
		}
	}
	return all, nil
}
