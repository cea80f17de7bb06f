package gcp_test

import (
	"encoding/base64"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gcp"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/jsondoc"
)

var suite = maptest.Suite{
	Source:    "gcp.audit",
	New:       func() normalize.Mapper { return gcp.New() },
	Converted: converted,
	Hands:     []string{"kubernetes.audit"},
}

// converted gives what granted has become; the data of a message is found by what
// it holds.
func converted(text string) []string {
	switch text {
	case "true":
		return []string{"allow"}
	case "false":
		return []string{"deny", "forbid"}
	}
	if data, err := base64.StdEncoding.DecodeString(text); err == nil && len(data) > 20 && data[0] == '{' {
		return []string{"gcp.audit", "kubernetes.audit"}
	}
	return nil
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "gcp_audit/*.ndjson") }

func TestLabelled(t *testing.T) {
	suite.Labelled(t, `"timestamp":"2026-11-20T10:00:00Z"`, 2, "panther_gcp_audit.ndjson")
}

func TestMutants(t *testing.T) {
	suite.Mutate(t, "set_iam_policy_public", "create_service_account_key", "workspace_login_failure", "workspace_group_member", "gke_in_gcp")
}

func TestDialect(t *testing.T) {
	var doc jsondoc.Doc
	for record, want := range map[string]string{
		`{"protoPayload":{"methodName":"storage.buckets.get"}}`:                                                "logentry",
		`{"logName":"organizations/1/logs/cloudaudit.googleapis.com%2Fpolicy"}`:                                "logentry",
		`{"message":{"data":"e30=","attributes":{"logging.googleapis.com/timestamp":"2026-11-20T10:00:00Z"}}}`: "pubsub",
		`{"message":{"data":"e30="}}`:                                      "",
		`{"methodName":"SetIamPolicy","serviceName":"run.googleapis.com"}`: "auditlog",
		`{"methodName":"SetIamPolicy"}`:                                    "",
		`{"eventName":"PutObject"}`:                                        "",
	} {
		if err := doc.ParseString(record); err != nil {
			t.Fatal(err)
		}
		if got := gcp.Dialect(doc.Root()); got != want {
			t.Errorf("Dialect(%s) is %q, want %q", record, got, want)
		}
	}
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"message":{"data":"e30="}}`, `{"protoPayload":{"methodName":".","serviceName":"login.googleapis.com"},"timestamp":"2026-11-20T10:00:00Z"}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "set_iam_policy_public", "create_service_account_key", "compute_firewall_insert")
}
