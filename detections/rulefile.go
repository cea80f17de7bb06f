package detections

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// reader reads one rule file.
type reader struct {
	doc      *yamlpos.Document
	compiler *expr.Compiler
	sources  []string
	rule     *Rule
	classes  []*ocsf.Class // of the rule's conditions
	types    []*types.Type // of the group's values
}

// readRule reads a rule; what is wrong with it is in the document's problems.
func readRule(doc *yamlpos.Document, file string, compiler *expr.Compiler, sources []string) *Rule {
	root := doc.Root()
	r := &reader{doc: doc, compiler: compiler, sources: sources, rule: &Rule{ID: pathID(file), File: file, node: root}}
	if root.Exists() {
		m := root.Mapping()
		m.Others(sigmaKeys)
		r.identity(m)
		r.about(m)
		severity := m.Require("severity")
		r.block(m)
		r.alert(m)
		r.severity(severity)
		r.elsewhere()
		r.tests(m)
		m.Done()
		r.version()
	}
	return r.rule
}

// sigmaKeys are the keys of other formats for what a rule has, too.
var sigmaKeys = map[string]string{
	"condition": "when", "detection": "when", "query": "when", "filter": "when", "level": "severity", "name": "title", "logsource": "class",
	"falsepositives": "false_positives", "mitre": "attack", "techniques": "attack", "reference": "references", "groupby": "threshold", "timeframe": "threshold",
	"correlation": "sequence", "state": "status", "summary": "description", "runbook": "description",
}

// windowKeys are those for what a block has.
var windowKeys = map[string]string{"window": "within", "timeframe": "within", "timespan": "within", "period": "within", "minutes": "within", "group_by": "by", "groupby": "by",
	"key": "by", "field": "distinct", "fields": "by", "threshold": "count", "min": "count", "gte": "count", "max": "over", "maxspan": "within", "value": "of"}

// identity reads what a rule is called.
func (r *reader) identity(m *yamlpos.Mapping) {
	id := m.Require("id")
	switch text := id.Str(); {
	case text == "":
	case text != r.rule.ID:
		id.Problemf("the id follows from the path: %s", r.rule.ID)
	case !idPattern.MatchString(text):
		id.Problemf("an id consists of lower-case letters, digits and _; rename the file")
	}
	for _, alias := range m.Get("aliases").List() {
		text := alias.Str()
		if text != "" && !idPattern.MatchString(text) {
			alias.Problemf("%q is no rule id", text)
		}
		r.rule.Aliases = append(r.rule.Aliases, text)
	}
}

// about reads what a rule says to people.
func (r *reader) about(m *yamlpos.Mapping) {
	rule := r.rule
	rule.Title = m.Require("title").Str()
	rule.Status = Status(m.Require("status").OneOf(string(StatusExperimental), string(StatusTest), string(StatusStable), string(StatusDeprecated)))
	rule.Description = m.Get("description").Str()
	rule.FalsePositives = m.Get("false_positives").Strings()
	rule.Tags = m.Get("tags").Strings()
	rule.Related = m.Get("related").Strings()
	for _, n := range m.Get("attack").List() {
		id := n.Str()
		if problem := checkTechnique(id); id != "" && problem != "" {
			n.Problemf("%s", problem)
		} else if id != "" && slices.Contains(rule.Attack, id) {
			n.Warnf("%s is listed twice", id)
		}
		rule.Attack = append(rule.Attack, id)
	}
	for _, n := range m.Get("references").List() {
		text := n.Str()
		if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			n.Problemf("want a URL, as https://example.com/page")
		}
		rule.References = append(rule.References, text)
	}
}

// conditions reads class and when, or any.
func (r *reader) conditions(m *yamlpos.Mapping) {
	several := m.Get("any")
	if !several.Exists() {
		r.condition(m.Require("class"), m.Require("when"), 0)
		return
	}
	for _, key := range []string{"class", "when"} {
		m.Get(key)
		m.Key(key).Problemf("a rule has class and when, or any, not both")
	}
	r.several(several)
}

func (r *reader) several(several yamlpos.Node) {
	seen := map[string]bool{}
	pairs := several.List()
	if several.IsList() && len(pairs) == 0 {
		several.Problemf("empty; list pairs of class and when")
	}
	for _, pair := range pairs {
		m := pair.Mapping()
		class := m.Require("class")
		if name := class.Text(); name != "" && seen[name] {
			class.Problemf("%s is listed twice; join its conditions with ||", name)
		} else {
			seen[name] = true
		}
		r.condition(class, m.Require("when"), 0)
		m.Done()
	}
}

