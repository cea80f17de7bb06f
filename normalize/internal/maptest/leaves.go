package maptest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// lostLeaves lists the scalars of a JSON record that the event does not hold as
// often as the record does. Null and empty texts are no scalars here. A time may
// have become milliseconds, a text a bool, and what Converted says; observables do
// not count, for they repeat.
func (s Suite) lostLeaves(t testing.TB, record, event []byte) (lost []string) {
	t.Helper()
	held := leaves(t, event, "observables")
	for text, count := range leaves(t, record, "") {
		if s.holds(held, text) < count && !s.holdsParsed(held, text) {
			lost = append(lost, text)
		}
	}
	return lost
}

// holdsParsed tells whether the text is JSON of which the event holds every leaf.
func (s Suite) holdsParsed(held map[string]int, text string) bool {
	var doc jsondoc.Doc
	if !strings.ContainsAny(text, "{[") || doc.ParseString(text) != nil {
		return false
	}
	counts := make(map[string]int)
	count(doc.Root(), "", counts)
	for leaf := range counts {
		if s.holds(held, leaf) == 0 {
			return false
		}
	}
	return true
}

// holds counts how often a text is held, as itself or converted.
func (s Suite) holds(held map[string]int, text string) int {
	n := held[text]
	if ms, ok := normalize.ParseTime(text); ok {
		n += held[strconv.FormatInt(ms, 10)]
	}
	if b, ok := normalize.ParseBool(text); ok && strconv.FormatBool(b) != text {
		n += held[strconv.FormatBool(b)]
	}
	if s.Converted != nil {
		for _, converted := range s.Converted(text) {
			n += held[converted]
		}
	}
	return n
}

// leaves counts the texts of all scalars, but those below the member without.
func leaves(t testing.TB, text []byte, without string) map[string]int {
	t.Helper()
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if err := doc.Parse(text); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	counts := make(map[string]int)
	count(doc.Root(), without, counts)
	return counts
}

func count(v jsondoc.Value, without string, counts map[string]int) {
	for key, member := range v.Members {
		if key != without {
			count(member, "", counts)
		}
	}
	for e := range v.Elements {
		count(e, "", counts)
	}
	if text := strings.TrimSpace(v.Text()); text != "" {
		counts[text]++
	}
}
