package detections

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/yamlpos"
)

// keyOrder is the order of keys in the files of a rules directory, by the path of the
// mapping without indexes.
var keyOrder = map[string][]string{
	"": {"id", "aliases", "title", "status", "severity", "description", "attack", "references", "related", "false_positives", "tags",
		"class", "when", "any", "threshold", "sequence", "absence", "first_seen", "alert", "tests"},
	"any":               {"class", "when"},
	"threshold":         {"count", "distinct", "sum", "over", "within", "by"},
	"sequence":          {"within", "ordered", "steps"},
	"sequence.steps":    {"name", "class", "when", "by"},
	"absence":           {"of", "within", "by"},
	"absence.of":        {"class", "when", "by"},
	"first_seen":        {"of", "by", "for", "learn"},
	"alert":             {"title", "group_by", "suppress", "context"},
	"tests":             {"name", "source", "input", "raw", "set", "repeat", "every", "lists", "seen", "events", "alerts"},
	"tests.events":      {"at", "source", "input", "raw", "set", "repeat", "every"},
	"tests.alerts":      {"title", "severity", "group", "context", "window", "events", "body"},
	"tests.alerts.body": {"destination", "equals"},
	"tests.seen":        {"by", "values"},
	"threshold.by":      {"name", "expr"},
	"alert.group_by":    {"name", "expr"},
	"alert.context":     {"name", "expr"},
	"sequence.steps.by": {"name", "expr"},
	"first_seen.by":     {"name", "expr"},
	"absence.by":        {"name", "expr"},
	"absence.of.by":     {"name", "expr"},
}

// listOrder is that of a list's file.
var listOrder = []string{"type", "description", "ignore_case", "values"}

// keyGroups are the keys of a rule before which an empty line stands.
var keyGroups = []string{"class", "any", "threshold", "sequence", "absence", "first_seen", "alert", "tests"}

// isCEL tells the values that are CEL by their path. An attribute in `by` and the like is
// also the name of its value, and stays; so does what a test gives.
func isCEL(p string) bool {
	p = strings.TrimPrefix(p, ".")
	switch p {
	case "severity", "threshold.distinct", "threshold.sum", "first_seen.of":
		return true
	}
	if strings.HasPrefix(p, "tests") {
		return false
	}
	base := path.Base(strings.ReplaceAll(p, ".", "/"))
	return base == "when" || base == "expr"
}

// Format is the canonical layout of a file of a rules directory; file is its path
// below that. It changes neither what the file says nor a rule's version, and keeps
// every comment. A file that is no YAML, or in which something would change, is an
// error.
func Format(file string, text []byte) ([]byte, error) {
	doc := yamlpos.Parse(file, text)
	layout := yamlpos.Layout{Order: func(p string) []string { return keyOrder[p] }, Groups: keyGroups, Scalar: func(p, text string) (string, bool) {
		if !isCEL(p) {
			return "", false
		}
		return formatCEL(text)
	}}
	if strings.HasPrefix(file, listsDir+"/") || file == RootFile {
		layout = yamlpos.Layout{Order: func(p string) []string {
			if p == "" {
				return listOrder
			}
			return nil
		}}
	}
	doc.Root().Any() // finds keys that appear twice
	out, err := doc.Format(layout)
	if err != nil {
		return nil, err
	}
	return out, sameMeaning(doc, yamlpos.Parse(file, out))
}

// sameMeaning holds what was laid out against what it was made of.
func sameMeaning(before, after *yamlpos.Document) error {
	if problems := after.Problems(); len(problems) > 0 {
		return fmt.Errorf("format: the result is no YAML (%w); please report it", problems[0])
	}
	if !reflect.DeepEqual(meaning(before.Root().Any(), ""), meaning(after.Root().Any(), "")) {
		return errors.New("format: it would change what the file says; please report it")
	}
	was, is := slices.Sorted(slices.Values(before.Comments())), slices.Sorted(slices.Values(after.Comments()))
	if !slices.Equal(was, is) {
		return errors.New("format: it would lose or double a comment; please report it")
	}
	return nil
}

// meaning is a value with expressions as their tokens.
func meaning(v any, p string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = meaning(e, p+"."+k)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = meaning(e, p)
		}
		return list
	case string:
		if !isCEL(p) {
			return v
		}
		tokens, ok := celTokens(v)
		if !ok {
			return v
		}
		var texts, comments []string
		for _, t := range tokens {
			if t.comment() {
				comments = append(comments, t.text)
			} else {
				texts = append(texts, t.text)
			}
		}
		return [][]string{texts, comments}
	}
	return v
}
