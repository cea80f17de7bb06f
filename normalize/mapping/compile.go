package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// compiler makes the plan of one element of `events`.
type compiler struct {
	*loader
	plan *plan
	node yamlpos.Node // `set`
	key  yamlpos.Node // `class`

	attributes [][]ocsf.Attribute // of each place
	assigned   []map[string]bool  // of each place: the attributes that are set in it
	keys       []yamlpos.Node     // of each place: where it was first named
}

func (c *compiler) compile() {
	c.addPlace(place{}, c.plan.class.Attributes, c.key)
	members := c.node.Mapping().Members()
	if c.node.IsMapping() && len(members) == 0 {
		c.node.Problemf("empty; set the attributes of %s", c.plan.class.Name)
	}
	before := len(c.doc.Problems())
	for _, m := range members {
		c.assign(m)
	}
	// An enum goes before its caption, which is set only where the enum has none.
	slices.SortStableFunc(c.plan.sets, func(a, b assignment) int { return rank(a) - rank(b) })
	c.profiles()
	if len(c.doc.Problems()) == before { // what is misspelt is not missing, too
		c.require()
	}
}

func rank(a assignment) int {
	if a.caption != nil {
		return 1
	}
	return 0
}

func (c *compiler) addPlace(p place, attributes []ocsf.Attribute, key yamlpos.Node) int {
	c.keys = append(c.keys, key)
	c.plan.places = append(c.plan.places, p)
	c.attributes = append(c.attributes, attributes)
	c.assigned = append(c.assigned, map[string]bool{})
	return len(c.plan.places) - 1
}

// own are what weir sets itself, by path.
var own = map[string]string{
	"raw_data": "it is the record", "unmapped": "it is what no attribute holds", "observables": "they are listed from the other attributes",
	"metadata.version": "it is OCSF's", "metadata.profiles": "they follow from what is set", "metadata.log_provider": "it is the source's name",
	"metadata.uid": "write `uid: raw.NAME` at the top", "metadata.product.name": "write `product:` at the top", "metadata.product.vendor_name": "write `product:` at the top",
}

// assign reads one attribute and where its value comes from.
func (c *compiler) assign(m yamlpos.Member) {
	if why := own[m.Name]; why != "" {
		m.Key.Problemf("%s is weir's: %s", m.Name, why)
		return
	}
	at, name, ok := c.resolve(m)
	if !ok {
		return
	}
	a := find(c.attributes[at], name)
	t := newTarget(c.plan.places[at].object, a)
	if !c.settable(m, &t) {
		return
	}
	values := []yamlpos.Node{m.Value}
	if m.Value.IsList() {
		if values = m.Value.List(); !a.Array {
			m.Value.Problemf("%s is a single %s; choose one with a condition: has(raw.a) ? raw.a : raw.b", m.Name, a.Type)
			return
		}
	}
	c.assigned[at][name] = true
	for _, n := range values {
		s := assignment{target: t, place: at, name: m.Name, caption: c.captionOf(at, name)}
		if c.source(n, &s) {
			c.plan.sets = append(c.plan.sets, s)
		}
	}
}

// settable tells whether the attribute is one that values can be put into.
func (c *compiler) settable(m yamlpos.Member, t *target) bool {
	a, f := t.attribute, t.field
	switch {
	case a.Kind == ocsf.KindObject && a.Array:
		m.Key.Problemf("%s is a list of objects; set their attributes: %s[0].%s", m.Name, m.Name, firstAttribute(a))
	case a.Kind == ocsf.KindObject:
		m.Key.Problemf("%s is an object; set its attributes: %s.%s", m.Name, m.Name, firstAttribute(a))
	case f.SetText() == nil && f.SetNumber() == nil && f.SetTruth() == nil && f.SetFloat() == nil && f.SetJSON() == nil && f.AddText() == nil:
		why := "it follows from class and activity_id"
		if a.Array {
			why = "a mapping sets lists of texts only"
		}
		m.Key.Problemf("%s cannot be set: %s", m.Name, why)
	default:
		return true
	}
	return false
}

