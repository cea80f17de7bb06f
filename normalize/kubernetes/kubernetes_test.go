package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/kubernetes"
	"github.com/weir-security/weir/schemas/ocsf"
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

// The document of CloudWatch Logs that brought an event tells cluster and account.
func TestCloudWatchContext(t *testing.T) {
	rec := suite.Record([]byte(`{"auditID":"a","verb":"get","requestURI":"/version","requestReceivedTimestamp":"2026-11-20T10:00:00Z"}`))
	rec.Origin.Envelope = `{"cloudwatch":{"owner":"111122223333","logGroup":"/aws/eks/prod-eu/cluster","logStream":"kube-apiserver-audit-1"}}`
	var ev ocsf.Event
	if err := kubernetes.New().Map(rec, &ev); err != nil {
		t.Fatal(err)
	}
	got := [...]string{ev.Cloud.Provider(), ev.Cloud.Account.UID(), ev.Metadata.LogSource(), ev.Metadata.LogName()}
	if want := [...]string{"AWS", "111122223333", "prod-eu", "/aws/eks/prod-eu/cluster"}; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if suite.Check(t, rec.Value, &ev); len(ev.Metadata.Profiles) != 1 {
		t.Errorf("profiles %q", ev.Metadata.Profiles)
	}
}

func TestLabelled(t *testing.T) {
	suite.Labelled(t, `"requestReceivedTimestamp":"2026-11-20T10:00:00Z","time":"2026-11-20T10:00:00Z"`, 0, "*_k8s_audit.ndjson")
}

func TestMutants(t *testing.T) {
	suite.Mutate(t, "same_bind_cluster_admin_eks", "admission_webhook", "same_anonymous_denied_gke", "aks_audit_table_row", "v1beta1", "create_clusterrole", "impersonated_serviceaccount")
}

func TestSample(t *testing.T) { suite.Sample(t, "kubernetes/*") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"auditID":"7","stage":"0","verb":"delete","objectRef":{"resource":"rolebindings"},"stageTimestamp":"0000-01-01 0:00:00"}`,
		`{"kind":0}`, `{"auditID":"a","verb":"propfind","stageTimestamp":"2026-01-02T03:04:05Z","sourceIPs":["not-an-ip"]}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "exec_into_pod", "list_secrets_eks", "create_pod_generated_name", "same_exec_into_pod_aks", "same_create_privileged_pod_gke")
}
