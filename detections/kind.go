package detections

import "regexp"

// Kind is a class of problems, for machines that count and filter them. Ids are
// stable.
type Kind struct {
	ID    string // absent-value
	About string
}

// Kinds are all kinds. The last is that of what is none of the others.
var Kinds = []Kind{
	{"syntax", "A file that is no YAML, or an expression that is no CEL."},
	{"unknown-key", "A key that the format does not have."},
	{"missing-key", "A key that has to be there."},
	{"unknown-name", "An attribute, class, list, function, constant, source or value that there is none of."},
	{"not-selected", "An attribute that OCSF has and this build leaves out."},
	{"never-filled", "An attribute that no source of this build fills."},
	{"wrong-type", "A value, or an operand, of a type that does not fit."},
	{"never-holds", "A comparison or a condition that can never hold."},
	{"always-holds", "A comparison or a condition that always holds."},
	{"absent-value", "A comparison that an absent attribute satisfies."},
	{"cost", "An expression that could cost too much on a large event."},
	{"attack-id", "A technique that ATT&CK does not have, or not any more."},
	{"identity", "An id or a name that another has, too, or that is not allowed."},
	{"tests", "Tests that are missing or cannot run."},
	{"invalid", "Another mistake."},
}

// kindForms tell a kind by the message, the first that fits.
var kindForms = []struct {
	id   string
	form *regexp.Regexp
}{
	{"syntax", regexp.MustCompile(`^(yaml: |the file is empty|a second document|not UTF-8|read yaml|the expression ends|write (==|!=|&&|\|\||x|!|straight) |` +
		`a value is wanted|want a comma|want [])}] before|.* (closes nothing|means nothing in CEL|is one too many.*|is a reserved word of CEL.*)$|the text (is not closed|has an escape))`)},
	{"unknown-key", regexp.MustCompile(`^unknown key `)},
	{"missing-key", regexp.MustCompile("^missing; add `")},
	{"tests", regexp.MustCompile(`^(no test expects|another test is called|missing the event|an event has input or raw|a fixture is|the rule does not group by|.* belongs into an element of events)`)},
	{"attack-id", regexp.MustCompile(`ATT&CK`)},
	{"never-filled", regexp.MustCompile(`no source of this build fills it`)},
	{"not-selected", regexp.MustCompile(`this build's selection does not hold it`)},
	{"never-holds", regexp.MustCompile(`^this can never hold`)},
	{"always-holds", regexp.MustCompile(`^this always holds`)},
	{"absent-value", regexp.MustCompile(`^also holds when .* is absent`)},
	{"cost", regexp.MustCompile(`^(costs up to|comprehension exceeds|estimate the cost|.*budget)`)},
	{"unknown-name", regexp.MustCompile(`^(unknown (value|class|source|list) |the class .* has no attribute|.* \(object .*\) has no attribute|there is no function|.* has no [A-Z_0-9]+[;,]|.* does not have the attribute)`)},
	{"identity", regexp.MustCompile(`^(the id follows|an id consists|".*" is no rule id|.* is the id or an alias|key ".*" appears twice|.* is listed twice|a list is called)`)},
	{"wrong-type", regexp.MustCompile(`^(want an? |want .*, got|a condition is true or false|a JSON value is|an? .* is compared with|.* is a number; |.* is an? (object|list|set|enum)|.* are values of |.* does not take|.* is not for JSON|in looks into|.* is never in |! is for|only JSON is null|has\(\) takes|.* takes a variable)`)},
}

// KindOf is the kind of a problem.
func KindOf(p Problem) Kind {
	for _, f := range kindForms {
		if f.form.MatchString(p.Message) {
			return kindByID(f.id)
		}
	}
	return Kinds[len(Kinds)-1]
}

func kindByID(id string) Kind {
	for _, k := range Kinds {
		if k.ID == id {
			return k
		}
	}
	return Kinds[len(Kinds)-1]
}