func firstAttribute(a *ocsf.Attribute) string {
	attributes := ocsf.ObjectByName(a.Object).Attributes
	for _, usual := range []string{"name", "uid", "ip"} {
		if find(attributes, usual) != nil {
			return usual
		}
	}
	return attributes[0].Name
}

// pathPart is a name with the index of an element of a list.
var pathPart = regexp.MustCompile(`^([a-z_0-9]+)(?:\[([0-9]{1,2})\])?$`)

// resolve finds the place of an attribute, and makes those on the way.
func (c *compiler) resolve(m yamlpos.Member) (at int, name string, ok bool) {
	parts := strings.Split(m.Name, ".")
	for i, part := range parts {
		match := pathPart.FindStringSubmatch(part)
		if match == nil {
			m.Key.Problemf("%q is no path of an attribute, as user.name or resources[0].uid", m.Name)
			return 0, "", false
		}
		name = match[1]
		a := find(c.attributes[at], name)
		if a == nil {
			c.unknown(m, at, name)
			return 0, "", false
		}
		if i == len(parts)-1 && match[2] == "" {
			return at, name, true
		}
		path := strings.Join(parts[:i+1], ".")
		switch {
		case match[2] != "" && (!a.Array || a.Kind != ocsf.KindObject):
			m.Key.Problemf("%s is no list of objects; it has no element [%s]", name, match[2])
			return 0, "", false
		case i == len(parts)-1:
			m.Key.Problemf("%s is an object; set its attributes: %s.%s", path, path, firstAttribute(a))
			return 0, "", false
		case a.Kind != ocsf.KindObject:
			m.Key.Problemf("%s has no attributes of its own", strings.Join(parts[:i+1], "."))
			return 0, "", false
		case a.Array && match[2] == "":
			m.Key.Problemf("%s is a list; say of which element: %s[0].%s", path, path, strings.Join(parts[i+1:], "."))
			return 0, "", false
		}
		if at, ok = c.enter(m, at, a, path, match[2]); !ok {
			return 0, "", false
		}
	}
	return at, name, true
}

// enter is the place of an object within another.
func (c *compiler) enter(m yamlpos.Member, parent int, a *ocsf.Attribute, path, index string) (int, bool) {
	for i := range c.plan.places {
		if c.plan.places[i].path == path {
			return i, true
		}
	}
	if n, _ := strconv.Atoi(index); n > 0 {
		before := fmt.Sprintf("%s[%d]", strings.TrimSuffix(path, "["+index+"]"), n-1)
		if !slices.ContainsFunc(c.plan.places, func(p place) bool { return p.path == before }) {
			m.Key.Problemf("elements are set in order; %s is not there", before)
			return 0, false
		}
	}
	c.assigned[parent][a.Name] = true
	p := place{parent: parent, field: fieldOf(c.plan.places[parent].object, a.Name), element: index != "", path: path,
		object: a.Object, profile: c.plan.places[parent].profile}
	if a.Profile != "" {
		p.profile = a.Profile
	}
	return c.addPlace(p, ocsf.ObjectByName(a.Object).Attributes, m.Key), true
}

// captionOf is the enum of which an attribute of a place is the caption.
func (c *compiler) captionOf(at int, name string) *ocsfcel.Field {
	for _, a := range c.attributes[at] {
		if a.Sibling == name && a.Enum != nil && !a.Array {
			return fieldOf(c.plan.places[at].object, a.Name)
		}
	}
	return nil
}

// source reads where a value comes from.
func (c *compiler) source(n yamlpos.Node, s *assignment) bool {
	if path, ok := parsePath(n.Text()); ok && n.IsScalar() {
		s.path = path
		return true
	}
	if path, ok := converted(n, s); ok {
		s.path = path
		return true
	}
	e := c.expression(n, c.plan.class, false)
	if e == nil {
		return false
	}
	if advice, ok := s.takes(e.Type()); !ok {
		n.Problemf("%s is of type %s, this of type %s; %s", s.name, s.attribute.Type, typeName(e.Type()), advice)
		return false
	}
	if !c.constants(n, s, e) {
		return false
	}
	if strings.Contains(n.Text(), "raw") {
		s.expr = e
		return true
	}
	return c.constant(n, s, e)
}

