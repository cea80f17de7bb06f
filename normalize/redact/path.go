package redact

import (
	"fmt"
	"strings"
)

// path is the last names of a path, the last one first; "*" is any name.
type path []string

// CheckPath tells what is wrong with one of Options.Drop and Options.Hash.
func CheckPath(text string) error {
	if text == "" || strings.HasPrefix(text, ".") || strings.HasSuffix(text, ".") || strings.Contains(text, "..") {
		return fmt.Errorf("want a name, or names with dots between, got %q", text)
	}
	if strings.Trim(text, "*.") == "" {
		return fmt.Errorf("%q would be everything", text)
	}
	return nil
}

func paths(texts []string, triggers map[string]trigger) ([]path, error) {
	var all []path
	for _, text := range texts {
		if err := CheckPath(text); err != nil {
			return nil, err
		}
		var p path
		for name := range strings.SplitSeq(text, ".") {
			p = append(path{name}, p...)
			if name != "*" {
				triggers[`"`+name+`"`] |= aChoice
				triggers[`\"`+name+`\`] |= aChoice
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// matches tells whether the names from the root on end with the path.
func (p path) matches(names []string) bool {
	if len(names) < len(p) {
		return false
	}
	for i, want := range p {
		if want != "*" && want != names[len(names)-1-i] {
			return false
		}
	}
	return true
}

func matchesAny(paths []path, names []string) bool {
	for _, p := range paths {
		if p.matches(names) {
			return true
		}
	}
	return false
}
