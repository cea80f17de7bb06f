package telemetry

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	describedName  = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	documentedName = regexp.MustCompile("(?m)^\\| `(weir_[a-z_]+)` \\| (counter|gauge|histogram) \\| ([a-z, ]*) ?\\|")
)

// TestDocs holds the tables of docs/operations.md to the registry: names and
// labels.
func TestDocs(t *testing.T) {
	have := map[string]string{}
	for _, c := range New().own {
		descs := make(chan *prometheus.Desc, 8)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			m := describedName.FindStringSubmatch(d.String())
			if m == nil {
				t.Fatalf("a description in another form: %s", d)
			}
			have[m[1]] = labels(m[2])
		}
	}
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range documentedName.FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = labels(m[3])
	}
	if diff := cmp.Diff(have, documented); diff != "" {
		t.Errorf("docs/operations.md (-registry +documented):\n%s", diff)
	}
}

// labels is a list of labels in order.
func labels(list string) string {
	names := slices.Sorted(slices.Values(regexp.MustCompile(`[a-z_]+`).FindAllString(list, -1)))
	return strings.Join(names, " ")
}

// TestAlertsNameMetrics finds names in the rest of the page that no metric has.
func TestAlertsNameMetrics(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range documentedName.FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
	}
	used := map[string]bool{}
	for _, name := range regexp.MustCompile(`weir_[a-z_]+`).FindAllString(string(text), -1) {
		used[regexp.MustCompile(`_bucket$`).ReplaceAllString(name, "")] = true
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !documented[name] {
			t.Errorf("docs/operations.md names %s, which is no metric", name)
		}
	}
}
