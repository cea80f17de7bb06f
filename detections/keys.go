package detections

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// keyDoc is one key of a rule file, as the reference and the JSON Schema have it.
type keyDoc struct {
	path, kind string // kind: text, cel, id, int, bool, duration, offset, any, alerts, severity, status, by, texts, or a mapping or list of them: map, list
	required   bool
	doc        string
}

// keyDocs are all keys of a rule file, those of a mapping after it.
var keyDocs = []keyDoc{
	{"id", "id", true, "The path below the directory that holds weir-rules.yaml, with dots."},
	{"aliases", "ids", false, "Former ids, the oldest first: alerts are identified by the oldest."},
	{"title", "text", true, "What the rule finds, in a few words; the alert's title unless alert.title is given."},
	{"status", "status", true, "experimental runs and alerts nobody; test and stable alert; deprecated is checked, not evaluated."},
	{"severity", "severity", true, "A word, or CEL that gives one for each event."},
	{"description", "text", false, "What it means and what to do first. Goes into the alert."},
	{"attack", "techniques", false, "Ids of ATT&CK techniques, as T1110.003."},
	{"references", "urls", false, "URLs."},
	{"related", "texts", false, "Ids of what others call the same."},
	{"false_positives", "texts", false, "When it alerts and nothing is wrong."},
	{"tags", "texts", false, "For routes of alerts."},
	{"class", "class", false, "The OCSF class of the events."},
	{"when", "cel", false, "The condition, CEL over the attributes of the class."},
	{"any", "list", false, "Instead of class and when: pairs of them, each class once."},
	{"any.class", "class", true, "The OCSF class."},
	{"any.when", "cel", true, "The condition on its events."},
	{"threshold", "map", false, "A hit is an event whose window holds so many events, different values, or such a sum."},
	{"threshold.count", "count", false, "How many events, or different values of distinct."},
	{"threshold.distinct", "cel", false, "What is counted once for each value."},
	{"threshold.sum", "cel", false, "A number that is added up."},
	{"threshold.over", "int", false, "What the sum must exceed."},
	{"threshold.within", "duration", true, "Length of the window, at most 24h."},
	{"threshold.by", "by", true, "What groups are told apart by."},
	{"sequence", "map", false, "A hit is an event that ends a chain of distinct events, one a step."},
	{"sequence.within", "duration", true, "Length of the window, at most 24h."},
	{"sequence.ordered", "bool", false, "false: the steps may come in any order. Default true."},
	{"sequence.steps", "list", true, "Two to eight steps."},
	{"sequence.steps.name", "text", true, "Lower-case letters, digits and _."},
	{"sequence.steps.class", "class", true, "The OCSF class."},
	{"sequence.steps.when", "cel", true, "The condition on its events."},
	{"sequence.steps.by", "by", true, "What joins the steps: as many as the other steps have."},
	{"absence", "map", false, "A hit is an event that another does not follow."},
	{"absence.of", "map", true, "The event that should follow."},
	{"absence.of.class", "class", true, "Its OCSF class."},
	{"absence.of.when", "cel", true, "The condition on it."},
	{"absence.of.by", "by", false, "Its group, if it is called otherwise than absence.by."},
	{"absence.within", "duration", true, "How soon it should follow."},
	{"absence.by", "by", false, "What groups are told apart by."},
	{"first_seen", "map", false, "A hit is an event with a value that its group did not have in the period before."},
	{"first_seen.of", "cel", true, "The value."},
	{"first_seen.by", "by", true, "What groups are told apart by."},
	{"first_seen.for", "duration", true, "How long a value is known, at most 90d."},
	{"first_seen.learn", "duration", false, "For how long a new group only teaches."},
	{"alert", "map", false, "What the rule says when it has a hit."},
	{"alert.title", "text", false, "A template: {} holds CEL, {{ and }} are braces; what is absent prints -."},
	{"alert.group_by", "by", false, "Of a rule without a block: what alerts are told apart by."},
	{"alert.suppress", "duration", false, "At most one alert for a group in each clock window of this length."},
	{"alert.context", "by", false, "What of the event the alert shows."},
	{"tests", "list", true, "At least one that expects an alert and one that expects none."},
	{"tests.name", "text", true, "Unique in the rule."},
	{"tests.source", "text", true, "Whose records these are, as weir sources lists them."},
	{"tests.input", "text", false, "A fixture: beside the rule, else below testdata."},
	{"tests.raw", "text", false, "Instead: the record itself."},
	{"tests.set", "object", false, "A JSON Merge Patch of each record: null removes a member."},
	{"tests.repeat", "repeat", false, "Give it n times."},
	{"tests.every", "duration", false, "So long after one another."},
	{"tests.lists", "values", false, "NAME: [values], in place of the list of that name."},
	{"tests.seen", "list", false, "What first_seen knows before the first event."},
	{"tests.seen.by", "object", true, "The group: each name of first_seen.by with its value."},
	{"tests.seen.values", "list of values", true, "The values that it has been seen with."},
	{"tests.events", "list", false, "Several events, in the order of their arrival."},
	{"tests.events.at", "offset", false, "When, since the first event of the test: +30s; -30s is before it."},
	{"tests.events.source", "text", false, "The source of this event, if it is another than the test's."},
	{"tests.events.input", "text", false, "As above."},
	{"tests.events.raw", "text", false, "As above."},
	{"tests.events.set", "object", false, "As above."},
	{"tests.events.repeat", "repeat", false, "As above."},
	{"tests.events.every", "duration", false, "As above."},
	{"tests.alerts", "alerts", true, "The alerts that are expected, in any order and no others; or only their number. Roll-ups do not count."},
	{"tests.alerts.title", "text", false, "The title."},
	{"tests.alerts.severity", "severity", false, "The severity."},
	{"tests.alerts.group", "object", false, "Values of the group, by name."},
	{"tests.alerts.context", "object", false, "Values of alert.context, by name."},
	{"tests.alerts.window", "pair", false, "[START, END]: when the first and the last of its events happened; times, or since the first event of the test as [+0s, +4m]."},
	{"tests.alerts.events", "positive", false, "How many events it is about."},
	{"tests.alerts.body", "body", false, "{destination, equals}, or several: what a destination is sent is the content of the file equals, beside the rule. Destinations: slack, teams, pagerduty, webhook, splunk, elastic, sentinel, syslog, kafka, file, terminal; with --config those of the configuration."},
}

