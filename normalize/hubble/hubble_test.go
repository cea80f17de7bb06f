package hubble_test

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/hubble"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/jsondoc"
)

var suite = maptest.Suite{
	Source:    "network.hubble",
	New:       func() normalize.Mapper { return hubble.New() },
	Converted: converted,
}

// converted gives what a word has become, and the path of a URL that is one alone.
func converted(text string) []string {
	switch text {
	case "INGRESS":
		return []string{"Inbound"}
	case "EGRESS":
		return []string{"Outbound"}
	}
	path, _, _ := strings.Cut(text, "?")
	return []string{path}
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestMutants(t *testing.T) {
	suite.Mutate(t, "tcp_syn_dropped", "http_request", "http_response_forbidden", "dns_response", "translated_by_socket", "tcp_fin_bare")
}

func TestDialect(t *testing.T) {
	var doc jsondoc.Doc
	for record, want := range map[string]string{
		`{"flow":{"verdict":"DROPPED","IP":{}},"node_name":"n"}`: "export",
		`{"verdict":"DROPPED","source":{},"node_name":"n"}`:      "flow",
		`{"verdict":"DROPPED","source":{}}`:                      "",
		`{"lost_events":{},"node_name":"n"}`:                     "event",
		`{"flow":{"verdict":"DROPPED"}}`:                         "",
		`{"flow":"x"}`:                                           "",
	} {
		if err := doc.ParseString(record); err != nil {
			t.Fatal(err)
		}
		if got := hubble.Dialect(doc.Root()); got != want {
			t.Errorf("Dialect(%s) is %q, want %q", record, got, want)
		}
	}
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"flow":{"verdict":"DROPPED","l7":{"http":{}},"IP":{}},"time":"2026-11-20T12:00:00Z"}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "tcp_syn_forwarded", "tcp_syn_dropped", "http_request", "dns_response")
}
