package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/kubernetes"
)

var suite = maptest.Suite{
	Source:    "kubernetes.audit",
	New:       func() normalize.Mapper { return kubernetes.New() },
	Converted: converted,
}

// converted gives what a requestURI has become.
func converted(text string) []string {
	if path, _, found := strings.Cut(text, "?"); found {
		return []string{path}
	}
	return nil
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "k8s_audit/*.ndjson") }

func TestSample(t *testing.T) { suite.Sample(t, "kubernetes/*") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"auditID":"7","stage":"0","verb":"delete","objectRef":{"resource":"rolebindings"},"stageTimestamp":"0000-01-01 0:00:00"}`,
		`{"kind":0}`, `{"auditID":"a","verb":"propfind","stageTimestamp":"2026-01-02T03:04:05Z","sourceIPs":["not-an-ip"]}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "exec_into_pod", "list_secrets_eks", "create_pod_generated_name")
}