// condition reads one class and compiles its condition.
func (r *reader) condition(class, when yamlpos.Node, step int) {
	c := r.class(class)
	if when.IsList() || when.IsMapping() {
		when.Problemf("a condition is one text of CEL, as `api.operation == \"StopLogging\" && status_id == Status.SUCCESS`")
		return
	}
	text := when.Str()
	if c == nil || text == "" {
		if c != nil && when.IsEmptyText() {
			when.Problemf("empty; write a condition, or `true` for every event of the class")
		}
		return
	}
	e := r.compile(when, strings.TrimRight(text, " \n"), 0, c, expr.Condition)
	r.classes = append(r.classes, c)
	r.rule.Conditions = append(r.rule.Conditions, Condition{Class: c.UID, When: strings.TrimSpace(text), Step: step, node: when, program: e})
}

// class finds the class of a condition.
func (r *reader) class(n yamlpos.Node) *ocsf.Class {
	if n.IsList() {
		n.Problemf("a condition is of one class; for several write `any: [{class: ..., when: ...}, ...]`")
		return nil
	}
	name := n.Text()
	if name == "" {
		return nil
	}
	for i := range ocsf.Classes {
		if c := &ocsf.Classes[i]; strconv.FormatInt(int64(c.UID), 10) == name || strings.EqualFold(strings.ReplaceAll(c.Name, "_", ""), strings.NewReplacer(" ", "", "_", "").Replace(name)) && c.Name != name {
			n.Problemf("a class is called by its name; did you mean \"%s\"?", c.Name)
			return c
		}
	}
	c := ocsf.ClassByName(name)
	if c == nil {
		names := make([]string, len(ocsf.Classes))
		for i := range ocsf.Classes {
			names[i] = ocsf.Classes[i].Name
		}
		if facts.Load().Class(name) != nil {
			n.Problemf("%s is valid OCSF, but this build's selection does not hold it; there are %s", name, strings.Join(names, ", "))
			return nil
		}
		n.Problemf("unknown class %q%s", name, hintOrAll(name, names))
	}
	return c
}

// compile compiles an expression that begins at an offset, in characters, of a
// scalar's first line.
func (r *reader) compile(n yamlpos.Node, text string, offset int, class *ocsf.Class, want expr.Want) *expr.Expr {
	if advice := n.Placeable(); advice != "" {
		n.Problemf("%s", advice)
		return nil
	}
	return r.compiler.Compile(class, text, want, func(line, col int, warning bool, message string) {
		if line == 1 {
			col += offset
		}
		fileLine, fileCol, _ := n.Place(line, col)
		if warning {
			r.doc.Warn(fileLine, fileCol, n.Path(), "%s", message)
			return
		}
		r.doc.Report(fileLine, fileCol, n.Path(), "%s", message)
	})
}

// elsewhere warns of operations that are of no class of the rule: their events are never
// held against a condition of it.
func (r *reader) elsewhere() {
	for _, c := range r.rule.Conditions {
		if c.program == nil {
			continue
		}
		for _, e := range c.program.Elsewhere {
			if slices.ContainsFunc(r.classes, func(class *ocsf.Class) bool { return slices.Contains(e.Classes, class.Name) }) {
				continue
			}
			line, col, _ := c.node.Place(e.Line, e.Col)
			r.doc.Warn(line, col, c.node.Path(), "%q is of the class %s, which the rule is not about; a rule about several classes lists them in any", e.Operation, strings.Join(e.Classes, ", "))
		}
	}
}

// version hashes what decides about hits and groups.
func (r *reader) version() {
	type source struct{ Name, Expr string }
	v := struct {
		Conditions []source
		Threshold  *Threshold
		Sequence   *Sequence  `json:",omitempty"`
		Absence    *Absence   `json:",omitempty"`
		FirstSeen  *FirstSeen `json:",omitempty"`
		Group      []source
		Suppress   int64
	}{Threshold: r.rule.Threshold, Absence: r.rule.Absence, FirstSeen: r.rule.FirstSeen, Suppress: r.rule.suppress().Milliseconds()}
	if s := r.rule.Sequence; s != nil {
		v.Sequence = &Sequence{Within: s.Within, Ordered: s.Ordered} // names of steps are text
	}
	for i, c := range r.rule.Conditions {
		if c.program == nil {
			return // refused
		}
		v.Conditions = append(v.Conditions, source{r.classes[i].Name, c.program.Source})
	}
	for i, k := range r.rule.Alert.Group {
		for _, c := range r.rule.Conditions {
			if i < len(c.group) && c.group[i] != nil {
				v.Group = append(v.Group, source{k.Name, c.group[i].Source})
			}
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode rule: %v", err)) // strings and integers only
	}
	r.rule.Version = hashID(string(text))[:12]
}
