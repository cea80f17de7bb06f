package mapping

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// step is one selection of a path into the record: a key, or an element's index.
type step struct {
	key   string
	index int // -1: key
}

// pathStep is one step of a path as an expression writes it: .name, ["any name"], [0].
var pathStep = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\]*)"\]|\['([^'\\]*)'\]|\[([0-9]{1,4})\])`)

// parsePath reads an expression that is nothing but a path into raw. ok is false for
// anything else; it is left to CEL, as are its mistakes.
func parsePath(text string) (path []step, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "raw")
	if !ok {
		return nil, false
	}
	path = []step{}
	for rest != "" {
		m := pathStep.FindStringSubmatchIndex(rest)
		if m == nil {
			return nil, false
		}
		switch group := func(i int) string { return rest[m[2*i]:m[2*i+1]] }; {
		case m[8] >= 0:
			n, _ := strconv.Atoi(group(4)) // four digits
			path = append(path, step{index: n})
		case m[2] >= 0:
			path = append(path, step{group(1), -1})
		case m[4] >= 0:
			path = append(path, step{group(2), -1})
		default:
			path = append(path, step{group(3), -1})
		}
		rest = rest[m[1]:]
	}
	return path, true
}

// follow is the value at a path, absent if there is none.
func follow(v jsondoc.Value, path []step) jsondoc.Value {
	for i := range path {
		if s := &path[i]; s.index < 0 {
			v = v.Get(s.key)
		} else {
			v = v.Index(s.index)
		}
	}
	return v
}
