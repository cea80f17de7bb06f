package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// selection is selection.txt as written: names are not yet checked against the facts.
type selection struct {
	profiles map[string]bool
	common   []selected // of `class *`
	classes  []*section
	objects  []*section
}

// section is one class or object with its attributes.
type section struct {
	name       string
	variant    string // "" or the digits after the slash
	line       int
	attributes []selected
}

// selected is one attribute name of a section.
type selected struct {
	name    string
	variant string // of the attribute's object
	line    int
}

// parseSelection reads the format that selection.txt describes at its top.
// Errors begin with name:line.
func parseSelection(name string, r io.Reader) (*selection, error) {
	sel := &selection{profiles: map[string]bool{}}
	var into *[]selected // attributes of the section being read
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		text, _, _ := strings.Cut(scanner.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if text[0] == ' ' || text[0] == '\t' {
			if into == nil {
				return nil, fmt.Errorf("%s:%d: indented names belong below a class or object", name, n)
			}
			for _, w := range words {
				attr, variant, _ := strings.Cut(w, "/")
				*into = append(*into, selected{attr, variant, n})
			}
			continue
		}
		var err error
		if into, err = sel.begin(words, n); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return sel, nil
}

// begin handles a line that is not indented and returns where the attributes
// below it go, nil where none may follow.
func (sel *selection) begin(words []string, line int) (*[]selected, error) {
	keyword, names := words[0], words[1:]
	if keyword == "profile" {
		for _, p := range names {
			sel.profiles[p] = true
		}
		return nil, nil
	}
	if keyword != "class" && keyword != "object" {
		return nil, fmt.Errorf("%q is none of profile, class, object", keyword)
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("%s takes one name, its attributes go below it, indented", keyword)
	}
	if keyword == "class" && names[0] == "*" {
		return &sel.common, nil
	}
	name, variant, _ := strings.Cut(names[0], "/")
	s := &section{name: name, variant: variant, line: line}
	list := &sel.objects
	if keyword == "class" {
		list = &sel.classes
	}
	for _, other := range *list {
		if other.name == name && other.variant == variant {
			return nil, fmt.Errorf("%s %s is already at line %d", keyword, names[0], other.line)
		}
	}
	*list = append(*list, s)
	return &s.attributes, nil
}