// Schema is a JSON Schema (draft 2020-12) of the files of a rules directory: "rule",
// "list" or "manifest". It helps editors; weir check knows more.
func Schema(of string) ([]byte, error) {
	var schema map[string]any
	switch of {
	case "rule":
		schema = objectSchema("")
		// A sequence has its conditions in its steps, and a rule one block at most.
		has := func(keys ...string) map[string]any { return map[string]any{"required": keys} }
		schema["oneOf"] = []any{has("class", "when"), has("any"), has("sequence")}
		var not []any
		for i, one := range blocks {
			for _, other := range blocks[i+1:] {
				not = append(not, has(one, other))
			}
		}
		schema["not"] = map[string]any{"anyOf": not}
	case "list":
		schema = closed(map[string]any{
			"type":        map[string]any{"enum": []string{"strings", "cidrs", "globs"}, "description": "What the values are."},
			"description": map[string]any{"type": "string"},
			"ignore_case": map[string]any{"type": "boolean", "description": "Of strings and globs."},
			"values":      map[string]any{"type": "array", "items": map[string]any{"type": []string{"string", "number", "boolean"}}},
		}, []string{"type", "values"})
	case "manifest":
		schema = closed(map[string]any{
			"format":   map[string]any{"const": rulesFormat},
			"max_cost": map[string]any{"type": "integer", "minimum": 1, "description": fmt.Sprintf("What an event may cost over all rules. Default %d.", DefaultMaxCost)},
		}, []string{"format"})
	default:
		return nil, fmt.Errorf("unknown schema %q: there are rule, list and manifest", of)
	}
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "weir " + of
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

func closed(properties map[string]any, required []string) map[string]any {
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// objectSchema is that of the mapping at a path.
func objectSchema(path string) map[string]any {
	properties, required := map[string]any{}, []string(nil)
	for _, k := range keyDocs {
		parent, name := "", k.path
		if i := strings.LastIndexByte(k.path, '.'); i >= 0 {
			parent, name = k.path[:i], k.path[i+1:]
		}
		if parent != path {
			continue
		}
		s := k.schema()
		s["description"] = k.doc
		properties[name] = s
		if k.required {
			required = append(required, name)
		}
	}
	return closed(properties, required)
}

func (k keyDoc) schema() map[string]any {
	text := map[string]any{"type": "string"}
	switch k.kind {
	case "id":
		return map[string]any{"type": "string", "pattern": idPattern.String()}
	case "class":
		names := make([]string, len(ocsf.Classes))
		for i := range ocsf.Classes {
			names[i] = ocsf.Classes[i].Name
		}
		return map[string]any{"enum": names}
	case "ids":
		return map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": idPattern.String()}}
	case "techniques":
		return map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": techniquePattern.String()}}
	case "urls":
		return map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": "^https?://."}}
	case "count":
		return map[string]any{"type": "integer", "minimum": 2, "maximum": maxCount}
	case "repeat":
		return map[string]any{"type": "integer", "minimum": 1, "maximum": maxRepeat}
	case "positive":
		return map[string]any{"type": "integer", "minimum": 1}
	case "object":
		return map[string]any{"type": "object"}
	case "values":
		return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "array"}}
	case "list of values":
		return map[string]any{"type": "array", "minItems": 1}
	case "pair":
		return map[string]any{"type": "array", "minItems": 2, "maxItems": 2}
	case "body":
		one := closed(map[string]any{"destination": text, "equals": text}, []string{"destination", "equals"})
		return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
	case "int":
		return map[string]any{"type": "integer", "minimum": 0}
	case "bool":
		return map[string]any{"type": "boolean"}
	case "duration":
		return map[string]any{"type": "string", "pattern": `^([0-9]+[smhdw])+$`}
	case "offset":
		return map[string]any{"type": "string", "pattern": `^[+-]?([0-9]+[smhdw])+$`}
	case "status":
		return map[string]any{"enum": []Status{StatusExperimental, StatusTest, StatusStable, StatusDeprecated}}
	case "severity":
		return map[string]any{"anyOf": []any{map[string]any{"enum": severityNames[1:]}, text}}
	case "texts":
		return map[string]any{"type": "array", "items": text}
	case "by":
		named := closed(map[string]any{"name": text, "expr": text}, []string{"name", "expr"})
		return map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{text, named}}}
	case "map":
		return objectSchema(k.path)
	case "list":
		return map[string]any{"type": "array", "items": objectSchema(k.path)}
	case "alerts":
		list := map[string]any{"type": "array", "items": objectSchema(k.path)}
		return map[string]any{"anyOf": []any{list, map[string]any{"type": "integer", "minimum": 0}}}
	case "any":
		return map[string]any{}
	}
	return text
}

