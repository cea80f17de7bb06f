package azure_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azure"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/ocsf"
)

// suite is the tests of one source. A leaf may have become lower case (GUIDs) or lost
// its port.
func suite(source string, mapper func() *azure.Mapper) maptest.Suite {
	return maptest.Suite{
		Source: source,
		Dir:    source[len("azure."):],
		New:    func() normalize.Mapper { return mapper() },
		Converted: func(text string) []string {
			if host, _, ok := normalize.SplitHostPort(text); ok {
				return []string{host}
			}
			return []string{strings.ToLower(text)}
		},
	}
}

var (
	activity = suite("azure.activity", azure.NewActivity)
	entra    = suite("azure.entra", azure.NewEntra)
	graph    = suite("azure.graph", azure.NewGraph)
	resource = suite("azure.resource", azure.NewResource)
	defender = suite("azure.defender", azure.NewDefender)
)

var suites = []maptest.Suite{activity, entra, graph, resource, defender}

func TestGolden(t *testing.T) {
	for _, s := range suites {
		t.Run(s.Dir, s.Golden)
	}
}

func TestCorpus(t *testing.T) {
	activity.Corpus(t, "azure_activity/*.ndjson", "azure_platform/*.ndjson")
	entra.Corpus(t, "azure_entra/*.ndjson", "azure_entra_la/*.ndjson", "azure_platform/*.ndjson")
	resource.Corpus(t, "azure_activity/*.ndjson")
}

func TestSample(t *testing.T) {
	activity.Sample(t, filepath.Join("azure", "*/*/*/*/*/*/*/*/*/PT1H.json"))
}

func FuzzActivity(f *testing.F) {
	activity.Fuzz(f, `{"time":"0000-01-01 0:00:00","operationName":"0","identity":{"claims":{"idtyp":"App"}}}`,
		`{"operationName":{"value":"x"},"time":"1/2/2026 3:04:05 PM","properties":{"requestbody":"[1]"}}`)
}

func FuzzEntra(f *testing.F) { entra.Fuzz(f) }

func FuzzGraph(f *testing.F) { graph.Fuzz(f) }

func FuzzResource(f *testing.F) { resource.Fuzz(f) }

func FuzzDefender(f *testing.F) { defender.Fuzz(f) }

func BenchmarkMap(b *testing.B) {
	b.Run("activity", func(b *testing.B) {
		activity.Benchmark(b, "start_vm_begins", "role_assignment_begins", "run_command_failed_rest")
	})
	b.Run("sign_in", func(b *testing.B) {
		entra.Benchmark(b, "sign_in_diagnostic", "sign_in_failed_graph", "sign_in_service_principal")
	})
	b.Run("sign_in_texts", func(b *testing.B) { entra.Benchmark(b, "sign_in_non_interactive_log_analytics") })
	b.Run("audit", func(b *testing.B) { entra.Benchmark(b, "audit_add_member_to_role", "audit_conditional_access") })
	b.Run("graph", func(b *testing.B) { graph.Benchmark(b, "list_memberships") })
	b.Run("resource", func(b *testing.B) { resource.Benchmark(b, "key_vault_secret_get", "storage_delete_oauth") })
}

// A warm mapper allocates the record's text and the text of unmapped, nothing else.
func TestAllocations(t *testing.T) {
	record := entra.Record(entra.GoldenRecord(t, "sign_in_diagnostic"))
	mapper := entra.New()
	var ev ocsf.Event
	allocs := testing.AllocsPerRun(100, func() {
		if err := mapper.Map(record, &ev); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 {
		t.Errorf("%v allocations per record, want 2", allocs)
	}
}
