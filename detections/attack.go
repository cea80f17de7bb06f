package detections

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed attack.txt
var attackText string

// attackIDs are the known technique ids, each with the id that replaced it, empty
// for a current one.
var attackIDs = sync.OnceValue(func() map[string]string {
	all, err := parseAttack(attackText)
	if err != nil {
		panic(err) // the file is part of the program, and a test parses it
	}
	return all
})

var (
	techniquePattern = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)
	tacticPattern    = regexp.MustCompile(`^TA[0-9]{4}$`)
	// techniqueWithin finds the id in attack.t1110, as Sigma has it, and t1110.
	techniqueWithin = regexp.MustCompile(`^(?:ATTACK\.)?(T[0-9]{4}(?:\.[0-9]{3})?)$`)
)

// attackVersion is the version of ATT&CK that attack.txt holds.
const attackVersion = "v19"

// parseAttack reads the notation that attack.txt explains.
func parseAttack(text string) (map[string]string, error) {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if old, replacement, ok := strings.Cut(line, " > "); ok {
			all[old] = strings.TrimSpace(replacement)
			continue
		}
		for field := range strings.FieldsSeq(line) {
			id, ranges, hasSubs := strings.Cut(field, "/")
			all[id] = ""
			for r := range strings.SplitSeq(ranges, ",") {
				if !hasSubs {
					break
				}
				first, last, isRange := strings.Cut(r, "-")
				if !isRange {
					last = first
				}
				from, err1 := strconv.Atoi(first)
				to, err2 := strconv.Atoi(last)
				if err1 != nil || err2 != nil {
					return nil, fmt.Errorf("read attack.txt: bad field %q", field)
				}
				for i := from; i <= to; i++ {
					all[fmt.Sprintf("%s.%03d", id, i)] = ""
				}
			}
		}
	}
	return all, nil
}

// checkTechnique says what is wrong with a technique id; empty if nothing is.
func checkTechnique(id string) string {
	if tacticPattern.MatchString(id) {
		return fmt.Sprintf("%s is an ATT&CK tactic; list techniques, as T1110 and T1110.003", id)
	}
	if !techniquePattern.MatchString(id) {
		if m := techniqueWithin.FindStringSubmatch(strings.ToUpper(id)); m != nil {
			return fmt.Sprintf("%q is no ATT&CK technique id; did you mean \"%s\"?", id, m[1])
		}
		return fmt.Sprintf("%q is no ATT&CK technique id; they look like T1110 and T1110.003", id)
	}
	known := attackIDs()
	replacement, ok := known[id]
	switch {
	case ok && replacement == "":
		return ""
	case ok:
		return fmt.Sprintf("ATT&CK has replaced %s by %s", id, replacement)
	}
	parent, _, isSub := strings.Cut(id, ".")
	if _, ok := known[parent]; isSub && ok {
		return fmt.Sprintf("ATT&CK's %s has no sub-technique %s", parent, id)
	}
	return fmt.Sprintf("ATT&CK %s has no technique %s; look for it on https://attack.mitre.org/techniques/%s", attackVersion, id, parent)
}