var conversion = regexp.MustCompile(`^\s*(timestamp|string|int|double|bool)\((.*)\)\s*$`)

// converted reads a conversion of a path to the attribute's own type, which is what
// setting it does anyway.
func converted(n yamlpos.Node, s *assignment) ([]step, bool) {
	m := conversion.FindStringSubmatch(n.Text())
	if m == nil || m[1] != map[ocsf.Kind]string{ocsf.KindString: "string", ocsf.KindInt32: "int", ocsf.KindInt64: "int",
		ocsf.KindFloat64: "double", ocsf.KindBool: "bool"}[s.attribute.Kind] && (m[1] != "timestamp" || !s.isTime) {
		return nil, false
	}
	return parsePath(m[2])
}

// constants refuses the constants of other enums.
func (c *compiler) constants(n yamlpos.Node, s *assignment, e ocsfcel.Expression) bool {
	key := s.attribute.Name
	if object, _, _ := strings.Cut(c.plan.places[s.place].object, "/"); object != "" {
		key = object + "." + key
	}
	for _, k := range e.Constants() {
		if k.Attribute != key {
			line, col, _ := n.Place(k.Line, k.Col)
			c.doc.Report(line, col, n.Path(), "%s.* are values of %s, not of %s", k.Enum, k.Attribute, s.name)
			return false
		}
	}
	return true
}

// constant evaluates an expression that does not look at the record, once.
func (c *compiler) constant(n yamlpos.Node, s *assignment, e ocsfcel.Expression) bool {
	scope := c.opts.Language.NewScope()
	var doc jsondoc.Doc
	if err := doc.ParseString("{}"); err != nil {
		n.Problemf("%v", err)
		return false
	}
	scope.Reset(doc.Root())
	v, err := e.Value(scope)
	if err != nil {
		n.Problemf("%v", err)
		return false
	}
	switch v := v.(type) {
	case types.Int:
		if s.attribute.Enum != nil && !slices.ContainsFunc(s.attribute.Enum, func(e ocsf.EnumValue) bool { return e.Value == int64(v) }) {
			n.Problemf("%s has no value %d; it has %s", s.name, int64(v), describe(s.attribute.Enum))
			return false
		}
	case types.String:
		if !s.fits(string(v)) {
			n.Problemf("%q is no %s, which %s is", string(v), s.attribute.Type, s.name)
			return false
		}
	}
	s.constant = v
	return true
}

func describe(enum []ocsf.EnumValue) string {
	const most = 12
	var parts []string
	for i, v := range enum {
		if i == most {
			parts = append(parts, fmt.Sprintf("... %d more", len(enum)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%d (%s)", v.Value, v.Caption))
	}
	return strings.Join(parts, ", ")
}

// typeName is a type as rules say it.
func typeName(t *types.Type) string { return strings.TrimPrefix(t.String(), "type_param: ") }

// unknown reports a name that is no attribute of a place.
func (c *compiler) unknown(m yamlpos.Member, at int, name string) {
	names := make([]string, len(c.attributes[at]))
	for i := range c.attributes[at] {
		names[i] = c.attributes[at][i].Name
	}
	where, valid := "the class "+c.plan.class.Name, facts.Load().Class(c.plan.class.Name).Attributes[name]
	if object, _, _ := strings.Cut(c.plan.places[at].object, "/"); object != "" {
		where, valid = c.plan.places[at].path+" (object "+object+")", facts.Load().Object(object).Attributes[name]
	}
	if valid != nil {
		m.Key.Problemf("%s is valid OCSF, but this build's selection does not hold it", m.Name)
		return
	}
	m.Key.Problemf("%s has no attribute %s%s", where, name, suggest.Hint(name, names))
}

func find(attributes []ocsf.Attribute, name string) *ocsf.Attribute {
	for i := range attributes {
		if attributes[i].Name == name {
			return &attributes[i]
		}
	}
	return nil
}

// hintOrAll suggests a name, or lists all.
func hintOrAll(name string, names []string) string {
	if hint := suggest.Hint(name, names); hint != "" {
		return hint
	}
	return " (one of " + strings.Join(names, ", ") + ")"
}
