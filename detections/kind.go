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
	{"syntax", regexp.MustCompile(`^(yaml: |YAML takes|anchors and|merge keys are|tags are|write it on one line|the \{ is not|a \} without|the file is empty|a second document|not UTF-8|read yaml|a control character|the lines end|the expression ends|a modifier of Sigma|a list stands in|an expression ends|a comment begins|write x\.|write \. for|the text ends|write (==|!=|&&|\|\||x|!|straight) |` +
		`a value is wanted|want a comma|want [])}] before|.* (closes nothing|means nothing in CEL|is one too many.*|is a reserved word of CEL.*)$|the brackets are nested|the text (is not closed|has an escape))`)},
	{"unknown-key", regexp.MustCompile(`^unknown key `)},
	{"missing-key", regexp.MustCompile("^missing; add `")},
	{"tests", regexp.MustCompile(`^(no such fixture|alert.context does not|write .\[\]. for no alert|want a list of alerts|set: |no test expects|another test is called|missing the event|an event has input or raw|a fixture is|the rule does not group by|.* belongs into an element of events)`)},
	{"attack-id", regexp.MustCompile(`ATT&CK`)},
	{"never-filled", regexp.MustCompile(`no source of this build fills it`)},
	{"not-selected", regexp.MustCompile(`this build's selection does not hold it`)},
	{"never-holds", regexp.MustCompile(`^(this can never hold|a division by zero|".*" is of the class |lists\.\w+ is a list of texts|.* has no value -?\d+; )`)},
	{"always-holds", regexp.MustCompile(`^(this always holds|the same is asked for twice|this is compared as a text|addresses are compared|.* is called otherwise)`)},
	{"absent-value", regexp.MustCompile(`^(also holds when .* is absent|an absent attribute is in the list)`)},
	{"cost", regexp.MustCompile(`^(costs up to|exists\(\), all\(\)|estimate|\d+ bytes;  the cost|.*budget)`)},
	{"unknown-name", regexp.MustCompile(`^(unknown (value|class|source|list) |a class is called by|.* is no severity|the class .* has no attribute|.* \(object .*\) has no attribute|there is no function|\w+ has no \w+[;,]|lists is not a value|.* does not have the attribute)`)},
	{"identity", regexp.MustCompile(`^(the id follows|an id consists|".*" is no rule id|.* is the id or an alias|key ".*" appears twice|.* is listed twice|.* is in the list twice|a list is called|a name consists|(rule|list) files end in)`)},
	{"wrong-type", regexp.MustCompile(`^(a condition is (of one|one text)|.* is asked for an element|contains\(\) looks|exists is called|.* is an? \w+_t; |a severity is one|of type |an expression builds|\w+ is called on a list|want an? |want .*, got|a condition is true or false|a JSON value is|(an? )?.* is compared with|.* is a number; |.* is an? (object|list|set|enum)|.* are values of |.* does not take|.* is not for JSON|in looks into|JSON of a list|in does not look for|.* is never in |! is for|only JSON is null|has\(\) takes|.* takes a variable)`)},
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
