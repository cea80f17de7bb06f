package expr

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

func quote(s string) string { return strconv.Quote(s) }

// unknownName reports an identifier that nothing is called.
func (u *unit) unknownName(errorAt func(id int64, format string, args ...any), id int64, name string) {
	if fc := facts.Load().Class(u.class.Name); fc != nil && fc.Attributes[name] != nil {
		errorAt(id, "%s is valid OCSF in the class %s, but this build's selection does not hold it", name, u.class.Name)
		return
	}
	candidates, enums := append(attributeNames(u.class.Attributes), varEvent, varRaw), slices.Sorted(maps.Keys(u.enums))
	if first := name[0]; 'A' <= first && first <= 'Z' {
		candidates = append(enums, candidates...)
	} else {
		candidates = append(candidates, enums...)
	}
	if u.lists[name] != nil {
		errorAt(id, "the class %s has no attribute %s; did you mean \"lists.%s\"?", u.class.Name, name, name)
		return
	}
	if lower := strings.ToLower(name); lower == "true" || lower == "false" {
		errorAt(id, "the class %s has no attribute %s; did you mean \"%s\"?", u.class.Name, name, lower)
		return
	}
	if path := vendorNames[name]; path != "" && u.hasPath(path) {
		errorAt(id, "the class %s has no attribute %s; did you mean \"%s\"? The field of the record itself is raw.%s", u.class.Name, name, path, name)
		return
	}
	if enum := u.enums[name+"Type"]; enum != nil { // User.ADMIN for UserType.ADMIN
		errorAt(id, "the class %s has no attribute %s; did you mean \"%sType\"?", u.class.Name, name, name)
		return
	}
	if name == "now" {
		errorAt(id, "the class %s has no attribute now; rules know no other clock than the event's time", u.class.Name)
		return
	}
	nested := u.nestedPaths(name)
	if hint := suggest.Hint(name, candidates); hint != "" && len(nested) == 0 {
		errorAt(id, "the class %s has no attribute %s%s", u.class.Name, name, hint)
		return
	}
	where := ""
	if near := u.nearPath(name); near != "" {
		errorAt(id, "the class %s has no attribute %s; did you mean \"%s\"?", u.class.Name, name, near)
		return
	}
	if len(nested) > 0 {
		where = " at the top; there is " + strings.Join(nested, ", ")
	}
	if constant := u.constantOf(name); constant != "" && u.compares[id] && 'A' <= name[0] && name[0] <= 'Z' {
		errorAt(id, "the class %s has no attribute %s; did you mean \"%s\"?", u.class.Name, name, constant)
		return
	}
	if u.compares[id] && where == "" && len(classesWith(name)) == 0 {
		errorAt(id, "the class %s has no attribute %s; of a text write %s; a field of the record itself is raw.%s", u.class.Name, name, quote(name), name)
		return
	}
	if classes := classesWith(name); len(classes) > 0 {
		where += "; the classes that have it: " + strings.Join(classes, ", ")
	}
	if where == "" && strings.ToLower(name) != name { // eventName
		errorAt(id, "the class %s has no attribute %s; a field of the record itself is raw.%s", u.class.Name, name, name)
		return
	}
	errorAt(id, "the class %s has no attribute %s%s", u.class.Name, name, where)
}

// constantOf is the constant of an enum that a word is, but for its case: Success;
// Status comes before the other enums of the class.
func (u *unit) constantOf(word string) string {
	names := slices.Sorted(maps.Keys(u.enums))
	for _, name := range append([]string{"Status", "Activity"}, names...) {
		if e := u.enums[name]; e != nil {
			if _, ok := e.find(constantName(word)); ok {
				return name + "." + constantName(word)
			}
		}
	}
	return ""
}

// vendorNames are fields of records as their vendors call them, and where mappers put
// them.
var vendorNames = map[string]string{
	"eventName": "api.operation", "eventSource": "api.service.name", "awsRegion": "cloud.region", "recipientAccountId": "cloud.account.uid",
	"sourceIPAddress": "src_endpoint.ip", "userAgent": "http_request.user_agent", "userIdentity": "actor.user", "errorCode": "status_code",
	"errorMessage": "status_detail", "eventTime": "time", "eventID": "metadata.uid", "operationName": "api.operation", "caller": "actor.user.name",
	"callerIpAddress": "src_endpoint.ip", "verb": "api.operation", "sourceIPs": "src_endpoint.ip", "objectRef": "resources",
	"remote_addr": "src_endpoint.ip", "http_user_agent": "http_request.user_agent", "request_method": "http_request.http_method",
}