// kindWords are kinds as the reference calls them.
var kindWords = map[string]string{
	"class": "text", "ids": "list of texts", "techniques": "list of texts", "urls": "list of texts", "count": "number", "repeat": "number", "positive": "number",
	"object": "mapping", "values": "mapping of lists", "pair": "list of two", "body": "mapping, or list of them",
	"id": "text", "cel": "CEL", "int": "number", "texts": "list of texts", "by": "list of attributes, or `{name, expr}`", "map": "mapping",
	"list": "list of mappings", "alerts": "list of mappings, or a number", "any": "", "severity": "`informational`, `low`, `medium`, `high`, `critical`",
	"status": "`experimental`, `test`, `stable`, `deprecated`", "offset": "duration with a sign", "bool": "`true`, `false`",
}

// KeyReference is the page of all keys, Markdown.
func KeyReference() string {
	var b strings.Builder
	b.WriteString("# Keys of rule files\n\nGenerated from the code: `weir schema rule` prints the same as a JSON Schema. [rules.md](rules.md) explains.\n\n")
	b.WriteString("| key | is | |\n| --- | --- | --- |\n")
	for _, k := range keyDocs {
		kind := k.kind
		if word, ok := kindWords[kind]; ok {
			kind = word
		}
		required := ""
		if k.required {
			required = "**required.** "
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s%s |\n", k.path, kind, required, strings.ReplaceAll(k.doc, "|", "\\|"))
	}
	b.WriteString("\n# Kinds of problems\n\nWhat `weir check --format json`, `sarif` and `github` call them.\n\n| kind | |\n| --- | --- |\n")
	for _, k := range Kinds {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.ID, k.About)
	}
	return b.String()
}
