package azure_test

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azure"
	"github.com/weir-security/weir/normalize/internal/maptest"
)

var suite = maptest.Suite{
	Source: "azure.activity",
	New:    func() normalize.Mapper { return azure.New() },
	Converted: func(text string) []string {
		if host, _, ok := normalize.SplitHostPort(text); ok {
			return []string{host}
		}
		return []string{strings.ToLower(text)}
	},
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "azure_activity/*.ndjson") }

func TestSample(t *testing.T) { suite.Sample(t, "azure/*/*/*/*/*/*/*/*/*/PT1H.json") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"time":"0000-01-01 0:00:00","operationName":"0","identity":{"claims":{"idtyp":"App"}}}`,
		`{"operationName":{"value":"x"},"time":"1/2/2026 3:04:05 PM","properties":{"requestbody":"[1]"}}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "start_vm_begins", "role_assignment_begins", "storage_get_blob")
}