// hasPath tells whether the class has the attribute.
func (u *unit) hasPath(path string) bool { return attributeOf(u.class, path) == path }

// nearPath is the path of an attribute that a name is one word of, or nearly: it was
// written with _ for a dot.
func (u *unit) nearPath(name string) string {
	if !strings.Contains(name, "_") {
		return ""
	}
	var words, paths []string
	for i := range u.class.Attributes {
		a := &u.class.Attributes[i]
		if a.Kind != ocsf.KindObject || a.Array {
			continue
		}
		for _, below := range ocsf.ObjectByName(a.Object).Attributes {
			path := a.Name + "." + below.Name
			paths, words = append(paths, path), append(words, a.Name+"_"+below.Name)
			if below.Kind == ocsf.KindObject && !below.Array {
				for _, last := range ocsf.ObjectByName(below.Object).Attributes {
					paths, words = append(paths, path+"."+last.Name), append(words, a.Name+"_"+below.Name+"_"+last.Name)
				}
			}
		}
	}
	if i := slices.Index(words, name); i >= 0 {
		return paths[i]
	}
	return ""
}

// nestedPaths are some attributes of that name within the class's objects, the
// nearest first.
func (u *unit) nestedPaths(name string) (paths []string) {
	type place struct {
		path       string
		attributes []ocsf.Attribute
	}
	const most, deepest = 3, 2
	level := []place{{"", u.class.Attributes}}
	for range deepest {
		var next []place
		for _, p := range level {
			for i := range p.attributes {
				a := &p.attributes[i]
				if a.Kind != ocsf.KindObject || a.Array {
					continue
				}
				inner := place{p.path + a.Name + ".", ocsf.ObjectByName(a.Object).Attributes}
				if slices.Contains(attributeNames(inner.attributes), name) && len(paths) < most {
					paths = append(paths, inner.path+name)
				}
				next = append(next, inner)
			}
		}
		level = next
	}
	return paths
}

func classesWith(attribute string) []string {
	var names []string
	for i := range ocsf.Classes {
		if ocsf.Classes[i].Attribute(attribute) != nil {
			names = append(names, ocsf.Classes[i].Name)
		}
	}
	return names
}

// unknownAttribute reports a member that an object lacks.
func (u *unit) unknownAttribute(id int64, operand shape, name string) {
	if operand.path == varEvent && operand.object == "" {
		u.unknownName(u.errorAfter, id, name)
		return
	}
	base, _, _ := strings.Cut(operand.object, "/")
	if fo := facts.Load().Object(base); fo != nil && fo.Attributes[name] != nil {
		u.errorAfter(id, "%s.%s is valid OCSF, but this build's selection does not hold it", operand.path, name)
		return
	}
	u.errorAfter(id, "%s (object %s) has no attribute %s%s", operand.path, base, name, suggest.Hint(name, attributeNames(operand.attributes)))
}

func attributeNames(attributes []ocsf.Attribute) []string {
	names := make([]string, len(attributes))
	for i := range attributes {
		names[i] = attributes[i].Name
	}
	return names
}

// unknownConstant reports a constant that an enum lacks.
func (u *unit) unknownConstant(id int64, e *enum, name string) {
	hint := suggest.Hint(name, e.constants())
	if hint == "" {
		hint = ";"
	}
	u.errorAfter(id, "%s has no %s%s it has %s", e.name, name, hint, e.describe())
}

func (u *unit) listHint(name string) string {
	names := slices.Sorted(maps.Keys(u.lists))
	if hint := suggest.Hint(name, names); hint != "" {
		return hint
	}
	return "; there are " + u.listNames()
}

func (u *unit) listNames() string {
	if len(u.lists) == 0 {
		return "none; add lists/NAME.yaml"
	}
	return strings.Join(slices.Sorted(maps.Keys(u.lists)), ", ")
}
