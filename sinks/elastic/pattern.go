package elastic

import (
	"fmt"
	"strings"
	"time"
)

// pattern is the name of an index in which parts of a date may stand.
type pattern []part

// part is a text, or a layout of package time.
type part struct {
	text string
	date bool
}

var layouts = map[byte]string{'Y': "2006", 'm': "01", 'd': "02"}

// parsePattern reads a name with %Y, %m, %d and %%.
func parsePattern(s string) (pattern, error) {
	var p pattern
	for rest := s; rest != ""; {
		text, after, found := strings.Cut(rest, "%")
		if text != "" {
			p = append(p, part{text: text})
		}
		if !found {
			break
		}
		if after == "" {
			return nil, fmt.Errorf("%q ends with a single %%", s)
		}
		layout, known := layouts[after[0]]
		switch {
		case after[0] == '%':
			p = append(p, part{text: "%"})
		case known:
			p = append(p, part{text: layout, date: true})
		default:
			return nil, fmt.Errorf("%%%c in %q: there are %%Y, %%m, %%d and %%%%", after[0], s)
		}
		rest = after[1:]
	}
	return p, checkName(p.name(time.Unix(0, 0)))
}

// checkName holds a name to the rules for indices, so that a mistake is seen at the
// start and not as the refusal of the first alert.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q is no name", name)
	case len(name) > 255:
		return fmt.Errorf("%q is longer than 255 bytes", name)
	case strings.ToLower(name) != name:
		return fmt.Errorf("%q must be lower case", name)
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:"):
		return fmt.Errorf("%q has a character that a name may not have: one of \\ / * ? \" < > | , # : or a space", name)
	case strings.ContainsRune("-_+", rune(name[0])):
		return fmt.Errorf("%q may not begin with - _ or +", name)
	}
	return nil
}

// name is the index of an alert of that day; of one without a time, that of 1970.
func (p pattern) name(day time.Time) string {
	if day.IsZero() {
		day = time.Unix(0, 0)
	}
	var b strings.Builder
	for _, part := range p {
		if part.date {
			b.WriteString(day.UTC().Format(part.text))
		} else {
			b.WriteString(part.text)
		}
	}
	return b.String()
}
